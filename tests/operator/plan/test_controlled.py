"""A workload that another object controls is left to it, unless a rule names it."""

import pytest

REFERENCE = {"apiVersion": "acme.example/v1", "kind": "Acme", "name": "shop", "uid": "1"}
BY_NAME = {"targetRef": {"kind": "Deployment", "name": "web"}}


@pytest.fixture
def owned(build):
    def make(**reference):
        obj = build.deployment()
        obj["metadata"]["ownerReferences"] = [REFERENCE | reference]
        return obj

    return make


@pytest.mark.parametrize(
    ("controls", "rules", "mode", "finding"),
    [
        pytest.param(True, [{}], "Audit", True, id="selected by labels"),
        pytest.param(True, [{}, BY_NAME], "Enforce", False, id="named too"),
        pytest.param(True, [BY_NAME], "Enforce", False, id="named"),
        pytest.param(True, [{}, BY_NAME | {"mode": "Audit"}], "Audit", True, id="named in mode Audit only"),
        pytest.param(True, [{"mode": "Audit"}], "Audit", False, id="only audited"),
        pytest.param(False, [{}], "Enforce", False, id="owned, not controlled"),
    ],
)
def test_who_writes_the_probes(planned, build, owned, controls, rules, mode, finding):
    found = planned(
        owned(controller=controls), *(build.rule(f"rule-{number}", **spec) for number, spec in enumerate(rules))
    )
    assert found.mode == mode
    assert bool(found.patches) is (mode == "Enforce")
    said = [one for one in found.findings if one.id == "controlled"]
    assert [("Acme/shop" in one.message, "targetRef: {kind: Deployment, name: web}" in one.fix) for one in said] == (
        [(True, True)] if finding else []
    )
