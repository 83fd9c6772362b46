"""The API server takes and refuses what the table says, with the same sentences as parse_rule."""

import time
from pathlib import Path

import pytest
import yaml

from apphealth.api.parse import parse_rule

TABLE = yaml.safe_load((Path(__file__).parents[2] / "operator/api/specs.yaml").read_text())
GOOD = [pytest.param(case, id=name) for name, case in TABLE["good"].items()]
BAD = [pytest.param(case, id=name) for name, case in TABLE["bad"].items()]


@pytest.mark.parametrize("case", GOOD)
def test_good_specs_are_taken_and_read_back_as_the_file_reads(api, case):
    kind = case.get("kind", "AppHealth")
    status, stored = api.create(kind, case["spec"])
    assert status == 201, stored
    written = {"apiVersion": "apphealth.dev/v1alpha1", "kind": kind, "metadata": {"name": "web"}, "spec": case["spec"]}
    assert parse_rule(stored).spec == parse_rule(written).spec


@pytest.mark.parametrize("case", GOOD)
def test_only_mode_and_the_version_of_the_defaults_are_filled_in(api, case):
    kind = case.get("kind", "AppHealth")
    _, stored = api.create(kind, case["spec"])
    added = set(stored["spec"]) - set(case["spec"])
    assert added == {"mode", "defaultsVersion"} - set(case["spec"])
    assert stored["spec"]["mode"] == case["spec"].get("mode", "Enforce" if kind == "AppHealth" else "Audit")
    for name in ("probes", "containers", "dependencies"):
        assert stored["spec"].get(name) == _without_nulls(case["spec"].get(name))


def _without_nulls(value):
    if isinstance(value, dict):
        return {key: _without_nulls(item) for key, item in value.items() if item is not None}
    return [_without_nulls(item) for item in value] if isinstance(value, list) else value


@pytest.mark.parametrize("case", BAD)
def test_bad_specs_are_refused_with_the_field_and_the_fix(api, case):
    status, answer = api.create(case.get("kind", "AppHealth"), case["spec"])
    assert status in (400, 422), answer
    assert case["field"] in answer["message"]
    assert case.get("message", "") in answer["message"]


def test_the_largest_spec_is_checked_within_a_second(api):
    """The rules' cost is bounded: as much as fits into one object, 1.1 MB, is looked at without a noticeable wait."""
    probe = {"type": "HTTP", "path": "/" + "a" * 1023, "port": "a" * 15}
    probe["headers"] = [{"name": "X" * 256, "value": "v" * 1024} for _ in range(2)]
    labels = {f"{'p' * 200}.{number}/{'k' * 63}": "v" * 63 for number in range(64)}
    spec = {
        "selector": {"matchLabels": labels},
        "containers": [
            {"name": f"{'c' * 60}{number}", "probes": dict.fromkeys(("liveness", "readiness", "startup"), probe)}
            for number in range(64)
        ],
        "dependencies": {"services": [{"name": f"{'s' * 60}{n}", "namespace": "n" * 63} for n in range(64)]},
    }
    seconds = []
    for _ in range(5):  # a busy machine takes longer over some
        start = time.monotonic()
        status, answer = api.create("AppHealth", spec)
        seconds.append(time.monotonic() - start)
        assert status == 201, answer
    assert min(seconds) < 1
