"""The CustomResourceDefinitions and the Structs of apphealth.api say the same, field by field, in both directions."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

from apphealth.api.healthplan import HealthPlan
from apphealth.api.spec import AppHealthSpec, ClusterAppHealthSpec
from apphealth.api.status import RuleStatus

CRDS = Path(__file__).parents[3] / "crds"
TABLE = yaml.safe_load(Path(__file__).with_name("specs.yaml").read_text())


def crd(name: str) -> dict[str, Any]:
    return yaml.safe_load((CRDS / f"{name}.yaml").read_text())


def schema(name: str) -> dict[str, Any]:
    return crd(name)["spec"]["versions"][0]["schema"]["openAPIV3Schema"]


def fields(node: dict[str, Any], path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    yield path, node
    for name, inner in node.get("properties", {}).items():
        yield from fields(inner, f"{path}.{name}".lstrip("."))
    if "items" in node:
        yield from fields(node["items"], f"{path}[]")
    if "additionalProperties" in node:
        yield from fields(node["additionalProperties"], f"{path}{{}}")


# Both sides are brought into one form: a flat mapping from the path of a field to what is said about it.


def from_struct(struct: type) -> dict[str, dict[str, Any]]:
    whole = msgspec.json.schema(struct)
    found: dict[str, dict[str, Any]] = {}

    def walk(node: dict[str, Any], path: str) -> None:
        choices = [choice for choice in node.get("anyOf", [node]) if choice != {"type": "null"}]
        if len(choices) == 2:
            number, name = sorted(choices, key=lambda choice: choice["type"])
            found[path] = {"type": "port", "pattern": name["pattern"], "maxLength": name["maxLength"]}
            found[path] |= {"minimum": number["minimum"], "maximum": number["maximum"], "message": name["description"]}
            return
        inner = choices[0]
        if "$ref" in inner:
            inner = whole["$defs"][inner["$ref"].rsplit("/", 1)[1]]
        keys = ("enum", "minimum", "maximum", "maxLength", "minItems", "maxItems", "maxProperties", "pattern")
        about = {key: inner[key] for key in keys if key in inner}
        about["type"] = inner.get("type", "string")
        if "pattern" in about:
            about["message"] = inner["description"]
        if "propertyNames" in inner:
            about["keys"] = (inner["propertyNames"]["pattern"], inner["propertyNames"]["maxLength"])
        if "properties" in inner:
            about["fields"] = sorted(inner["properties"])
            about["required"] = sorted(inner.get("required", []))
        found[path] = {key: sorted(value) if key == "enum" else value for key, value in about.items()}
        for name, field in inner.get("properties", {}).items():
            walk(field, f"{path}.{name}".lstrip("."))
        if "items" in inner:
            walk(inner["items"], f"{path}[]")
        if isinstance(inner.get("additionalProperties"), dict) and inner["additionalProperties"]:
            walk(inner["additionalProperties"], f"{path}{{}}")

    walk({"$ref": whole["$ref"]}, "")
    return found


def from_crd(node: dict[str, Any]) -> dict[str, dict[str, Any]]:
    found = {}
    for path, inner in fields(node):
        keys = ("type", "enum", "minimum", "maximum", "maxLength", "minItems", "maxItems", "maxProperties")
        about = {key: inner[key] for key in keys if key in inner}
        rules = inner.get("x-kubernetes-validations", [])
        if inner.get("x-kubernetes-int-or-string"):
            numbers = re.match(
                r"type\(self\) == int \? (\d+) <= int\(self\) && int\(self\) <= (\d+) : string\(self\)",
                rules[0]["rule"],
            )
            low, high = (int(number) for number in numbers.groups())
            about |= {"type": "port", "minimum": low, "maximum": high, "message": rules[0]["message"]}
            about["pattern"] = rules[0]["rule"].split(".matches('")[1].removesuffix("')")
        elif inner["type"] == "string" and rules:
            assert len(rules) == 1
            assert rules[0]["rule"].startswith("self.matches('")
            about["pattern"] = rules[0]["rule"].removeprefix("self.matches('").removesuffix("')")
            about["message"] = rules[0]["message"]
        elif "additionalProperties" in inner:
            size, pattern = rules[0]["rule"].removeprefix("self.all(key, size(key) <= ").split(" && key.matches('")
            about["keys"] = (pattern.removesuffix("'))"), int(size))
        if "properties" in inner:
            about["fields"] = sorted(inner["properties"])
            about["required"] = sorted(inner.get("required", []))
        found[path] = {key: sorted(value) if key == "enum" else value for key, value in about.items()}
    return found


def whole_plan() -> dict[str, Any]:
    plan = schema("healthplans")
    inner = {name: plan["properties"][name] for name in ("spec", "status")}
    return {"type": "object", "required": plan["required"], "properties": inner}


@pytest.mark.parametrize(
    ("struct", "node"),
    [
        pytest.param(AppHealthSpec, schema("apphealths")["properties"]["spec"], id="AppHealth"),
        pytest.param(ClusterAppHealthSpec, schema("clusterapphealths")["properties"]["spec"], id="ClusterAppHealth"),
        pytest.param(HealthPlan, whole_plan(), id="HealthPlan"),
    ],
)
def test_schema_and_struct_say_the_same(struct, node):
    assert from_crd(node) == from_struct(struct)


@pytest.mark.parametrize("name", ["apphealths", "clusterapphealths"])
def test_schema_and_struct_of_the_status_say_the_same(name):
    """Types and reasons of conditions stay open in the schema, so that a newer operator can add to them."""
    left, right = from_crd(schema(name)["properties"]["status"]), from_struct(RuleStatus)
    for path in ("conditions[].type", "conditions[].reason"):
        del left[path]["maxLength"], right[path]["enum"]
    del left["conditions[].message"]["maxLength"]
    for found in (left, right):
        found["conditions[]"].pop("required")
    assert left == right


@pytest.mark.parametrize(
    ("name", "struct", "mode"),
    [("apphealths", AppHealthSpec, "Enforce"), ("clusterapphealths", ClusterAppHealthSpec, "Audit")],
)
def test_only_mode_and_the_version_of_the_defaults_have_defaults(name, struct, mode):
    found = {path: node["default"] for path, node in fields(schema(name)) if "default" in node}
    assert found == {"spec.mode": mode, "spec.defaultsVersion": 1}
    assert (struct().mode, struct().defaults_version) == (mode, 1)


@pytest.mark.parametrize("name", ["apphealths", "clusterapphealths", "healthplans"])
def test_every_field_is_described(name):
    bare = [path for path, node in fields(schema(name)) if not node.get("description") and path != "metadata"]
    assert [path for path in bare if not path.endswith("}")] == []


@pytest.mark.parametrize("name", ["apphealths", "clusterapphealths"])
def test_everything_a_user_writes_is_bounded(name):
    bound = {"array": "maxItems", "string": "maxLength"}
    free = [
        path
        for path, node in fields(schema(name)["properties"]["spec"])
        if (key := bound.get(node.get("type", ""))) and key not in node and "enum" not in node
    ]
    assert free == []


def test_a_cluster_rule_is_a_rule_with_reach_and_priority():
    here, everywhere = schema("apphealths")["properties"], schema("clusterapphealths")["properties"]
    assert everywhere["status"] == here["status"]
    assert set(everywhere["spec"]["properties"]) - set(here["spec"]["properties"]) == {"namespaceSelector", "priority"}
    differing = [
        name for name, node in here["spec"]["properties"].items() if everywhere["spec"]["properties"][name] != node
    ]
    assert sorted(differing) == ["mode", "targetRef"]
    assert everywhere["spec"]["x-kubernetes-validations"] == here["spec"]["x-kubernetes-validations"]


@pytest.mark.parametrize("name", ["apphealths", "clusterapphealths"])
def test_probes_of_containers_are_as_the_general_ones(name):
    spec = schema(name)["properties"]["spec"]["properties"]
    assert spec["containers"]["items"]["properties"]["probes"] == spec["probes"]


@pytest.mark.parametrize("name", ["apphealths", "clusterapphealths"])
def test_every_rule_has_a_message_that_the_table_of_bad_specs_covers(name):
    rules = [rule for _, node in fields(schema(name)) for rule in node.get("x-kubernetes-validations", [])]
    covered = {case["message"] for case in TABLE["bad"].values() if "message" in case}
    assert {rule["message"] for rule in rules} == covered


@pytest.mark.parametrize("name", ["apphealths", "clusterapphealths", "healthplans"])
def test_no_category_is_a_name(name):
    """kubectl expands categories first: `kubectl delete apphealth shop` would then be about three kinds."""
    categories = {
        category
        for file in CRDS.glob("*.yaml")
        for category in yaml.safe_load(file.read_text())["spec"]["names"]["categories"]
    }
    names = crd(name)["spec"]["names"]
    assert categories.isdisjoint({names["singular"], names["plural"], *names["shortNames"]})
