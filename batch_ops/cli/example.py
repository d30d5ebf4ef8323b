"""The rows of the example a new project begins with."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from batch_ops.database.dialect import Dialect

ROWS = 1_000
_SUBJECTS = ("Cannot log in", "Invoice is wrong", "Delivery is late", "How do I …?", "It crashed")


def make_database(folder: Path) -> Path:
    """The new folder's SQLite file with the table its entity declares, and tickets in it."""
    from batch_ops.database import open_database
    from batch_ops.database.connect import own_url
    from batch_ops.database.ddl import ensure_table
    from batch_ops.database.staging import put_rows
    from batch_ops.spec.catalog import Catalog

    entities = Catalog.load([folder / "defs"]).entities
    database = open_database(own_url(folder.absolute()))
    try:
        table = ensure_table(database, entities["tickets"], entities)
        with database.writing() as connection:
            put_rows(connection, database.dialect, table, _tickets(database.dialect))
    finally:
        database.dispose()
    assert database.url.database
    return folder / database.url.database.rpartition("/")[2]


def _tickets(dialect: Dialect) -> Iterator[dict[str, Any]]:
    """Every other one waits; they are up to 60 days old, and none is near 30 days."""
    now = datetime.now(UTC)
    for number in range(1, ROWS + 1):
        yield {
            "id": number,
            "subject": _SUBJECTS[number % len(_SUBJECTS)],
            "status": "waiting" if number % 2 == 0 else "open",
            "updated_at": dialect.moment(now - timedelta(days=number % 60, hours=12)),
            "closed_at": None,
        }
