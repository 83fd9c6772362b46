"""Leader election by a Lease: of several replicas one writes, the others keep a full store.

The protocol is that of client-go's leaderelection. The holder renews the Lease. A candidate that has not seen it change
for its whole duration, by the candidate's own clock, takes it; no clock is ever compared with another machine's. Why
not the official client's election: docs/decisions, "The Lease has a connection of its own".

A candidate also looks at the Leases of other operators (`others`), before it takes its own and once more when it has
it: of two that start at the same time at least one sees the other. If both do, both release their Leases and try again.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec

from apphealth.kube.client import Client
from apphealth.kube.errors import (
    AlreadyExistsError,
    ConflictError,
    ForbiddenError,
    InvalidError,
    KubeError,
    NotFoundError,
    UnauthorizedError,
)
from apphealth.kube.meta import path_of
from apphealth.kube.others import API, SCOPE, Others
from apphealth.model import raw

DURATION = 15
"""Seconds after which a Lease that isn't renewed may be taken."""
RENEW = 3.0
"""Seconds between two renewals, and between two looks of a candidate."""
RETRY = 1.0
"""Seconds before a failed renewal is tried again."""
GIVE_UP = 10.0
"""Seconds after the last renewal at which a leader stops writing: before any candidate may start."""
ANSWER = 3.0
"""Seconds that the API server gets to answer an attempt: after a renewal, two more attempts fit into `GIVE_UP`."""
RELEASE = 3.0
"""Seconds that giving the Lease back may take: the whole shutdown has to fit into the pod's grace period of 20 s."""

log = logging.getLogger(__name__)


class Leadership:
    """A candidate for the Lease.

    Parameters
    ----------
    client
        A client for the Lease alone, with one try a request. A client that other requests share would make a renewal
        wait for them, or for the pause that a 429 asks for.
    namespace, name
        The Lease.
    identity
        The candidate's name, unique for each replica.
    others
        The other operators, which have Leases of their own.
    changed
        Called with True when the candidate becomes the leader, and with False when it stops being the leader.

    Attributes
    ----------
    obstacle
        Why the candidate can't take part in the election, for people; empty if it can.
    """

    def __init__(
        self,
        client: Client,
        *,
        namespace: str,
        name: str,
        identity: str,
        others: Others,
        changed: Callable[[bool], None],
    ) -> None:
        self._client = client
        self._namespace, self._name, self._identity = namespace, name, identity
        self._others = others
        self._changed = changed
        self._leading = False
        self._renewed_at = float("-inf")
        self._deadline: asyncio.TimerHandle | None = None
        self._lease: Mapping[str, Any] | None = None
        self._seen: tuple[str, str] = ("", "")
        self._seen_at = 0.0
        self._problem = ""
        self.obstacle = ""

    def may_write(self) -> bool:
        """Return whether the Lease is held and was renewed recently.

        A process that was stopped or starved for longer than `GIVE_UP` may not write even before its timer has fired.
        """
        return self._leading and asyncio.get_running_loop().time() - self._renewed_at < GIVE_UP

    async def run(self) -> None:
        """Take part in the election until cancelled, then release the Lease if it is held."""
        try:
            while True:
                answered = await self._attempt()
                pause = RENEW if answered else RETRY
                await asyncio.sleep(pause if self._leading else pause * random.uniform(1, 1.5))  # noqa: S311
                if self._leading:
                    await self._look_at_others()
        finally:
            if self._leading:
                self._set(leading=False)
                await asyncio.shield(self._release())

    async def _attempt(self) -> bool:
        """Renew, take or look at the Lease once; returns whether the API server answered."""
        # A candidate counts the duration from when it sees a renewal, which is never before it was sent.
        sent_at = asyncio.get_running_loop().time()
        try:
            async with asyncio.timeout(ANSWER):
                held = await self._acquire_or_renew(sent_at)
        except TimeoutError:
            self._report(f"no answer within {ANSWER:g} s")
            return False
        except KubeError as error:
            self._report(str(error), obstacle=isinstance(error, _OBSTACLES))
            return False
        self._report("")
        if held:
            self._renewed(sent_at)
        elif self._leading:
            self._lose("another replica holds it")
        return True

    def _renewed(self, sent_at: float) -> None:
        loop = asyncio.get_running_loop()
        if sent_at + GIVE_UP <= loop.time():
            return  # the answer is too late: a candidate may have taken the Lease meanwhile
        self._renewed_at = sent_at
        if self._deadline is not None:
            self._deadline.cancel()
        self._deadline = loop.call_at(sent_at + GIVE_UP, self._expire)
        if not self._leading:
            self._set(leading=True)

    def _expire(self) -> None:
        """Stop leading, whatever the current attempt is waiting for."""
        if self._leading:
            self._lose(f"not renewed for {GIVE_UP:g} s: {self._problem or f'no answer within {ANSWER:g} s'}")

    def _lose(self, reason: str) -> None:
        log.warning("lost the Lease %s/%s: %s", self._namespace, self._name, reason)
        self._set(leading=False)

    def _report(self, problem: str, *, obstacle: bool = False) -> None:
        """Log a problem when it changes."""
        if problem and problem != self._problem:
            doing = "renew" if self._leading else "read or take"
            log.warning("can't %s the Lease %s/%s: %s (trying again)", doing, self._namespace, self._name, problem)
        self._problem = problem
        self.obstacle = f"no access to the Lease {self._namespace}/{self._name}: {problem}" if obstacle else ""

    async def _acquire_or_renew(self, now: float) -> bool:
        """Return whether the Lease is ours."""
        if self._leading and self._lease is not None:
            with contextlib.suppress(ConflictError, NotFoundError):  # somebody has edited or deleted it: read it
                await self._put(self._lease, self._held({}, acquired=False))
                return True
        try:
            lease = await self._client.get(self._path, dict[str, Any])
        except NotFoundError:
            return await self._create(now)
        spec = raw.mapping(lease.get("spec"))
        holder = raw.text(spec.get("holderIdentity"))
        seen = (holder, raw.text(spec.get("renewTime")))
        if seen != self._seen:
            self._seen, self._seen_at = seen, now
        if holder not in ("", self._identity) and now - self._seen_at < DURATION:
            return False
        if not (self._leading or await self._others.may_lead(now)):
            return False
        annotated = dict(lease)
        annotated["metadata"] = self._metadata(lease)
        try:
            await self._put(annotated, self._held(spec, acquired=holder != self._identity))
        except ConflictError:
            if self._leading:
                raise  # somebody has edited it: try again
            return False
        return await self._confirm(now)

    async def _confirm(self, now: float) -> bool:
        """Look for operators that took their Leases at the same time; returns whether ours is kept."""
        if self._leading or await self._others.may_lead(now):
            return True
        await self._release()
        return False

    def _metadata(self, lease: Mapping[str, Any]) -> dict[str, Any]:
        """Return a Lease's metadata, with what its holder manages."""
        metadata = raw.mapping(lease.get("metadata"))
        annotations = {**raw.mapping(metadata.get("annotations")), SCOPE: self._others.scope}
        return {"name": self._name, "namespace": self._namespace, **metadata, "annotations": annotations}

    async def _look_at_others(self) -> None:
        """Look at the other operators while leading; a look that fails is repeated after the next renewal."""
        with contextlib.suppress(KubeError, TimeoutError):
            async with asyncio.timeout(ANSWER):
                await self._others.look_again(asyncio.get_running_loop().time())

    async def _create(self, now: float) -> bool:
        if not (self._leading or await self._others.may_lead(now)):
            return False
        body = {
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": self._metadata({}),
            "spec": self._held({}, acquired=True) | {"leaseTransitions": 0},
        }
        try:
            answer = await self._client.request("POST", path_of(API, "leases", self._namespace), body=body)
        except AlreadyExistsError:
            return False
        self._lease = msgspec.json.decode(answer)
        return await self._confirm(now)

    async def _release(self) -> None:
        """Give the Lease back, so that another replica takes it at once."""
        try:
            async with asyncio.timeout(RELEASE):
                lease = await self._client.get(self._path, dict[str, Any])
                if raw.mapping(lease.get("spec")).get("holderIdentity") == self._identity:
                    released = {"holderIdentity": "", "leaseDurationSeconds": 1, "renewTime": _now()}
                    await self._put(lease, released)
        except (KubeError, TimeoutError) as error:
            reason = str(error) or f"no answer within {RELEASE:g} s"
            log.warning("the Lease %s/%s was not released: %s", self._namespace, self._name, reason)

    async def _put(self, lease: Mapping[str, Any], spec: Mapping[str, Any]) -> None:
        """Update a Lease; its resourceVersion is the condition, and other fields stay as they are."""
        body = {**lease, "spec": {**raw.mapping(lease.get("spec")), **spec}}
        self._lease = msgspec.json.decode(await self._client.request("PUT", self._path, body=body))

    def _held(self, before: Mapping[str, Any], *, acquired: bool) -> dict[str, Any]:
        now = _now()
        held: dict[str, Any] = {
            "holderIdentity": self._identity,
            "leaseDurationSeconds": DURATION,
            "renewTime": now,
        }
        if acquired:
            transitions = before.get("leaseTransitions")
            held["acquireTime"] = now
            held["leaseTransitions"] = (transitions if isinstance(transitions, int) else 0) + 1
        return held

    def _set(self, *, leading: bool) -> None:
        self._leading = leading
        if not leading and self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
        self._changed(leading)

    @property
    def lease(self) -> str:
        """The Lease, for messages: `apphealth/apphealth`."""
        return f"{self._namespace}/{self._name}"

    @property
    def _path(self) -> str:
        return path_of(API, "leases", self._namespace, self._name)


_OBSTACLES = (ForbiddenError, UnauthorizedError, NotFoundError, InvalidError)
"""Errors that won't end by themselves."""


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
