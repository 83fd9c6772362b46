"""Asking a few pods a question, and summing up their answers."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace

from apphealth.model.pod import Pod, Reply
from apphealth.model.probe import Grpc, Handler, HttpGet, TcpSocket
from apphealth.model.proof import Accept, Proof, Question, Verdict
from apphealth.model.survey import Survey
from apphealth.probing import http
from apphealth.probing.connecting import knock
from apphealth.probing.judging import judge
from apphealth.probing.survey import survey
from apphealth.probing.tries import NOWHERE, START_ALLOWANCE, NoAnswerError, NotYet, Outcome, Try, printable

PODS = 3
"""Most pods asked per question."""
MAX_TIMEOUT = 10
"""Most seconds that one request may take, whatever the probe's timeout is: rules allow an hour."""
TRIES = 2
"""Requests to each pod; all of them have to succeed."""
MAX_ANSWER = 200
"""Longest answer, in characters."""


async def ask(question: Question, pods: Sequence[Pod]) -> Proof | NotYet:
    """Ask up to `PODS` pods at once, each `TRIES` times.

    Parameters
    ----------
    question
        What to ask.
    pods
        At least one; those after the first `PODS` are not asked.
    """
    asked = pods[:PODS]
    question = replace(question, timeout=min(question.timeout, MAX_TIMEOUT))
    if isinstance(question.handler, Survey):
        return await survey(question, question.handler, asked)
    tries = await asyncio.gather(*(_ask_pod(question, pod) for pod in asked))
    return _sum_up(dict(zip(asked, tries, strict=True)))


async def ask_one(question: Question, pod: Pod) -> Reply | None:
    """Ask one pod once, whether it is ready or not; returns None if it can't be reached.

    Parameters
    ----------
    question
        What to ask; `Accept.SUCCESS` asks as the kubelet does.
    pod
        The pod.
    """
    question = replace(question, timeout=min(question.timeout, MAX_TIMEOUT))
    try:
        came = await _try(question, pod.ip, with_control=False)
    except NoAnswerError as error:
        if error.outcome is Outcome.UNREACHED:
            return None
        return Reply(detail=error.detail, gone=error.gone, refused=error.outcome is Outcome.STARTING)
    return Reply(detail=printable(came.detail, MAX_ANSWER), passed=came.outcome is Outcome.GOOD, gone=came.gone)


def _sum_up(tries: dict[Pod, Try]) -> Proof | NotYet:
    """Sum up: one bad answer refutes, else one pod that is starting postpones; unreachable is only if all pods are."""
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
    answer = f"{good[0].detail} in {max(1, round(slowest * 1000))} ms from {pods}"
    return Proof(verdict=Verdict.VERIFIED, answer=answer, slowest=slowest, endpoints=good[0].endpoints)


def _from(pod: Pod, tries: dict[Pod, Try]) -> str:
    return printable(f"{tries[pod].detail} from {pod.name}", MAX_ANSWER)


async def _ask_pod(question: Question, pod: Pod) -> Try:
    """Ask one pod; returns the first try that failed, or the slowest of the good tries."""
    try:
        # A pod that can't be reached at all says nothing about its probes.
        await knock(pod.ip, _port(question.handler), question.timeout)
        tries: list[Try] = []
        for _ in range(TRIES):
            tries.append(await _try(question, pod.ip, with_control=not tries))
            if tries[-1].outcome is not Outcome.GOOD:
                return tries[-1]
    except NoAnswerError as error:
        return Try(outcome=error.outcome, detail=error.detail)
    return max(tries, key=lambda came: came.seconds)


async def _try(question: Question, host: str, *, with_control: bool) -> Try:
    match question.handler:
        case HttpGet() as handler:
            answer = await http.get(host, handler, question.timeout, as_kubelet=question.accept is Accept.SUCCESS)
            control = None
            if question.accept in (Accept.DISTINCT, Accept.HEALTH) and with_control:
                control = await _control(host, handler, question.timeout)
            return judge(question.accept, answer, handler.path, control)
        case Grpc() as handler:
            from apphealth.probing.grpc import check

            return await check(host, handler.port, handler.service, question.timeout)
        case handler:
            started = asyncio.get_running_loop().time()
            await knock(host, _port(handler), question.timeout)
            return Try(outcome=Outcome.GOOD, detail="open", seconds=asyncio.get_running_loop().time() - started)


async def _control(host: str, handler: HttpGet, timeout: float) -> http.Answer | None:
    """Ask for a path that no application serves, beside the one in question; None if there is no answer."""
    parent, _, _ = handler.path.partition("?")[0].rstrip("/").rpartition("/")
    try:
        return await http.get(host, replace(handler, path=f"{parent}/{NOWHERE}"), timeout)
    except NoAnswerError:
        return None


def _port(handler: Handler | Survey) -> int:
    if isinstance(handler, HttpGet | TcpSocket | Grpc) and isinstance(handler.port, int):
        return handler.port
    raise NoAnswerError(Outcome.BAD, "this can't be asked over the network")
