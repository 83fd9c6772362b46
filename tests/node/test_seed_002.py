"""Seed 002: three replicas of a Flask app that takes ten seconds to get ready, and can be broken."""

from datetime import datetime

import pytest

pytestmark = pytest.mark.timeout(600)  # a busy machine takes long to start what the first test waits for


@pytest.fixture(scope="module")
def app(places):
    place = places["seed-002"]
    place.insist("flask-app", "Liveness", "Readiness")
    return place


def test_describe_shows_the_paths_and_numbers_of_the_document(app):
    assert app.described("flask-app") == {
        "Liveness": "http-get http://:8080/healthz delay=5s timeout=5s period=10s #success=1 #failure=3",
        "Readiness": "http-get http://:8080/readyz delay=5s timeout=3s period=10s #success=1 #failure=3",
    }


def test_ready_turns_after_ten_seconds(app):
    for pod in app.pods("flask-app"):
        started = _moment(pod["status"]["containerStatuses"][0]["state"]["running"]["startedAt"])
        (ready,) = (each for each in pod["status"]["conditions"] if each["type"] == "Ready")
        # Ready at the first readiness probe after the app's ten seconds; the app starts some time after its container.
        assert ready["status"] == "True"
        assert _moment(ready["lastTransitionTime"]) - started >= 9


def test_break_restarts_that_pod_alone_and_the_endpoints_follow(app, ask, address, eventually):
    broken, *others = (pod["metadata"]["name"] for pod in app.pods("flask-app"))
    before = _restarts(app)
    eventually(lambda: app.ready_endpoints("flask-app") == {broken, *others}, "all are in the Service")
    assert ask(f"{address(app.get('pod', broken), 8080)}/healthz").status_code == 200
    assert ask(f"{address(app.get('pod', broken), 8080)}/break").json() == {"status": "breaking"}
    assert ask(f"{address(app.get('pod', broken), 8080)}/healthz").status_code == 500

    eventually(lambda: app.ready_endpoints("flask-app") == set(others), "the broken pod leaves the Service")
    eventually(lambda: _restarts(app) == before | {broken: before[broken] + 1}, "it is restarted, and it alone")
    eventually(lambda: app.ready_endpoints("flask-app") == {broken, *others}, "the restarted pod comes back")
    assert ask(f"{address(app.get('pod', broken), 8080)}/healthz").status_code == 200
    assert _restarts(app) == before | {broken: before[broken] + 1}


def test_fix_takes_a_break_back_in_time(app, ask, address):
    pod = app.pods("flask-app")[-1]
    ask(f"{address(pod, 8080)}/break")
    assert ask(f"{address(pod, 8080)}/fix").json() == {"status": "fixing"}
    assert ask(f"{address(pod, 8080)}/healthz").json() == {"status": "ok"}


def _restarts(app):
    return {
        pod["metadata"]["name"]: pod["status"]["containerStatuses"][0]["restartCount"] for pod in app.pods("flask-app")
    }


def _moment(text):
    return datetime.fromisoformat(text).timestamp()
