"""A connection to the cluster that the command line names, with the errors of the command line."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from apphealth.cli.errors import CommandError, ExitCode
from apphealth.kube.configuration import ClusterAccess, CredentialsError, find_access
from apphealth.kube.errors import KubeError
from apphealth.kube.reader import Reader


@contextmanager
def connected(kubeconfig: Path | None, context: str | None) -> Iterator[tuple[Reader, ClusterAccess]]:
    """Connect to a cluster until the end of the block.

    Parameters
    ----------
    kubeconfig, context
        The options of the command line.

    Raises
    ------
    CommandError
        The kubeconfig can't be used, or the block raised a `KubeError`.
    """
    try:
        access = find_access(kubeconfig, context)
        with Reader(access) as reader:
            yield reader, access
    except CredentialsError as error:
        raise CommandError(str(error), ExitCode.INPUT) from error
    except KubeError as error:
        raise CommandError(error.message, ExitCode.ENVIRONMENT) from error
