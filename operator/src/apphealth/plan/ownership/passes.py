"""Which edits are written in the next pass, when a rule asks for several (`spec.rollout.stages`). Pure.

A pass adds probes, or moves them to another endpoint. Probes of a later pass are added once the pods with those of the
earlier passes have stayed well for the rule's soak. What doesn't add a probe goes with the next pass:

================================  ==========================================
 edit                              when
================================  ==========================================
 a new probe, or a new endpoint    in the pass of its kind
 other numbers, the same endpoint  now: they may mend what is there
 a probe that is taken out         now; startup with or after new liveness
 leaves in another owner's probe   now
================================  ==========================================
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import NamedTuple

from apphealth.api.rule import Rule
from apphealth.model.probe import KINDS, Probe, ProbeKind
from apphealth.plan.ownership.takeover import Edit, RemoveProbe, RestoreProbe, SetProbe

Target = tuple[str, ProbeKind]
"""A container's name, and which of its probes."""
Stages = Mapping[ProbeKind, tuple[int, ...]]
"""The pass of each kind: one number for each rule. They are compared from the first number on."""


class Pass(NamedTuple):
    """The next pass.

    Attributes
    ----------
    edits
        What is written now.
    later
        The probes that are added in a later pass.
    after
        The kinds of the probes of earlier passes that are on the workload: their pods must be well first.
    """

    edits: Mapping[Target, Edit]
    later: frozenset[Target] = frozenset()
    after: tuple[ProbeKind, ...] = ()


def stages_of(rules: Iterable[Rule]) -> Stages:
    """Return in which pass probes of each kind are written: each of several rules keeps its order.

    Parameters
    ----------
    rules
        The rules that select a workload.
    """
    given = [rule.spec.rollout.stages for rule in rules if rule.spec.rollout.stages is not None]
    return {
        kind: tuple(
            next(number for number, stage in enumerate(stages) if kind.value in stage.split("+")) for stages in given
        )
        for kind in KINDS
    }


def next_pass(
    edits: Mapping[Target, Edit], urgent: Collection[Target], there: Iterable[Target], stages: Stages
) -> Pass:
    """Return what is written now, and what later.

    Parameters
    ----------
    edits
        The next step of each probe.
    urgent
        Of these, the edits that end harm: they wait for no pass.
    there
        The probes of ours that are on the workload and stay as they are.
    stages
        The result of `stages_of`.
    """
    added = {target: stages[target[1]] for target, edit in edits.items() if target not in urgent and _adds(edit)}
    first = min(added.values(), default=None)
    if first is None:
        return Pass(edits)

    def is_later(target: Target, edit: Edit) -> bool:
        ends_startup = target[1] is ProbeKind.STARTUP and isinstance(edit, RemoveProbe | RestoreProbe)
        if ends_startup and target not in urgent:  # else liveness without it could restart a slow starter
            return any(kind is ProbeKind.LIVENESS and stage > first for (_, kind), stage in added.items())
        return target in added and added[target] > first

    later = frozenset(target for target, edit in edits.items() if is_later(target, edit))
    earlier = {kind for _, kind in there if stages[kind] < first}
    return Pass(
        {target: edit for target, edit in edits.items() if target not in later},
        later,
        tuple(kind for kind in reversed(KINDS) if kind in earlier),
    )


def _adds(edit: Edit) -> bool:
    return isinstance(edit, SetProbe) and asks_anew(edit.probe, edit.live)


def asks_anew(probe: Probe, live: Probe | None) -> bool:
    """Return whether a probe asks an endpoint that the one on the workload doesn't ask.

    Parameters
    ----------
    probe
        The probe to write.
    live
        The probe that is there; None: there is none.
    """
    return live is None or live.handler != probe.handler
