"""The formats of an explanation: text, JSON and YAML."""

from __future__ import annotations

import msgspec
import yaml

from apphealth.cli.explain.building import explain
from apphealth.cli.explain.report import Explanation
from apphealth.cli.explain.text import print_explanation
from apphealth.cli.output import as_json, write_stdout
from apphealth.model.workload import Workload
from apphealth.store.world import World


def write_explanation(workload: Workload, world: World, output: str) -> None:
    """Explain a workload on standard output.

    Parameters
    ----------
    workload
        The workload to explain.
    world
        The world that it is planned in.
    output
        The format: `text`, `json` or `yaml`.
    """
    found = explain(workload, world)
    match output:
        case "json":
            write_stdout(as_json(found).encode())
        case "yaml":
            write_stdout(_yaml(found))
        case _:
            print_explanation(found)


def _yaml(found: Explanation) -> bytes:
    return yaml.dump(msgspec.to_builtins(found), Dumper=_Dumper, sort_keys=False, allow_unicode=True).encode()


class _Dumper(yaml.SafeDumper):
    """Writes strings of several lines, such as the diff, in block style."""

    def represent_str(self, text: str) -> yaml.ScalarNode:
        style = "|" if "\n" in text else None
        return self.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _Dumper.represent_str)
