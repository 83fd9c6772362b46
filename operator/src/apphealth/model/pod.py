"""A running pod that the operator can ask."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Pod:
    """A ready pod that runs the container of a question.

    Attributes
    ----------
    name, uid
        Its name, and its uid in the cluster.
    ip
        Its IP address, where it is asked.
    age
        The seconds since the question's container started.
    node
        The name of its node.
    """

    name: str
    uid: str
    ip: str
    age: float
    node: str = ""
