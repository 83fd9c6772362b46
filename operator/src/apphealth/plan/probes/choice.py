"""Choice: which candidate describes a container, by named rules.

The evaluations are gone through, the best candidate first. The first of `CHOICE_RULES` that applies to an evaluation
decides whether it is taken or passed over; its name and text are the reason that users read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from apphealth.plan.probes.suggestions import Origin, Suggestion
from apphealth.plan.probes.verification import Answered, Evaluation


class _Contender(NamedTuple):
    """An evaluation, beside the one whose probes are on the workload already, if there is one."""

    found: Evaluation
    written: Evaluation | None

    @property
    def suggestion(self) -> Suggestion:
        return self.found.candidate.suggestion


@dataclass(frozen=True, slots=True)
class ChoiceRule:
    """A reason to take a candidate, or to pass it over.

    Attributes
    ----------
    name
        The reason, as `explain` gives it.
    text
        What it means, for people.
    takes
        True: the candidate is taken. False: the next one is tried.
    applies
        Whether it decides about a contender.
    """

    name: str
    text: str
    takes: bool
    applies: Callable[[_Contender], bool]


NOT_APPLICABLE = ChoiceRule(
    "NotApplicable",
    "its probes can't be planned for this container",
    takes=False,
    applies=lambda one: not one.found.candidate.applicable,
)
USERS_ALONE = ChoiceRule(
    "UsersAlone",
    "no preset describes it: only what users say is planned",
    takes=True,
    applies=lambda one: not one.suggestion.derived and one.suggestion.preset is None,
)
NAMED = ChoiceRule("Named", "a rule or annotation names it", takes=True, applies=lambda one: not one.suggestion.derived)
ALREADY_WRITTEN = ChoiceRule(
    "AlreadyWritten",
    "its probes are on the workload, and ours",
    takes=True,
    applies=lambda one: one.found is one.written,
)
NEVER_ASKED = ChoiceRule(
    "NeverAsked",
    "nothing suggests it, and pods are not asked",
    takes=False,
    applies=lambda one: one.suggestion.origin is Origin.COMMON and not one.found.facts.pods.may_ask,
)
AWAITING = ChoiceRule(
    "AwaitingPods",
    "running pods have yet to answer",
    takes=True,
    applies=lambda one: one.written is None and one.found.waits,
)
PROVEN = ChoiceRule(
    "Proven",
    "running pods answered as its probes want",
    takes=True,
    applies=lambda one: one.written is None and one.found.proven,
)
REFUTED = ChoiceRule(
    "Refuted",
    "running pods answered otherwise",
    takes=False,
    applies=lambda one: any(probe.refuted for probe in one.found.suggested),
)
ANOTHER_HOLDS = ChoiceRule("AnotherHolds", "another one holds", takes=False, applies=lambda _: True)
CHOICE_RULES = (
    *(NOT_APPLICABLE, USERS_ALONE, NAMED, ALREADY_WRITTEN, NEVER_ASKED, AWAITING, PROVEN, REFUTED, ANOTHER_HOLDS),
)
"""The first that applies to an evaluation decides about it."""


@dataclass(frozen=True, slots=True)
class PassedOver:
    """A candidate that was not taken, and why."""

    evaluation: Evaluation
    rule: ChoiceRule

    @property
    def refuted(self) -> tuple[Answered, ...]:
        """What pods refuted of it."""
        return tuple(answer for probe in self.evaluation.suggested for answer in probe.refuted)


@dataclass(frozen=True, slots=True)
class Choice:
    """The candidate that was taken, why, and those that were passed over before it."""

    evaluation: Evaluation
    rule: ChoiceRule
    passed_over: tuple[PassedOver, ...] = ()


def choose(evaluations: Iterable[Evaluation], written: Evaluation | None = None) -> Choice:
    """Choose the first evaluation that a rule takes.

    Parameters
    ----------
    evaluations
        Of all candidates, the best first. The last one is that of what users say alone, which a rule always takes.
    written
        The one of them whose probes are on the workload already.
    """
    passed_over: list[PassedOver] = []
    for found in evaluations:
        rule = next(rule for rule in CHOICE_RULES if rule.applies(_Contender(found, written)))
        if rule.takes:
            return Choice(found, rule, tuple(passed_over))
        passed_over.append(PassedOver(found, rule))
    raise ValueError("no evaluation of what users say alone among the evaluations")


def all_answers(choice: Choice) -> Iterator[Answered]:
    """Yield every answer that counted in a choice."""
    for passed in choice.passed_over:
        yield from passed.evaluation.answers
    yield from choice.evaluation.answers
