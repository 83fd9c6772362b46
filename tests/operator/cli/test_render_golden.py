"""Whole files, before and after, with what is said about them."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

DATA = Path(__file__).parent / "data"
INPUTS = sorted(path.name for path in (DATA / "input").iterdir())


def test_each_input_has_its_output() -> None:
    outputs = {path.name for path in (DATA / "output").iterdir()}
    assert outputs == {name + suffix for name in INPUTS for suffix in ("", ".stderr")}


@pytest.mark.parametrize("name", INPUTS)
def test_a_file_is_rendered_as_it_should_be(run: Callable, tmp_path: Path, name: str) -> None:
    shutil.copy(DATA / "input" / name, tmp_path / name)
    outcome = run("render", "-f", name, "-n", "shop", "--unproven")
    assert outcome.code == 0
    assert outcome.text == (DATA / "output" / name).read_text()
    assert outcome.err == (DATA / "output" / f"{name}.stderr").read_text()


@pytest.mark.parametrize("name", INPUTS)
def test_rendering_the_output_again_changes_no_byte(run: Callable, tmp_path: Path, name: str) -> None:
    shutil.copy(DATA / "output" / name, tmp_path / name)
    assert run("render", "-f", name, "-n", "shop").text == (DATA / "output" / name).read_text()
    assert run("render", "-f", name, "-n", "shop", "--check").code == 0
