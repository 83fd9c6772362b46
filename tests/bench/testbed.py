"""A cluster to measure on: a real control plane, the operator's own manifests and rights, and applications."""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.bench import objects
from tests.bench.audit import Audit
from tests.bench.bare import Bare, Job, Step, connect, step_of
from tests.bench.process import Operator, cpu_of, operator

from localcluster import Cluster, start

MANIFESTS = Path(__file__).parents[2] / "deploy" / "operator"
NAMESPACE, ACCOUNT = "apphealth", "apphealth"
HEALTH_PLANS = "/apis/apphealth.dev/v1alpha1/healthplans"
DEPLOYMENTS = "/apis/apps/v1/deployments"


@dataclass(frozen=True, slots=True)
class Testbed:
    """A cluster with the operator installed, and not running."""

    cluster: Cluster
    audit: Audit
    kubeconfig: Path
    """With the operator's rights."""
    folder: Path
    """For whatever a benchmark writes."""

    @asynccontextmanager
    async def admin(self) -> AsyncIterator[Bare]:
        """Open a session with all rights."""
        async with connect(self.cluster.kubeconfig) as bare:
            yield bare

    @contextmanager
    def operator(self) -> Iterator[Operator]:
        """Run the operator until the end of the block."""
        with operator(self.kubeconfig, self.folder) as running:
            yield running

    async def fill(self, deployments: int, services: int | None = None) -> None:
        """Create applications, each with its Service unless it is said how many there are."""
        names = objects.namespaces(deployments)
        async with self.admin() as bare:
            await bare.send([_create("/api/v1/namespaces", objects.namespace(name))] for name in names)
            await bare.send(_applications(deployments, deployments if services is None else services))

    async def make_rule(self, mode: str = "Enforce") -> None:
        """Create the ClusterAppHealth."""
        async with self.admin() as bare:
            await bare.send([[_create("/apis/apphealth.dev/v1alpha1/clusterapphealths", objects.rule(mode))]])

    async def drop_rule(self) -> None:
        """Delete the ClusterAppHealth, if there is one."""
        path = f"/apis/apphealth.dev/v1alpha1/clusterapphealths/{objects.RULE}"
        async with self.admin() as bare:
            await bare.send([[step_of("DELETE", path, None)]])

    def server_cpu(self) -> float:
        """Return the seconds of CPU that the control plane has used."""
        return sum(cpu_of(component.pid) for component in self.cluster.status() if component.pid is not None)

    async def wait_observed(self) -> None:
        """Wait until the controllers have seen all Deployments."""
        async with self.admin() as bare:
            await until(lambda: _all_observed(bare), 2.0)


@contextmanager
def testbed(name: str, *, controllers: bool) -> Iterator[Testbed]:
    """Start a cluster, install the operator's manifests, and take all down in the end.

    Parameters
    ----------
    name
        Which benchmark it is for.
    controllers
        Whether kube-controller-manager and kube-scheduler run.
    """
    folder = Path(tempfile.mkdtemp(prefix=f"apphealth-bench-{name}-"))
    audit = Audit(folder / "audit.log", f"system:serviceaccount:{NAMESPACE}:{ACCOUNT}")
    audit.write_policy(folder / "audit-policy.yaml")
    flags = {"kube-apiserver": audit.arguments(folder / "audit-policy.yaml")}
    try:
        with start(f"bench-{name}-{os.getpid()}", controllers=controllers, extra_arguments=flags) as cluster:
            cluster.kubectl("apply", "-k", str(MANIFESTS), "--server-side")
            # The operator is a process of this machine here.
            cluster.kubectl("delete", "deployment", "-n", NAMESPACE, "--all")
            _wait_served(cluster)
            yield Testbed(cluster, audit, cluster.service_account_kubeconfig(NAMESPACE, ACCOUNT), folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _wait_served(cluster: Cluster) -> None:
    for plural in ("apphealths", "clusterapphealths", "healthplans"):
        crd = f"customresourcedefinition/{plural}.apphealth.dev"
        cluster.kubectl("wait", "--for=condition=Established", crd, "--timeout=60s")


def _applications(deployments: int, services: int) -> Iterable[Job]:
    for number in range(max(deployments, services)):
        where = objects.namespace_of(number)
        if number < deployments:
            body = objects.deployment(number)
            yield [_create(f"/apis/apps/v1/namespaces/{where}/deployments?fieldManager=helm", body)]
        if number < services:
            yield [_create(f"/api/v1/namespaces/{where}/services?fieldManager=helm", objects.service(number))]


def _create(path: str, body: dict[str, Any]) -> Step:
    return step_of("POST", path, body)


async def _all_observed(bare: Bare) -> bool:
    return not any([_behind(deployment) async for deployment in bare.items(DEPLOYMENTS)])


def _behind(deployment: dict[str, Any]) -> bool:
    return bool(deployment["status"].get("observedGeneration", 0) < deployment["metadata"]["generation"])


async def until(condition: Callable[[], Awaitable[bool]], pause: float, timeout: float = 900.0) -> None:
    """Wait until something is true, asking again after each pause; both in seconds."""
    deadline = time.monotonic() + timeout
    while not await condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"not true after {timeout:g} s")
        await asyncio.sleep(pause)
