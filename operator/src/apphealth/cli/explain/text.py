"""An explanation as text: in the colours and width of a terminal, plain and without line breaks elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from io import StringIO

from rich.console import Console, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from apphealth.api.healthplan import DependencyRecord, FindingRecord, OriginalRecord, PreviewRecord, Value
from apphealth.cli.explain.report import Change, ExplainedContainer, ExplainedProbe, Explanation
from apphealth.cli.output import clean, write_stdout
from apphealth.model.probe import KINDS, describe_probe, parse_probe

UNBROKEN = 100_000
"""The width of lines without a terminal: a program that reads them needs each value on one line."""
_SEVERITY = {"error": "bold red", "warning": "yellow", "info": "cyan"}
_STYLES = {"Verified": "green", "Refuted": "bold red", "Unverified": "yellow", "AwaitingPods": "yellow"}
_DIFF = {"+": "green", "-": "red"}


def print_explanation(found: Explanation, *, verbose: bool = False) -> None:
    """Print an explanation on standard output.

    Parameters
    ----------
    found
        The explanation.
    verbose
        Whether each value of a probe has a line, with its source.
    """
    if sys.stdout.isatty():
        console = Console(highlight=False)
        for part in _parts(found, verbose=verbose):
            console.print(part)
    else:
        write_stdout(plain(found, verbose=verbose).encode("utf-8", "replace"))


def plain(found: Explanation, *, verbose: bool = False) -> str:
    """Return an explanation as text without colours and line breaks; parameters as for `print_explanation`."""
    console = Console(file=StringIO(), width=UNBROKEN, highlight=False, color_system=None)
    for part in _parts(found, verbose=verbose):
        console.print(part)
    assert isinstance(console.file, StringIO)  # noqa: S101 -- it was made above
    return "".join(f"{line.rstrip()}\n" for line in console.file.getvalue().splitlines())


def _parts(found: Explanation, *, verbose: bool) -> Iterator[RenderableType]:
    yield from _head(found)
    for container in found.containers:
        yield from _container(container, verbose=verbose)
    yield from _section("dependencies", _dependencies(found.dependencies))
    yield from _section("findings", _findings(found.findings))
    yield from _section("if the rules in mode Audit were enforced too", _preview(found.preview))
    yield from _section("put back when no rule wants another probe", _originals(found.originals))
    yield from _section("next", _next(found.next))


def _head(found: Explanation) -> Iterator[RenderableType]:
    key = found.workload
    title = Text(clean(f"{key.kind}/{key.namespace}/{key.name}"), style="bold")
    yield title + Text(f"  {found.state}", style="cyan") if found.state else title
    if found.selected:
        yield _indented(found.message)
        yield _indented(f"mode {found.mode}, by {' < '.join(found.rules)}")
    else:
        yield _indented("no rule selects it")
    for one in found.passed_over:
        yield _indented(f"not by {one.rule}: {one.why}", "dim")
    for conflict in found.conflicts:
        both = f"{conflict.winner} and {conflict.loser} set {conflict.field} differently"
        yield _indented(f"{both}; the former wins", "yellow")


def _container(container: ExplainedContainer, *, verbose: bool) -> Iterator[RenderableType]:
    yield Text()
    yield Text("container ", style="bold") + Text(clean(container.name), style="bold")
    if container.preset:
        waits = any(probe.verification == "AwaitingPods" for probe in container.probes)
        perhaps = "perhaps " if waits else ""
        yield _indented(f"{perhaps}preset {container.preset}: {container.preset_source} ({container.message})")
    elif container.message:
        yield _indented(f"{container.message} ({container.reason})", "dim")
    for one in container.considered:
        yield _indented(f"not preset {one.preset} ({one.evidence}): {one.why}", "dim")
    for probe in container.probes:
        yield from _probe(probe, verbose=verbose)


def _probe(probe: ExplainedProbe, *, verbose: bool) -> Iterator[RenderableType]:
    head = Text(f"  {probe.type}", style="bold") + Text(clean(f"  {probe.action}: {probe.reason}"))
    if probe.verification:
        answer = f": {probe.answer}" if probe.answer else ""
        head += Text(clean(f"  {probe.verification}{answer}"), style=_STYLES.get(probe.verification, ""))
    yield head
    if probe.values and not verbose:
        yield _indented(_short(probe.values), by=4)
    if probe.values and verbose:
        table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
        for one in probe.values:
            cells = ((one.field, ""), (one.value, "bold"), (one.source, "dim"))
            table.add_row(*(Text(clean(cell), style=style) for cell, style in cells))
        yield Padding(table, (0, 0, 0, 4), expand=False)
    if probe.action in ("Keep", "Contested") and probe.wanted is not None:
        wanted = parse_probe(probe.wanted)
        if wanted is not None and probe.wanted != probe.live:
            yield _indented(f"the rules want {describe_probe(wanted)}", "dim", by=4)


def _short(values: Sequence[Value]) -> str:
    """Return the values of a probe in one line, by source; those that no user and no evidence gave come last."""
    by_source: dict[str, list[str]] = {}
    for one in values:
        by_source.setdefault(one.source, []).append(f"{one.field} {one.value}")
    listed = sorted(by_source.items(), key=lambda item: item[0].startswith("defaults"))
    return "; ".join(f"{', '.join(fields)} ({source})" for source, fields in listed)


def _dependencies(found: Sequence[DependencyRecord]) -> Iterator[RenderableType]:
    for one in found:
        required = "required" if one.required else "optional"
        yield _indented(f"{one.name}.{one.namespace}  {required}, confidence {one.confidence:g}  {one.url}".rstrip())
        for evidence in one.evidence:
            yield _indented(evidence, "dim", by=4)


def _findings(found: Sequence[FindingRecord]) -> Iterator[RenderableType]:
    for one in found:
        container = f"{one.container}: " if one.container else ""
        yield (
            Text("  ")
            + Text(one.severity, style=_SEVERITY.get(one.severity, ""))
            + Text(clean(f"  {container}{one.message} [{one.id}]"))
        )
        if one.fix:
            yield _indented(f"fix: {one.fix}", by=4)


def _preview(found: PreviewRecord | None) -> Iterator[RenderableType]:
    if found is None:
        return
    yield _indented(found.message)
    for kind in KINDS:
        if where := getattr(found.summary, kind.value):
            yield _indented(f"{kind.value}  {where}", by=4)


def _originals(found: Sequence[OriginalRecord]) -> Iterator[RenderableType]:
    for one in found:
        probe = parse_probe(one.original)
        contested = ", which its owner has taken back" if one.contested else ""
        what = describe_probe(probe) if probe is not None and one.original else "none"
        yield _indented(f"{one.type} of {one.container}: {what}{contested}")


def _next(change: Change) -> Iterator[RenderableType]:
    yield _indented(change.why)
    if change.restarts:
        yield _indented("1 pod restarts with it" if change.restarts == 1 else f"{change.restarts} pods restart with it")
    for effect in change.effects:
        yield _indented(effect, "yellow")
    for question in change.asks:
        yield _indented(question, by=4)
    for line in change.diff.splitlines():
        yield _indented(line, _DIFF.get(line[:1], "dim"), by=4)


def _section(title: str, parts: Iterable[RenderableType]) -> Iterator[RenderableType]:
    """Yield a section, unless it is empty."""
    listed = list(parts)
    if listed:
        yield Text()
        yield Text(title, style="bold")
        yield from listed


def _indented(text: str, style: str = "", by: int = 2) -> RenderableType:
    return Padding(Text(clean(text), style=style), (0, 0, 0, by), expand=False)
