"""The scalar types of the API: numbers with their bounds, texts with their length, pattern and a hint for users.

Each pattern and its hint are here and, with the same text, in a CEL rule of the CustomResourceDefinitions. Patterns
match the whole value, are ASCII only, and mean the same in RE2 and in `re`.
"""

from __future__ import annotations

import re
from typing import Annotated

from msgspec import Meta


def _matching(pattern: str, max_length: int, instead: str) -> Meta:
    """Return the bounds of a text. `instead` is the end of the message about a wrong value: what to write."""
    return Meta(pattern=pattern, max_length=max_length, description=instead)


Seconds = Annotated[int, Meta(ge=1, le=3600)]
Delay = Annotated[int, Meta(ge=0, le=3600)]
Threshold = Annotated[int, Meta(ge=1, le=1000)]
PortNumber = Annotated[int, Meta(ge=1, le=65535)]
PortName = Annotated[
    str,
    _matching(
        "^([a-z0-9]+-)*[a-z0-9]*[a-z][a-z0-9]*(-[a-z0-9]+)*$",
        15,
        "write a number from 1 to 65535 without quotes, or the name of a container port: lower-case letters, digits "
        "and single '-' between them, at least one letter",
    ),
]
Port = PortNumber | PortName
HttpPath = Annotated[
    str,
    _matching(
        '^/([!-"$-.0-~][!-"$-~]*)?$',
        1024,
        "write a path that starts with one '/', without spaces and without '#', for instance /healthz",
    ),
]
PathPrefix = Annotated[
    str,
    _matching(
        '^(/([!-"$-.0->@-~][!-"$->@-~]*)?)?$',
        256,
        "write a path that starts with one '/', without spaces, '?' and '#', for instance /z, or '' for none",
    ),
]
HeaderName = Annotated[
    str, _matching("^[-A-Za-z0-9]+$", 256, "write a name of letters, digits and '-', for instance X-Probe")
]
HeaderValue = Annotated[
    str, _matching("^[ -~]*$", 1024, "write printable ASCII on one line: the kubelet sends no other header value")
]
GrpcService = Annotated[str, Meta(max_length=253)]
Argument = Annotated[str, Meta(max_length=4096)]
ContainerName = Annotated[
    str,
    _matching(
        "^([*]|[a-z0-9]([-a-z0-9]*[a-z0-9])?)$",
        63,
        "write the name of a container (lower-case letters, digits and '-'), or '*' for every container",
    ),
]
PresetName = Annotated[
    str,
    _matching(
        "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$",
        63,
        "write auto, or the name of a preset: lower-case letters, digits and '-'",
    ),
]
ServiceName = Annotated[
    str,
    _matching(
        "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$",
        63,
        "write the Service's name alone (lower-case letters, digits and '-'); namespace and port have their own fields",
    ),
]
NamespaceName = Annotated[
    str,
    _matching(
        "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$",
        63,
        "write the name of a namespace: lower-case letters, digits and '-'",
    ),
]
NameGlob = Annotated[
    str,
    _matching(
        "^[-a-z0-9*?]+$",
        63,
        "write a name of lower-case letters, digits and '-'; '*' stands for any text and '?' for one character",
    ),
]
WorkloadName = Annotated[
    str,
    _matching(
        "^[a-z0-9]([-.a-z0-9]*[a-z0-9])?$",
        253,
        "write the name of the workload: lower-case letters, digits, '-' and '.'",
    ),
]
LabelKey = Annotated[
    str,
    _matching(
        "^([a-z0-9]([-.a-z0-9]*[a-z0-9])?/)?[A-Za-z0-9]([-._A-Za-z0-9]*[A-Za-z0-9])?$",
        317,
        "write a label key: letters, digits, '-', '_' and '.', and before it, if any, a DNS name and '/'",
    ),
]
LabelValue = Annotated[
    str,
    _matching(
        "^([A-Za-z0-9]([-._A-Za-z0-9]*[A-Za-z0-9])?)?$",
        63,
        "write a label value: letters, digits, '-', '_' and '.', a letter or digit first and last",
    ),
]
Soak = Annotated[int, Meta(ge=0, le=86400)]
Count = Annotated[int, Meta(ge=1, le=100000)]
Canaries = Annotated[int, Meta(ge=0, le=100)]
Failures = Annotated[int, Meta(ge=0, le=100000)]
Percentage = Annotated[
    str,
    _matching(
        "^([1-9][0-9]?|100)%$",
        4,
        "write a number of workloads from 1 to 100000 without quotes, or a percentage from 1% to 100%",
    ),
]
Concurrency = Count | Percentage
CronSchedule = Annotated[
    str,
    _matching(
        "^[-*/,0-9A-Za-z]{1,64}( [-*/,0-9A-Za-z]{1,64}){4}$",
        128,
        "write a cron schedule of five fields (minute, hour, day of month, month, day of week) with one space between "
        "them, for instance 0 2 * * 1-5",
    ),
]
Duration = Annotated[
    str,
    _matching(
        "^([1-9][0-9]{0,2}h([1-9][0-9]?m)?|[1-9][0-9]{0,3}m)$",
        8,
        "write hours, minutes or both, for instance 4h, 90m or 1h30m",
    ),
]
_DURATION = re.compile(r"(?=[0-9])(?:([0-9]{1,6})h)?(?:([0-9]{1,6})m)?(?:([0-9]{1,6})s)?")


def seconds_of(duration: str) -> int | None:
    """Return the seconds of a duration: `4h`, `1h30m`, `90s`.

    Parameters
    ----------
    duration
        Hours, minutes and seconds, each with its unit; at least one of them.

    Returns
    -------
    int or None
        None if the text is no duration.
    """
    found = _DURATION.fullmatch(duration)
    if found is None:
        return None
    hours, minutes, seconds = (int(part or 0) for part in found.groups())
    return hours * 3600 + minutes * 60 + seconds


Stage = Annotated[
    str,
    _matching(
        "^(liveness|readiness|startup)([+](liveness|readiness|startup))*$",
        32,
        "write the probes of one pass with '+' between them, for instance readiness+startup",
    ),
]
TimeZone = Annotated[
    str,
    _matching(
        "^[A-Za-z][-+_A-Za-z0-9]*(/[-+_A-Za-z0-9]+)*$",
        64,
        "write the name of a time zone, for instance Europe/Berlin or UTC",
    ),
]
