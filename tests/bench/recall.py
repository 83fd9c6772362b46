"""Precision and recall on public demonstration applications; beside kubedian on the same manifests."""

from __future__ import annotations

from collections.abc import Iterable

from tests.bench import kubedian
from tests.bench.demos import Demo, Edges, demos
from tests.bench.options import Options
from tests.bench.report import Result, Row, measured

Answer = tuple[Demo, Edges]


def run(options: Options) -> Result:
    """Count edges; with `quick`, kubedian is left out, for it has to be installed."""
    with measured("recall") as result:
        ours = [(demo, demo.found()) for demo in demos()]
        program = None if options.quick else kubedian.install()
        theirs = [(demo, kubedian.found(program, demo.manifests)) for demo, _ in ours] if program else []
        result.samples = [_sample("apphealth", answer) for answer in ours]
        result.samples += [_sample("kubedian", answer) for answer in theirs]
        result.rows = [*_each(ours, {demo.name: found for demo, found in theirs}), *_together("apphealth", ours)]
        if theirs:
            result.rows += _together(f"kubedian {kubedian.VERSION}", theirs)
    return result


def _each(ours: Iterable[Answer], theirs: dict[str, Edges]) -> Iterable[Row]:
    for demo, found in ours:
        about = f"{len(demo.named)} in its manifests, {len(demo.true)} in its sources"
        other = f"; kubedian {len(theirs[demo.name] & demo.true)}" if demo.name in theirs else ""
        yield Row(what=f"{demo.name}: right", value=len(found & demo.true), unit="edges", note=about + other)
        yield Row(what=f"{demo.name}: wrong", value=len(found - demo.true), unit="edges")


def _together(who: str, answers: list[Answer]) -> Iterable[Row]:
    right = sum(len(found & demo.true) for demo, found in answers)
    total = sum(len(found) for _, found in answers)
    named = sum(len(found & demo.named) for demo, found in answers) / sum(len(demo.named) for demo, _ in answers)
    if total:
        yield Row(what=f"{who}: precision", value=100 * right / total, unit="%")
    yield Row(what=f"{who}: recall of what manifests name", value=100 * named, unit="%")
    yield Row(what=f"{who}: recall of all", value=100 * right / sum(len(demo.true) for demo, _ in answers), unit="%")


def _sample(who: str, answer: Answer) -> dict[str, object]:
    demo, found = answer
    return {"who": who, "demo": demo.name, "wrong": sorted(found - demo.true), "missed": sorted(demo.true - found)}
