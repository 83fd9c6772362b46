"""From plans to texts: each file with the plans of its workloads written in."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from apphealth.cli.manifests.documents import Document, Item, Manifest
from apphealth.cli.manifests.inventory import Inventory
from apphealth.cli.manifests.problem import Problem
from apphealth.cli.manifests.sources import Source
from apphealth.cli.render.configmaps import Delivery, find_delivery
from apphealth.cli.render.deciding import Decided
from apphealth.cli.render.merge import merge, replaced_at
from apphealth.cli.render.unproven import mark_unproven
from apphealth.cli.yamledit import emitter
from apphealth.cli.yamledit.differ import changes, same
from apphealth.cli.yamledit.edit import Edit, apply
from apphealth.cli.yamledit.layout import Layout, detect, is_json
from apphealth.cli.yamledit.places import CannotEditError
from apphealth.cli.yamledit.plain import Plain, plain
from apphealth.cli.yamledit.reader import YamlError, read
from apphealth.plan.findings import Finding

_CANNOT = "can't be changed in place, because of how it is written ({}); write its containers out in block style"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendered:
    """One file of the output."""

    source: Source
    """What it was made from, or stands beside."""
    relative: Path
    before: str
    """Empty for a file that is new."""
    after: str
    new: bool = False

    @property
    def changed(self) -> bool:
        """Whether anything in it is different."""
        return self.before != self.after


@dataclass(slots=True, kw_only=True)
class Rendering:
    """The output, file by file, and what went wrong on the way."""

    files: list[Rendered] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    changed: set[int] = field(default_factory=set)
    """Which workloads get something, by the `id` of their `Decided`."""
    findings: dict[int, list[Finding]] = field(default_factory=dict)
    """Findings beyond the plan's, by the same."""


@dataclass(slots=True)
class _Draft:
    """The new values of the documents of one file."""

    manifest: Manifest
    values: dict[int, Plain]
    added: list[tuple[Layout, dict[str, Any]]] = field(default_factory=list)
    """Documents to come after the others."""
    beside: list[dict[str, Any]] = field(default_factory=list)
    """Objects for a file of their own: a JSON file holds one."""

    def put(self, item: Item, value: Plain) -> None:
        """Give an object of the file another value."""
        document = item.document
        self.values[id(document)] = replaced_at(self.values[id(document)], item.path, value)


def write_plans(manifests: Sequence[Manifest], decided: Iterable[Decided], inventory: Inventory) -> Rendering:
    """Write all plans into the texts of their files. Files that nothing changes keep every byte."""
    rendering = Rendering()
    drafts = {
        manifest.source.name: _Draft(manifest, {id(document): document.value for document in manifest.documents})
        for manifest in manifests
    }
    for item in decided:
        _draft(item, drafts, inventory, rendering)
    for draft in drafts.values():
        try:
            rendering.files += _finish(draft)
        except CannotEditError as error:
            name = draft.manifest.source.name
            rendering.problems.append(Problem(name, 0, 0, _CANNOT.format(error)))
    return rendering


def _draft(item: Decided, drafts: dict[str, _Draft], inventory: Inventory, rendering: Rendering) -> None:
    placed = item.placed.item
    value: Plain = placed.value
    for patch in item.plan.patches:
        value = merge(value, patch.body)
    value = mark_unproven(value, item.plan)
    if not same(value, placed.value):
        drafts[placed.source.name].put(placed, value)
        rendering.changed.add(id(item))
    if item.plan.delivery is None:
        return
    delivery = find_delivery(item, inventory)
    if isinstance(delivery, Finding):
        rendering.findings.setdefault(id(item), []).append(delivery)
    elif _deliver(placed, delivery, drafts):
        rendering.changed.add(id(item))


def _deliver(workload: Item, delivery: Delivery, drafts: dict[str, _Draft]) -> bool:
    """Put a ConfigMap where it is, else near its workload: into the same List, at the end of the file, or beside it."""
    if delivery.there is not None:
        if same(delivery.there.value, delivery.value):
            return False
        drafts[delivery.there.source.name].put(delivery.there, delivery.value)
        return True
    draft = drafts[workload.source.name]
    document = workload.document
    if workload.path:
        *parents, _ = workload.path
        items = _at(draft.values[id(document)], tuple(parents))
        draft.values[id(document)] = replaced_at(draft.values[id(document)], tuple(parents), [*items, delivery.value])
    elif is_json(document.root):
        draft.beside.append(delivery.value)
    else:
        draft.added.append((detect(draft.manifest.source.text, document.root), delivery.value))
    return True


def _at(value: Any, path: tuple[str | int, ...]) -> Any:  # noqa: ANN401 -- whatever stands there
    for part in path:
        value = value[part]
    return value


def _finish(draft: _Draft) -> list[Rendered]:
    source = draft.manifest.source
    edits: list[Edit] = []
    for document in draft.manifest.documents:
        edits += _edits(source, document, draft.values[id(document)])
    after = apply(source.text, edits)
    for layout, value in draft.added:
        after = _with_document(after, layout, value)
    if after != source.text:
        _verify(draft, after)
    files = [Rendered(source=source, relative=source.relative, before=source.text, after=after)]
    for value in draft.beside:
        relative = source.relative.with_name(f"{source.relative.stem}-apphealth.json")
        text = emitter.as_json(value, unit="  ") + "\n"
        files.append(Rendered(source=source, relative=relative, before="", after=text, new=True))
    return files


def _edits(source: Source, document: Document, value: Plain) -> list[Edit]:
    if same(value, document.value):
        return []
    return changes(source.text, document.root, document.value, value, detect(source.text, document.root))


def _with_document(text: str, layout: Layout, value: dict[str, Any]) -> str:
    newline = layout.newline
    start = text if text.endswith("\n") else text + newline
    return start + newline.join(["---", *emitter.block(value, layout, 0)]) + newline


def _verify(draft: _Draft, after: str) -> None:
    """Read the new text again: it must be worth exactly what was wanted, or else it is not written.

    An anchor inside a changed container is how it can differ: the change shows through its aliases, too.
    """
    wanted = [draft.values[id(document)] for document in draft.manifest.documents]
    wanted += [value for _, value in draft.added]
    try:
        got = [plain(document.root) for document in read(after) if document.root is not None]
    except YamlError as error:
        raise CannotEditError(f"line {error.line}: {error.message}") from error
    if same(got, wanted):
        return
    pairs = zip(draft.manifest.documents, got, wanted, strict=False)
    line = next((document.root.line + 1 for document, one, other in pairs if not same(one, other)), 1)
    raise CannotEditError(f"the document on line {line}: an anchor is shared by what should differ")
