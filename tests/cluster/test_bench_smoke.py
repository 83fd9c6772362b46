"""The benchmarks run, with small numbers, and compare like with like. What they measure is not judged here."""

import json
import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
COUNT = 20


def bench(name: str, folder: Path) -> dict[str, Any]:
    """Run a benchmark with its small numbers, and return the JSON that it wrote."""
    command = [sys.executable, "-m", "tests.bench", name, "--quick", "--count", str(COUNT), "--out", str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    (written,) = folder.glob(f"{name}-*.json")
    found: dict[str, Any] = json.loads(written.read_text())
    assert found["rows"]
    assert all(math.isfinite(row["value"]) and row["value"] >= 0 for row in found["rows"])
    return found


@pytest.mark.parametrize("name", ["start", "clients", "plan", "render", "lint", "graph"])
def test_benchmark_gives_figures(name: str, tmp_path: Path):
    rows = bench(name, tmp_path)["rows"]
    assert all(row["value"] > 0 for row in rows)


def test_all_that_the_demos_manifests_name_is_found_and_what_is_wrong_is_known(tmp_path: Path):
    found = bench("recall", tmp_path)
    shares = {row["what"]: row["value"] for row in found["rows"] if row["unit"] == "%"}
    assert shares["apphealth: recall of what manifests name"] == 100
    # All of a shared ConfigMap is in its environment (envFrom), and it uses one key of it.
    assert [wrong for sample in found["samples"] for wrong in sample["wrong"]] == [
        ["ledgerwriter", name] for name in ("contacts", "transactionhistory", "userservice")
    ]


def test_operator_and_bare_client_send_the_same_writes(tmp_path: Path):
    samples = {sample["who"]: sample["requests"] for sample in bench("apply", tmp_path)["samples"]}
    writes = {"patch deployments": COUNT, "create healthplans": COUNT, "create configmaps": COUNT}
    assert samples["bare"] == writes
    assert {what: samples["operator"][what] for what in writes} == writes


def test_every_change_of_the_latency_benchmark_is_answered_on_both_sides(tmp_path: Path):
    samples = bench("latency", tmp_path)["samples"]
    assert [sample["who"] for sample in samples] == ["operator"] * 5 + ["bare"] * 5
    assert all(sample["milliseconds"] > 0 for sample in samples)


def test_settled_operator_writes_and_lists_nothing(tmp_path: Path):
    counted = {row["what"]: row["value"] for row in bench("settled", tmp_path)["rows"]}
    assert (counted["writes"], counted["lists"]) == (0, 0)
