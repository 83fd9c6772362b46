"""Field by field the later layer wins, and each value keeps where it came from."""

from __future__ import annotations

import pytest

from apphealth.plan.rules.annotations import read_annotations
from apphealth.plan.rules.merging import container_settings, workload_settings
from apphealth.plan.rules.selection import selecting

OLD, YOUNG = "2026-01-01T00:00:00Z", "2026-02-01T00:00:00Z"


def effective(build, *rules, name="main", **fields):
    workload = build.parse(build.deployment(build.container(name), **fields))
    world = build.world(*rules)
    chosen = selecting(world.rules_in("shop"), workload, world.namespace("shop"))
    annotations = read_annotations(workload.pod_annotations)
    return container_settings(chosen, name, annotations), workload_settings(chosen)


def liveness(**fields):
    return {"liveness": fields}


def test_each_field_comes_from_the_strongest_rule_that_sets_it(build):
    settings, _ = effective(
        build,
        build.cluster_rule("base", probes=liveness(path="/a", port=1, periodSeconds=1, timeoutSeconds=1)),
        build.cluster_rule("strong", priority=1, probes=liveness(path="/b", port=2, periodSeconds=2)),
        build.rule("team", probes=liveness(path="/c", port=3)),
        build.rule("one", targetRef={"kind": "Deployment", "name": "web"}, probes=liveness(path="/d")),
    )
    assert dict(settings.liveness.items()) == {
        "path": ("/d", "AppHealth one"),
        "port": (3, "AppHealth team"),
        "period_seconds": (2, "ClusterAppHealth strong"),
        "timeout_seconds": (1, "ClusterAppHealth base"),
    }
    assert settings.conflicts == ()


@pytest.mark.parametrize(
    ("containers", "path", "source"),
    [
        pytest.param([], "/general", "AppHealth rule", id="no entry"),
        pytest.param(
            [{"name": "*", "probes": liveness(path="/all")}],
            "/all",
            "AppHealth rule, containers '*'",
            id="every container",
        ),
        pytest.param(
            [{"name": "main", "probes": liveness(path="/main")}, {"name": "*", "probes": liveness(path="/all")}],
            "/main",
            "AppHealth rule, containers 'main'",
            id="by name above every container",
        ),
        pytest.param(
            [{"name": "other", "probes": liveness(path="/other")}], "/general", "AppHealth rule", id="another's entry"
        ),
    ],
)
def test_an_entry_for_the_container_is_above_the_rules_own_words(build, containers, path, source):
    settings, _ = effective(build, build.rule(probes=liveness(path="/general"), containers=containers))
    assert settings.liveness.path == (path, source)


@pytest.mark.parametrize(
    ("annotation", "text", "field", "value"),
    [
        pytest.param("preset", "grpc", "preset", "grpc", id="preset"),
        pytest.param("path-prefix", "/manage", "path_prefix", "/manage", id="prefix"),
        pytest.param("path-prefix", "", "path_prefix", "", id="no prefix"),
        pytest.param("port", "9000", "port", 9000, id="port by number"),
        pytest.param("port", "http", "port", "http", id="port by name"),
    ],
)
def test_an_annotation_is_above_every_rule(build, annotation, text, field, value):
    entry = {"name": "main", "preset": "http", "pathPrefix": "/x"}
    settings, _ = effective(
        build, build.rule(containers=[entry]), pod_annotations={f"apphealth.dev/{annotation}": text}
    )
    assert getattr(settings, field) == (value, f"annotation apphealth.dev/{annotation}")


@pytest.mark.parametrize("annotation", ["preset", "port"])
def test_an_empty_annotation_says_nothing(build, annotation):
    settings, _ = effective(build, build.rule(), pod_annotations={f"apphealth.dev/{annotation}": ""})
    said = ("flask-management-endpoints", "AppHealth rule") if annotation == "preset" else None
    assert getattr(settings, annotation) == said


@pytest.mark.parametrize(
    ("older", "younger", "lost"),
    [
        pytest.param(
            {"probes": liveness(path="/a")}, {"probes": liveness(path="/b")}, ["liveness.path"], id="different"
        ),
        pytest.param({"probes": liveness(path="/a")}, {"probes": liveness(path="/a")}, [], id="the same"),
        pytest.param({"probes": liveness(path="/a")}, {"probes": liveness(port=1)}, [], id="other fields"),
        pytest.param(
            {"containers": [{"name": "main", "probes": liveness(path="/a")}]},
            {"probes": liveness(path="/b")},
            ["liveness.path"],
            id="an older rule's entry and a younger one's general word",
        ),
        pytest.param(
            {"containers": [{"name": "other", "probes": liveness(path="/a")}]},
            {"probes": liveness(path="/b")},
            [],
            id="an entry for another container",
        ),
        pytest.param({"preset": "http"}, {"preset": "tcp"}, ["preset"], id="preset"),
    ],
)
@pytest.mark.parametrize("turned", [False, True])
def test_of_equal_rank_the_older_rule_wins_and_the_younger_is_told(build, older, younger, lost, turned):
    rules = [build.rule("first", created=OLD, **older), build.rule("second", created=YOUNG, **younger)]
    settings, _ = effective(build, *(reversed(rules) if turned else rules))
    found = [(c.field, c.loser.name, c.winner.name) for c in settings.conflicts]
    assert found == [(field, "second", "first") for field in lost]
    if "liveness.path" in lost:
        assert settings.liveness.path.source.startswith("AppHealth first")
    if "preset" in lost:
        assert settings.preset.source == "AppHealth first"


def test_of_equal_age_the_first_name_wins(build):
    rules = [build.rule(name, created=OLD, probes=liveness(path=f"/{name}")) for name in ("b", "a")]
    assert effective(build, *rules)[0].liveness.path.value == "/a"


def test_a_rule_that_is_recreated_does_not_take_over(build):
    theirs = build.rule("z-team", created=OLD, probes=liveness(path="/theirs"))
    recreated = build.rule("a-team", created=YOUNG, probes=liveness(path="/ours"))
    assert effective(build, theirs, recreated)[0].liveness.path.value == "/theirs"


def test_a_rule_of_a_file_is_younger_than_those_of_the_cluster(build):
    rules = [build.rule("a", probes=liveness(path="/file")), build.rule("b", created=OLD, probes=liveness(path="/old"))]
    assert effective(build, *rules)[0].liveness.path.value == "/old"


def test_rules_of_equal_rank_may_conflict_about_the_workload_as_a_whole(build):
    rules = [
        build.rule("first", created=OLD, existingProbes="Keep"),
        build.rule("second", created=YOUNG, existingProbes="Replace"),
    ]
    _, shared = effective(build, *rules)
    assert [(c.field, c.loser.name, c.winner.name) for c in shared.conflicts] == [
        ("existing_probes", "second", "first")
    ]
    assert not shared.replaces


def test_a_container_is_listed_by_its_name_or_by_all(build):
    entries = [{"name": "main"}, {"name": "*"}, {"name": "other"}]
    listed = [effective(build, build.rule(containers=[entry]))[0].listed for entry in entries]
    assert listed == [True, True, False]


def test_rules_of_different_rank_never_conflict(build):
    rules = [build.cluster_rule(probes=liveness(path="/a")), build.rule(probes=liveness(path="/b"))]
    assert effective(build, *rules)[0].conflicts == ()


def test_what_rules_say_of_the_workload_as_a_whole(build):
    rules = [
        build.cluster_rule(existingProbes="Replace", verification="Required"),
        build.rule(dependencies={"discover": False}),
    ]
    _, shared = effective(build, *rules)
    assert shared.conflicts == ()  # both set the verification, with different ranks
    assert (shared.replaces, shared.verification.value, shared.discover, shared.deliver) == (True, "Skip", False, True)
    assert workload_settings(()) == type(shared)()


@pytest.mark.parametrize(
    ("annotation", "text", "fix"),
    [
        pytest.param("port", "99999", "from 1 to 65535", id="no such port"),
        pytest.param("port", "0", "from 1 to 65535", id="port 0"),
        pytest.param("port", "1" * 5000, "at most 15 characters", id="enormous"),
        pytest.param("port", "٣", "from 1 to 65535", id="digits of another script"),
        pytest.param("path-prefix", "no slash", "one '/'", id="prefix without a slash"),
        pytest.param("path-prefix", "//evil.example", "one '/'", id="prefix that names a host"),
        pytest.param("path-prefix", "/a\nb", "one '/'", id="prefix of two lines"),
        pytest.param("preset", "Flask!", "the name of a preset", id="no preset's name"),
    ],
)
def test_an_annotation_that_cannot_be_meant_is_told_and_nothing_is_planned(build, planned, annotation, text, fix):
    plan = planned(build.deployment(pod_annotations={f"apphealth.dev/{annotation}": text}), build.service())
    found = next(f for f in plan.findings if f.id == "annotation-invalid")
    assert f"apphealth.dev/{annotation}" in found.message
    assert fix in found.fix
    assert len(found.fix) < 300
    assert plan.patches == ()
