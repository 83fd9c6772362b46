"""A running cluster, for tests, demo and benchmarks."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from . import binaries
from .control import command
from .errors import CommandError, LocalClusterError
from .keeper import DETACH
from .kubeconfig import server_url, write_kubeconfig
from .launch import bring_down, launch, running
from .level import Level
from .progress import Progress, default_progress
from .readiness import wait_for
from .simulated import node_list
from .spec import ClusterSpec

_COMMAND_TIMEOUT = 180.0


@dataclass(frozen=True, slots=True)
class ComponentStatus:
    """What a component is doing."""

    name: str
    state: str
    """``running``, ``waiting`` (for the API server), ``crashed`` (started again soon) or ``stopped`` (on purpose)."""

    pid: int | None
    """Its process id. With a real node, that of the cluster's own process namespace."""

    uptime: float
    """Seconds since it was started last; 0 if it isn't running."""

    restarts: int
    """How often it ended by itself and was started again."""


class Cluster:
    """A cluster that runs on this machine. Made by `start` and `attach`.

    As a context manager, it goes down at the end of the block if this process started it.
    """

    def __init__(self, spec: ClusterSpec, lifeline: int | None = None) -> None:
        self._spec = spec
        self._lifeline = lifeline

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._lifeline is not None:
            self.down()

    def __repr__(self) -> str:
        return f"<Cluster {self.name}, {self.level}, {self.server}>"

    @property
    def name(self) -> str:
        """Its name."""
        return self._spec.name

    @property
    def level(self) -> Level:
        """How much of a Kubernetes it is."""
        return self._spec.level

    @property
    def folder(self) -> Path:
        """Folder that holds everything of this cluster."""
        return self._spec.files.root

    @property
    def kubeconfig(self) -> Path:
        """Kubeconfig with admin rights."""
        return self._spec.files.kubeconfig

    @property
    def server(self) -> str:
        """Address of the API server: on 127.0.0.1, or in the cluster's own network if it has a real node."""
        return server_url(self._spec)

    @property
    def host_address(self) -> str:
        """Address under which the cluster reaches servers on this host, for webhooks: bind to it."""
        return self._spec.addresses.host

    @property
    def node_address(self) -> str:
        """Address of the real node, for NodePorts."""
        if self.level is not Level.NODE:
            raise LocalClusterError(f"the cluster {self.name} has no real node: it is of level {self.level}")
        return self._spec.addresses.server

    def kubectl(
        self,
        *arguments: str,
        input: str | None = None,  # noqa: A002 - as in subprocess.run
        check: bool = True,
        timeout: float = _COMMAND_TIMEOUT,
    ) -> subprocess.CompletedProcess[str]:
        """Run kubectl with admin rights.

        Parameters
        ----------
        *arguments
            Its command line. ``--kubeconfig`` among them overrides the admin's.
        input
            Text for its standard input.
        check
            Whether an exit code other than 0 is an error.
        timeout
            Seconds until it is killed.

        Raises
        ------
        CommandError
            If `check` is true and it fails; the message has what it wrote to standard error.
        subprocess.TimeoutExpired
            If it takes too long.
        """
        return self._run("kubectl", arguments, input, check, timeout)

    def helm(
        self,
        *arguments: str,
        input: str | None = None,  # noqa: A002 - as in subprocess.run
        check: bool = True,
        timeout: float = _COMMAND_TIMEOUT,
    ) -> subprocess.CompletedProcess[str]:
        """Run Helm with admin rights; parameters and errors as for `kubectl`."""
        return self._run("helm", arguments, input, check, timeout)

    def apply(self, manifest: str | Path, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run ``kubectl apply`` on YAML text, a file or a folder."""
        if isinstance(manifest, Path):
            return self.kubectl("apply", "-f", str(manifest), *arguments)
        return self.kubectl("apply", "-f", "-", *arguments, input=manifest)

    def get(self, *arguments: str) -> Any:  # noqa: ANN401 - JSON is what it is
        """Run ``kubectl get … -o json`` and return what it parsed."""
        return json.loads(self.kubectl("get", *arguments, "-o", "json").stdout)

    def service_account_kubeconfig(self, namespace: str, name: str, duration: str = "24h") -> Path:
        """Write a kubeconfig with a token of a ServiceAccount: the rights are what RBAC gives it, no more.

        Parameters
        ----------
        namespace, name
            The ServiceAccount, which must exist.
        duration
            How long the token is valid.
        """
        token = self.kubectl("create", "token", name, "-n", namespace, f"--duration={duration}").stdout.strip()
        target = self.folder / "service-accounts" / f"{namespace}-{name}.kubeconfig"
        target.parent.mkdir(exist_ok=True, mode=0o700)
        write_kubeconfig(target, self._spec, token=token, user=f"{namespace}-{name}", namespace=namespace)
        return target

    def status(self) -> list[ComponentStatus]:
        """Return what each component is doing."""
        found = command(self._spec.files, "status")["components"]
        return [ComponentStatus(name, **values) for name, values in found.items()]

    def log(self, component: str) -> Path:
        """Return the log of a component, or of the ``keeper``."""
        return self._spec.files.log(component)

    def stop(self, component: str) -> None:
        """Kill a component, as a crash would. It stays down until `resume`; port and data stay its own."""
        command(self._spec.files, "stop", component)

    def pause(self, component: str) -> None:
        """Freeze a component: its connections stay open, and nobody answers, until `resume`."""
        command(self._spec.files, "pause", component)

    def resume(self, component: str) -> None:
        """Start a component again after `stop` or `pause`; for kube-apiserver and etcd, wait until the API is ready."""
        command(self._spec.files, "resume", component)
        wait_for(self._spec, component)

    def restart(self, component: str) -> None:
        """Kill a component and start it again; for kube-apiserver and etcd, wait until the API is ready."""
        command(self._spec.files, "restart", component)
        wait_for(self._spec, component)

    def add_nodes(self, count: int) -> list[str]:
        """Add simulated nodes, whose pods become Ready by themselves.

        Returns
        -------
        list of str
            The names of the new nodes.
        """
        if self.level is not Level.SIMULATED:
            raise LocalClusterError(f"simulated nodes need level simulated; the cluster {self.name} is of {self.level}")
        first = len(self.get("nodes")["items"])
        names = [f"simulated-{number}" for number in range(first, first + count)]
        self.kubectl("create", "-f", "-", input=json.dumps(node_list(names)))
        return names

    def load(self, image_tar: Path) -> list[str]:
        """Import an image archive (OCI or docker) into the real node's containerd.

        Returns
        -------
        list of str
            The names of the images it held.
        """
        from .containers import load_image

        return load_image(self._spec, image_tar)

    def detach(self) -> None:
        """Leave the cluster running when this process ends."""
        if self._lifeline is not None:
            os.write(self._lifeline, DETACH)
            os.close(self._lifeline)
            self._lifeline = None

    def down(self) -> None:
        """End the cluster and remove everything it made. Harmless if it is down already."""
        if self._lifeline is not None:
            os.close(self._lifeline)
            self._lifeline = None
        bring_down(self.name)

    def _run(
        self, program: str, arguments: Sequence[str], text: str | None, check: bool, timeout: float
    ) -> subprocess.CompletedProcess[str]:
        result = subprocess.run(
            [str(binaries.ensure([program]) / program), *arguments],
            input=text,
            stdin=subprocess.DEVNULL if text is None else None,
            capture_output=True,
            text=True,
            check=False,
            timeout=timeout,
            env=self._environment(),
        )
        if check and result.returncode != 0:
            raise CommandError(result)
        return result

    def _environment(self) -> dict[str, str]:
        tools = self.folder / "tools"
        return os.environ | {
            "KUBECONFIG": str(self.kubeconfig),
            "KUBECACHEDIR": str(tools / "kubectl"),
            "HELM_CACHE_HOME": str(tools / "helm"),
            "HELM_CONFIG_HOME": str(tools / "helm"),
            "HELM_DATA_HOME": str(tools / "helm"),
        }


def start(
    name: str = "default",
    *,
    level: Level = Level.CONTROL_PLANE,
    controllers: bool = True,
    extra_arguments: Mapping[str, Sequence[str]] | None = None,
    progress: Progress | None = None,
) -> Cluster:
    """Start a cluster and wait until it is ready.

    It ends with this process, whatever ends that, unless it is detached.

    Parameters
    ----------
    name
        Its name: 1 to 40 lower-case letters, digits and hyphens. What crashed under that name is cleaned up first.
    level
        How much of a Kubernetes it is.
    controllers
        Whether kube-controller-manager and kube-scheduler run. Without them the machine is left to the API server.
    extra_arguments
        More command-line flags, by component: ``{"kube-apiserver": ["--etcd-compaction-interval=5s"]}``.
    progress
        Where to say what goes on. Default: standard error.

    Raises
    ------
    ClusterRunningError
        If the name is taken.
    MissingPrerequisiteError
        If this machine lacks something that can't be installed from here.
    BuildError
        If a program is missing and can't be built.
    StartError
        If the cluster doesn't become ready.
    """
    spec, lifeline = launch(
        name,
        Level(level),
        controllers=controllers,
        extra_arguments=extra_arguments or {},
        progress=progress or default_progress(),
    )
    return Cluster(spec, lifeline)


def attach(name: str = "default") -> Cluster:
    """Return a cluster that runs already; it goes on when this process ends.

    Raises
    ------
    ClusterNotFoundError
        If none of that name runs.
    """
    return Cluster(running(name))
