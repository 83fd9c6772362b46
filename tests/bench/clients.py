"""What a PATCH costs each client in CPU: the operator's own, and the official one as it can be used.

All send the same strategic-merge PATCHes to the same Deployments, as many at once as the operator, in turns. The
time is that of this process's processor alone: waiting and the API server don't count.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from typing import Any

from kubernetes.client import ApiClient, AppsV1Api
from tests.bench import objects
from tests.bench.options import Options
from tests.bench.report import Result, Row, measured, middle
from tests.bench.testbed import Testbed, testbed

from apphealth.kube.client import STRATEGIC_MERGE, Client
from apphealth.kube.configuration import find_access
from apphealth.kube.credentials import find_credentials

AT_ONCE = 8
"""PATCHes under way at once, as in the operator."""
QUERY = {"fieldManager": "bench", "fieldValidation": "Strict"}
Send = Callable[[int, dict[str, Any]], Awaitable[None]]
"""PATCH the first so many Deployments with a body."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """One client's PATCHes."""

    who: str
    microseconds: float
    """CPU for one."""


def run(options: Options) -> Result:
    """Measure `small` PATCHes with each client, `pairs` times."""
    with measured("clients") as result, testbed("clients", controllers=False) as bed:
        turns = asyncio.run(_measure(bed, options.small, options.pairs))
        result.samples = [asdict(turn) for turn in turns]
        ours = middle(turn.microseconds for turn in turns if turn.who == "ours")
        for who in ("official, raw answer", "official, typed answer"):
            theirs = middle(turn.microseconds for turn in turns if turn.who == who)
            result.rows.append(Row(what=f"CPU of a PATCH, ours; floor: {who}", value=ours, unit="µs", floor=theirs))
    return result


async def _measure(bed: Testbed, count: int, turns: int) -> list[Turn]:
    await bed.fill(count, services=0)
    found = []
    official = find_access(bed.cluster.kubeconfig).configuration
    official.connection_pool_maxsize = AT_ONCE
    async with Client(find_credentials(bed.cluster.kubeconfig), connections=AT_ONCE) as client:
        with ApiClient(official) as api, ThreadPoolExecutor(AT_ONCE) as pool:
            clients = {
                "ours": _ours(client),
                "official, raw answer": _official(AppsV1Api(api), pool, typed=False),
                "official, typed answer": _official(AppsV1Api(api), pool, typed=True),
            }
            for number in range(turns):
                for who, send in clients.items():
                    body = {"spec": {"template": {"metadata": {"annotations": {"bench": f"{who} {number}"}}}}}
                    before = time.process_time()
                    await send(count, body)
                    found.append(Turn(who=who, microseconds=(time.process_time() - before) / count * 1e6))
    return found


def _ours(client: Client) -> Send:
    async def send(count: int, body: dict[str, Any]) -> None:
        numbers = iter(range(count))

        async def worker() -> None:
            for number in numbers:
                where = f"namespaces/{objects.namespace_of(number)}/deployments/{objects.name_of(number)}"
                path = f"/apis/apps/v1/{where}"
                await client.request("PATCH", path, body=body, content_type=STRATEGIC_MERGE, params=QUERY)

        await asyncio.gather(*(worker() for _ in range(AT_ONCE)))

    return send


def _official(api: AppsV1Api, pool: ThreadPoolExecutor, *, typed: bool) -> Send:
    async def send(count: int, body: dict[str, Any]) -> None:
        def one(number: int) -> None:
            answer = api.patch_namespaced_deployment(
                objects.name_of(number),
                objects.namespace_of(number),
                body,
                field_manager="bench",
                field_validation="Strict",
                _content_type=STRATEGIC_MERGE,
                _preload_content=typed,
            )
            _ = answer if typed else answer.data

        await asyncio.to_thread(lambda: list(pool.map(one, range(count))))

    return send
