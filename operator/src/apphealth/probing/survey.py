"""Surveys: finding out what one pod's container serves, by GET and by gRPC's health protocol.

The applications are not ours: at most `MAX_REQUESTS` requests, `PER_SECOND` of them a second, nothing but GET and the
health call, no HTTP where the port is known for another protocol, and no more once enough is known.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from apphealth.model.pod import Pod
from apphealth.model.probe import HttpGet, ProbeKind
from apphealth.model.proof import Accept, Proof, Question, Verdict
from apphealth.model.survey import Served, Speaks, Survey, SurveyPath, SurveyPort
from apphealth.probing import http
from apphealth.probing.connecting import knock
from apphealth.probing.http import Answer
from apphealth.probing.judging import MAX_PLAIN, index_of, is_proxied, says_well, status_of, why_no_health
from apphealth.probing.naming import named_by
from apphealth.probing.runtimes import runtime_of
from apphealth.probing.tries import NOWHERE, START_ALLOWANCE, NoAnswerError, NotYet, Outcome, printable

MAX_REQUESTS = 32
"""Most requests to a container."""
PER_SECOND = 8
"""Most requests a second to a pod."""
MAX_SECONDS = 45.0
"""Seconds after which no further request is sent."""
LATE = 2
"""Requests in a row without an answer in time after which a port is left alone."""
PATIENCE = 3
"""Times the timeout that a port is given once which is open and has answered nothing in time."""
SLOW_START = 60.0
"""Seconds after its start in which an application that answers too late is asked again: it may be starting."""
RESERVED = 6
"""Requests kept for each further port."""
MAX_ANSWER = 700
"""Longest answer, in characters."""
_UNAVAILABLE = 503
_BAD_REQUEST = 400
_WANTED = frozenset({ProbeKind.LIVENESS, ProbeKind.READINESS})


async def survey(question: Question, asked: Survey, pods: Sequence[Pod]) -> Proof | NotYet:
    """Ask the first pod that can be reached.

    Parameters
    ----------
    question
        Its timeout is that of each request.
    asked
        What to find out.
    pods
        At least one.

    Returns
    -------
    Proof or NotYet
        Verified: at least one port is open. Refuted: none is.
    """
    found = _Survey(asked, pods[0], question.timeout)
    for pod in pods:
        found = _Survey(asked, pod, question.timeout)
        await found.run()
        if found.reached:
            break
    said = printable("; ".join(found.log), MAX_ANSWER)
    if not found.reached:
        return Proof(verdict=Verdict.UNREACHABLE, answer=f"{said} from {found.pod.name}")
    starting = START_ALLOWANCE if found.waits else SLOW_START if found.late else 0.0
    if found.pod.age < starting and not any(one.path for one in found.served):
        return NotYet(said)
    verdict = Verdict.VERIFIED if found.served else Verdict.REFUTED
    return Proof(verdict=verdict, answer=f"{said} from {found.pod.name}", served=tuple(found.served))


@dataclass(slots=True)
class _Survey:
    """The survey of one pod.

    Attributes
    ----------
    served
        What was found.
    log
        What was asked and answered, port by port, for people.
    reached
        The pod accepted or refused a connection.
    waits
        The application may be starting: a port refuses that should be open, or a health endpoint is unavailable.
    late
        Requests that open ports have answered too late, or never.
    grpc
        What the present port said to gRPC, for people.
    """

    asked: Survey
    pod: Pod
    timeout: float
    served: list[Served] = field(default_factory=list)
    log: list[str] = field(default_factory=list)
    reached: bool = False
    waits: bool = False
    late: int = 0
    requests: int = 0
    started: float = 0.0
    grpc: str = ""

    async def run(self) -> None:
        """Go through the ports until one has an endpoint for readiness."""
        self.started = asyncio.get_running_loop().time()
        ports = self.asked.ports
        for number, port in enumerate(ports):
            if port.guess and self.served:
                break
            left = sum(1 for other in ports[number + 1 :] if not other.guess and other.first is not Speaks.TCP)
            await self._port(port, MAX_REQUESTS - RESERVED * left)
            if not self.reached or any(one.path or one.speaks is Speaks.GRPC for one in self.served):
                break

    async def _port(self, port: SurveyPort, budget: int) -> None:
        try:
            await knock(self.pod.ip, port.number, self.timeout)
        except NoAnswerError as error:
            self.reached = self.reached or error.outcome is not Outcome.UNREACHED
            if not port.guess:
                self.waits = self.waits or (port.served and error.outcome is Outcome.STARTING)
                self.log.append(f":{port.number} {error.detail}")
            return
        self.reached, self.grpc = True, ""
        speaks, control = await self._protocol(port)
        self.served.append(Served(port.number, speaks))
        if control is None:
            self.log.append(
                f":{port.number} is open{self.grpc or (', and asked no more' if port.first is speaks else '')}"
            )
            return
        await self._paths(port.number, speaks, control, budget)

    async def _protocol(self, port: SurveyPort) -> tuple[Speaks, Answer | None]:
        """Return the protocol of an open port, and for HTTP the answer at a path that no application serves."""
        if port.first is Speaks.TCP:
            return Speaks.TCP, None
        if port.first is Speaks.GRPC and await self._is_grpc(port.number):
            return Speaks.GRPC, None
        schemes = (Speaks.HTTPS, Speaks.HTTP) if port.first is Speaks.HTTPS else (Speaks.HTTP, Speaks.HTTPS)
        refused: tuple[Speaks, Answer | None] = (Speaks.TCP, None)
        late = self.late
        for speaks in schemes:
            control = await self._get(port.number, speaks, f"/{NOWHERE}")
            if isinstance(control, Answer) and (speaks is Speaks.HTTPS or control.status != _BAD_REQUEST):
                return speaks, control
            if isinstance(control, Answer):
                refused = (speaks, control)  # some servers of HTTPS say so, others refuse every path that is unknown
        if refused[1] is None and port.first is not Speaks.GRPC and await self._is_grpc(port.number):
            return Speaks.GRPC, None
        if refused[1] is None and self.late > late:  # one that is busy is no server of another protocol
            control = await self._get(port.number, schemes[0], f"/{NOWHERE}", patience=PATIENCE)
            if isinstance(control, Answer):
                refused = (schemes[0], control)
        return refused

    async def _is_grpc(self, port: int) -> bool:
        from apphealth.probing.grpc import check

        if not await self._may_send():
            return False
        try:
            came = await check(self.pod.ip, port, "", self.timeout)
        except NoAnswerError as error:
            self.grpc = f", no HTTP; gRPC: {error.detail}"
            return False
        self.grpc = f", gRPC: {came.detail}"
        self.waits = self.waits or came.outcome is Outcome.STARTING
        return came.outcome is Outcome.GOOD

    async def _paths(self, port: int, speaks: Speaks, control: Answer, budget: int) -> None:
        """Ask for the paths of the catalogue that would tell something new, and for those that the answers name."""
        said: dict[str, list[str]] = {}
        late, open_, holds = 0, set(_WANTED), False
        runtime = runtime_of(control)
        paths = [path for path in self.asked.catalogue.paths if path.suits(runtime)]
        paths.sort(key=lambda path: path.rare or runtime not in path.runtimes)  # those of its own family first
        listed = frozenset(path.path for path in paths)
        for number, path in enumerate(paths):  # which grows
            if not path.kinds & open_ or late >= LATE or self.requests >= budget or (path.names and holds):
                continue
            answer = await self._get(port, speaks, path.path)
            late = late + 1 if answer is None else 0
            if path.names:
                further = named_by(answer, self.asked.catalogue, runtime) if answer is not None else ()
                paths[number + 1 : number + 1] = [one for one in further if one.path not in listed]
                continue
            asked = path
            if isinstance(answer, Answer) and _adds_slash(answer, path.path):
                asked = replace(path, path=f"{path.path}/")
                answer = await self._get(port, speaks, asked.path)
            why = "no answer"
            if answer is not None:
                why = _why_not(asked, answer, control, certain=path.path in listed)
            said.setdefault(why, []).append(asked.path)
            if answer is None or why:
                self.waits = self.waits or (answer is not None and _is_starting(answer, control))
                continue
            holds = True
            self.served.append(Served(port, speaks, asked.path, await self._is_proxied(asked, answer)))
            if path.narrow:
                open_ -= path.kinds
        found = "".join(f" {path}" for path in said.pop("", []))
        rest = "".join(f"; {why}: {' '.join(paths)}" for why, paths in said.items())
        self.log.append(f"{speaks} :{port}{' health:' if found else ' no health'}{found}{rest}")

    async def _is_proxied(self, path: SurveyPath, answer: Answer) -> bool:
        if is_proxied(answer):
            return True
        if ProbeKind.LIVENESS not in path.kinds or path.index:
            return False
        for other in self.asked.others:
            theirs = await self._get(other, Speaks.HTTP, path.path)
            if isinstance(theirs, Answer) and (theirs.status, theirs.body) == (answer.status, answer.body):
                return True
        return False

    async def _get(self, port: int, speaks: Speaks, path: str, *, patience: int = 1) -> Answer | None:
        """Return the answer to one request, or None if there is none within that many times the timeout."""
        if not await self._may_send():
            return None
        try:
            return await http.get(self.pod.ip, HttpGet(port, path, speaks.value.upper()), patience * self.timeout)
        except NoAnswerError as error:
            self.late += error.late
            return None

    async def _may_send(self) -> bool:
        """Wait for the next request's turn; returns whether there is one."""
        now = asyncio.get_running_loop().time()
        if self.requests >= MAX_REQUESTS or now - self.started > MAX_SECONDS:
            return False
        await asyncio.sleep(max(0.0, self.started + self.requests / PER_SECOND - now))
        self.requests += 1
        return True


def _why_not(path: SurveyPath, answer: Answer, control: Answer, *, certain: bool) -> str:
    """Return why an answer is none of a health endpoint; empty if it is one.

    `certain`: the path is one of those that are known. Others may be an application's own business: `/pets/health`.
    """
    if not 200 <= answer.status < 300:
        return status_of(answer)
    if path.index:
        return "" if index_of(answer, path.path) else "no index"
    why = why_no_health(Accept.HEALTH, answer, control)
    if not why and not certain and len(answer.body) > MAX_PLAIN and not says_well(answer.body):
        why = "nothing says that it is well"
    return f"{answer.status}, but {why}" if why else ""


def _is_starting(answer: Answer, control: Answer) -> bool:
    return answer.status == _UNAVAILABLE and control.status != _UNAVAILABLE


def _adds_slash(answer: Answer, path: str) -> bool:
    """Return whether it is a redirect to the same path with a slash at its end."""
    redirected = 300 <= answer.status < 400
    target = answer.location.partition("?")[0]
    if "://" in target:
        target = "/" + target.partition("://")[2].partition("/")[2]
    return redirected and target == f"{path}/"
