"""Clusters that all tests share. Each is started when the first test asks for it, and ends with the session."""

import os
import signal
import uuid
from collections.abc import Iterator

import hypothesis
import pytest

from localcluster import Cluster, Level, binaries, start
from localcluster.launch import PROGRAMS
from localcluster.prerequisites import why_no_node

# Whoever runs the tests in the background may have Ctrl-C ignored, and all that we start would inherit that.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# In CI a failure must come from the change: the same examples each time. Elsewhere new ones are tried at every run.
hypothesis.settings.register_profile("ci", derandomize=True)
if os.environ.get("CI") == "true":
    hypothesis.settings.load_profile("ci")

_LEVELS = {"control_plane": Level.CONTROL_PLANE, "simulated": Level.SIMULATED, "node": Level.NODE}
"""Fixtures and the level of the cluster behind each."""


def pytest_collection_finish(session: pytest.Session) -> None:
    """Build what the chosen tests need before the first of them: a cold build takes longer than any test may."""
    used = {name for item in session.items for name in getattr(item, "fixturenames", ())}
    programs = [program for name, level in _LEVELS.items() if name in used for program in PROGRAMS[level]]
    if not programs or session.config.option.collectonly:
        return
    capture = session.config.pluginmanager.getplugin("capturemanager")
    with capture.global_and_fixture_disabled():
        binaries.ensure([*dict.fromkeys(programs), "helm"])


@pytest.fixture(scope="session")
def control_plane() -> Iterator[Cluster]:
    """Provide etcd, API server, controllers and scheduler; no nodes."""
    yield from _shared("control_plane")


@pytest.fixture(scope="session")
def simulated() -> Iterator[Cluster]:
    """Provide a control plane with three simulated nodes, whose pods become Ready by themselves."""
    for cluster in _shared("simulated"):
        cluster.add_nodes(3)
        yield cluster


@pytest.fixture(scope="session")
def node() -> Iterator[Cluster]:
    """Provide a cluster with a real node: needs Linux and root. Without them, CI fails, and others skip."""
    if reason := why_no_node():
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(reason)
    yield from _shared("node")


@pytest.fixture
def namespace(control_plane: Cluster) -> Iterator[str]:
    """Make a namespace of the test's own in `control_plane`, and delete it in the end."""
    yield from _namespace(control_plane)


@pytest.fixture
def simulated_namespace(simulated: Cluster) -> Iterator[str]:
    """Make a namespace of the test's own in `simulated`, and delete it in the end."""
    yield from _namespace(simulated)


@pytest.fixture
def node_namespace(node: Cluster) -> Iterator[str]:
    """Make a namespace of the test's own in `node`, and delete it in the end."""
    yield from _namespace(node)


def _shared(fixture: str) -> Iterator[Cluster]:
    with start(f"test-{fixture.replace('_', '-')}-{os.getpid()}", level=_LEVELS[fixture]) as cluster:
        yield cluster


def _namespace(cluster: Cluster) -> Iterator[str]:
    name = f"test-{uuid.uuid4().hex[:10]}"
    cluster.kubectl("create", "namespace", name)
    # Pods are refused until the controllers have made it.
    cluster.kubectl("wait", "-n", name, "--for=create", "serviceaccount/default", "--timeout=30s")
    yield name
    cluster.kubectl("delete", "namespace", name, "--wait=false")
