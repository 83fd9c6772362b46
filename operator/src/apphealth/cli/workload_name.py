"""The workload that the user names, as kubectl accepts names: `deploy/web`, `sts web`, `deployment.apps/web`."""

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
class WorkloadName:
    """Kind and name of a workload, as given on the command line."""

    kind: str
    name: str

    def __str__(self) -> str:
        """`Deployment/web`."""
        return f"{self.kind}/{self.name}"


def parse_name(words: Sequence[str]) -> WorkloadName | None:
    """Parse the arguments of the command line.

    Returns
    -------
    WorkloadName or None
        None if there are no arguments.

    Raises
    ------
    click.UsageError
        The arguments are no KIND/NAME.
    """
    if not words:
        return None
    given = "/".join(words)
    kind, slash, name = given.partition("/")
    if not slash or not name or "/" in name:
        raise click.UsageError(f"'{given[:80]}' is not of the form KIND/NAME, such as deploy/web or sts/db")
    # deployment.apps, deployments.v1.apps: what follows the first dot names the API group.
    known = _KINDS.get(kind.lower().partition(".")[0])
    if known is None:
        raise click.UsageError(f"'{kind[:80]}' is not a kind of workload; the kinds are deploy, sts, ds and rollout")
    return WorkloadName(known.value, name)


def find_workload(wanted: WorkloadName | None, namespace: str | None, world: World) -> Workload:
    """Find a workload in a world.

    Parameters
    ----------
    wanted
        Its kind and name; None finds the only workload.
    namespace
        The namespace to search; None searches all.
    world
        The world to search.

    Raises
    ------
    CommandError
        There is no such workload, or there are several; the message names the candidates.
    """
    known = [key for key in sorted(world.workloads) if namespace in (None, key.namespace)]
    found = [key for key in known if wanted is None or (key.kind, key.name) == (wanted.kind, wanted.name)]
    if len(found) == 1:
        return world.workloads[found[0]]
    raise CommandError(_complaint(wanted, namespace, known, found), ExitCode.INPUT)


def _complaint(
    wanted: WorkloadName | None, namespace: str | None, known: Sequence[WorkloadKey], found: Sequence[WorkloadKey]
) -> str:
    where = f"in the namespace {namespace}" if namespace else "in the input"
    if found:
        listed = ", ".join(map(str, found[:5])) + (", …" if len(found) > 5 else "")
        return f"several workloads match: {listed}; give KIND/NAME, and -n"
    if wanted is None or not known:
        return f"there is no workload {where}"
    near = [key for key in known if key.name == wanted.name]
    names = get_close_matches(wanted.name, {key.name for key in known}, n=1)
    near = near or [key for key in known if key.name in names]
    hint = f"; did you mean {near[0].kind}/{near[0].name}?" if near else ""
    return f"there is no {wanted} {where}{hint}"
