"""Clusters that tests share, and how tests are divided among processes.

Each cluster starts when the first test asks for it, and ends when no test is left that does. `make test` runs several
pytest workers (pytest-xdist), which share nothing: a worker that is given tests of a cluster starts one of its own.
"""

import os
import shutil
import signal
import subprocess
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from xdist.scheduler import LoadScopeScheduling

from localcluster import Cluster, Level, binaries, start
from localcluster.launch import PROGRAMS
from localcluster.locks import locked
from localcluster.paths import cache_dir
from localcluster.prerequisites import ensure_node_prerequisites, why_no_node
from localcluster.progress import default_progress

# Whoever runs the tests in the background may have Ctrl-C ignored, and all that we start would inherit that.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# In CI a failure must come from the change: the same examples each time. Elsewhere new ones are tried at every run.
hypothesis.settings.register_profile("ci", derandomize=True)
if os.environ.get("CI") == "true":
    hypothesis.settings.load_profile("ci")

CHART = Path(__file__).parents[1] / "deploy/helm/apphealth"
_LEVELS = {
    "control_plane": Level.CONTROL_PLANE,
    "simulated": Level.SIMULATED,
    "node": Level.NODE,
    "able_to_run_a_node": Level.NODE,
}
"""Fixtures and the level of the cluster behind each."""

_running: set[str] = set()
"""The fixtures whose clusters run in this process."""

PIECES = (
    ("tests/node/test_demo.py", "demo", 180),
    ("tests/node/", "node", 170),
    ("tests/localcluster/test_node.py", "node", 170),
    ("tests/localcluster/test_simulated.py", "simulated", 150),
    ("tests/cluster/operator/test_out_of_reach.py", "simulated", 150),
    ("tests/cluster/users/", "module", 130),
    ("tests/cluster/operator/faults/", "module", 110),
    ("tests/cluster/admission/test_with_policy.py", "module", 60),
    ("tests/localcluster/", "module", 40),
    ("tests/cluster/test_bench_smoke.py", "test", 20),
    ("tests/cluster/", "module", 20),
    ("tests/browser/", "module", 15),
    ("tests/packages/", "module", 15),
    ("tests/library/test_compatibility.py", "test", 15),
    ("tests/library/servers/", "test", 0),
    ("", "module", 0),
)
"""Where tests are, what of them a worker is given at a time, and how many seconds that takes at most, roughly.

What needs a cluster with a node, or an operator that runs for all tests of a module, stays together: what isn't divided
by module or test is by the name given here. The pieces that take longest are given out first, those that need clusters
before all others; short ones are mixed, so that some wait while others work.
"""


def piece(nodeid: str) -> tuple[str, int]:
    """Return the name of a test's piece of work, and its seconds."""
    _, size, seconds = next(found for found in PIECES if nodeid.startswith(found[0]))
    return {"module": nodeid.partition("::")[0], "test": nodeid}.get(size, size), seconds


class Pieces(LoadScopeScheduling):
    """Gives each worker pieces of work in the order of the tests."""

    def _split_scope(self, nodeid: str) -> str:
        return piece(nodeid)[0]


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Pieces:
    """Divide the tests into pieces."""
    config.option.loadscopereorder = False  # it would begin with the pieces that have the most tests
    return Pieces(config, log)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Run two workers on a core for `make test-fast`: most tests wait most of the time."""
    return 2 * (os.cpu_count() or 1)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the longest tests; apart from that, the order stays random."""
    items.sort(key=lambda item: -piece(item.nodeid)[1])


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> None:
    """End the clusters that no test after this one asks for: what idles in them would take a fifth of the machine."""
    if nextitem is None or not _running or (seconds := piece(nextitem.nodeid)[1]) == piece(item.nodeid)[1]:
        return
    later = (other for other in item.session.items if piece(other.nodeid)[1] <= seconds)
    if _running - {name for other in later for name in getattr(other, "fixturenames", ())}:
        # As after the last test of all: what else there is for the whole session is made anew if it's asked for.
        item.config.pluginmanager.getplugin("runner").pytest_runtest_teardown(item, None)


@pytest.hookimpl(wrapper=True)
def pytest_collection_finish(session: pytest.Session) -> Iterator[None]:
    """Build what the chosen tests need before the first of them: a cold build takes longer than any test may.

    All workers come here, one after another, before any of them is given a test: the first one builds everything.
    """
    if session.config.option.collectonly:
        return (yield)
    capture = session.config.pluginmanager.getplugin("capturemanager")
    with locked(cache_dir() / "locks" / "tests.lock"), capture.global_and_fixture_disabled():
        used = {name for item in session.items for name in getattr(item, "fixturenames", ())}
        programs = [program for name, level in _LEVELS.items() if name in used for program in PROGRAMS[level]]
        binaries.ensure([*dict.fromkeys(programs), "helm"] if programs else [])
        binaries.ensure(["promtool", "prometheus"] if "prometheus_programs" in used else [])
        if "able_to_run_a_node" in used and why_no_node() is None:
            ensure_node_prerequisites(default_progress())
        return (yield)


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
def able_to_run_a_node() -> None:
    """Need Linux and root. Without them, CI fails, and others skip."""
    if reason := why_no_node():
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(reason)


@pytest.fixture(scope="session")
def node(able_to_run_a_node: None) -> Iterator[Cluster]:
    """Provide a cluster with a real node."""
    yield from _shared("node")


@pytest.fixture(scope="session")
def helm() -> Callable[..., subprocess.CompletedProcess[str]]:
    """Provide helm."""
    program = binaries.ensure(["helm"]) / "helm"

    def run(*arguments: Any, check: bool = True, **options: Any) -> subprocess.CompletedProcess[str]:
        command = [str(program), *map(str, arguments)]
        done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=400, **options)
        assert not check or done.returncode == 0, done.stdout + done.stderr
        return done

    return run


@pytest.fixture(scope="session")
def older_chart(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write the chart as an earlier version might have been, with a definition that lacks a column."""
    folder = tmp_path_factory.mktemp("older") / "apphealth"
    shutil.copytree(CHART, folder)  # with the contents of the links
    chart = folder / "Chart.yaml"
    chart.write_text(chart.read_text().replace("version: 0.1.0", "version: 0.0.9", 1))
    definition = folder / "files/crds/healthplans.yaml"
    lines = definition.read_text().splitlines(keepends=True)
    definition.write_text("".join(line for line in lines if "{name: State," not in line))
    return folder


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
        _running.add(fixture)
        yield cluster
        _running.remove(fixture)


def _namespace(cluster: Cluster) -> Iterator[str]:
    name = f"test-{uuid.uuid4().hex[:10]}"
    cluster.kubectl("create", "namespace", name)
    # Pods are refused until the controllers have made it.
    cluster.kubectl("wait", "-n", name, "--for=create", "serviceaccount/default", "--timeout=30s")
    yield name
    cluster.kubectl("delete", "namespace", name, "--wait=false")
