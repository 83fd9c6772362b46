"""Which workload is meant: `deploy/web`, `sts web`, `deployment.apps/web`, as kubectl takes them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches

import click

from apphealth.api.spec import WorkloadKind
from apphealth.cli.errors import CommandError, ExitCode
from apphealth.model.workload import Workload, WorkloadKey
from apphealth.store.world import World

_SHORT = {
    WorkloadKind.DEPLOYMENT: ("deploy",),
    WorkloadKind.STATEFUL_SET: ("sts",),
    WorkloadKind.DAEMON_SET: ("ds",),
    WorkloadKind.ROLLOUT: ("ro",),
}
_KINDS = {
    word: kind for kind, short in _SHORT.items() for word in (*short, kind.value.lower(), f"{kind.value.lower()}s")
}


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the user calls a workload."""

    kind: str
    name: str

    def __str__(self) -> str:
        """`Deployment/web`."""
        return f"{self.kind}/{self.name}"


def parse_name(words: Sequence[str]) -> Wanted | None:
    """Read the words of the command line; None where there are none."""
    if not words:
        return None
    given = "/".join(words)
    kind, slash, name = given.partition("/")
    if not slash or not name or "/" in name:
        raise click.UsageError(f"'{given[:80]}' is no KIND/NAME, such as deploy/web or sts/db")
    # deployment.apps, deployments.v1.apps: what follows the first dot names the API group.
    known = _KINDS.get(kind.lower().partition(".")[0])
    if known is None:
        raise click.UsageError(f"'{kind[:80]}' is no kind of workload; there are deploy, sts, ds and rollout")
    return Wanted(known.value, name)


def find_workload(wanted: Wanted | None, namespace: str | None, world: World) -> Workload:
    """Find it in a world; without a name, the only one there is.

    Parameters
    ----------
    namespace
        Where to look; None: everywhere.

    Raises
    ------
    CommandError
        There is none, or more than one; says which there are.
    """
    there = [key for key in sorted(world.workloads) if namespace in (None, key.namespace)]
    found = [key for key in there if wanted is None or (key.kind, key.name) == (wanted.kind, wanted.name)]
    if len(found) == 1:
        return world.workloads[found[0]]
    raise CommandError(_complaint(wanted, namespace, there, found), ExitCode.INPUT)


def _complaint(
    wanted: Wanted | None, namespace: str | None, there: Sequence[WorkloadKey], found: Sequence[WorkloadKey]
) -> str:
    where = f"in the namespace {namespace}" if namespace else "here"
    if found:
        listed = ", ".join(map(str, found[:5])) + (", …" if len(found) > 5 else "")
        return f"which one? There is {listed}; say KIND/NAME, and -n"
    if wanted is None or not there:
        return f"there is no workload {where}"
    near = [key for key in there if key.name == wanted.name]
    names = get_close_matches(wanted.name, {key.name for key in there}, n=1)
    near = near or [key for key in there if key.name in names]
    hint = f"; did you mean {near[0].kind}/{near[0].name}?" if near else ""
    return f"there is no {wanted} {where}{hint}"
