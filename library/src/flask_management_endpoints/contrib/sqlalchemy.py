"""A check for a database behind SQLAlchemy (extra ``sqlalchemy``), with or without Flask-SQLAlchemy."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from sqlalchemy import text

if TYPE_CHECKING:
    from sqlalchemy import Engine


def database(
    engine: "Engine | Callable[[], Engine]", query: str = "SELECT 1"
) -> Callable[[], tuple[bool, dict[str, Any]]]:
    """Return a check that runs ``query`` on a connection of ``engine`` and gives the connection back.

    Parameters
    ----------
    engine
        An engine, or a function that returns it inside an app context: ``lambda: db.engine`` with Flask-SQLAlchemy.
    query
        What to run. It should be cheap and touch no lock.
    """

    def check() -> tuple[bool, dict[str, Any]]:
        found = engine() if callable(engine) else engine
        with found.connect() as connection:
            connection.execute(text(query))
        return True, {"database": found.dialect.name, "pool": found.pool.status()}

    return check
