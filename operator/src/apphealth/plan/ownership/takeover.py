"""Decide about one probe of one container, by what is wanted and by who owns the probe that is there.

==================  ===========================  =========================================================
 there now           wanted                       decision
==================  ===========================  =========================================================
 nothing             yes / no                     Apply: set it / None
 ours                the same / another / no      Apply / Apply: set it / None: remove it
 theirs              any, `Keep`                  Keep; leaves of ours in it are taken out
 theirs              yes, `Replace`               Apply: remember theirs, set ours
 abandoned to us     yes                          Apply: set it
 taken over by us    yes, `Replace`               Apply
 taken over by us    no, or `Keep`                Keep or None: put the original back
 taken back          yes, `Replace`               Contested: theirs stays until they write another one
 theirs, a command   yes, `Replace`               Keep, unless commands are allowed: it couldn't be put back
 ours                can't be planned             Apply: it stays as it was
==================  ===========================  =========================================================
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import msgspec

from apphealth.api.healthplan import OriginalRecord
from apphealth.model.ownership import RESTORER, Ownership, Path
from apphealth.model.probe import Exec, Probe, ProbeKind, parse_probe, serialise_probe
from apphealth.model.workload import LiveProbe
from apphealth.plan.ownership.managed_fields import (
    abandoned,
    leaves,
    original_of,
    owns_handler,
    removable_leaves,
    without,
    without_ours,
)
from apphealth.plan.result import Action


@dataclass(frozen=True, slots=True)
class SetProbe:
    """Write this probe as ours."""

    probe: Probe
    live: Probe | None


@dataclass(frozen=True, slots=True)
class RemoveProbe:
    """Remove the probe."""


@dataclass(frozen=True, slots=True)
class RestoreProbe:
    """Put the original probe back under another field manager, so that it doesn't count as ours."""

    probe: Probe
    live: Probe
    exact: Mapping[str, Any] | None = None
    """The original as JSON, if `probe` doesn't have all of it."""


@dataclass(frozen=True, slots=True)
class YieldLeaves:
    """Take our leaves out of another owner's probe."""

    leaves: tuple[Path, ...]


_UNRESOLVED = "stays as it was: the wanted probe can't be planned, see the findings"
_IRREPLACEABLE = "a probe that runs a command is not replaced without --allow-exec, because it could not be put back"
_NOT_PUT_BACK = "stays: the original runs a command, which is not put back without --allow-exec; the HealthPlan has it"
_REPLACES = "replaces a probe of another owner (existingProbes: Replace)"
Edit = SetProbe | RemoveProbe | RestoreProbe | YieldLeaves


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """The decision about one probe."""

    action: Action
    reason: str
    edit: Edit | None = None
    """The next step; None once the goal is reached."""
    original: OriginalRecord | None = None
    """The replaced probe that the HealthPlan must remember from now on."""
    disown: bool = False
    """Our entry in managedFields must give up the fields of this probe."""
    unchanged: bool = False
    """A probe of ours stays as it was, because the one that is wanted now can't be planned yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """The input of the decision about one probe."""

    container: str
    kind: ProbeKind
    wanted: Probe | None
    live: LiveProbe | None
    replace: bool
    """`existingProbes: Replace`."""
    allow_exec: bool = True
    """Whether an original that runs a command may be put back."""
    original: OriginalRecord | None = None
    """The HealthPlan's record of an earlier takeover."""
    unresolved: bool = False
    """A probe is wanted, but can't be planned."""


def decide(case: Case) -> Decision:
    """Decide about one probe by the table above.

    Parameters
    ----------
    case
        What is wanted, and what is there.

    Returns
    -------
    Decision
        The goal, and the next step. We give up every field of a probe that stays another owner's, in managedFields
        too.
    """
    decision = _decide(case)
    return replace(decision, disown=True) if _gives_up(case.live, decision) else decision


def is_ours(live: LiveProbe, original: OriginalRecord | None) -> bool:
    """Return whether we wrote a probe: it is ours alone, or we put it in the place of another owner's.

    Parameters
    ----------
    live
        The probe, and who owns its fields.
    original
        The HealthPlan's record of a takeover, if there was one.
    """
    return live.owner.ours or (original is not None and _is_replaced(live, original)) or abandoned(live)


def may_be_replaced(live: LiveProbe, *, allow_exec: bool) -> bool:
    """Return whether another owner's probe could be put back: what runs a command only if that is allowed.

    Parameters
    ----------
    live
        The probe.
    allow_exec
        Probes may run commands in containers.
    """
    return allow_exec or not isinstance(live.probe.handler, Exec)


def _gives_up(live: LiveProbe | None, decision: Decision) -> bool:
    """Return whether we still claim fields of a probe that stays another owner's.

    Such a claim would keep a value that the owner removes, and make their server-side apply without force conflict.
    """
    if live is None or decision.action is Action.APPLY or isinstance(decision.edit, RemoveProbe):
        return False
    if isinstance(decision.edit, RestoreProbe):
        return True
    return live.owner.claimed and not live.owner.ours and not owns_handler(live)


def _decide(case: Case) -> Decision:
    if case.live is None:
        return _nothing_there(case)
    if case.unresolved:
        return _unresolved(case, case.live)
    if case.original is not None:
        return _once_replaced(case, case.live, case.original)
    return _nothing_remembered(case, case.live)


def _nothing_remembered(case: Case, live: LiveProbe) -> Decision:
    return _ours_there(case, live.probe) if live.owner.ours else _theirs_there(case, live)


def _unresolved(case: Case, live: LiveProbe) -> Decision:
    """Keep the probe that is there: a mistake in a rule never removes a probe."""
    record = case.original
    if live.owner.ours or (record is not None and _is_replaced(live, record)):
        return Decision(action=Action.APPLY, reason=_UNRESOLVED, original=record, unchanged=True)
    if record is not None and record.contested:
        return _contested(live, record)
    return Decision(
        action=Action.KEEP, reason=f"a probe is there already, {_whose(live.owner)}", edit=_yield(live), original=record
    )


def _nothing_there(case: Case) -> Decision:
    if case.unresolved and case.wanted is None:
        return Decision(action=Action.NONE, reason="the wanted probe can't be planned, see the findings")
    if case.wanted is None:
        return Decision(action=Action.NONE, reason="no probe is wanted")
    return Decision(action=Action.APPLY, reason="there was none", edit=SetProbe(case.wanted, None))


def _ours_there(case: Case, live: Probe) -> Decision:
    if case.wanted is None:
        return Decision(action=Action.NONE, reason="no probe is wanted any more", edit=RemoveProbe())
    edit = None if live == case.wanted else SetProbe(case.wanted, live)
    return Decision(action=Action.APPLY, reason="there was none", edit=edit)


def _theirs_there(case: Case, live: LiveProbe) -> Decision:
    whose = _whose(live.owner)
    if abandoned(live):
        return _ours_there(case, live.probe)
    if case.wanted is None:
        edit = _yield(live) or (RemoveProbe() if owns_handler(live) else None)
        return Decision(action=Action.NONE, reason=f"no probe is wanted; the one there is {whose}", edit=edit)
    if not case.replace:
        return Decision(action=Action.KEEP, reason=f"a probe is there already, {whose}", edit=_yield(live))
    if not may_be_replaced(live, allow_exec=case.allow_exec):
        return Decision(action=Action.KEEP, reason=f"{_IRREPLACEABLE}, {whose}", edit=_yield(live))
    if live.probe == case.wanted and (without_ours(live) == live.probe or owns_handler(live)):
        return Decision(action=Action.KEEP, reason=f"the wanted probe is there already, {whose}")
    return _take_over(case, case.wanted, live)


def _take_over(case: Case, wanted: Probe, live: LiveProbe) -> Decision:
    original = OriginalRecord(
        container=case.container,
        type=case.kind,
        # If the other owner only changed numbers in a probe of ours, there is no original to put back.
        original={} if owns_handler(live) else original_of(live),
        written=(serialise_probe(wanted),),
    )
    # An owner who writes the same handler as we do shares the probe with us: remember their part for later.
    edit = None if live.probe == wanted else SetProbe(wanted, live.probe)
    return Decision(action=Action.APPLY, reason=_REPLACES, edit=edit, original=original)


def _once_replaced(case: Case, live: LiveProbe, record: OriginalRecord) -> Decision:
    """Decide about a probe that was replaced, according to the HealthPlan."""
    if record.contested:
        return _contested(live, record) if _still_taken_back(case, live, record) else _nothing_remembered(case, live)
    if _is_replaced(live, record):
        return _replaced(case, live.probe, record)
    if case.wanted is None or not case.replace or _was_not_replaced(live, record):
        return _nothing_remembered(case, live)
    taken_back = msgspec.structs.replace(record, original=original_of(live), contested=True)
    return _contested(live, taken_back)


def _still_taken_back(case: Case, live: LiveProbe, record: OriginalRecord) -> bool:
    replaces = case.replace and case.wanted is not None
    return replaces and parse_probe(record.original) in (live.probe, without_ours(live))


def _is_replaced(live: LiveProbe, record: OriginalRecord) -> bool:
    """Return whether our probe is still there, and no other owner has claimed it since by writing the same values.

    Where the API server has merged our entry with others, the equality is what tells.
    """
    written = next((value for value in record.written if parse_probe(value) == live.probe), None)
    if written is None or record.contested:
        return False
    changed = dict(leaves(written)).items() - dict(leaves(record.original)).items()
    return live.owner.ours or not live.owner.others or {path for path, _ in changed} <= set(live.owner.unnamed)


def _was_not_replaced(live: LiveProbe, record: OriginalRecord) -> bool:
    """Return whether the original is there because our probe never took its place.

    The operator remembers an original before it replaces it, and then stopped, or the patch is refused. If an owner has
    claimed our probe by writing the same values, it counts as theirs, not as taken back.
    """
    adopted = any(parse_probe(value) == live.probe for value in record.written)
    return adopted or live.owner.ours or not record.replaced


def _replaced(case: Case, live: Probe, record: OriginalRecord) -> Decision:
    if case.wanted is not None and case.replace:
        if live == case.wanted:
            kept = msgspec.structs.replace(record, written=(serialise_probe(live),), replaced=True)
            return Decision(action=Action.APPLY, reason=_REPLACES, original=kept)
        written = (serialise_probe(live), serialise_probe(case.wanted))
        both = msgspec.structs.replace(record, written=written, replaced=True)
        return Decision(action=Action.APPLY, reason=_REPLACES, edit=SetProbe(case.wanted, live), original=both)
    theirs = parse_probe(record.original)
    if theirs is not None and isinstance(theirs.handler, Exec) and not case.allow_exec:
        return Decision(action=Action.APPLY, reason=_NOT_PUT_BACK, original=record, unchanged=True)
    edit: Edit | None = RemoveProbe() if theirs is None or theirs.handler is None else _restore(theirs, live, record)
    if live == theirs:
        edit = None
    action, reason = (
        (Action.NONE, "no probe is wanted; the original is put back")
        if case.wanted is None
        else (Action.KEEP, "the original is put back (existingProbes: Keep)")
    )
    # The HealthPlan remembers the original until it is back: the patch may not get through.
    return Decision(action=action, reason=reason, edit=edit, original=record if edit is not None else None)


def _restore(theirs: Probe, live: Probe, record: OriginalRecord) -> RestoreProbe:
    exact = None if serialise_probe(theirs) == record.original else record.original
    return RestoreProbe(theirs, live, exact)


def _contested(live: LiveProbe, record: OriginalRecord) -> Decision:
    reason = f"its owner took it back: it is {_whose(live.owner)}, and stays until they change it"
    return Decision(action=Action.CONTESTED, reason=reason, edit=_yield(live), original=record)


def _yield(live: LiveProbe) -> YieldLeaves | None:
    """Return the edit that takes our leaves out, or None if the rest is no valid probe or nothing would change."""
    taken = removable_leaves(live)
    return None if without(live.probe, taken) in (None, live.probe) else YieldLeaves(taken)


def _whose(owner: Ownership) -> str:
    names = [name or "unknown" for name in owner.others if name != RESTORER]
    return f"owned by {', '.join(names)}" if names else "not AppHealth's"
