"""No user is ever blocked, nobody fights, and nothing of ours stays: every way of writing, with the operator running.

The stories are in stories.yaml and commands.yaml, the users in ../conftest.py.
"""

from pathlib import Path

import pytest
import yaml

pytestmark = pytest.mark.timeout(900)  # all stories are played for the first test
HERE = Path(__file__).parent
APPLIERS = ["client-side", "server-side", "forced", "replace", "helm"]
"""Who tells a story that names nobody; `gitops: true` has the others apply it again and again as well."""
GITOPS = ["flux", "argo-cd"]
TOLD = yaml.safe_load((HERE / "stories.yaml").read_text())["stories"]
COMMANDS = yaml.safe_load((HERE / "commands.yaml").read_text())["stories"]


def played_by(story):
    return story.get("users", APPLIERS) + (GITOPS if story.get("gitops") else [])


ROLES = [
    *(pytest.param(s["id"], user, id=f"{s['id']}-{user}") for s in TOLD for user in played_by(s)),
    *(pytest.param(s["id"], "by-hand", id=f"{s['id']}-by-hand") for s in COMMANDS),
]
every_role = pytest.mark.parametrize(("story", "user"), ROLES)


@every_role
def test_no_command_of_a_user_is_refused(play, story, user):
    assert play[story, user].notes.get("refused", []) == []


@every_role
def test_their_probes_stand_as_their_manifest_says_and_ours_elsewhere_and_in_the_end_nothing_of_ours(play, story, user):
    assert "\n".join(play[story, user].notes.get("different", [])) == ""


@every_role
def test_nobody_fights(play, story, user):
    assert play[story, user].notes.get("moved", []) == []
