"""Whatever a manifest looks like: rendering adds probes and the delivery, nothing else, and is done after once."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apphealth.cli.manifests.documents import Manifest, parse
from apphealth.cli.manifests.inventory import Inventory
from apphealth.cli.manifests.planning import DEFAULT_RULE, plan_workloads
from apphealth.cli.manifests.sources import Source
from apphealth.cli.patching.files import patch_files
from apphealth.store.world import World

NAMES = st.sampled_from(["web", "api", "a-b", "x1", "worker"])
TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc", "Zl", "Zp"]), max_size=12)
OWN_PROBE = st.fixed_dictionaries(
    {"httpGet": st.fixed_dictionaries({"path": st.just("/own"), "port": st.integers(1, 65535)})},
    optional={"periodSeconds": st.integers(1, 60), "failureThreshold": st.integers(1, 9)},
)


@st.composite
def containers(draw: st.DrawFn) -> list[dict[str, Any]]:
    names = draw(st.lists(NAMES, min_size=1, max_size=3, unique=True))
    return [draw(container(name)) for name in names]


def container(name: str) -> st.SearchStrategy[dict[str, Any]]:
    port = st.fixed_dictionaries(
        {"containerPort": st.sampled_from([80, 5000, 8080])},
        optional={"name": st.sampled_from(["http", "grpc", "web"])},
    )
    env = st.sampled_from([{"name": "APPHEALTH_PREFIX", "value": "/z"}, {"name": "DB_HOST", "value": "db"}])
    return st.fixed_dictionaries(
        {"name": st.just(name), "image": st.just("x")},
        optional={
            "ports": st.lists(port, max_size=1),
            "env": st.lists(env, max_size=2, unique_by=lambda item: item["name"]),
            "args": st.lists(TEXTS, max_size=3),
            "livenessProbe": OWN_PROBE,
            "readinessProbe": st.none() | OWN_PROBE,
            "resources": st.none() | st.just({}) | st.just({"limits": {"cpu": 1}}),
            "volumeMounts": st.just([]) | st.just([{"name": "v", "mountPath": "/v"}]),
        },
    )


@st.composite
def objects(draw: st.DrawFn) -> list[dict[str, Any]]:
    pod = {"containers": draw(containers())} | draw(
        st.fixed_dictionaries(
            {},
            optional={
                "volumes": st.just([]) | st.just([{"name": "v", "emptyDir": {}}]),
                "terminationGracePeriodSeconds": st.just(5),
            },
        )
    )
    labels = {"app": "web"}
    deployment = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": draw(NAMES), "annotations": draw(st.dictionaries(TEXTS, TEXTS, max_size=2))},
        "spec": {"selector": {"matchLabels": labels}, "template": {"metadata": {"labels": labels}, "spec": pod}},
    }
    service = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "db"}, "spec": {"ports": [{"port": 5432}]}}
    return [deployment, *draw(st.sampled_from([[], [service]]))]


@st.composite
def texts(draw: st.DrawFn) -> str:
    """Write objects in some style: block or flow, indented so or so, quoted or not, as a List, as JSON."""
    found = draw(objects())
    if draw(st.booleans()):
        found = [{"apiVersion": "v1", "kind": "List", "items": found}]
    if len(found) == 1 and draw(st.booleans()):
        return json.dumps(found[0], indent=draw(st.sampled_from([None, 2, 4, "\t"])), ensure_ascii=draw(st.booleans()))
    text = yaml.safe_dump_all(
        found,
        default_flow_style=draw(st.sampled_from([False, None, True])),
        default_style=draw(st.sampled_from([None, None, "'", '"'])),
        indent=draw(st.sampled_from([2, 4])),
        width=draw(st.sampled_from([20, 80, 10_000])),
        allow_unicode=draw(st.booleans()),
        sort_keys=draw(st.booleans()),
        explicit_start=draw(st.booleans()),
    )
    if draw(st.booleans()):
        text = "# the beginning\n" + text + "# the end\n"
    if draw(st.booleans()):
        text = text.replace("\n", "\r\n")
    return text if draw(st.booleans()) else text.rstrip("\r\n")


def render(text: str) -> str:
    manifest = parse(Source(name="web.yaml", path=Path("web.yaml"), relative=Path("web.yaml"), text=text))
    assert isinstance(manifest, Manifest), manifest
    inventory = Inventory(namespace="shop", world=World())
    inventory.add(manifest.items)
    inventory.world.put_rule(DEFAULT_RULE)
    assert not inventory.problems
    rendering = patch_files([manifest], plan_workloads(inventory), inventory)
    assert not rendering.problems
    return rendering.files[0].after


def load(text: str) -> list[Any]:
    try:
        return [json.loads(text)]
    except json.JSONDecodeError:
        return list(yaml.load_all(text, Loader=yaml.CSafeLoader))


def without_ours(value: Any, original: Any) -> Any:
    """Take out of a rendered document what render may add; a probe only where the original has none."""
    value = copy.deepcopy(value)
    if isinstance(value, dict) and isinstance(value.get("items"), list):
        items = [item for item in value["items"] if item["kind"] != "ConfigMap"]
        return value | {"items": [without_ours(a, b) for a, b in zip(items, original["items"], strict=True)]}
    if not isinstance(value, dict) or value.get("kind") != "Deployment":
        return value
    pod, before = value["spec"]["template"]["spec"], original["spec"]["template"]["spec"]
    _drop(pod, before, "volumes", "apphealth")
    for one, other in zip(pod["containers"], before["containers"], strict=True):
        _drop(one, other, "volumeMounts", "apphealth")
        for field in ("livenessProbe", "readinessProbe", "startupProbe"):
            if other.get(field) is None and field in one:
                one[field] = other.get(field)
                if field not in other:
                    del one[field]
    return value


def _drop(value: dict[str, Any], before: dict[str, Any], field: str, name: str) -> None:
    kept = [item for item in value.get(field) or [] if item["name"] != name]
    if field in value and (kept or field in before):
        value[field] = kept
    elif field in value:
        del value[field]


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(texts())
def test_rendering_adds_what_is_ours_and_nothing_else_and_once(text: str) -> None:
    rendered = render(text)
    before, after = load(text), load(rendered)
    assert [without_ours(a, b) for a, b in zip(after, before, strict=False)] == before
    assert all(document["kind"] == "ConfigMap" for document in after[len(before) :])
    assert render(rendered) == rendered


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(texts())
def test_no_line_of_a_block_style_file_is_lost(text: str) -> None:
    rendered = render(text).splitlines()
    lines = iter(rendered)
    if "{" not in text and "[" not in text and ": null" not in text:
        assert all(line in lines for line in text.splitlines())


@settings(max_examples=300, deadline=None)
@given(st.text(st.sampled_from("ab:-#\n \t{}[],&*|>'\"!%?~<.x1"), max_size=60))
def test_any_text_at_all_is_read_or_explained(text: str) -> None:
    result = parse(Source(name="web.yaml", path=None, relative=Path("web.yaml"), text=text))
    if not isinstance(result, Manifest):
        assert result.line >= 1
        assert result.message
