"""The `apphealth` command: its subcommands, and the one place where an exception becomes a line and an exit code."""

from __future__ import annotations

import errno
import os
import sys
import traceback
from collections.abc import Sequence

import click

from apphealth.cli.errors import CommandError, ExitCode, ReaderGoneError
from apphealth.cli.group import Lazy, LazyGroup

NAME = "apphealth"
DEBUG = "APPHEALTH_DEBUG"
"""Environment variable with which unexpected errors are printed with their traceback."""
_FULL = (errno.ENOSPC, errno.EDQUOT)
COMPLETE = "_APPHEALTH_COMPLETE"
"""Environment variable that a shell's completion script sets, by click's convention."""

COMMANDS = {
    "run": Lazy("apphealth.cli.run", "run", "Run the operator, in a cluster or with a kubeconfig."),
    "render": Lazy("apphealth.cli.render.command", "render", "Write the probes into manifests, without a cluster."),
    "lint": Lazy("apphealth.cli.lint.command", "lint", "Find mistakes in probes, in manifests or in a cluster."),
    "explain": Lazy(
        "apphealth.cli.explain.command", "explain", "Show where each value of a workload's probes comes from."
    ),
    "graph": Lazy("apphealth.cli.graph.command", "graph", "Show which workload needs which Service, and why."),
    "retry": Lazy("apphealth.cli.retry", "retry", "Try the probes again that were taken back from a workload."),
    "plan": Lazy("apphealth.cli.plan", "plan", "Show what enforcing the rules would change: pods, Services, time."),
    "rollout": Lazy("apphealth.cli.rollout", "rollout", "Show how far rollouts have come, and the time left."),
    "pause": Lazy("apphealth.cli.pausing", "pause", "Stop all writes to workloads, or those of one rule."),
    "resume": Lazy("apphealth.cli.pausing", "resume", "Go on after pause."),
    "uninstall": Lazy(
        "apphealth.cli.uninstall", "uninstall", "Delete all rules, and wait until their probes are gone."
    ),
    "version": Lazy("apphealth.cli.version", "version", "Print the version of apphealth, and of what it runs on."),
    "completion": Lazy("apphealth.cli.completion", "completion", "Print the completion script of a shell."),
}

EPILOG = """
\b
Examples:
  apphealth render -f deploy/ --diff          show what would be added to these manifests
  helm template shop ./chart | apphealth render -f - | kubectl apply -f -
  apphealth lint -f deploy/                   find mistakes in the probes
  apphealth explain deploy/web -n shop        why these probes, and what would change
  apphealth graph -f deploy/                  which workload needs which Service, and why
  apphealth retry deploy/web -n shop          try the probes again that were taken back
  apphealth run                               run the operator with your kubeconfig
  source <(apphealth completion bash)         complete commands in this shell

\b
Exit codes:
  0   done
  1   render --check found a change, or lint a finding
  2   the command line is wrong
  3   a part of the input can't be used; nothing was written
  4   a file can't be written, or a cluster can't be reached or refuses a request
  70  a bug in apphealth

'apphealth COMMAND --help' explains a command. APPHEALTH_DEBUG=1 in the environment does the same as --debug.
"""


def _debug(ctx: click.Context, param: click.Parameter, value: bool) -> None:  # noqa: ARG001 -- click's signature
    if value:
        os.environ[DEBUG] = "1"


@click.group(
    NAME,
    cls=LazyGroup,
    lazy=COMMANDS,
    epilog=EPILOG,
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(package_name="apphealth", message="%(prog)s %(version)s")
@click.option(
    "--debug", is_flag=True, expose_value=False, callback=_debug, help="Print unexpected errors with their traceback."
)
def cli() -> None:
    """Give every service the health probes that match what it really serves.

    The operator (run) writes them in a cluster, into each workload that an AppHealth or a ClusterAppHealth selects;
    render writes the same probes into manifests.
    """


def execute(args: Sequence[str]) -> int:
    """Run one command line.

    Returns
    -------
    int
        The exit code, one of `ExitCode`. Every error is printed on standard error, in one line.
    """
    try:
        result = cli.main(args=list(args), prog_name=NAME, complete_var=COMPLETE, standalone_mode=False)
        sys.stdout.flush()
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message(), err=True)
        return ExitCode.USAGE
    except click.UsageError as error:
        return _complain(_usage(error), ExitCode.USAGE)
    except click.ClickException as error:
        return _complain(error.format_message(), error.exit_code)
    except CommandError as error:
        return _complain(str(error), error.code)
    except (click.Abort, KeyboardInterrupt):
        return _complain("interrupted", ExitCode.INTERRUPTED)
    except ReaderGoneError:
        return _reader_gone()
    except Exception as error:  # noqa: BLE001 -- users should not have to read a traceback
        return _unexpected(error)
    return result if isinstance(result, int) else ExitCode.OK


def _complain(message: str, code: int) -> int:
    click.echo(f"{NAME}: {' '.join(message.split())}", err=True)
    return code


def _usage(error: click.UsageError) -> str:
    path = error.ctx.command_path if error.ctx else NAME
    return f"{error.format_message().rstrip('.')}; see '{path} --help'"


def _reader_gone() -> int:
    """End without a message. The output goes to the null device, so that the interpreter's last flush can't fail."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return ExitCode.BROKEN_PIPE


def _unexpected(error: Exception) -> int:
    if isinstance(error, OSError) and error.errno in _FULL:
        return _complain(f"the output can't be written: {error.strerror}", ExitCode.ENVIRONMENT)
    if os.environ.get(DEBUG, "0") not in ("", "0"):
        traceback.print_exception(error, file=sys.stderr)
    hint = f"this is a bug in {NAME}; please report it with the output of {DEBUG}=1"
    return _complain(f"{type(error).__name__}: {str(error)[:300]} ({hint})", ExitCode.INTERNAL)
