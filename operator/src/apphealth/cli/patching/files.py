"""The files of the input with the plans of their workloads written in, and every other byte unchanged."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from apphealth.cli.manifests.documents import Document, Item, Manifest
from apphealth.cli.manifests.inventory import Inventory
from apphealth.cli.manifests.planning import PlannedWorkload
from apphealth.cli.manifests.problems import Problem
from apphealth.cli.manifests.sources import Source
from apphealth.cli.output import Write
from apphealth.cli.patching.configmaps import Delivery, find_delivery
from apphealth.cli.patching.merge import merge, replaced_at
from apphealth.cli.patching.unproven import mark_unproven
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
class PatchedFile:
    """One file of the output."""

    source: Source
    """The input file that it was made from; for a new file, the input file of its workload."""
    relative: Path
    """Its path relative to the directory that was searched."""
    before: str
    """Its text before; empty for a new file."""
    after: str
    new: bool = False

    @property
    def changed(self) -> bool:
        """Whether the text is different now."""
        return self.before != self.after

    @property
    def path(self) -> Path:
        """The path of the input file, or for a new file a path in the same directory."""
        path = self.source.path
        if path is None:
            return self.relative
        return path.with_name(self.relative.name) if self.new else path


@dataclass(slots=True, kw_only=True)
class Patching:
    """The patched files, and the problems that keep files from being patched."""

    files: list[PatchedFile] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    changed: set[int] = field(default_factory=set)
    """Workloads that are changed, by the `id` of their `PlannedWorkload`."""
    findings: dict[int, list[Finding]] = field(default_factory=dict)
    """Findings that the plans don't have, by the `id` of the `PlannedWorkload`."""


@dataclass(slots=True)
class _Draft:
    """The new values of the documents of one file."""

    manifest: Manifest
    values: dict[int, Plain]
    added: list[tuple[Layout, dict[str, Any]]] = field(default_factory=list)
    """Documents to append to the file."""
    beside: list[dict[str, Any]] = field(default_factory=list)
    """Objects to write into files of their own, since a JSON file holds only one."""

    def put(self, item: Item, value: Plain) -> None:
        """Replace the value of an object of the file."""
        document = item.document
        self.values[id(document)] = replaced_at(self.values[id(document)], item.path, value)


def patch_files(manifests: Sequence[Manifest], planned: Iterable[PlannedWorkload], inventory: Inventory) -> Patching:
    """Write the plans into the texts of their files. Unchanged files keep every byte.

    Parameters
    ----------
    manifests
        All files of the input.
    planned
        The workloads of these files, with their plans.
    inventory
        The objects of these files.

    Returns
    -------
    Patching
        Every file of the input, and new files; files that can't be edited are among the problems instead.
    """
    result = Patching()
    drafts = {
        manifest.source.name: _Draft(manifest, {id(document): document.value for document in manifest.documents})
        for manifest in manifests
    }
    for item in planned:
        _draft(item, drafts, inventory, result)
    for draft in drafts.values():
        try:
            result.files += _finish(draft)
        except CannotEditError as error:
            name = draft.manifest.source.name
            result.problems.append(Problem(name, 0, 0, _CANNOT.format(error)))
    return result


def in_place(files: Iterable[PatchedFile]) -> list[Write]:
    """Return the writes that put the changed files into their places."""
    return [Write(file.path, file.source.encode(file.after)) for file in files if file.changed]


def _draft(item: PlannedWorkload, drafts: dict[str, _Draft], inventory: Inventory, result: Patching) -> None:
    placed = item.placed.item
    value: Plain = placed.value
    for patch in item.plan.patches:
        value = merge(value, patch.body)
    value = mark_unproven(value, item.plan)
    if not same(value, placed.value):
        drafts[placed.source.name].put(placed, value)
        result.changed.add(id(item))
    if item.plan.delivery is None:
        return
    delivery = find_delivery(item, inventory)
    if isinstance(delivery, Finding):
        result.findings.setdefault(id(item), []).append(delivery)
    elif _deliver(placed, delivery, drafts):
        result.changed.add(id(item))


def _deliver(workload: Item, delivery: Delivery, drafts: dict[str, _Draft]) -> bool:
    """Replace the ConfigMap; add a new one to its workload's List, to the end of the file, or as a file beside it."""
    if delivery.replaces is not None:
        if same(delivery.replaces.value, delivery.value):
            return False
        drafts[delivery.replaces.source.name].put(delivery.replaces, delivery.value)
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


def _at(value: Any, path: tuple[str | int, ...]) -> Any:  # noqa: ANN401 -- a value of any type
    for part in path:
        value = value[part]
    return value


def _finish(draft: _Draft) -> list[PatchedFile]:
    source = draft.manifest.source
    edits: list[Edit] = []
    for document in draft.manifest.documents:
        edits += _edits(source, document, draft.values[id(document)])
    after = apply(source.text, edits)
    for layout, value in draft.added:
        after = _with_document(after, layout, value)
    if after != source.text:
        _verify(draft, after)
    files = [PatchedFile(source=source, relative=source.relative, before=source.text, after=after)]
    for value in draft.beside:
        relative = source.relative.with_name(f"{source.relative.stem}-apphealth.json")
        text = emitter.as_json(value, unit="  ") + "\n"
        files.append(PatchedFile(source=source, relative=relative, before="", after=text, new=True))
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
    """Parse the new text, and refuse to write it if its values differ from the planned ones.

    They differ if a changed container has an anchor: its aliases change with it.
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
