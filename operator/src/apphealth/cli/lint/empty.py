"""Why there is nothing to judge, and what to do about it.

An empty input is most often a mistake: a chart that wasn't rendered, or a failed command before the pipe.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import PurePath

from apphealth.cli.lint.report import Report
from apphealth.cli.manifests.documents import Item, Manifest
from apphealth.cli.manifests.sources import STDIN

_SHOWN = 5
_KUSTOMIZE = "kustomize.config.k8s.io/"


def why_empty(manifests: Sequence[Manifest], report: Report, paths: Sequence[str]) -> str:
    """Return why nothing of the input was judged, and the remedy.

    Parameters
    ----------
    manifests
        The input.
    report
        What was found in it.
    paths
        The paths that the user named.
    """
    items = [item for manifest in manifests for item in manifest.items]
    overlay = next((item for item in items if str(item.value["apiVersion"]).startswith(_KUSTOMIZE)), None)
    if overlay is not None:
        return f"kustomize has to build the manifests first: kubectl kustomize {_folder(overlay)} | apphealth lint -f -"
    if any("Helm template" in note for note in report.notes) or any(_is_chart(manifest) for manifest in manifests):
        return "helm has to render the manifests first: helm template NAME CHART | apphealth lint -f -"
    if report.not_judged:
        return f"the input has {kinds(report.not_judged)}, which lint doesn't judge"
    if report.notes:
        return "what is in the input is only part of an object, or no manifest"
    if items:
        return f"the input has {kinds(Counter(item.kind for item in items))}, and no workload and no Service"
    if STDIN in paths:
        return "standard input has no Kubernetes object: did the command before the pipe fail?"
    return "the input has no Kubernetes object"


def _folder(item: Item) -> str:
    folder = str(PurePath(item.source.name).parent)
    return folder if item.source.path is not None else "DIR"


def _is_chart(manifest: Manifest) -> bool:
    return PurePath(manifest.source.name).name == "Chart.yaml"


def kinds(numbers: Counter[str]) -> str:
    """Return the numbers of objects of some kinds: `2 CronJobs, 1 Job`."""
    shown = [f"{number} {_plural(kind, number)}" for kind, number in sorted(numbers.items())]
    more = [f"{len(shown) - _SHOWN} more kinds"] if len(shown) > _SHOWN else []
    return ", ".join([*shown[:_SHOWN], *more])


def _plural(kind: str, number: int) -> str:
    name, space, version = kind.partition(" ")
    ending = "" if number == 1 or name.endswith("s") else "s"
    return f"{name}{ending}{space}{version}"
