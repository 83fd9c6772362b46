"""Whole environments as applications have them: all that they need is found, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from apphealth.store.facts import plan_of

BLOCKS = yaml.safe_load((Path(__file__).parent / "data/env-blocks.yaml").read_text())


def service(build, text, headless):
    address, _, port = text.partition(":")
    name, _, namespace = address.partition(".")
    cluster_ip = "None" if address in headless else ""
    return build.service(name, namespace or "shop", ports=[{"port": int(port or 80)}], clusterIP=cluster_ip)


@pytest.mark.parametrize("block", [pytest.param(block, id=block["name"]) for block in BLOCKS])
def test_an_environment_names_what_it_needs_and_nothing_else(build, block):
    main = build.container(env=[{"name": name, "value": value} for name, value in block["env"].items()])
    services = [service(build, text, block.get("headless", ())) for text in (*block["needs"], *block["services"])]
    world = build.world(build.deployment(main, name="app"), *services, build.rule(preset="http"))
    (workload,) = world.workloads.values()
    found = {
        f"{need.service.name}{'' if need.service.namespace == 'shop' else f'.{need.service.namespace}'}:{need.port}"
        for need in plan_of(workload, world).dependencies
    }
    assert found == set(block["needs"])
