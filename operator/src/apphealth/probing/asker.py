"""Asking a question of a few pods, and summing up what they said."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace

from apphealth.model.pod import Pod
from apphealth.model.probe import Grpc, Handler, HttpGet, TcpSocket
from apphealth.model.proof import Accept, Proof, Question, Verdict
from apphealth.probing import http
from apphealth.probing.connecting import knock
from apphealth.probing.judging import judge
from apphealth.probing.tries import NoAnswerError, Outcome, Try, printable

PODS = 3
"""Most pods that are asked."""
TRIES = 2
"""How often each is asked; every time counts."""
START_ALLOWANCE = 300.0
"""Seconds since its start in which a container may refuse without that meaning anything: as a startup probe has it."""
MAX_ANSWER = 200
"""Longest answer, in characters."""

_NOWHERE = f"apphealth-{secrets.token_hex(8)}"
"""A path that nobody serves, and that nobody can know beforehand."""


@dataclass(frozen=True, slots=True)
class NotYet:
    """Nothing is known yet: ask again in a while."""

    answer: str
    """Why, for people."""


async def ask(question: Question, pods: Sequence[Pod]) -> Proof | NotYet:
    """Ask up to `PODS` pods at once, each `TRIES` times.

    Parameters
    ----------
    pods
        At least one; those after the first `PODS` are not asked.
    """
    asked = pods[:PODS]
    tries = await asyncio.gather(*(_ask_pod(question, pod) for pod in asked))
    return _sum_up(dict(zip(asked, tries, strict=True)))


def _sum_up(tries: dict[Pod, Try]) -> Proof | NotYet:
    """One bad answer refutes; then one that may come round postpones; pods out of reach count if all of them are."""
    bad = [pod for pod, came in tries.items() if came.outcome is Outcome.BAD]
    starting = [pod for pod, came in tries.items() if came.outcome is Outcome.STARTING]
    good = [came for came in tries.values() if came.outcome is Outcome.GOOD]
    if refuting := bad or [pod for pod in starting if pod.age >= START_ALLOWANCE]:
        return Proof(verdict=Verdict.REFUTED, answer=_from(refuting[0], tries))
    if starting:
        return NotYet(_from(starting[0], tries))
    if not good:
        return Proof(verdict=Verdict.UNREACHABLE, answer=_from(next(iter(tries)), tries))
    slowest = max(came.seconds for came in good)
    pods = f"{len(good)} pods" if len(good) > 1 else "1 pod"
    answer = f"{good[0].said} in {max(1, round(slowest * 1000))} ms from {pods}"
    return Proof(verdict=Verdict.VERIFIED, answer=answer, slowest=slowest, endpoints=good[0].endpoints)


def _from(pod: Pod, tries: dict[Pod, Try]) -> str:
    return printable(f"{tries[pod].said} from {pod.name}", MAX_ANSWER)


async def _ask_pod(question: Question, pod: Pod) -> Try:
    """Ask one pod; returns the first try that isn't good, or the slowest of the good ones."""
    try:
        # What an answer means depends on whether there is a way to the pod at all.
        await knock(pod.ip, _port(question.handler), question.timeout)
        tries: list[Try] = []
        for _ in range(TRIES):
            tries.append(await _try(question, pod.ip, with_control=not tries))
            if tries[-1].outcome is not Outcome.GOOD:
                return tries[-1]
    except NoAnswerError as error:
        return Try(outcome=error.outcome, said=error.said)
    return max(tries, key=lambda came: came.seconds)


async def _try(question: Question, host: str, *, with_control: bool) -> Try:
    match question.handler:
        case HttpGet() as handler:
            answer = await http.get(host, handler, question.timeout)
            control = None
            if question.accept is Accept.DISTINCT and with_control:
                control = await _control(host, handler, question.timeout)
            return judge(question.accept, answer, handler.path, control)
        case Grpc() as handler:
            from apphealth.probing.grpc import check

            return await check(host, handler.port, handler.service, question.timeout)
        case handler:
            started = asyncio.get_running_loop().time()
            await knock(host, _port(handler), question.timeout)
            return Try(outcome=Outcome.GOOD, said="open", seconds=asyncio.get_running_loop().time() - started)


async def _control(host: str, handler: HttpGet, timeout: float) -> http.Answer | None:
    """Ask beside the path in question, where nobody serves anything; None where there is no answer."""
    parent, _, _ = handler.path.partition("?")[0].rstrip("/").rpartition("/")
    try:
        return await http.get(host, replace(handler, path=f"{parent}/{_NOWHERE}"), timeout)
    except NoAnswerError:
        return None


def _port(handler: Handler) -> int:
    if isinstance(handler, HttpGet | TcpSocket | Grpc) and isinstance(handler.port, int):
        return handler.port
    raise NoAnswerError(Outcome.BAD, "this can't be asked over the network")
