"""Where things are kept: what is built (cache) and what runs (state)."""

from __future__ import annotations

import os
from pathlib import Path


def cache_dir() -> Path:
    """Return the folder of built binaries and images: ``APPHEALTH_CACHE_DIR``, else ``apphealth`` in the XDG cache."""
    return _folder("APPHEALTH_CACHE_DIR", "XDG_CACHE_HOME", ".cache")


def state_dir() -> Path:
    """Return the folder with one folder a cluster: ``APPHEALTH_STATE_DIR``, else ``apphealth`` in the XDG state."""
    return _folder("APPHEALTH_STATE_DIR", "XDG_STATE_HOME", ".local/state")


def _folder(variable: str, xdg_variable: str, fallback: str) -> Path:
    if own := os.environ.get(variable):
        return Path(own).absolute()
    base = os.environ.get(xdg_variable)
    return (Path(base) if base else Path.home() / fallback).absolute() / "apphealth"
