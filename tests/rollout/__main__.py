"""`make rollout-proof`: a thousand Deployments change in waves while their operators are killed.

Two operators with a Lease. While a ClusterAppHealth is rolled out and taken back again, the leader is killed 20 times,
and 5 times told to stop. The budget is counted from the API server's audit log: at no time are more rollouts under way
than the rule allows. Then a rule over 60 workloads of which half fail: it halts, and the others are never written.

It takes about ten minutes, and isn't part of CI; tests/cluster/operator/test_rollout.py has a small version.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import yaml
from tests.cluster.conftest import Api, Operator
from tests.rollout.kubelet import Kubelet, Rollouts

from localcluster import Cluster, start

ROOT = Path(__file__).parents[2]
RULES = "/apis/apphealth.dev/v1alpha1/clusterapphealths"
LEASE = "/apis/coordination.k8s.io/v1/namespaces/apphealth/leases/apphealth"
APPS = "/apis/apps/v1"
PER_NAMESPACE = 50
PERCENT = 5
POLICY = """\
apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
- level: RequestResponse
  verbs: [update, patch]
  resources: [{group: apps, resources: [deployments, deployments/status]}]
- level: None
"""


def main() -> int:
    """Run the proof; returns 0 if everything holds."""
    parser = argparse.ArgumentParser(prog="make rollout-proof", description=__doc__)
    parser.add_argument("--workloads", type=int, default=1000)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--stops", type=int, default=5)
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="apphealth-rollout-"))
    try:
        return prove(folder, options.workloads, options.kills, options.stops)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def prove(folder: Path, workloads: int, kills: int, stops: int) -> int:
    """Run the proof in a folder."""
    policy, log = folder / "policy.yaml", folder / "audit.log"
    policy.write_text(POLICY)
    flags = {
        "kube-apiserver": [f"--audit-policy-file={policy}", f"--audit-log-path={log}", "--audit-log-maxsize=8000"],
        "kube-controller-manager": ["--kube-api-qps=300", "--kube-api-burst=600"],
    }
    with start(f"rollout-proof-{os.getpid()}", extra_arguments=flags) as cluster, Api(cluster.kubeconfig) as api:
        account = install(cluster)
        fails = frozenset(f"half-{number:04}" for number in range(0, 60, 2))
        kubelet = Kubelet(api, fails=fails)
        try:
            say(f"creating {workloads} Deployments with Services and PodDisruptionBudgets")
            fill(api, "app", workloads)
            operators = [Operator(account, folder / f"operator-{number}.log", "--leader-elect") for number in range(2)]
            try:
                for operator in operators:
                    operator.start()
                disturbed(api, operators, log, workloads, kills, stops)
                halting(api, fails)
            finally:
                for operator in operators:
                    operator.close()
        finally:
            kubelet.stop()
    say("all of it holds")
    return 0


def install(cluster: Cluster) -> Path:
    """Install everything but the operator; returns the kubeconfig of its account."""
    objects = yaml.safe_load_all(cluster.kubectl("kustomize", str(ROOT / "deploy/operator")).stdout)
    cluster.apply(yaml.safe_dump_all(item for item in objects if item and item["kind"] != "Deployment"))
    cluster.kubectl("wait", "--for=condition=Established", "crd", "-l", "app.kubernetes.io/name=apphealth")
    return cluster.service_account_kubeconfig("apphealth", "apphealth")


def fill(api: Api, prefix: str, count: int) -> None:
    """Create Deployments with a pod each, their Services and PodDisruptionBudgets, and wait until all are settled."""
    namespaces = [f"{prefix}-{number}" for number in range(-(-count // PER_NAMESPACE))]
    for name in namespaces:
        api.create("/api/v1/namespaces", {"metadata": {"name": name, "labels": {"proof": prefix}}})
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda number: make(api, namespaces[number // PER_NAMESPACE], prefix, number), range(count)))
    until(lambda: not unsettled(api, namespaces), "all Deployments are settled", 900)


def make(api: Api, namespace: str, prefix: str, number: int) -> None:
    """Create one application. One in ten stops its old pod before it starts the new one."""
    name = f"{prefix}-{number:04}"
    labels = {"app": name}
    strategy = {"rollingUpdate": {"maxUnavailable": 1, "maxSurge": 0}} if number % 10 == 0 else {}
    container = {"name": "main", "image": f"example/{prefix}:1", "ports": [{"name": "http", "containerPort": 8080}]}
    spec = {
        "replicas": 1,
        "selector": {"matchLabels": labels},
        "strategy": strategy,
        "progressDeadlineSeconds": 5 if prefix == "half" else 600,
        "template": {"metadata": {"labels": labels}, "spec": {"containers": [container]}},
    }
    meta = {"name": name, "labels": labels}
    service = {"selector": labels, "ports": [{"port": 80, "targetPort": "http"}]}
    budget = {"maxUnavailable": 1, "selector": {"matchLabels": labels}}
    api.create(f"{APPS}/namespaces/{namespace}/deployments", {"metadata": meta, "spec": spec})
    api.create(f"/api/v1/namespaces/{namespace}/services", {"metadata": meta, "spec": service})
    api.create(f"/apis/policy/v1/namespaces/{namespace}/poddisruptionbudgets", {"metadata": meta, "spec": budget})


def unsettled(api: Api, namespaces: list[str]) -> list[str]:
    """Return the Deployments of some namespaces whose rollout is not complete."""
    counted = Rollouts()
    for namespace in namespaces:
        for item in api.get(f"{APPS}/namespaces/{namespace}/deployments")["items"]:
            counted.note(item)
    return sorted(counted.changing)


def rule(name: str, **rollout: Any) -> dict[str, Any]:
    """Return a ClusterAppHealth for the namespaces of a prefix."""
    spec = {
        "mode": "Enforce",
        "selector": {},
        "namespaceSelector": {"matchLabels": {"proof": name}},
        "verification": "Skip",
        "probes": {"liveness": {"path": "/live"}},
        "rollout": rollout,
    }
    return {
        "apiVersion": "apphealth.dev/v1alpha1",
        "kind": "ClusterAppHealth",
        "metadata": {"name": name},
        "spec": spec,
    }


def disturbed(api: Api, operators: list[Operator], log: Path, workloads: int, kills: int, stops: int) -> None:
    """Roll a rule out and back while the leader is killed and stopped; the audit log must keep to the budget."""
    begin = log.stat().st_size
    budget = max(1, workloads * PERCENT // 100)
    api.create(RULES, rule("app", maxConcurrent=f"{PERCENT}%", soakSeconds=1))
    started = time.monotonic()
    blows = sorted(["kill"] * kills + ["stop"] * stops, key=lambda _: random.random())
    there, back = blows[: len(blows) // 2], blows[len(blows) // 2 :]
    for number, blow in enumerate(there, start=1):
        share = workloads * number // (len(there) + 2)
        until(lambda share=share: numbers(api).get("done", 0) >= share, f"{share} are changed", 600)
        strike(api, operators, blow)
    until(lambda: numbers(api).get("done") == workloads, "all are changed", 1200)
    say(f"{workloads} changed in {time.monotonic() - started:.0f} s, with {len(there)} blows")

    started = time.monotonic()
    api.delete(f"{RULES}/app")
    for number, blow in enumerate(back, start=1):
        share = workloads - workloads * number // (len(back) + 2)
        until(lambda share=share: plans(api) <= share, f"{workloads - share} are put back", 600)
        strike(api, operators, blow)
    until(lambda: not plans(api), "all are put back", 1200)
    say(f"{workloads} put back in {time.monotonic() - started:.0f} s, with {len(back)} blows")

    counted = audited(log, begin)
    say(f"by the audit log: {len(counted.order)} rollouts, at most {counted.most} at once; the budget is {budget}")
    check(counted.most <= budget, f"the budget of {budget} was exceeded: {counted.most}")
    check(len(counted.order) == 2 * workloads, f"{len(counted.order)} rollouts, not one there and one back of each")
    check(counted.most > budget // 2, f"the budget of {budget} was hardly used: {counted.most}")


def strike(api: Api, operators: list[Operator], blow: str) -> None:
    """Kill the leader, or tell it to stop; then start it again."""
    leader = until(lambda: leading(api, operators), "somebody leads", 60)
    if blow == "kill":
        leader.kill()
    else:
        leader.stop()
    leader.start()


def leading(api: Api, operators: list[Operator]) -> Operator | None:
    """Return the operator that logged last that it leads, if the Lease is held."""
    if not ((api.get(LEASE) or {"spec": {}})["spec"].get("holderIdentity")):
        return None
    times = {}
    for operator in operators:
        lines = [line for line in operator.log.read_text(errors="replace").splitlines() if "leading: this" in line]
        times[lines[-1].split()[0] if lines else ""] = operator
    return times[max(times)] if max(times) else None


def audited(log: Path, begin: int) -> Rollouts:
    """Count the rollouts under way, from all writes to Deployments in the audit log."""
    counted, entries = Rollouts(), []
    with log.open("rb") as lines:
        lines.seek(begin)
        for line in lines:
            entry = json.loads(line)
            found = entry.get("responseObject", {})
            if entry["responseStatus"]["code"] < 300 and found.get("kind") == "Deployment":
                entries.append((int(found["metadata"]["resourceVersion"]), found))
    # The log has the order of the answers; resourceVersions that of the writes.
    for _, found in sorted(entries, key=lambda entry: entry[0]):
        if found["metadata"]["namespace"].startswith("app-"):
            counted.note(found)
    return counted


def halting(api: Api, fails: frozenset[str]) -> None:
    """Roll a rule out over workloads of which half fail: it halts, and what was not begun is never written."""
    say(f"60 Deployments, of which {len(fails)} fail with a probe")
    fill(api, "half", 60)
    api.create(RULES, rule("half", maxConcurrent=4, canaries=0, soakSeconds=0, maxFailures=2))
    until(lambda: numbers(api, "half").get("halted"), "the rule is halted", 180)
    until(lambda: not numbers(api, "half").get("inFlight"), "what was begun is finished", 180)
    changed = written(api)
    failed = len(changed & fails)
    say(f"halted after {len(changed)} of 60, {failed} of them failed; waiting a while")
    check(2 < failed <= 2 + 4, f"{failed} workloads failed, with 2 that are borne and 4 at once")
    time.sleep(20)
    check(written(api) == changed, "workloads were written after the rule had halted")


def written(api: Api) -> set[str]:
    """Return the Deployments of the second part that carry a probe."""
    items = [item for number in range(2) for item in api.get(f"{APPS}/namespaces/half-{number}/deployments")["items"]]
    return {
        item["metadata"]["name"]
        for item in items
        if "livenessProbe" in item["spec"]["template"]["spec"]["containers"][0]
    }


def numbers(api: Api, name: str = "app") -> dict[str, Any]:
    """Return the status of a rule's rollout."""
    status = (api.get(f"{RULES}/{name}") or {}).get("status") or {}
    return dict(status.get("rollout") or {})


def plans(api: Api) -> int:
    """Return how many HealthPlans there are."""
    listed = api.get("/apis/apphealth.dev/v1alpha1/healthplans?limit=1")
    return len(listed["items"]) + int(listed["metadata"].get("remainingItemCount") or 0)


def until(holds: Callable[[], Any], what: str, timeout: float) -> Any:
    """Wait until something holds; returns what it returned."""
    deadline = time.monotonic() + timeout
    while not (found := holds()):
        check(time.monotonic() < deadline, f"not after {timeout:g} s: {what}")
        time.sleep(0.3)
    return found


def check(holds: bool, message: str) -> None:
    """End the proof with a message if something doesn't hold."""
    if not holds:
        raise SystemExit(f"rollout-proof: {message}")


def say(text: str) -> None:
    """Print a line at once."""
    sys.stdout.write(f"{time.strftime('%H:%M:%S')} {text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
