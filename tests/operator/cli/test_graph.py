"""`apphealth graph` on files: each notation beside its golden file, and what is said when it can't be done."""

from __future__ import annotations

import json
import re
from base64 import b64encode
from hashlib import sha256
from pathlib import Path

import pytest
import yaml

DATA = Path(__file__).parent / "data" / "graph"
RULES = """\
apiVersion: apphealth.dev/v1alpha1
kind: ClusterAppHealth
metadata: {name: x}
spec: {mode: Enforce, selector: {}, preset: flask-management-endpoints}
"""
SHOP = ("graph", "-f", DATA / "shop.yaml", "--rules", DATA / "rules.yaml")


@pytest.mark.parametrize(
    ("arguments", "golden"),
    [
        pytest.param((), "tree.txt", id="tree"),
        pytest.param(("-o", "mermaid"), "graph.mmd", id="mermaid"),
        pytest.param(("-o", "dot"), "graph.dot", id="dot"),
        pytest.param(("-o", "json"), "graph.json", id="json"),
        pytest.param(("--impact", "svc/db.data"), "impact.txt", id="impact"),
        pytest.param(("--impact", "svc/db.data", "-o", "json"), "impact.json", id="impact as json"),
    ],
)
def test_a_shop(run, arguments, golden):
    outcome = run(*SHOP, *arguments)
    assert (outcome.code, outcome.err) == (0, "")
    assert outcome.text == (DATA / golden).read_text()


def test_nothing_shows_credentials(run):
    for notation in ("tree", "mermaid", "dot", "json", "html"):
        assert "hunter2" not in run(*SHOP, "-o", notation).text


def test_the_page_loads_nothing_and_lets_nothing_else_run(run):
    """What it does is tested in a browser: tests/browser."""
    page = run(*SHOP, "-o", "html").text
    assert page == run(*SHOP, "-o", "html").text
    assert not re.search(r"(src|href)\s*=|@import|url\((?!#)|fetch\(|XMLHttpRequest|innerHTML|eval\(", page)
    for tag in ("script", "style"):
        (text,) = re.findall(rf"<{tag}>(.*?)</{tag}>", page, re.DOTALL)
        assert f"{tag}-src 'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'" in page
    assert json.loads(re.findall(r'id="data">(.*?)</script>', page)[0])["workloads"]


def test_the_json_has_the_fields_that_are_promised(run):
    found = json.loads(run(*SHOP, "-o", "json").out)
    edge = next(edge for edge in found["edges"] if edge["required"])
    assert edge == {
        "from": {"kind": "Deployment", "namespace": "shop", "name": "frontend"},
        "to": {"namespace": "shop", "name": "users-api"},
        "port": 80,
        "evidence": ["AppHealth frontend", "env USERS_URL of main: http://users-api"],
        "confidence": 1.0,
        "required": True,
        "inCycle": False,
    }
    assert {(node["kind"], node["name"]) for node in found["nodes"]} >= {("StatefulSet", "db"), ("Service", "payments")}


@pytest.mark.parametrize("given", ["svc/users-api", "service/users-api.shop", "users-api", "services/users-api"])
def test_a_service_may_be_named_in_several_ways(run, given):
    assert run(*SHOP, "--impact", given).text.startswith("if Service shop/users-api fails\n")


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        pytest.param(("--impact", "svc/usersapi"), 3, "did you mean svc/users-api.shop?", id="a wrong name"),
        pytest.param(("--impact", "svc/zzz"), 3, "there are 6 others", id="nothing like it"),
        pytest.param(("--impact", "svc/db.shop"), 3, "there is no Service shop/db", id="a wrong namespace"),
        pytest.param(("--impact", "svc/db", "-o", "dot"), 2, "--impact needs -o tree or json", id="no drawing"),
        pytest.param(("-o", "svg"), 2, "Invalid value for '-o'", id="a notation that there isn't"),
        pytest.param(("-f", "-", "--rules", "-"), 2, "standard input (-) can be read only once", id="twice"),
        pytest.param(("-f", "nowhere.yaml"), 3, "1 problem in the input", id="no such file"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line(run, arguments, code, message):
    outcome = run(*SHOP, *arguments)
    assert outcome.code == code
    assert outcome.out == b""
    assert message in outcome.err.splitlines()[-1]


def test_problems_of_every_file_are_told(run, write):
    write("a/x.yaml", "\tx")
    write("a/y.yaml", "apiVersion: v1\nkind: Service\nmetadata: {name: Bad_Name}\n")
    outcome = run("graph", "-f", "a")
    assert outcome.code == 3
    assert [line.split(":")[0] for line in outcome.err.splitlines()] == ["a/x.yaml", "a/y.yaml", "apphealth"]


def test_without_any_dependency_it_says_so(run, write):
    write("a.yaml", "apiVersion: v1\nkind: Service\nmetadata: {name: x}\n")
    assert run("graph", "-f", "a.yaml").text == "no dependencies found\n"
    assert run("graph", "-f", "a.yaml", "--impact", "svc/x").text.endswith("no workload is known to need it\n")


def test_the_domain_of_the_cluster_can_be_another(run, write):
    text = (DATA / "shop.yaml").read_text().replace("http://users-api", "http://users-api.shop.svc.corp.example")
    write("a.yaml", text)
    told = "http://users-api.shop.svc.corp.example"
    assert told in run("graph", "-f", "a.yaml", "--cluster-domain", "corp.example").text
    assert told not in run("graph", "-f", "a.yaml").text


def test_text_from_files_steers_no_terminal_and_breaks_no_notation(run, write):
    text = (DATA / "shop.yaml").read_text()
    write("a.yaml", text.replace("name: USERS_URL", r'name: "USERS\e[2J\n\"]_URL"'))
    for notation in ("tree", "mermaid", "dot"):
        assert "\x1b" not in run("graph", "-f", "a.yaml", "-o", notation).text
    found = json.loads(run("graph", "-f", "a.yaml", "-o", "json").out)
    assert any("\x1b[2J" in evidence for edge in found["edges"] for evidence in edge["evidence"])


def test_render_knows_another_domain_too(run, write):
    text = (DATA / "shop.yaml").read_text().replace("http://users-api", "http://users-api.shop.svc.corp.example")
    write("a.yaml", text)
    write("rules.yaml", RULES)
    arguments = ("render", "-f", "a.yaml", "--rules", "rules.yaml", "-q")
    url = "http://users-api.shop.svc:80/"
    assert run(*arguments, "--cluster-domain", "corp.example").text.count(url) == 1
    assert url not in run(*arguments).text


def test_render_decides_as_the_operator_that_watches_no_network_policies(run, write):
    """The graph shows that stock may talk to users-api; a plan must not depend on it."""
    write("rules.yaml", RULES)
    rendered = run("render", "-f", str(DATA / "shop.yaml"), "--rules", "rules.yaml", "-q").out
    delivered = {
        item["metadata"]["name"]: json.loads(item["data"]["dependencies.json"])["service_dependencies"]
        for item in yaml.safe_load_all(rendered)
        if item["kind"] == "ConfigMap" and "dependencies.json" in item["data"]
    }
    assert any("users-api" in services for services in delivered.values())
    assert "users-api" not in delivered.get("stock-apphealth", {})
