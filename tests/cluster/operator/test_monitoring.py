"""The alerts and the dashboard, with the tools of Prometheus: promtool, and a server that scrapes the operator."""

import json
import re
import subprocess
import urllib.parse
import urllib.request
from pathlib import Path

import pytest
import yaml
from tests.cluster.conftest import eventually

from localcluster import binaries

PROMETHEUS = ("promtool", "prometheus")

MONITORING = Path(__file__).parents[3] / "deploy/monitoring"
PAGE = Path(__file__).parents[3] / "docs/metrics.md"
RULES = yaml.safe_load((MONITORING / "alerts.yaml").read_text())["spec"]
ALERTS = {rule["alert"]: rule for group in RULES["groups"] for rule in group["rules"]}
EXPRESSIONS = [
    target["expr"]
    for panel in json.loads((MONITORING / "dashboard.json").read_text())["panels"]
    for target in panel["targets"]
]


@pytest.fixture(scope="module")
def prometheus_programs():
    return binaries.ensure(PROMETHEUS)


def promtool(programs, *arguments):
    done = subprocess.run([programs / "promtool", *arguments], check=False, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def steady(series, value):
    return {"series": series, "values": f"{value}x120"}


LEADER = 'apphealth_leader{namespace="apphealth"}'
FIRING = {
    "AppHealthNoLeader": ([steady(LEADER, 0)], [steady(LEADER, 1)]),
    "AppHealthWritesRejected": (
        [steady('apphealth_health_plans{state="Rejected"}', 2)],
        [steady('apphealth_health_plans{state="Applied"}', 2)],
    ),
    "AppHealthProbesRolledBack": (
        [steady('apphealth_health_plans{state="RolledBack"}', 2)],
        [steady('apphealth_health_plans{state="RolledBack"}', 0)],
    ),
    "AppHealthReconcilesFail": (
        [
            {"series": 'apphealth_reconciles_total{result="error"}', "values": "0+2x120"},
            {"series": 'apphealth_reconciles_total{result="success"}', "values": "0+10x120"},
        ],
        [
            {"series": 'apphealth_reconciles_total{result="error"}', "values": "0+1x120"},
            {"series": 'apphealth_reconciles_total{result="success"}', "values": "0+100x120"},
        ],
    ),
    "AppHealthQueueStuck": (
        [
            steady('apphealth_queue_depth{queue="workloads"}', 5),
            steady('apphealth_queue_work_duration_seconds_count{queue="workloads"}', 10),
        ],
        [
            steady('apphealth_queue_depth{queue="workloads"}', 5),
            {"series": 'apphealth_queue_work_duration_seconds_count{queue="workloads"}', "values": "0+1x120"},
        ],
    ),
    "AppHealthWatchesLost": (
        [{"series": "apphealth_watch_restarts_total", "values": "0+1x120"}],
        [{"series": "apphealth_watch_restarts_total", "values": "0+0x120"}],
    ),
}


def test_each_alert_fires_when_it_should_and_only_then(prometheus_programs, tmp_path):
    (tmp_path / "rules.yaml").write_text(yaml.safe_dump(RULES))
    promtool(prometheus_programs, "check", "rules", "--lint-fatal", str(tmp_path / "rules.yaml"))
    assert FIRING.keys() == ALERTS.keys()
    tests = []
    for name, cases in FIRING.items():
        for fires, series in zip((True, False), cases, strict=True):
            beside = [] if name == "AppHealthNoLeader" else [steady(LEADER, 1)]
            query = {"expr": f'count(ALERTS{{alertname="{name}",alertstate="firing"}}) or vector(0)', "eval_time": "1h"}
            wanted = [{"labels": "{}", "value": 1 if fires else 0}]
            tests.append(
                {"name": f"{name} {fires}", "interval": "1m", "input_series": [*series, *beside]}
                | {"promql_expr_test": [query | {"exp_samples": wanted}]}
            )
    checked = {"rule_files": ["rules.yaml"], "evaluation_interval": "1m", "tests": tests}
    (tmp_path / "tests.yaml").write_text(yaml.safe_dump(checked))
    promtool(prometheus_programs, "test", "rules", str(tmp_path / "tests.yaml"))


def test_the_page_says_what_to_do_about_each_alert():
    assert set(re.findall(r"^\| `(AppHealth\w+)` \|", PAGE.read_text(), re.MULTILINE)) == ALERTS.keys()


@pytest.fixture(scope="module")
def query(prometheus_programs, operator, tmp_path_factory, unused_tcp_port_factory):
    """Provide the query of a Prometheus that scrapes the operator."""
    folder, port = tmp_path_factory.mktemp("prometheus"), unused_tcp_port_factory()
    scraped = {"targets": [f"127.0.0.1:{operator.port}"], "labels": {"namespace": "apphealth", "pod": "apphealth-0"}}
    config = {
        "global": {"scrape_interval": "1s", "scrape_timeout": "1s"},
        "scrape_configs": [{"job_name": "apphealth", "static_configs": [scraped]}],
    }
    (folder / "prometheus.yml").write_text(yaml.safe_dump(config))
    arguments = [f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/data"]
    arguments.append(f"--web.listen-address=127.0.0.1:{port}")
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def ask(expression):
        url = f"http://127.0.0.1:{port}/api/v1/query?{urllib.parse.urlencode({'query': expression})}"
        try:
            with opener.open(url, timeout=60) as answer:
                return json.load(answer)["data"]["result"]
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{expression}: {error.read().decode()}") from error

    def ready():
        try:
            with opener.open(f"http://127.0.0.1:{port}/-/ready", timeout=10):
                return True
        except OSError:  # nothing listens yet, or 503 while it reads its storage
            return False

    with (folder / "log").open("wb") as log:
        process = subprocess.Popen([prometheus_programs / "prometheus", *arguments], stdout=log, stderr=log)
    try:
        eventually(ready, "Prometheus is ready", timeout=60)
        yield ask
    finally:
        process.terminate()
        process.wait(20)


def test_every_panel_of_the_dashboard_has_data(query, shop):
    shop.deployment()
    shop.deployment("portless", {"name": "main", "image": "a"})
    shop.rule()
    shop.until_applied()
    shop.until(lambda: shop.findings("portless"), "there is a finding")

    def scraped():
        return query("count_over_time(apphealth_leader[1m]) >= 3")

    shop.until(scraped, "Prometheus has scraped the operator a few times", timeout=60)
    lacking = []
    for expression in EXPRESSIONS:
        concrete = expression.replace("$__rate_interval", "1m").replace("$namespace", ".*")
        if not query(concrete):
            lacking.append(concrete)
    assert not lacking
    for rule in ALERTS.values():
        query(rule["expr"])
