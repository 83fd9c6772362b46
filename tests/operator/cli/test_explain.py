"""`apphealth explain`: golden files, every value with its source, and a live cluster's answers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from apphealth.api.parse import parse_rule
from apphealth.cli.explain.building import explain as explained
from apphealth.cli.explain.report import Explanation
from apphealth.cli.explain.text import plain
from apphealth.model.parse_workload import parse_workload
from apphealth.model.proof import Proof, Verdict
from apphealth.store.facts import plan_of
from apphealth.store.world import World

DATA = Path(__file__).parent / "data" / "explain"
SHOP = ("-f", DATA / "shop.yaml")
LIVENESS = {"httpGet": {"path": "/live", "port": 8080, "scheme": "HTTP"}, "periodSeconds": 10, "timeoutSeconds": 5}
OURS_FIELDS = {'k:{"name":"main"}': {"f:livenessProbe": {"f:httpGet": {"f:path": {}}}}}
OURS_ALONE = {"manager": "apphealth", "operation": "Update"}


@pytest.mark.parametrize(
    ("arguments", "golden"),
    [
        pytest.param(("deploy/web",), "web.txt", id="text"),
        pytest.param(("deploy/web", "-o", "json"), "web.json", id="json"),
        pytest.param(("sts/db",), "db.txt", id="another kind"),
    ],
)
def test_a_workload_of_files(run, arguments, golden):
    outcome = run("explain", *arguments, *SHOP, "-v")
    assert (outcome.code, outcome.err) == (0, "")
    assert outcome.text == (DATA / golden).read_text()


def test_without_v_the_values_of_a_probe_are_one_line_with_the_defaults_last(run):
    lines = run("explain", "sts/db", *SHOP).text.splitlines()
    (values,) = [line for line in lines if line.startswith("    type TCP")]
    assert values.split("; ")[0] == "    type TCP (preset tcp (AppHealth store))"
    assert values.endswith("(defaults v1)")


def test_yaml_says_what_json_says(run):
    found = [run("explain", "deploy/web", *SHOP, "-o", output).text for output in ("json", "yaml")]
    assert json.loads(found[0]) == yaml.safe_load(found[1])


@pytest.mark.parametrize("output", ["text", "json", "yaml"])
def test_no_credentials_are_shown(run, output):
    assert "hunter2" not in run("explain", "deploy/web", *SHOP, "-o", output).text


@pytest.mark.parametrize(
    "words",
    [
        ("deploy/web",),
        ("deployment", "web"),
        ("deployments/web",),
        ("deployment.apps/web",),
        ("deployments.v1.apps/web",),
        ("Deployment/web", "-n", "shop"),
    ],
)
def test_a_workload_may_be_named_as_for_kubectl(run, words):
    assert run("explain", *words, *SHOP).text.startswith("Deployment/shop/web  Planned\n")


def test_the_only_workload_of_a_file_need_not_be_named(run, write):
    write("a.yaml", workload("DaemonSet", "agent", file=True))
    assert run("explain", "-f", "a.yaml").text.startswith("DaemonSet/default/agent")


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        pytest.param(
            ("web", *SHOP), 2, "'web' is not of the form KIND/NAME, such as deploy/web or sts/db", id="no kind"
        ),
        pytest.param(("job/web", *SHOP), 2, "'job' is not a kind of workload; the kinds are deploy", id="another kind"),
        pytest.param(("a", "b", "c", *SHOP), 2, "'a/b/c' is not of the form KIND/NAME", id="too much"),
        pytest.param((), 2, "no workload given: give KIND/NAME", id="nothing"),
        pytest.param(SHOP, 3, "several workloads match: Deployment/shop/web, StatefulSet/shop/db; give", id="several"),
        pytest.param(("deploy/wep", *SHOP), 3, "did you mean Deployment/web?", id="a near name"),
        pytest.param(("ds/web", *SHOP), 3, "did you mean Deployment/web?", id="the name of another kind"),
        pytest.param(("deploy/zzz", *SHOP), 3, "there is no Deployment/zzz in the input", id="no such name"),
        pytest.param(("deploy/web", "-n", "x", *SHOP), 3, "there is no workload in the namespace x", id="elsewhere"),
        pytest.param(("deploy/web", "-A", *SHOP), 2, "-f reads manifests", id="both a cluster and files"),
        pytest.param(("deploy/web", "--rules", "x"), 2, "--rules needs -f", id="rules for a cluster"),
        pytest.param(("deploy/web", "-f", "-", "--rules", "-"), 2, "can be read only once", id="twice"),
        pytest.param(("deploy/web", "-f", "nowhere"), 3, "1 problem in the input", id="no such file"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line(run, arguments, code, message):
    outcome = run("explain", *arguments)
    assert (outcome.code, outcome.out) == (code, b"")
    assert message in outcome.err.splitlines()[-1]


def test_text_that_would_steer_a_terminal_is_shown_harmless(run, write):
    text = workload("Deployment", "web", file=True, env=[{"name": "URL", "value": "http://users/\x1b[31m"}])
    users = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "users"}, "spec": {"ports": [{"port": 80}]}}
    write("a.yaml", f"{text}---\n{yaml.safe_dump(users)}")
    for output in ("text", "json", "yaml"):
        assert b"\x1b" not in run("explain", "deploy/web", "-f", "a.yaml", "-o", output).out


def test_without_a_rule_the_built_in_one_counts(run, write):
    write("a.yaml", workload("Deployment", "web", file=True))
    assert "by ClusterAppHealth/built-in" in run("explain", "-f", "a.yaml").text


# A live cluster.


def workload(kind: str, name: str, *, file: bool = False, managed: list[Any] | None = None, **container: Any) -> Any:
    """Return a workload as the API server has it, or as a file does."""
    main = {"name": "main", "image": "x", "ports": [{"containerPort": 8080}]} | container
    version = "argoproj.io/v1alpha1" if kind == "Rollout" else "apps/v1"
    spec = {
        "selector": {"matchLabels": {"app": name}},
        "template": {"metadata": {"labels": {"app": name}}, "spec": {"containers": [main]}},
    }
    found = {"apiVersion": version, "kind": kind, "metadata": {"name": name}, "spec": spec}
    if file:
        return yaml.safe_dump(found)
    found["metadata"] |= {"namespace": "shop", "uid": "u", "resourceVersion": "1", "managedFields": managed or []}
    return found


def fields(value: Any) -> dict[str, Any]:
    """Return what managedFields says of all leaves of a value."""
    return {f"f:{key}": fields(item) if isinstance(item, dict) else {} for key, item in value.items()}


def owned(kind: str, probe: dict[str, Any], **by: str) -> dict[str, Any]:
    pod = {"f:containers": {'k:{"name":"main"}': {f"f:{kind}Probe": fields(probe)}}}
    return by | {"fieldsV1": {"f:spec": {"f:template": {"f:spec": pod}}}}


def rule(**spec: Any) -> dict[str, Any]:
    metadata = {"name": "all", "namespace": "shop", "resourceVersion": "1"}
    off = {"startup": {"enabled": False}, "readiness": {"enabled": False}}
    said = {"selector": {}, "verification": "Skip", "probes": off | {"liveness": {"path": "/live", "port": 8080}}}
    return {"kind": "AppHealth", "metadata": metadata, "spec": said | spec}


NAMESPACE = {"kind": "Namespace", "metadata": {"name": "shop", "resourceVersion": "1"}}


@pytest.fixture
def live(serve, run):
    """Explain deploy/web of a cluster with these objects; gives what `-o json` says."""

    def explain(*objects: dict[str, Any]) -> dict[str, Any]:
        _, cluster = serve(NAMESPACE, *objects)
        outcome = run("explain", "deploy/web", "--kubeconfig", cluster.kubeconfig, "-o", "json")
        assert (outcome.code, outcome.err) == (0, "")
        found: dict[str, Any] = json.loads(outcome.out)
        return found

    return explain


def probe_of(found: dict[str, Any], kind: str = "liveness") -> dict[str, Any]:
    return next(probe for probe in found["containers"][0]["probes"] if probe["type"] == kind)


def test_what_the_operator_would_write_is_shown(live):
    found = live(workload("Deployment", "web"), rule())
    assert (found["state"], found["next"]["writes"], found["next"]["why"]) == ("Planned", True, "this is written")
    assert "+      path: /live\n" in found["next"]["diff"]


def test_a_probe_of_ours_that_is_as_it_should_be_changes_nothing(live):
    first = live(workload("Deployment", "web"), rule())
    wanted = probe_of(first)["wanted"]
    there = workload("Deployment", "web", managed=[owned("liveness", wanted, **OURS_ALONE)], livenessProbe=wanted)
    found = live(there, rule())
    assert found["next"] == {"writes": False, "why": "nothing: the workload is as planned"}
    assert probe_of(found)["owner"] == "apphealth"


def test_what_keeps_a_rule_from_working_is_said_to_come_first(live):
    found = live(workload("Deployment", "web"), rule(preset="flaks"))
    assert found["next"]["why"] == "nothing, until the errors among the findings are fixed"
    assert probe_of(found)["reason"] == "the wanted probe can't be planned, see the findings"


def test_a_probe_of_ours_without_a_rule_is_taken_back(live):
    entry = owned("liveness", LIVENESS, **OURS_ALONE)
    found = live(workload("Deployment", "web", managed=[entry], livenessProbe=LIVENESS))
    assert (found["selected"], found["next"]["writes"]) == (False, True)
    assert found["next"]["why"] == "no rule selects it any more: our probes are removed"
    assert "-      path: /live\n" in found["next"]["diff"]


def test_a_delivery_of_ours_without_a_rule_is_taken_back(live):
    there = workload(
        "Deployment",
        "web",
        managed=[OURS_ALONE | {"fieldsV1": {"f:spec": {"f:template": {"f:spec": delivery_fields()}}}}],
        volumeMounts=[{"name": "apphealth", "mountPath": "/etc/apphealth", "readOnly": True}],
    )
    volume = {"name": "apphealth", "configMap": {"name": "web-apphealth", "optional": True}}
    there["spec"]["template"]["spec"]["volumes"] = [volume]
    removed = {line for line in live(there)["next"]["diff"].splitlines() if line.startswith("-")}
    assert {"-    mountPath: /etc/apphealth", "-  configMap:"} <= removed


def delivery_fields() -> dict[str, Any]:
    mount = {'k:{"mountPath":"/etc/apphealth"}': {"f:name": {}}}
    containers = {'k:{"name":"main"}': {"f:volumeMounts": mount}}
    return {"f:containers": containers, "f:volumes": {'k:{"name":"apphealth"}': {"f:name": {}}}}


def test_who_owns_a_probe_that_stays_is_named(live):
    entry = owned("liveness", LIVENESS, manager="kubectl-client-side-apply", operation="Update")
    found = live(workload("Deployment", "web", managed=[entry], livenessProbe=LIVENESS), rule())
    probe = probe_of(found)
    assert (probe["action"], probe["owner"]) == ("Keep", "kubectl-client-side-apply")
    assert {value["source"] for value in probe["values"]} == {"its owner, kubectl-client-side-apply"}


def test_an_original_that_is_remembered_is_shown(live):
    original = {"container": "main", "type": "liveness", "original": {"tcpSocket": {"port": 9999}}}
    reference = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}
    metadata = {"name": "deployment-web", "namespace": "shop", "resourceVersion": "1"}
    metadata["labels"] = {"app.kubernetes.io/managed-by": "apphealth"}
    metadata["ownerReferences"] = [{"kind": "Deployment", "name": "web", "uid": "u"}]
    status = {"state": "Applied", "originals": [original]}
    plan = {"kind": "HealthPlan", "metadata": metadata, "spec": {"workload": reference}, "status": status}
    assert live(workload("Deployment", "web"), rule(), plan)["originals"] == [original]


def test_the_pods_are_not_asked_and_what_they_would_be_asked_is_shown(live):
    there = workload("Deployment", "web")
    there["status"] = {"readyReplicas": 1}
    found = live(there, rule(verification="Required"))
    assert found["next"] == {
        "writes": False,
        "why": "the running pods are asked first; their answers decide what is written",
        "asks": ["GET http :8080/live"],
    }


def test_in_mode_audit_it_says_what_enforce_would_write(live):
    found = live(workload("Deployment", "web"), rule(mode="Audit"))
    assert (found["state"], found["next"]["writes"]) == ("Preview", False)
    assert "+      path: /live\n" in found["next"]["diff"]


def test_a_rollout_shows_the_probes_that_it_is_not_given(serve, run):
    _, cluster = serve(NAMESPACE, workload("Rollout", "web"), rule())
    text = run("explain", "rollout/web", "--kubeconfig", cluster.kubeconfig).text
    assert "[rollout-not-written]" in text
    assert "mode Audit: nothing is written; Enforce would write this" in text
    assert "    +      path: /live\n" in text


@pytest.mark.parametrize(
    ("objects", "why"),
    [
        pytest.param([], None, id="no rule at all"),
        pytest.param(
            [rule(selector={"matchLabels": {"a": "b"}})],
            "its selector doesn't match the workload's labels",
            id="other labels",
        ),
        pytest.param(
            [rule(selector=None, targetRef={"kind": "StatefulSet", "name": "web"})],
            "it is for StatefulSet/web",
            id="another workload",
        ),
        pytest.param(
            [
                rule(namespaceSelector={"matchLabels": {"team": "x"}})
                | {"kind": "ClusterAppHealth", "metadata": {"name": "all", "resourceVersion": "1"}}
            ],
            "its namespaceSelector doesn't match the namespace shop",
            id="other namespaces",
        ),
    ],
)
def test_why_no_rule_selects_it_is_told(live, objects, why):
    found = live(workload("Deployment", "web"), *objects)
    assert not found["selected"]
    assert [one["why"] for one in found.get("passedOver", [])] == ([why] if why else [])


def test_a_cluster_rule_that_may_not_be_read_is_read_from_the_health_plan(serve, run):
    """The opposite of the truth would be: no rule selects it, and its probes are going to be removed."""
    carried = workload("Deployment", "web", livenessProbe=LIVENESS)
    carried["metadata"]["managedFields"] = [
        OURS_ALONE | {"fieldsV1": {"f:spec": {"f:template": {"f:spec": {"f:containers": OURS_FIELDS}}}}}
    ]
    probe = {"type": "liveness", "action": "Apply", "reason": "there was none", "verification": "Verified"}
    plan = {
        "kind": "HealthPlan",
        "metadata": {"name": "deployment-web", "namespace": "shop", "uid": "hp", "resourceVersion": "1"},
        "spec": {"workload": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}},
        "status": {
            "state": "Applied",
            "message": "adds liveness of main",
            "mode": "Enforce",
            "rules": ["ClusterAppHealth/standard"],
            "containers": [{"name": "main", "preset": "spring", "probes": [probe | {"probe": LIVENESS}]}],
        },
    }
    server, cluster = serve(NAMESPACE, carried, plan)
    deleted = run("explain", "deploy/web", "--kubeconfig", cluster.kubeconfig)
    assert "no rule selects it" in deleted.out.decode(), "who may read ClusterAppHealths sees that it is gone"
    server.forbidden.add("clusterapphealths")
    outcome = run("explain", "deploy/web", "--kubeconfig", cluster.kubeconfig)
    assert outcome.code == 0
    assert "no rule selects it" not in outcome.out.decode()
    assert "mode Enforce, by ClusterAppHealth/standard" in outcome.out.decode()
    assert "liveness  Apply: there was none  Verified" in outcome.out.decode()
    assert "ClusterAppHealth/standard selects it, which you may not read" in outcome.out.decode()


def test_system_namespaces_are_said_to_be_left_alone(serve, run):
    system = {"kind": "Namespace", "metadata": {"name": "kube-system", "uid": "k", "resourceVersion": "1"}}
    everything = {"kind": "ClusterAppHealth", "spec": {"selector": {}}}
    everything |= {"metadata": {"name": "all", "uid": "r", "resourceVersion": "1"}}
    dns = workload("Deployment", "dns")
    dns["metadata"]["namespace"] = "kube-system"
    _, cluster = serve(system, dns, everything)
    outcome = run("explain", "deploy/dns", "-n", "kube-system", "--kubeconfig", cluster.kubeconfig)
    assert "not by ClusterAppHealth/all: namespaces kube-* are left alone" in outcome.out.decode()


def test_opting_out_is_told_with_its_reason(live):
    there = workload("Deployment", "web")
    there["metadata"]["annotations"] = {"apphealth.dev/ignore": "legacy"}
    (one,) = live(there, rule())["passedOver"]
    assert one["why"] == "the workload has opted out (apphealth.dev/ignore): legacy"


def test_rules_that_conflict_are_told(live):
    other = rule(probes={"liveness": {"path": "/other", "port": 8080}})
    other["metadata"] = other["metadata"] | {"name": "zzz"}
    (conflict,) = live(workload("Deployment", "web"), rule(), other)["conflicts"]
    assert conflict == {"field": "liveness.path", "loser": "AppHealth/shop/zzz", "winner": "AppHealth/shop/all"}


@pytest.mark.parametrize(
    ("spec", "why"),
    [
        pytest.param({"probes": {"startup": {"enabled": False}}}, "AppHealth all switches it off", id="the probe"),
        pytest.param(
            {"containers": [{"name": "main", "enabled": False}]},
            "AppHealth all, containers 'main' switches it off",
            id="the container",
        ),
    ],
)
def test_who_switches_a_probe_off_is_told(live, spec, why):
    assert probe_of(live(workload("Deployment", "web"), rule(**spec)), "startup")["reason"].endswith(f"({why})")


SETTINGS = [
    pytest.param({"preset": "flask-management-endpoints"}, id="preset"),
    pytest.param({"preset": "flask-management-endpoints", "pathPrefix": "/m"}, id="prefix"),
    pytest.param({"preset": "tcp"}, id="tcp"),
    pytest.param({"preset": "grpc"}, id="grpc"),
    pytest.param({"preset": "http", "probes": {"liveness": {"path": "/x"}}}, id="http"),
    pytest.param({"probes": {"liveness": {"path": "/x", "headers": [{"name": "A", "value": "b"}]}}}, id="headers"),
    pytest.param({"probes": {"liveness": {"command": ["true"]}}}, id="exec"),
    pytest.param({"probes": {"readiness": {"type": "GRPC", "service": "a.B", "port": 8080}}}, id="service"),
    pytest.param({"probes": {"liveness": {"path": "/x", "terminationGracePeriodSeconds": 5}}}, id="grace"),
    pytest.param({"probes": {"startup": {"path": "/s", "maxSeconds": 60}}}, id="startup"),
    pytest.param({"probes": {"liveness": {"path": "/x", "scheme": "HTTPS", "initialDelaySeconds": 3}}}, id="scheme"),
]


@pytest.mark.parametrize("spec", SETTINGS)
def test_every_field_of_every_probe_has_a_source(run, write, spec):
    from apphealth.cli.explain.fields import fields_of
    from apphealth.model.probe import parse_probe

    said = {"apiVersion": "apphealth.dev/v1alpha1", "kind": "AppHealth", "metadata": {"name": "all"}}
    text = yaml.safe_dump(said | {"spec": {"selector": {}} | spec})
    write("a.yaml", f"{workload('Deployment', 'web', file=True)}---\n{text}")
    found = json.loads(run("explain", "-f", "a.yaml", "-o", "json", "--allow-exec").out)
    probes = [probe for probe in found["containers"][0]["probes"] if "wanted" in probe]
    assert probes
    for probe in probes:
        planned = parse_probe(probe["wanted"])
        assert planned is not None
        assert [(value["field"], value["value"]) for value in probe["values"]] == list(fields_of(planned))
        assert not [value for value in probe["values"] if value["source"].startswith("as it is now")]


# What pods have answered.


def answered(spec: dict[str, Any], verdict: Verdict, answer: str, **variables: str) -> Explanation:
    """Explain a workload whose pods give the same answer to every question."""
    world = World()
    manifest = workload("Deployment", "web") | {"status": {"readyReplicas": 1}}
    env = [{"name": name, "value": value} for name, value in variables.items()]
    manifest["spec"]["template"]["spec"]["containers"][0]["env"] = env
    there = parse_workload(manifest)
    world.put_workload(there)
    said = rule(**spec) | {"apiVersion": "apphealth.dev/v1alpha1"}
    parsed = parse_rule(said)
    world.put_rule(parsed)
    for _ in range(20):
        if not (questions := plan_of(there, world).questions):
            break
        for question in questions:
            world.put_answer(question, Proof(verdict=verdict, answer=answer))
    return explained(there, world)


def test_a_probe_that_pods_confirmed_says_what_they_answered():
    found = answered({"verification": "Required"}, Verdict.VERIFIED, "200 in 12 ms from 3 pods")
    probe = next(probe for probe in found.containers[0].probes if probe.type == "liveness")
    assert (probe.verification, probe.answer) == ("Verified", "200 in 12 ms from 3 pods")
    assert "Verified: 200 in 12 ms from 3 pods\n" in plain(found)
    assert [proof.verdict for proof in found.proofs] == ["Verified"]


def test_a_probe_that_pods_refuted_says_what_they_answered_and_is_not_written():
    found = answered({"verification": "Required"}, Verdict.REFUTED, "404 from web-1")
    probe = next(probe for probe in found.containers[0].probes if probe.type == "liveness")
    assert (probe.verification, found.next.writes, found.next.diff) == ("Refuted", False, "")
    assert "404 from web-1" in plain(found)


def test_presets_that_were_not_taken_are_told_with_the_reason():
    said = {"verification": "Required", "probes": {}}
    found = answered(said, Verdict.REFUTED, "404 from web-1", SPRING_PROFILES_ACTIVE="x")
    considered = found.containers[0].considered
    assert considered
    assert all("404 from web-1" in one.why for one in considered)
    assert f"not preset {considered[0].preset} ({considered[0].evidence}): " in plain(found)


def test_a_survey_that_found_no_sign_of_life_is_the_reason_why_there_is_no_liveness():
    found = answered({"verification": "Required", "probes": {}}, Verdict.REFUTED, "http :8080 no health; 404: /livez")
    probe = next(probe for probe in found.containers[0].probes if probe.type == "liveness")
    assert probe.reason.endswith("(no endpoint for it answered: http :8080 no health; 404: /livez)")
