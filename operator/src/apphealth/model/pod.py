"""A running pod, as far as asking it goes."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Pod:
    """A pod that is ready and runs what a question is about.

    Attributes
    ----------
    name, uid
        What names it.
    ip
        Where it is asked.
    age
        Seconds since the container in question started.
    node
        Where it runs.
    """

    name: str
    uid: str
    ip: str
    age: float
    node: str = ""
