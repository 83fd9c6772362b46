"""One line for each write, with the probes that it changed and the rules that wanted them."""

import logging
from dataclasses import replace

import pytest

from apphealth.api.healthplan import State
from apphealth.api.rule import RuleKey
from apphealth.controller.journal import LOGGER, changes_between, log_write
from apphealth.model.ownership import OURS, Ownership
from apphealth.model.probe import HttpGet, Probe, ProbeKind
from apphealth.model.workload import Container, LiveProbe, Workload
from apphealth.plan import Plan

LIVENESS, READINESS = ProbeKind.LIVENESS, ProbeKind.READINESS
RESTORED = Ownership(ours=False, others=("apphealth-restored",))


def live(path="/live", owner=OURS):
    return LiveProbe(Probe(handler=HttpGet(path=path, port=8080)), owner)


def workload(*, volume=False, mounts=False, **probes):
    main = Container(name="main", probes={ProbeKind(kind): one for kind, one in probes.items()}, mounts_delivery=mounts)
    made = Workload(kind="Deployment", api_version="apps/v1", namespace="shop", name="web", containers=(main,))
    return replace(made, delivery_volume=volume)


BARE, PROBED = workload(), workload(liveness=live(), readiness=live("/ready"))


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        pytest.param(BARE, BARE, (), id="nothing"),
        pytest.param(BARE, PROBED, ("added liveness, readiness of main",), id="added"),
        pytest.param(PROBED, BARE, ("removed liveness, readiness of main",), id="removed"),
        pytest.param(PROBED, workload(liveness=live("/x")), ("changed liveness of main", "removed readiness of main")),
        pytest.param(
            workload(liveness=live()),
            workload(liveness=live("/theirs", RESTORED)),
            ("restored liveness of main",),
            id="the original is back",
        ),
        pytest.param(
            BARE,
            workload(volume=True, mounts=True),
            ("mounted the dependencies of main", "added the volume of dependencies"),
            id="dependencies",
        ),
    ],
)
def test_a_line_names_what_has_changed(before, after, said):
    assert changes_between(before, after) == said


def decided(*rules):
    return Plan(workload=BARE.key, state=State.APPLIED, message="", rules=rules)


@pytest.mark.parametrize(
    ("before", "after", "rules", "line"),
    [
        pytest.param(
            BARE,
            PROBED,
            (RuleKey("ClusterAppHealth", "", "standard"),),
            "patched Deployment/shop/web: added liveness, readiness of main (ClusterAppHealth/standard)",
            id="write",
        ),
        pytest.param(
            PROBED,
            BARE,
            (),
            "patched Deployment/shop/web: removed liveness, readiness of main (no rule selects it any more)",
            id="take-back",
        ),
    ],
)
def test_a_write_is_one_line(caplog, before, after, rules, line):
    with caplog.at_level(logging.INFO, logger=LOGGER):
        log_write(before, after, decided(*rules))
    assert [record.getMessage() for record in caplog.records] == [line]


def test_a_write_that_changes_no_probe_is_no_line(caplog):
    with caplog.at_level(logging.INFO, logger=LOGGER):
        log_write(PROBED, PROBED, decided())
    assert not caplog.records
