"""Whether the admission policies are there is looked up once for all of them, and said when it changes."""

from pathlib import Path

import pytest
import yaml

from apphealth.controller.preflight import POLICY_NAMES, look_for_policy
from apphealth.controller.statuses import Protection
from apphealth.kube.errors import ForbiddenError, NotFoundError

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
        pytest.param(Answers([POLICY_NAMES[0]]), False, 1, id="one of them there"),
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
