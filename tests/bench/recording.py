"""What the operator wrote, read back from the cluster as requests that write it again; and what takes it away.

The bare client sends the very same bodies: complete probes with the other handlers null, uid and resourceVersion as the
condition, the same field manager, the same query.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tests.bench.bare import MERGE, STRATEGIC_MERGE, Bare, Step, step_of

HEALTH_PLANS = "/apis/apphealth.dev/v1alpha1/healthplans"
DEPLOYMENTS = "/apis/apps/v1/deployments"
CONFIG_MAPS = "/api/v1/configmaps?labelSelector=app.kubernetes.io%2Fmanaged-by%3Dapphealth"
PROBES = ("livenessProbe", "readinessProbe", "startupProbe")
HANDLERS = ("exec", "httpGet", "tcpSocket", "grpc")
VOLUME, MOUNT = "apphealth", "/etc/apphealth"
_PATCH = "?fieldManager=apphealth&fieldValidation=Strict"

Object = dict[str, Any]
Key = tuple[str, str]
"""Namespace and name of a Deployment."""


@dataclass(frozen=True, slots=True)
class Recording:
    """The bodies of all writes, by Deployment."""

    patches: dict[Key, Object]
    others: dict[Key, list[Step]]
    """The ConfigMap and the HealthPlan."""

    async def jobs(self, bare: Bare) -> list[list[Step]]:
        """Return the requests, on the condition that each Deployment is as it is now."""
        found = []
        async for deployment in bare.items(DEPLOYMENTS):
            if (key := _key(deployment)) in self.patches:
                condition = {name: deployment["metadata"][name] for name in ("uid", "resourceVersion")}
                patch = self.patches[key] | {"metadata": condition}
                step = step_of("PATCH", _path(deployment) + _PATCH, patch, STRATEGIC_MERGE)
                found.append([step, *self.others[key]])
        return found

    @property
    def counts(self) -> dict[str, int]:
        """How many PATCHes, and how many other objects."""
        return {"patches": len(self.patches), "others": sum(map(len, self.others.values()))}


async def record(bare: Bare) -> Recording:
    """Read back what the operator wrote, in the order in which it writes: workload, ConfigMap, HealthPlan."""
    patches = {_key(d): body async for d in bare.items(DEPLOYMENTS) if (body := _patch_body(d))}
    others: dict[Key, list[Step]] = {key: [] for key in patches}
    for path in (CONFIG_MAPS, HEALTH_PLANS):
        async for item in bare.items(path):
            owner = item["metadata"]["ownerReferences"][0]
            key = (item["metadata"]["namespace"], owner["name"])
            if key in others:
                others[key].append(_creation(path, item))
    return Recording(patches, others)


async def undo(bare: Bare) -> None:
    """Take out all that was written, ours or the bare client's, and the rule."""
    rules = [rule async for rule in bare.items("/apis/apphealth.dev/v1alpha1/clusterapphealths")]
    names = [rule["metadata"]["name"] for rule in rules]
    await bare.send([[step_of("DELETE", f"/apis/apphealth.dev/v1alpha1/clusterapphealths/{n}", None)] for n in names])
    doomed = [_deletion(path, item) for path in (CONFIG_MAPS, HEALTH_PLANS) async for item in bare.items(path)]
    await bare.send([step] for step in doomed)
    await bare.send([[_stripping(d)] async for d in bare.items(DEPLOYMENTS) if _patch_body(d)])


async def mark_observed(bare: Bare) -> None:
    """Say of each Deployment that its controller has seen it: the template is the one that it had seen already."""
    await bare.send([[_observed(d)] async for d in bare.items(DEPLOYMENTS)])


def _patch_body(deployment: Object) -> Object | None:
    """Return the patch that added what a Deployment carries of ours; None where there is nothing."""
    pod = deployment["spec"]["template"]["spec"]
    containers = [body for container in pod["containers"] if len(body := _container_body(container)) > 1]
    if not containers:
        return None
    volumes = [_as_sent(volume) for volume in pod.get("volumes", ()) if volume["name"] == VOLUME]
    return {"spec": {"template": {"spec": {"containers": containers} | ({"volumes": volumes} if volumes else {})}}}


def _container_body(container: Object) -> Object:
    probes = {kind: dict.fromkeys(HANDLERS) | container[kind] for kind in PROBES if kind in container}
    mounts = [mount for mount in container.get("volumeMounts", ()) if mount["mountPath"] == MOUNT]
    return {"name": container["name"]} | probes | ({"volumeMounts": mounts} if mounts else {})


def _as_sent(volume: Object) -> Object:
    """Leave out what the API server adds."""
    source = {key: value for key, value in volume["configMap"].items() if key != "defaultMode"}
    return {"name": VOLUME, "configMap": source}


def _stripping(deployment: Object) -> Step:
    body = _patch_body(deployment) or {}
    pod = body["spec"]["template"]["spec"]
    for container in pod["containers"]:
        container.update(dict.fromkeys(kind for kind in PROBES if kind in container))
        if "volumeMounts" in container:
            container["volumeMounts"] = [{"$patch": "delete", "mountPath": MOUNT}]
    if "volumes" in pod:
        pod["volumes"] = [{"$patch": "delete", "name": VOLUME}]
    return step_of("PATCH", _path(deployment) + _PATCH, body | {"metadata": {}}, STRATEGIC_MERGE)


def _observed(deployment: Object) -> Step:
    body = {"status": {"observedGeneration": deployment["metadata"]["generation"]}}
    return step_of("PATCH", f"{_path(deployment)}/status", body, MERGE)


def _creation(path: str, item: Object) -> Step:
    metadata = {name: item["metadata"][name] for name in ("name", "namespace", "labels", "ownerReferences")}
    body = {name: value for name, value in item.items() if name != "metadata"} | {"metadata": metadata}
    # Items of a list lack what the list says for all of them.
    kinds = {HEALTH_PLANS: ("apphealth.dev/v1alpha1", "HealthPlan"), CONFIG_MAPS: ("v1", "ConfigMap")}
    body["apiVersion"], body["kind"] = kinds[path]
    return step_of("POST", _collection(path, item) + "?fieldManager=apphealth", body)


def _deletion(path: str, item: Object) -> Step:
    return step_of("DELETE", f"{_collection(path, item)}/{item['metadata']['name']}", None)


def _collection(path: str, item: Object) -> str:
    base, _, plural = path.partition("?")[0].rpartition("/")
    return f"{base}/namespaces/{item['metadata']['namespace']}/{plural}"


def _path(deployment: Object) -> str:
    namespace, name = _key(deployment)
    return f"/apis/apps/v1/namespaces/{namespace}/deployments/{name}"


def _key(item: Object) -> Key:
    return item["metadata"]["namespace"], item["metadata"]["name"]
