"""The page of `apphealth graph -o html`: what a person can find out with it, by mouse, by keys, and in the table."""

import random
from itertools import pairwise
from pathlib import Path

import pytest
from selenium.webdriver.common.keys import Keys

from apphealth.cli.graph.reading import read_world
from apphealth.plan.dependencies.impact import impact
from apphealth.store.graph import graph_of, patience_of

DATA = Path(__file__).parents[1] / "operator/cli/data/graph"
SHOP = (DATA / "shop.yaml", DATA / "rules.yaml")


def app(name, namespace="shop", needs=(), required=(), env=None):
    """A Deployment with its Service and, where it requires anything, a rule that says so."""
    metadata = {"name": name, "namespace": namespace}
    variables = {f"URL_{number}": f"http://{need}:8080" for number, need in enumerate(needs)} | (env or {})
    container = {
        "name": "main",
        "image": "x",
        "ports": [{"containerPort": 8080}],
        "env": [{"name": key, "value": value} for key, value in variables.items()],
    }
    template = {"metadata": {"labels": {"app": name}}, "spec": {"containers": [container]}}
    selector = {"matchLabels": {"app": name}}
    service = {"selector": {"app": name}, "ports": [{"port": 8080}]}
    found = [
        {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata}
        | {"spec": {"selector": selector, "template": template}},
        {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": service},
    ]
    if required:
        target = {"kind": "Deployment", "name": name}
        services = [{"name": need, "required": True} for need in required]
        spec = {"targetRef": target, "preset": "flask-management-endpoints", "dependencies": {"services": services}}
        found.append({"apiVersion": "apphealth.dev/v1alpha1", "kind": "AppHealth", "metadata": metadata, "spec": spec})
    return found


def many(count, spaces):
    """Applications that need those after them in their namespace, and sometimes the first one of all."""
    dice = random.Random(count)
    found = []
    for number in range(count):
        later = range(number + spaces, min(count, number + 8 * spaces), spaces)
        needs = [f"app-{other}" for other in dice.sample(later, min(2, len(later)))]
        needs += ["app-0.space-0"] if number and dice.random() < 0.4 else []
        found += app(f"app-{number}", f"space-{number % spaces}", needs)
    return found


def test_it_shows_all_that_is_known(load):
    page = load(*SHOP)
    assert sorted(page.drawn()) == ["db", "frontend", "orders-api", "payments", "stock", "users-api"]
    counts = "5 workloads \u00b7 6 Services \u00b7 9 dependencies \u00b7 3 of 5 with a Service have readiness"
    assert page.texts("#counts") == [counts]
    widths = (
        "[...document.querySelectorAll('g.edge')].map((e) => [e.classList.contains('required'),"
        " parseFloat(getComputedStyle(e.querySelector('.line')).strokeWidth)])"
    )
    bold, thin = ({width for required, width in page.js(widths) if required is kind} for kind in (True, False))
    assert min(bold) > max(thin)
    assert "requires Service data/db" in "".join(page.texts("g.edge title"))
    assert "postgres://***@db.data:5432" in "".join(page.texts("g.edge title"))


def test_shared_dependencies_and_cycles_are_marked_and_listed(load):
    page = load(*SHOP)
    assert page.texts(".node.shared .name") == ["db"]
    assert page.texts(".node.shared .marks") == ["\u26053"]
    assert page.texts(".node.circular .name") == ["orders-api", "stock"]
    assert len(page.texts("g.edge.cyclic")) == 2
    assert page.texts("#marked .jump") == ["\u2605 db", "\u21bb orders-api, stock"]
    page.click("#marked .jump")
    assert page.texts("#panel h2") == ["db"]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        pytest.param("users-api", ["users-api", "frontend", "stock"], id="a name, and who has it as evidence"),
        pytest.param("USERS_URL", ["frontend"], id="a variable"),
        pytest.param("data", ["db", "orders-api", "stock", "users-api"], id="a namespace"),
        pytest.param("networkpolicy", ["stock"], id="a kind of evidence"),
        pytest.param("statefulset db", ["db"], id="several words"),
        pytest.param("nothing like it", [], id="nothing"),
    ],
)
def test_search_finds(load, text, found):
    page = load(*SHOP)
    page.search(text)
    assert [one.split()[0] for one in page.texts("#results .jump")] == found
    assert page.texts("#status") == [f"{len(found)} found"]


def lists(page):
    """Return what the panel says becomes unready, with the seconds, and what degrades."""
    unready = {text.split()[1]: int(text.split()[3]) for text in page.texts("#list-unready > li")}
    return unready, {text.split()[1] for text in page.texts("#list-degraded > li")}


def expected(world, namespace, name):
    graph = graph_of(world)
    key = next(key for key in graph.services if key == (namespace, name))
    found = impact(key, graph, patience_of(graph, world))
    unready = {f"{one.workload.namespace}/{one.workload.name}": one.seconds for one in found.unready}
    return unready, {f"{one.workload.namespace}/{one.workload.name}" for one in found.degraded}


def test_a_choice_tells_the_same_impact_as_the_command_line(load):
    page = load(*SHOP)
    world, _ = read_world([str(path) for path in SHOP], [], "default", "cluster.local")
    for namespace, name in world.services:
        page.choose(name, namespace)
        assert lists(page) == expected(world, namespace, name), name


def test_the_same_for_a_tangle(load, tmp_path):
    dice = random.Random(7)
    names = [f"n{number}" for number in range(14)]
    objects = []
    for name in names:
        others = dice.sample([other for other in names if other != name], 4)
        objects += app(name, needs=others[:2], required=others[2 : 2 + dice.randint(0, 1)])
    page = load(objects)
    world, _ = read_world([str(tmp_path / "0.yaml")], [], "default", "cluster.local")
    told = {}
    for name in names:
        page.choose(name, "shop")
        told[name] = lists(page)
    assert told == {name: expected(world, "shop", name) for name in names}
    assert any(unready for unready, _ in told.values())


def test_the_picture_shows_what_follows(load):
    page = load(*SHOP)
    page.choose("db", "data")
    assert page.texts(".node.failed, .node.unready, .node.degraded") == []  # nobody said that it fails
    assert page.texts(".node.chosen .name") == ["db"]
    page.click("#what-if")
    assert page.texts(".node.failed .name") == ["db"]
    assert dict(zip(page.texts(".node.unready .name"), page.texts(".node.unready .effect"), strict=True)) == {
        "frontend": "\u2717 38 s",
        "users-api": "\u2717 21 s",
    }
    assert page.texts(".node.degraded .name") == ["orders-api", "stock"]
    assert page.texts(".node.dim .name") == ["payments"]


def test_a_line_tells_its_evidence(load):
    page = load(*SHOP)
    page.js(
        "[...document.querySelectorAll('g.edge')].map((e) => [e, e.line.tail.name, e.line.head.name])"
        ".find(([, tail, head]) => tail === 'frontend' && head === 'users-api')[0]"
        ".querySelector('.touch').dispatchEvent(new MouseEvent('click', {bubbles: true}))"
    )
    assert page.texts("#panel h2") == ["frontend \u2192 users-api"]
    assert page.texts("#panel .evidence li") == ["AppHealth frontend", "env USERS_URL of main: http://users-api"]
    page.press(Keys.ESCAPE)
    assert page.js("document.getElementById('panel').hidden") is True


def test_only_the_neighbourhood_of_one(load):
    page = load(*SHOP)
    page.choose("payments", "shop")
    assert page.texts("#focus") == ["Only its neighbourhood"]
    page.click("#focus")
    assert sorted(page.drawn()) == ["frontend", "payments"]
    assert page.texts("#focus") == ["Show all"]
    page.press("f")
    assert len(page.drawn()) == 6
    assert page.texts("#focus") == ["Only its neighbourhood"]


def test_nodes_tell_which_probes_they_have(load):
    probe = {"httpGet": {"path": "/", "port": 8080}}
    covered = app("web", needs=["db"])
    covered[0]["spec"]["template"]["spec"]["containers"][0] |= {"readinessProbe": probe, "livenessProbe": probe}
    worker = app("worker", needs=["db"])[:1]
    page = load([*covered, *app("db"), *worker])
    told = dict(zip(page.drawn(), page.texts("#scene .node .effect"), strict=True))
    assert told == {"web": "LR", "db": "no R", "worker": ""}  # nobody sends requests to the worker
    assert page.texts(".node.uncovered .name") == ["db"]
    page.choose("db", "shop")
    assert page.texts("#panel .mark.uncovered") != []
    assert "Deployment db: no probes" in page.texts("#panel .facts")


def test_the_address_holds_what_is_shown(load):
    page = load(*SHOP)
    assert "shop.yaml" in page.driver.title
    page.choose("db", "data")
    page.click("#what-if")
    page.click("#focus")
    address = page.driver.current_url
    assert "node=data%2Fdb" in address
    page.driver.get("about:blank")
    page.driver.get(address)
    assert page.texts("#panel h2") == ["db"]
    assert page.texts(".node.failed .name") == ["db"]
    assert page.texts("#focus") == ["Show all"]
    page.click("#as-table")
    page.driver.refresh()
    assert page.js("document.getElementById('graph').hidden") is True


def test_a_search_marks_names_before_evidence(load):
    page = load(*SHOP)
    page.search("users-api")
    assert page.texts(".node.hit .name") == ["users-api"]
    page.search("USERS_URL")
    assert page.texts(".node.hit .name") == ["frontend"]


def test_a_chosen_node_is_not_hidden_by_its_panel(load):
    page = load(many(60, 3))
    inside = (
        "[...document.querySelectorAll('#scene .node.chosen')].every((e) =>"
        " e.getBoundingClientRect().right <= document.getElementById('canvas').getBoundingClientRect().right)"
    )
    rightmost = "[...document.querySelectorAll('#scene .node')].sort((a, b) => b.node.at.x - a.node.at.x)[0]"
    page.js(f"{rightmost}.dispatchEvent(new MouseEvent('click', {{bubbles: true}}))")
    assert page.js(inside)


def test_a_narrow_screen_begins_with_the_graph(load):
    page = load(*SHOP)
    page.driver.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride", {"width": 400, "height": 800, "deviceScaleFactor": 1, "mobile": False}
    )
    try:
        page.driver.refresh()
        top = "Math.min(...[...document.querySelectorAll('#scene .node')].map((e) => e.getBoundingClientRect().top))"
        assert page.js(top) < 400
        for view in ("graph", "table"):
            page.click(f"#as-{view}")
            assert page.js("document.documentElement.scrollWidth") <= 400
    finally:
        page.driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def test_filters(load):
    page = load([*many(12, 2), *app("lonely")])
    assert "lonely" not in page.drawn()
    page.click("#alone")
    assert "lonely" in page.drawn()
    page.click("#namespace option[value=shop]")
    assert page.drawn() == ["lonely"]
    page.choose("app-3", "space-1")  # what the filters hid is shown again
    assert len(page.drawn()) == 13
    page.click("#required")
    assert page.texts("#notice") == ["No dependencies to show."]


def test_kinds_of_evidence_can_be_left_out(load):
    page = load(*SHOP)
    assert page.js("[...document.querySelectorAll('#kinds input')].map((one) => one.value)") == [
        "NetworkPolicy",
        "command line",
        "environment",
        "file",
        "rule",
    ]
    before = len(page.texts("g.edge title"))
    page.click("#kinds input[value='NetworkPolicy']")
    assert len(page.texts("g.edge title")) == before - 1


def test_all_of_it_works_by_keys(load):
    page = load(*SHOP)
    focused = "document.activeElement.getAttribute('aria-label')"
    page.press("/")
    page.press("frontend", Keys.ENTER)
    assert page.js(focused).startswith("Deployment frontend in shop, needs 3, needed by 0")
    page.press(Keys.ARROW_RIGHT)
    first = page.js(focused)
    assert not first.startswith("Deployment frontend")
    page.press(Keys.ENTER)
    assert page.texts("#panel h2")[0] in first
    page.press("f")
    assert len(page.drawn()) < 6
    for _ in range(3):  # the choice, the neighbourhood, the search
        page.press(Keys.ESCAPE)
    assert len(page.drawn()) == 6
    assert page.js("document.getElementById('search').value") == ""
    assert page.js("document.querySelectorAll('#scene [tabindex=\"0\"]').length") == 1


def test_everything_that_can_be_used_has_a_name(load):
    page = load(*SHOP)
    page.choose("db", "data")
    for name in ("graph", "table"):
        page.click(f"#as-{name}")
        assert (
            page.js(
                "[...document.querySelectorAll('button, input, select, [role=button]')]"
                ".filter((e) => !(e.textContent.trim() || e.ariaLabel || (e.labels && e.labels.length))).length"
            )
            == 0
        )


def test_the_table_has_every_dependency_and_sorts(load):
    page = load(*SHOP)
    page.click("#as-table")
    assert len(page.texts("tbody tr")) == 9
    column = "tbody td:nth-child(3)"
    page.click("thead th:nth-child(3) button")
    ports = [int(text or 0) for text in page.texts(column)]
    assert ports == sorted(ports)
    page.click("thead th:nth-child(3) button")
    assert [int(text or 0) for text in page.texts(column)] == ports[::-1] or len(set(ports)) < len(ports)
    assert page.js("document.querySelector('thead th:nth-child(3)').getAttribute('aria-sort')") == "descending"
    page.search("payments")
    assert len(page.texts("tbody tr")) == 1
    page.click("tbody .jump")
    assert page.texts("#panel h2") == ["frontend"]


def test_it_moves_and_zooms(load):
    page = load(*SHOP)
    start = page.transform()
    page.click("#zoom-in")
    assert page.transform() != start
    page.click("#zoom-fit")
    assert page.transform() == start
    page.js(
        "document.getElementById('canvas').dispatchEvent("
        "new WheelEvent('wheel', {deltaY: -200, clientX: 700, clientY: 400, cancelable: true}))"
    )
    assert page.transform() != start


def test_light_and_dark(load):
    page = load(*SHOP)
    ground = "getComputedStyle(document.body).backgroundColor"
    seen = {}
    for scheme in ("light", "dark"):
        feature = [{"name": "prefers-color-scheme", "value": scheme}]
        page.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": feature})
        seen[scheme] = page.js(ground)
    assert seen["light"] != seen["dark"]
    page.click("#theme")
    assert page.js(ground) == seen["light"]
    page.click("#theme")
    assert page.js(ground) == seen["dark"]
    page.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})


def test_text_of_anybody_stays_text(load):
    hostile = "</script><script>window.hacked=1</script><img src=x onerror=window.hacked=1>\u2028&lt;"
    page = load([*app("web", env={f"{hostile}_URL": "http://db"}), *app("db")])
    page.choose("web", "shop")
    assert page.js("window.hacked === undefined")
    (shown,) = page.texts("#list-needs .evidence li")
    assert shown == f"env {hostile.replace(chr(0x2028), '?')}_URL of main: http://db"
    assert page.texts("script")[-1] != "window.hacked=1"


def test_five_hundred_services_have_a_place_of_their_own_each(load):
    page = load(many(500, 20))
    assert len(page.texts(".space")) == 20
    boxes = page.js("[...document.querySelectorAll('#scene .node')].map((e) => [e.node.at.x, e.node.at.y])")
    assert len(boxes) > 450
    columns = {}
    for x, y in boxes:
        columns.setdefault(x, []).append(y)
    for below in map(sorted, columns.values()):
        assert all(low - high >= 42 for high, low in pairwise(below))
    page.choose("app-0", "space-0")
    page.click("#what-if")
    assert len(page.texts(".node.degraded")) > 100
    page.click("#focus")
    assert "app-0" in page.drawn()


def test_too_many_to_draw_are_searched_and_listed(load):
    page = load(many(1700, 4))
    assert "too many to draw at once" in page.texts("#notice")[0]
    assert page.drawn() == []
    page.choose("app-1699", "space-3")
    assert "app-1699" in page.drawn()
    page.click("#as-table")
    assert len(page.texts("tbody tr")) >= 1


def test_without_any_dependency_it_says_so(load):
    assert load(app("web")).texts("#notice") == ["No dependencies to show."]
