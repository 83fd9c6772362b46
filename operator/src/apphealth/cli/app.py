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
"""Environment variable that has unexpected errors shown with their traceback."""
_FULL = (errno.ENOSPC, errno.EDQUOT)
COMPLETE = "_APPHEALTH_COMPLETE"
"""Environment variable by which a shell's completion script asks us; click's convention."""

COMMANDS = {
    "run": Lazy("apphealth.cli.run", "run", "Run the operator, in a cluster or with a kubeconfig."),
    "render": Lazy("apphealth.cli.render.command", "render", "Write the probes into manifests, without a cluster."),
    "lint": Lazy("apphealth.cli.lint.command", "lint", "Tell what is wrong with probes, in manifests or a cluster."),
    "explain": Lazy(
        "apphealth.cli.explain.command", "explain", "Tell where each value of a workload's probes comes from."
    ),
    "graph": Lazy("apphealth.cli.graph.command", "graph", "Show which workload needs which Service, and why."),
    "completion": Lazy("apphealth.cli.completion", "completion", "Print the completion script of a shell."),
}

EPILOG = """
\b
Examples:
  apphealth render -f deploy/ --diff          what would be added to these manifests
  helm template shop ./chart | apphealth render -f - | kubectl apply -f -
  apphealth lint -f deploy/                   what is wrong with the probes
  apphealth explain deploy/web -n shop        why these probes, and what would change
  apphealth graph -f deploy/                  who needs whom, and why
  apphealth run                               the operator, with your kubeconfig
  source <(apphealth completion bash)         completion in this shell

\b
Exit codes:
  0   done
  1   --check found something that would change, lint something wrong
  2   the command line is wrong
  3   something that was read can't be used; nothing was written
  4   a file can't be written, or a cluster can't be reached or refuses
  70  a mistake of apphealth's own

'apphealth COMMAND --help' tells more. Environment: APPHEALTH_DEBUG=1 as --debug.
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
    "--debug", is_flag=True, expose_value=False, callback=_debug, help="Show unexpected errors with their traceback."
)
def cli() -> None:
    """Give every service the health probes that match what it really serves.

    The operator (run) does it in a cluster, for each workload that an AppHealth or a ClusterAppHealth selects; render
    takes the same decisions on files.
    """


def execute(args: Sequence[str]) -> int:
    """Run one command line.

    Returns
    -------
    int
        The exit code, one of `ExitCode`. Whatever goes wrong is said in one line on standard error.
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
    except Exception as error:  # noqa: BLE001 -- nobody but us should have to read a traceback
        return _unexpected(error)
    return result if isinstance(result, int) else ExitCode.OK


def _complain(message: str, code: int) -> int:
    click.echo(f"{NAME}: {' '.join(message.split())}", err=True)
    return code


def _usage(error: click.UsageError) -> str:
    path = error.ctx.command_path if error.ctx else NAME
    return f"{error.format_message().rstrip('.')}; see '{path} --help'"


def _reader_gone() -> int:
    """End quietly when whoever read our output has had enough; keep the interpreter from flushing into the void."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return ExitCode.BROKEN_PIPE


def _unexpected(error: Exception) -> int:
    if isinstance(error, OSError) and error.errno in _FULL:
        return _complain(f"the output can't be written: {error.strerror}", ExitCode.ENVIRONMENT)
    if os.environ.get(DEBUG, "0") not in ("", "0"):
        traceback.print_exception(error, file=sys.stderr)
    hint = f"this is a mistake in {NAME}; please report it with what {DEBUG}=1 shows"
    return _complain(f"{type(error).__name__}: {str(error)[:300]} ({hint})", ExitCode.INTERNAL)
