"""Seed 001: the address-finder, whose probes come from an AppHealth instead of its manifest."""

import re
import time
from datetime import datetime
from itertools import pairwise

import pytest
import requests

from localcluster import Cluster

pytestmark = pytest.mark.timeout(600)  # a busy machine takes long to start what the first test waits for
PROBED = re.compile(r"^(\d{4}/\d\d/\d\d \d\d:\d\d:\d\d) X-Probe: (liveness|readiness)$", re.MULTILINE)
DEPLOYMENT = "address-finder-deployment"


@pytest.fixture(scope="module")
def finder(places):
    place = places["seed-001"]
    place.insist(DEPLOYMENT, "Liveness", "Readiness")
    return place


def test_describe_shows_exactly_the_lines_of_the_document(finder):
    assert finder.described(DEPLOYMENT) == {
        "Liveness": "http-get http://:3000/health delay=10s timeout=5s period=10s #success=1 #failure=2",
        "Readiness": "http-get http://:3000/health delay=10s timeout=5s period=10s #success=1 #failure=5",
    }


def test_the_service_refuses_for_ten_seconds_and_then_answers_200(finder, node: Cluster, ask, eventually):
    port = finder.get("service", "address-finder-service")["spec"]["ports"][0]["nodePort"]
    (old,) = finder.pods("address-finder")
    finder.kubectl("delete", "pod", old["metadata"]["name"], "--grace-period=1")
    (new,) = eventually(lambda: finder.pods("address-finder"), "a new pod")
    answers = []

    def answered():
        try:
            answers.append((time.time(), ask(f"http://{node.node_address}:{port}/health").status_code))
        except requests.RequestException:
            answers.append((time.time(), None))
        return answers[-1][1]

    eventually(answered, "an answer through the NodePort")
    pod = finder.get("pod", new["metadata"]["name"])
    started = pod["status"]["containerStatuses"][0]["state"]["running"]["startedAt"]
    serving_since = datetime.fromisoformat(started).timestamp() + 10
    refused = [moment for moment, status in answers if status is None]
    assert refused, answers
    assert answers[-1][1] == 200
    assert answers[-1][0] >= serving_since
    assert pod["status"]["containerStatuses"][0]["restartCount"] == 0


def test_the_log_shows_both_probes_at_their_periods(finder, eventually):
    def on_the_beat():
        """A busy machine makes some gaps longer; of another period none would be of ten seconds."""
        (pod,) = finder.pods("address-finder")
        moments = {"liveness": [], "readiness": []}
        for stamp, probe in PROBED.findall(finder.kubectl("logs", pod["metadata"]["name"])):
            moments[probe].append(datetime.strptime(f"{stamp} +0000", "%Y/%m/%d %H:%M:%S %z").timestamp())
        return all(any(9 <= after - before <= 11 for before, after in pairwise(m)) for m in moments.values())

    eventually(on_the_beat, "each probe comes ten seconds after the last")
