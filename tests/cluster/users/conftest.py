"""Users who write to their Deployments, each in one of the ways that there are.

`write(roles)` makes of the Deployments what their manifests say, all at once, as somebody does who applies a folder; it
returns who was refused, and what they were told. A role (see stories/conftest.py) is one Deployment and its story.
"""

import json
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from localcluster import Cluster, binaries

HERE = Path(__file__).parent
Refusals = dict[str, str]
"""What the user was told, by the name of the Deployment."""


class Kubectl:
    """Applies with kubectl, `times` over; `more` are its arguments."""

    def __init__(
        self, cluster: Cluster, *more: str, times: int = 1, verbs: tuple[str, str] = ("apply", "apply")
    ) -> None:
        self.cluster, self.more, self.times = cluster, more, times
        self.create, self.change = verbs

    def write(self, roles: list[Any], everybody: list[Any]) -> Refusals:
        fresh = [role for role in roles if role.live is None and role.manifest()]
        known = [role for role in roles if role.live is not None and role.manifest()]
        gone = [role.name for role in roles if role.manifest() is None]
        if gone:
            self.cluster.kubectl("delete", "deployment", "-n", roles[0].namespace, *gone)
        refused = self._send(self.create, fresh)
        for number in range(self.times):
            time.sleep(0.5 if number else 0)
            refused |= self._send(self.change, known)
        return refused

    def _send(self, verb: str, roles: list[Any], *force: str, tries: int = 4) -> Refusals:
        if not roles:
            return {}
        text = json.dumps({"apiVersion": "v1", "kind": "List", "items": [role.manifest() for role in roles]})
        done = self.cluster.kubectl(verb, *self.more, *force, "-f", "-", "-o", "name", input=text, check=False)
        written = set(done.stdout.split())
        left = [r for r in roles if f"deployment.apps/{r.name}" not in written]
        if left and verb == "replace" and tries > 1 and "the object has been modified" in done.stderr:
            # `kubectl replace` reads and then writes: any controller's write in between makes it ask to be tried again.
            return self._send(verb, left, *force, tries=tries - 1)
        return {r.name: done.stderr for r in left}


class Unforced(Kubectl):
    """Applies server-side without force, and only with force where that is refused as expected."""

    def write(self, roles: list[Any], everybody: list[Any]) -> Refusals:
        wary = [role for role in roles if role.said.get("refused")]
        refused = super().write([role for role in roles if role not in wary], everybody)
        for role in wary:
            told = self._send(self.change, [role]).get(role.name, "nothing: it was not refused")
            if 'conflict with "apphealth"' not in told and 'conflicts with "apphealth"' not in told:
                refused[role.name] = f"told: {told}"
        return refused | self._send(self.change, wary, "--force-conflicts")


class Helm:
    """Has the Deployments of each rule in a release of their own."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster

    def write(self, roles: list[Any], everybody: list[Any]) -> Refusals:
        refused: Refusals = {}
        for release in {role.release for role in roles}:
            manifests = {r.name: manifest for r in everybody if r.release == release and (manifest := r.manifest())}
            values = json.dumps({"deployments": manifests})
            arguments = ("upgrade", "--install", release, str(HERE / "chart"), "-f", "-")
            refused |= self._run(roles, release, *arguments, text=values)
        return refused

    def roll_back(self, roles: list[Any]) -> Refusals:
        """Go back to where each began."""
        return self._each(roles, "rollback", "1")

    def uninstall(self, roles: list[Any]) -> Refusals:
        return self._each(roles, "uninstall")

    def _each(self, roles: list[Any], verb: str, *more: str) -> Refusals:
        told = [self._run(roles, release, verb, release, *more) for release in {role.release for role in roles}]
        return {name: text for part in told for name, text in part.items()}

    def _run(self, roles: list[Any], release: str, *arguments: str, text: str | None = None) -> Refusals:
        done = self.cluster.helm(*arguments, "-n", roles[0].namespace, input=text, check=False)
        return {role.name: done.stderr for role in roles if role.release == release} if done.returncode else {}


class ByHand:
    """Creates by kubectl apply; then `run`s a command, or `edit`s, as the step says."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        self.kubectl = str(binaries.ensure(["kubectl"]) / "kubectl")

    def write(self, roles: list[Any], everybody: list[Any]) -> Refusals:
        if roles[0].step == 0:
            return Kubectl(self.cluster).write(roles, everybody)
        with ThreadPoolExecutor(4) as pool:
            return {name: told for name, told in pool.map(self._do, roles) if told}

    def _do(self, role: Any) -> tuple[str, str]:
        commands = role.said.get("run") or [["edit", "deployment/NAME"]]
        editor = {"KUBE_EDITOR": f"{sys.executable} {HERE / 'editor.py'}", "EDIT": json.dumps(role.said.get("edit"))}
        for command in commands:
            told = subprocess.run(
                [self.kubectl, *(part.replace("NAME", role.name) for part in command), "-n", role.namespace],
                env=os.environ | editor | {"KUBECONFIG": str(self.cluster.kubeconfig)},
                input=json.dumps(role.manifest()) if "-f" in command else "",
                capture_output=True,
                text=True,
                check=False,
                timeout=120,
            )
            if told.returncode:
                return role.name, f"{command}: {told.stderr}"
        return role.name, ""


@pytest.fixture(scope="session")
def users(control_plane: Cluster) -> dict[str, Any]:
    """Provide all users by name."""
    forced = ("--server-side", "--force-conflicts")
    return {
        "client-side": Kubectl(control_plane),
        "server-side": Unforced(control_plane, "--server-side"),
        "forced": Kubectl(control_plane, *forced),
        "replace": Kubectl(control_plane, verbs=("create", "replace")),
        "helm": Helm(control_plane),
        "flux": Kubectl(control_plane, *forced, "--field-manager=kustomize-controller", times=5),
        "argo-cd": Kubectl(control_plane, times=5),
        "by-hand": ByHand(control_plane),
    }
