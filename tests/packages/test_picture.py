"""The picture of the README: drawn from what the demonstration prints, and of nothing outside of its file."""

import re
import runpy
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROGRAM = runpy.run_path(str(ROOT / "deploy/picture.py"))
COMMANDS, picture, shown = (PROGRAM[name] for name in ("COMMANDS", "picture", "shown"))
TRANSCRIPT = "4  Look first\n   $ kubectl get ah,cah,hp -n shop\n     Preview\n" + "".join(
    f"   $ {command} -n shop\n     of {command}: Applied\n   words between\n" for command in COMMANDS
)
PICTURES = [
    pytest.param(picture(TRANSCRIPT), id="new"),
    pytest.param((ROOT / "docs/demo.svg").read_text(), id="in the docs"),
]


def test_each_command_is_shown_with_its_output_and_none_before_its_turn():
    lines = [line for line in shown(TRANSCRIPT) if line]
    assert lines == [line for command in COMMANDS for line in (f"$ {command} -n shop", f"of {command}: Applied")]


def test_a_demonstration_that_was_cut_off_makes_no_picture():
    with pytest.raises(ValueError, match="has not run: kubectl patch"):
        list(shown(TRANSCRIPT.partition("   $ kubectl patch")[0]))


@pytest.mark.parametrize("text", PICTURES)
def test_it_refers_to_nothing_outside_of_its_file(text):
    assert set(re.findall(r"https?://[^\s\"]+", text)) == {"http://www.w3.org/2000/svg"}
    assert set(re.findall(r"url\((.)", text)) == {"#"}
    words = "".join(ET.fromstring(text).itertext()).replace("\u00a0", " ")
    assert all(f"$ {command}" in words for command in COMMANDS)
