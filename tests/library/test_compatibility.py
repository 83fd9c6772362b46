"""The suites in ``versions``, run on the real 1.1.0: what they say of that version is observed, not believed.

1.1.0 has the same import name as ours, so it lives in an environment of its own, made once and kept outside the tree.
"""

import os
import re
import subprocess
from pathlib import Path

SUITES = Path(__file__).parent / "versions"


def on_1_1_0(python: str, suite: str) -> tuple[dict[str, int], str]:
    """Run one file of the suites there; return how many tests had which outcome, and what pytest printed."""
    run = subprocess.run(
        [python, "-m", "pytest", "-q", "-c", os.devnull, f"--rootdir={SUITES}", f"--confcutdir={SUITES}",
         "--import-mode=importlib", "--tb=short", "-p", "no:cacheprovider", "-rp", str(SUITES / suite)],
        capture_output=True, text=True, timeout=200, check=False,
    )  # fmt: skip
    summary = run.stdout.strip().splitlines()[-1]
    return {
        word: int(number) for number, word in re.findall(r"(\d+) (passed|failed|error|skipped)", summary)
    }, run.stdout


def test_the_contract_holds_on_1_1_0_from_pypi(python_with_1_1_0):
    outcomes, output = on_1_1_0(python_with_1_1_0, "test_contract.py")
    assert set(outcomes) == {"passed"}, output[-4000:]
    assert outcomes["passed"] > 100


def test_every_defect_is_really_there_in_1_1_0(python_with_1_1_0):
    outcomes, output = on_1_1_0(python_with_1_1_0, "test_defects.py")
    assert set(outcomes) == {"failed"}, output[-4000:]
    assert outcomes["failed"] > 40


def test_that_python_really_has_1_1_0(python_with_1_1_0):
    code = "import importlib.metadata as m; print(m.version('flask-management-endpoints'))"
    version = subprocess.run([python_with_1_1_0, "-c", code], capture_output=True, text=True, check=True).stdout
    assert version.strip() == "1.1.0"
