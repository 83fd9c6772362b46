"""`--statistics`: how many findings each rule has."""

from __future__ import annotations

from collections import Counter

from apphealth.cli.lint.report import Report
from apphealth.cli.output import as_json
from apphealth.lint.registry import ALL


def statistics(report: Report, output: str) -> str:
    """Return the number of counting findings by rule and severity, the most frequent first, as text or JSON."""
    counts = Counter((one.rank, one.finding.id, one.finding.severity) for one in report.counting)
    rows = sorted(counts.items(), key=lambda item: (-item[1], -item[0][0], item[0][1]))
    if output == "json":
        return as_json([{"id": id_, "severity": severity, "count": count} for (_, id_, severity), count in rows])
    if not rows:
        return ""
    wide = len(str(rows[0][1]))
    longest = max(len(id_) for (_, id_, _), _ in rows)
    return "".join(
        f"{count:>{wide}}  {severity:<7}  {id_:<{longest}}  {ALL[id_].title if id_ in ALL else ''}".rstrip() + "\n"
        for (_, id_, severity), count in rows
    )
