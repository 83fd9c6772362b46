"""`same`: which changes of a workload count."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from apphealth.model.progress import Progress
from apphealth.model.workload import Container, Workload, same

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)
WEB = Workload(
    kind="Deployment",
    api_version="apps/v1",
    namespace="shop",
    name="web",
    uid="1",
    resource_version="7",
    generation=3,
    ready=True,
    progress=Progress(desired=2),
    rolled_out_at=NOON,
    edited_by="kubectl",
    written_at=NOON,
)


@pytest.mark.parametrize(
    "change",
    [
        {"resource_version": "8"},
        {"generation": 4},
        {"ready": False},
        {"progress": Progress(desired=3)},
        {"rolled_out_at": None},
        {"edited_by": "helm"},
        {"written_at": None},
    ],
)
def test_what_no_plan_reads_is_no_change(change):
    assert same(WEB, replace(WEB, **change))
    assert same(replace(WEB, **change), WEB)


@pytest.mark.parametrize(
    "change",
    [
        {"uid": "2"},
        {"labels": {"app": "web"}},
        {"annotations": {"apphealth.dev/ignore": "why"}},
        {"pod_labels": {"app": "web"}},
        {"containers": (Container(name="main"),)},
        {"template": "a1"},
        {"controller": "Shop/web"},
        {"ordered": True},
    ],
)
def test_what_a_plan_reads_is_one(change):
    assert not same(WEB, replace(WEB, **change))
