"""The formats of an explanation: text, JSON and YAML."""

from __future__ import annotations

import msgspec
import yaml

from apphealth.cli.explain.report import Explanation
from apphealth.cli.explain.text import print_explanation
from apphealth.cli.output import as_json, write_stdout


def write_explanation(found: Explanation, output: str, *, verbose: bool = False) -> None:
    """Write an explanation to standard output.

    Parameters
    ----------
    found
        The explanation.
    output
        The format: `text`, `json` or `yaml`.
    verbose
        Whether the text has a line for each value of a probe.
    """
    match output:
        case "json":
            write_stdout(as_json(found).encode())
        case "yaml":
            write_stdout(_yaml(found))
        case _:
            print_explanation(found, verbose=verbose)


def _yaml(found: Explanation) -> bytes:
    return yaml.dump(msgspec.to_builtins(found), Dumper=_Dumper, sort_keys=False, allow_unicode=True).encode()


class _Dumper(yaml.SafeDumper):
    """Writes strings of several lines, such as the diff, in block style."""

    def represent_str(self, text: str) -> yaml.ScalarNode:
        style = "|" if "\n" in text else None
        return self.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _Dumper.represent_str)
