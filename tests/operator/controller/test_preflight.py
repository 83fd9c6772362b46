"""Whether the admission policies are there is looked up once for all of them, and said when it changes."""

from pathlib import Path

import pytest
import yaml

from apphealth.controller.preflight import POLICY_NAMES, find_obstacle, look_for_policy, read_namespace
from apphealth.controller.status_writer import Protection
from apphealth.kube.discovery import served
from apphealth.kube.errors import ForbiddenError, NotFoundError
from apphealth.kube.resources import Resource

ADMISSION = Path(__file__).parents[3] / "deploy/operator/admission"
ROLE = Path(__file__).parents[3] / "deploy/operator/cluster/cluster-role.yaml"


class Answers:
    """A client for which some policies are there."""

    def __init__(self, there: list[str], error: type[Exception] = NotFoundError) -> None:
        self.there, self.error = there, error

    async def get(self, path: str, _type: type) -> dict[str, str]:
        if path.rpartition("/")[2] not in self.there:
            raise self.error("no", status=404)
        return {}


@pytest.mark.parametrize(
    ("answers", "installed", "said"),
    [
        pytest.param(Answers(list(POLICY_NAMES)), True, 0, id="all there"),
        pytest.param(Answers([]), False, len(POLICY_NAMES), id="none there"),
        pytest.param(Answers([POLICY_NAMES[0]]), False, len(POLICY_NAMES) - 1, id="one of them there"),
        pytest.param(Answers([], ForbiddenError), None, 0, id="not allowed to look"),
    ],
)
async def test_the_policies_are_found_or_missed(answers, installed, said, caplog):
    protection = Protection()
    await look_for_policy(answers, protection)
    assert protection.installed is installed
    warnings = [record for record in caplog.records if record.levelname == "WARNING"]
    assert len(warnings) == said


async def test_what_is_missing_is_said_once(caplog):
    protection = Protection()
    for _ in range(3):
        await look_for_policy(Answers([]), protection)
    assert len(caplog.records) == len(POLICY_NAMES)


def test_every_policy_that_is_installed_is_looked_for_and_may_be_read():
    shipped = {
        document["metadata"]["name"]
        for path in ADMISSION.glob("*.yaml")
        for document in yaml.safe_load_all(path.read_text())
        if document["kind"] == "MutatingAdmissionPolicy"
    }
    readable = {
        name
        for document in yaml.safe_load_all(ROLE.read_text())
        for rule in document.get("rules", [])
        if "mutatingadmissionpolicies" in rule["resources"]
        for name in rule["resourceNames"]
    }
    assert shipped == set(POLICY_NAMES) == readable


ARGO = Resource.ROLLOUTS.api_path


class Server:
    """A client for a cluster that has, or may read, only some things."""

    def __init__(self, apis: dict[str, list[str]], *, forbidden: str = "") -> None:
        self.apis, self.forbidden = apis, forbidden

    async def get(self, path: str, _type: type) -> dict[str, object]:
        if path not in self.apis:
            raise NotFoundError("no such API", status=404)
        return {"resources": [{"name": name} for name in self.apis[path]]}

    async def request(self, _method: str, path: str, **_: object) -> bytes:
        if path == self.forbidden:
            raise ForbiddenError("no", status=403)
        api, _, plural = path.rpartition("/")
        if plural not in self.apis.get(api, ()):
            raise NotFoundError("no such resource", status=404)
        return b"{}"


APPS = {"/apis/apps/v1": ["deployments", "statefulsets", "daemonsets"]}
WITH_ROLLOUTS = APPS | {ARGO: ["rollouts", "rollouts/status"]}
WORKFLOWS_ONLY = APPS | {ARGO: ["workflows"]}
KINDS = (Resource.DEPLOYMENTS, Resource.STATEFUL_SETS, Resource.DAEMON_SETS, Resource.ROLLOUTS)


@pytest.mark.parametrize(
    ("apis", "there"),
    [
        pytest.param(APPS, KINDS[:3], id="no Argo at all"),
        pytest.param(WORKFLOWS_ONLY, KINDS[:3], id="another product of Argo's"),
        pytest.param(WITH_ROLLOUTS, KINDS, id="with Argo Rollouts"),
    ],
)
async def test_argo_rollouts_are_watched_where_they_are_installed(apis, there):
    assert await served(Server(apis), KINDS) == list(there)
    assert await find_obstacle(Server(apis), KINDS, None) == ""


async def test_a_missing_right_on_installed_rollouts_is_told():
    server = Server(WITH_ROLLOUTS, forbidden=Resource.ROLLOUTS.path(None))
    assert (await find_obstacle(server, KINDS, None)).startswith("no right to list rollouts.argoproj.io in the cluster")


async def test_a_right_on_rollouts_that_are_not_installed_is_not_missed():
    server = Server(APPS, forbidden=Resource.ROLLOUTS.path(None))
    assert await find_obstacle(server, KINDS, None) == ""


class Namespaces:
    """A client that reads a namespace."""

    def __init__(self, *answers) -> None:
        self.answers = list(answers)

    async def get(self, path: str, _type: type) -> dict[str, object]:
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


def annotated(version: str, **annotations: str) -> dict[str, object]:
    metadata = {"name": "shop", "resourceVersion": version, "annotations": annotations}
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata}


async def test_a_namespace_that_is_read_again_concerns_its_workloads_only_if_it_has_changed(store, make):
    """Before: with --namespace, its annotations were read once, at the start."""
    store.put(Resource.DEPLOYMENTS, make.deployment("web"))
    client = Namespaces(annotated("1"), annotated("1"), annotated("2", **{"apphealth.dev/ignore": "later"}))
    found = [len((await read_namespace(client, store, "shop")).workloads) for _ in range(3)]
    assert found == [1, 0, 1]
    assert store.world.namespace("shop").annotations == {"apphealth.dev/ignore": "later"}


async def test_a_namespace_that_can_no_longer_be_read_stays_as_it_was(store, caplog):
    client = Namespaces(ForbiddenError("no"), annotated("1", **{"apphealth.dev/ignore": "so"}), ForbiddenError("no"))
    for _ in range(3):
        await read_namespace(client, store, "shop")
    assert store.world.namespace("shop").annotations == {"apphealth.dev/ignore": "so"}
    assert [record.levelname for record in caplog.records if record.levelname == "WARNING"] == ["WARNING"]
