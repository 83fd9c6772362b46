"""The container images of the demonstration, built without a registry."""

from __future__ import annotations

import shutil
import tempfile
from contextlib import AbstractContextManager
from pathlib import Path

from deploy.demo.display import Display
from deploy.demo.kubectl import ROOT
from deploy.demo.world import SHOP_IMAGE

from localcluster import images

OPERATOR_IMAGE = "docker.io/library/apphealth:latest"
"""The full name of the image in the operator's Deployment."""
_DOCKERFILES = ROOT / "deploy/docker"
_LOCK = ROOT / "requirements.lock"


def operator_image(display: Display) -> Path:
    """Return the archive of the operator's image."""
    progress = DisplayProgress(display)
    wheels = images.wheels([ROOT / "operator"], ["hatchling"], lock=_LOCK, progress=progress)
    with tempfile.TemporaryDirectory() as scratch:  # the checkout as .dockerignore leaves it
        for part in ("operator", "deploy/docker"):
            shutil.copytree(ROOT / part, Path(scratch) / part, ignore=shutil.ignore_patterns("__pycache__", "dist"))
        return images.build(Path(scratch), ROOT / "Dockerfile", OPERATOR_IMAGE, wheels=wheels, progress=progress)


def shop_image(display: Display) -> Path:
    """Return the archive of the shop's image."""
    progress = DisplayProgress(display)
    wheels = images.wheels([ROOT / "library"], ["gunicorn", "requests"], lock=_LOCK, progress=progress)
    dockerfile = _DOCKERFILES / "shop.Dockerfile"
    return images.build(ROOT / "deploy/demo/shop", dockerfile, SHOP_IMAGE, wheels=wheels, progress=progress)


class DisplayProgress:
    """Shows the progress of localcluster in the display of the demonstration.

    Parameters
    ----------
    display
        The display of the demonstration.
    """

    def __init__(self, display: Display) -> None:
        self._display = display

    def note(self, message: str) -> None:
        """Print one line."""
        self._display.say(message)

    def step(self, what: str) -> AbstractContextManager[None]:
        """Show a spinner while the block runs, and then the seconds that it took."""
        return self._display.waiting(what)
