"""All stories of all users, played together while the operator runs: in each step all write, and then all must settle.

What went otherwise than it should is noted by story; the tests look at the notes.
"""

import copy
import json
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml

HERE = Path(__file__).parent
FIELDS = ("livenessProbe", "readinessProbe", "startupProbe")
PATIENCE = 90.0
"""Seconds within which everything must have settled."""
QUIET = 1.2
"""Seconds without a change after which it has."""


@dataclass
class Role:
    """One Deployment, whose story is told by one user."""

    user: str
    story: dict[str, Any]
    namespace: str
    ours: dict[str, Any]
    plain: list[dict[str, Any] | None] = field(default_factory=list)
    """The pod's spec by step as the API server completes it, where nobody but the user has written."""
    step: int = -1
    phase: str = "play"
    """`play`; then, with the rule deleted, `end`; then, with the manifest applied once more, `encore`."""
    live: dict[str, Any] | None = None
    generation: int = 0
    notes: dict[str, list[str]] = field(default_factory=dict)
    """What went otherwise than it should, by aspect."""

    @property
    def name(self) -> str:
        return f"{self.user}-{self.story['id']}"

    @property
    def rule(self) -> str:
        return self.story.get("rule", "keep")

    @property
    def release(self) -> str:
        """Helm's, of which each rule has one, so that all that is rolled back is told by the same rule."""
        return self.story.get("release", self.rule)

    @property
    def ended(self) -> bool:
        """Whether nothing of ours may be left."""
        return self.phase != "play"

    @property
    def healing(self) -> bool:
        """Whether what is theirs went with our rule, as nothing told that it was theirs too."""
        return self.ended and bool(self.story.get("heals"))

    @property
    def most(self) -> int:
        """How often the workload may change now; `kubectl replace` always counts, as it takes an annotation out."""
        if self.phase == "encore" and not self.healing:
            return 1 if self.user == "replace" else 0
        return self.said.get("changes", 2)

    @property
    def said(self) -> dict[str, Any]:
        """What the step says; nothing where the Deployment is deleted."""
        return {} if self.ended else self.story["steps"][self.step] or {}

    @property
    def lost(self) -> dict[str, list[str]]:
        """The probes of ours, by container, that this user has taken out so often that they stay out."""
        return self.said.get("lost", {}) if self.user == "replace" else {}

    @property
    def state(self) -> str | None:
        """Of the HealthPlan, where it matters."""
        return "Contested" if self.lost else self.said.get("state")

    def note(self, aspect: str, text: str) -> None:
        self.notes.setdefault(aspect, []).append(
            f"{f'step {self.step}' if self.phase == 'play' else self.phase}: {text}"
        )

    def manifest(self, step: int | None = None) -> dict[str, Any] | None:
        """Return the user's manifest."""
        said = self.story["steps"][self.step if step is None else step]
        if said is None:
            return None
        labels = {"app": self.name}
        ports = [{"containerPort": 8080}]
        containers = [{"name": n, "image": "web:1", "ports": ports} | own for n, own in said["containers"].items()]
        template = {"metadata": {"labels": labels}, "spec": {"containers": containers} | said.get("pod", {})}
        return {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": self.name, "namespace": self.namespace, "labels": {"rule": self.rule}},
            "spec": {
                "replicas": said.get("replicas", 0),
                "selector": {"matchLabels": labels},
                "template": template,
            },
        }

    def expected(self) -> tuple[dict[str, Any] | None, set[tuple[str, str]]]:
        """Return the pod's spec as it should be, and which probes in it should be ours, by container and field."""
        pod = copy.deepcopy(self.plain[self.step])
        claims: set[tuple[str, str]] = set()
        if pod is None or self.ended:
            return pod, claims
        delivers = self.rule == "deliver" and not self.lost
        for container in pod["containers"]:
            lost = self.lost.get(container["name"], ())
            for name, probe in self.ours.items():
                if name not in lost and (name not in container or name in self.said.get("taken", ())):
                    container[name] = probe
                    claims.add((container["name"], name))
            if delivers:
                mount = {"name": "apphealth", "mountPath": "/etc/apphealth", "readOnly": True}
                container.setdefault("volumeMounts", []).append(mount)
        if delivers:
            config_map = {"name": f"{self.name}-apphealth", "optional": True, "defaultMode": 420}
            pod.setdefault("volumes", []).append({"name": "apphealth", "configMap": config_map})
        return pod, claims

    def difference(self, plans: dict[str, dict[str, Any]]) -> str:
        """Say how what is there differs from what should be; nothing if it doesn't."""
        if self.healing and self.phase == "end":
            return ""
        (pod, claims), plan = self.expected(), plans.get(f"deployment-{self.name}")
        if pod is None or self.live is None:
            return "" if pod is None and self.live is None else f"the Deployment is {'there' if self.live else 'gone'}"
        if text := ", ".join(differing(pod, self.live["spec"]["template"]["spec"])):
            return text
        if (found := claimed(self.live)) != claims:
            return f"managedFields has as ours {sorted(found)} instead of {sorted(claims)}"
        if self.state and (plan or {}).get("status", {}).get("state") != self.state:
            return f"the HealthPlan isn't {self.state}: {json.dumps(plan)[:1500]}"
        if self.ended and (plan or "apphealth" in managers(self.live)):
            return f"left: {plan or self.live['metadata']['managedFields']}"
        return ""


def differing(wanted: Any, found: Any, at: str = "pod") -> Iterator[str]:
    """Say where two values differ; the order of what has a name is of no account."""
    if isinstance(wanted, dict) and isinstance(found, dict):
        for key in wanted.keys() | found.keys():
            yield from differing(wanted.get(key), found.get(key), f"{at}.{key}")
    elif _is_named(wanted) and _is_named(found):
        yield from differing({item["name"]: item for item in wanted}, {item["name"]: item for item in found}, at)
    elif wanted != found:
        yield f"{at} is {json.dumps(found)}, not {json.dumps(wanted)}"


def _is_named(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, dict) and "name" in item for item in value)


def managers(deployment: dict[str, Any]) -> set[str]:
    return {entry["manager"] for entry in deployment["metadata"]["managedFields"]}


def claimed(deployment: dict[str, Any]) -> set[tuple[str, str]]:
    """Return which probes our entry in managedFields says anything of, by container and field."""
    found = set()
    for entry in deployment["metadata"]["managedFields"]:
        pod = entry["fieldsV1"].get("f:spec", {}).get("f:template", {}).get("f:spec", {})
        for key, fields in pod.get("f:containers", {}).items() if entry["manager"] == "apphealth" else ():
            name = json.loads(key[2:])["name"]
            found |= {(name, probe) for probe in FIELDS if f"f:{probe}" in fields}
    return found


class Play:
    """All users and their stories in one namespace."""

    def __init__(self, api: Any, namespace: str, users: dict[str, Any], roles: list[Role]) -> None:
        self.api, self.namespace, self.users, self.roles = api, namespace, users, roles
        self.rules = f"/apis/apphealth.dev/v1alpha1/namespaces/{namespace}/apphealths"

    @property
    def playing(self) -> list[Role]:
        """Those whose story has gone as it should so far; the others wait, so as not to hold up everybody."""
        return [role for role in self.roles if "different" not in role.notes]

    def announce(self, rules: dict[str, Any]) -> None:
        """Apply the rules."""
        for name, spec in rules.items():
            selected = spec | {"selector": {"matchLabels": {"rule": name}}}
            body = {"apiVersion": "apphealth.dev/v1alpha1", "kind": "AppHealth", "metadata": {"name": name}}
            self.api.create(self.rules, body | {"spec": selected})

    def rehearse(self) -> None:
        """Learn what the API server makes of each manifest."""
        path = f"/apis/apps/v1/namespaces/{self.namespace}/deployments?dryRun=All"
        for role in self.roles:
            manifests = [role.manifest(number) for number in range(len(role.story["steps"]))]
            role.plain = [self.api.create(path, m)["spec"]["template"]["spec"] if m else None for m in manifests]

    def perform(self) -> None:
        """Play all steps."""
        for number in range(max(len(role.story["steps"]) for role in self.roles)):
            acting = [role for role in self.playing if number < len(role.story["steps"])]
            for role in acting:
                role.step = number
            self.act(lambda user, roles: user.write(roles, self.of(user)), acting)
            self.settle(acting)

    def roll_back(self) -> None:
        """Let Helm go back to where its stories began."""
        acting = [role for role in self.playing if role.user == "helm" and role.release in ("keep", "deliver")]
        for role in acting:
            role.step = 0
        self.act(lambda user, roles: user.roll_back(roles), acting)
        self.settle(acting)

    def end(self) -> None:
        """Delete the rules, apply once more, and uninstall."""
        for rule in self.objects("apphealth.dev/v1alpha1", "apphealths"):
            self.api.delete(f"{self.rules}/{rule}")
        self.begin("end")
        self.settle(self.playing)
        self.begin("encore")
        acting = [role for role in self.playing if role.user != "by-hand"]
        self.act(lambda user, roles: user.write(roles, self.of(user)), acting)
        self.settle(acting)
        helm = [role for role in self.playing if role.user == "helm"]
        self.act(lambda user, roles: user.uninstall(roles), helm)
        self.look()
        for role in helm:
            if role.live and not role.live["metadata"].get("deletionTimestamp"):
                role.note("different", "there still after helm uninstall")

    def begin(self, phase: str) -> None:
        for role in self.roles:
            role.phase = phase

    def of(self, user: Any) -> list[Role]:
        return [role for role in self.roles if self.users[role.user] is user]

    def act(self, do: Callable[[Any, list[Role]], dict[str, str]], acting: list[Role]) -> None:
        """Let all users act at the same time."""
        parts = [(user, mine) for user in self.users.values() if (mine := [r for r in self.of(user) if r in acting])]
        with ThreadPoolExecutor(len(parts) or 1) as pool:
            for (_, mine), refused in zip(parts, pool.map(lambda part: do(*part), parts), strict=True):
                for role in mine:
                    if role.name in refused:
                        role.note("refused", refused[role.name])

    def settle(self, acting: list[Role]) -> None:
        """Wait until each is as it should be, and nothing moves any more."""
        started = moved = time.monotonic()
        before: Any = None
        while True:
            now = self.look()
            moved = moved if now == before else time.monotonic()
            before = now
            asked = any(role.ended or role.state for role in acting)
            plans = self.objects("apphealth.dev/v1alpha1", "healthplans") if asked else {}
            differences = {role.name: role.difference(plans) for role in acting}
            quiet = time.monotonic() - moved > QUIET
            if (quiet and not any(differences.values())) or time.monotonic() - started > PATIENCE:
                break
            time.sleep(0.5)
        for role in self.playing:
            self._count(role, role.most if role in acting else 0)
            if text := differences.get(role.name):
                role.note("different", text)

    def look(self) -> list[Any]:
        """Look at all Deployments; returns what changes when somebody writes a pod template."""
        found = self.objects("apps/v1", "deployments")
        for role in self.roles:
            role.live = found.get(role.name)
        return [(name, live["metadata"]["generation"], len(str(live["metadata"]))) for name, live in found.items()]

    def objects(self, group: str, plural: str) -> dict[str, dict[str, Any]]:
        items = self.api.get(f"/apis/{group}/namespaces/{self.namespace}/{plural}")["items"]
        return {item["metadata"]["name"]: item for item in items}

    def _count(self, role: Role, most: int) -> None:
        """Count how often the workload has changed since it had settled last."""
        generation = role.live["metadata"]["generation"] if role.live else 0
        if generation > role.generation + most:
            role.note("moved", f"changed {generation - role.generation} times, not {most} at most")
        role.generation = generation


@pytest.fixture(scope="module")
def play(request: Any, api: Any, operator: Any, users: dict[str, Any]) -> Iterator[dict[tuple[str, str], Role]]:
    """Play the stories of all tests that were chosen; provides each role by story and user."""
    told, commands = (yaml.safe_load((HERE / file).read_text()) for file in ("stories.yaml", "commands.yaml"))
    stories = {story["id"]: story for story in told["stories"] + commands["stories"]}
    chosen = {tuple(item.callspec.params[name] for name in ("story", "user")): None for item in _tests(request)}
    namespace = f"stories-{uuid.uuid4().hex[:8]}"
    api.create("/api/v1/namespaces", {"metadata": {"name": namespace}})
    roles = {(story, user): Role(user, stories[story], namespace, told["ours"]) for story, user in chosen}
    play = Play(api, namespace, users, list(roles.values()))
    play.rehearse()
    play.announce(told["rules"])
    play.perform()
    play.roll_back()
    play.end()
    yield roles
    api.delete(f"/api/v1/namespaces/{namespace}")


def _tests(request: Any) -> list[Any]:
    return [item for item in request.session.items if "play" in item.fixturenames and item.module is request.module]
