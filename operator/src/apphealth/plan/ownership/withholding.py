"""What follows for one probe from an entry that says not to write it (`Withheld`).

=====================  ======================================  =================================
 wanted                 there now                               decision
=====================  ======================================  =================================
 what the entry names   nothing, ours; theirs with `Replace`    `Withheld.instead`, or nothing
 what the entry names   theirs, `Keep`                          as without it; it is forgotten
 another probe          ours, as the entry names it             as without it, once that is gone
 another probe          anything else                           as without it; it is forgotten
 no probe               any                                     as without it; it is forgotten
 can't be planned now   ours, as the entry names it             `Withheld.instead`, or nothing
 can't be planned now   anything else                           as without it
=====================  ======================================  =================================
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from apphealth.model.probe import Probe, ProbeKind
from apphealth.model.withheld import RETRY, Withheld
from apphealth.model.workload import LiveProbe, Workload


def applicable(known: Collection[Withheld], workload: Workload, retried: str) -> dict[tuple[str, ProbeKind], Withheld]:
    """Return the entries that apply to a workload's present pod template, by container and kind.

    Parameters
    ----------
    known
        What is remembered of the workload.
    workload
        As it is now.
    retried
        The value of the annotation `RETRY` that has had its effect: another value lets everything be tried again.
    """
    if not known or workload.annotations.get(RETRY, retried) != retried:
        return {}
    return {(one.container, one.kind): one for one in known if one.template in ("", workload.template)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """The probe to have, with the entry taken into account.

    Attributes
    ----------
    probe
        None: no probe of ours.
    unresolved
        A probe is wanted and can't be planned: what is there stays.
    entry
        The entry, if it is to be remembered further on.
    applies
        The entry decides what is written.
    after_harm
        It would be added in a later pass, and a probe of an earlier pass did harm.
    """

    probe: Probe | None
    unresolved: bool = False
    entry: Withheld | None = None
    applies: bool = False
    after_harm: bool = False


def without_withheld(
    probe: Probe | None, entry: Withheld | None, *, unresolved: bool, live: LiveProbe | None, ours: bool, replace: bool
) -> Wanted:
    """Decide by the table above.

    Parameters
    ----------
    probe
        The probe that rules want.
    entry
        The entry about this container and kind, if there is one that applies to the pod template.
    unresolved
        A probe is wanted, but can't be planned.
    live, ours
        The probe that is there, and whether we wrote it.
    replace
        Our probes replace those of other owners.
    """
    theirs = live is not None and not ours and not replace
    if entry is None or theirs:
        return Wanted(probe=probe, unresolved=unresolved)
    there = live is not None and ours and entry.is_about(live.probe)
    if probe is not None:
        if entry.is_about(probe):
            return Wanted(probe=entry.instead, entry=entry, applies=True)
        # Until the write has got through: without the entry, the next plan would take what is there for proven.
        return Wanted(probe=probe, unresolved=unresolved, entry=entry if there else None)
    if not unresolved:
        return Wanted(probe=None)
    if there:
        return Wanted(probe=entry.instead, entry=entry, applies=True)
    return Wanted(probe=None, unresolved=True, entry=entry)
