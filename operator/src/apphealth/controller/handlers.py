"""The kopf handlers: one for each kind, `on.event` alone.

They return nothing and touch nothing, so kopf writes nothing: no annotation, finalizer or status on anybody's object.
"""

from __future__ import annotations

from collections.abc import Sequence

import kopf

from apphealth.controller.intake import Intake
from apphealth.controller.resources import Resource


def register(registry: kopf.OperatorRegistry, resources: Sequence[Resource], intake: Intake) -> None:
    """Have watch events passed on to the intake."""
    for resource in resources:
        _register(registry, resource, intake)


def _register(registry: kopf.OperatorRegistry, resource: Resource, intake: Intake) -> None:
    value = resource.value

    @kopf.on.event(value.group, value.version, value.plural, registry=registry, id=value.plural)
    async def _(event: kopf.RawEvent, **_: object) -> None:
        intake.event(resource, event["type"], event["object"])
