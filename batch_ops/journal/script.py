"""The journal's tables as a script, for whoever makes tables by hand."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from sqlalchemy import insert
from sqlalchemy.schema import CreateIndex, CreateSchema, CreateTable

from batch_ops.journal.tables import VERSION

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy.sql.expression import ClauseElement

    from batch_ops.journal.store import Journal

_TRAILING = re.compile(r" +$", re.MULTILINE)


def statements(journal: Journal) -> list[str]:
    """What makes the journal, in order, in the SQL of its database; connects to nothing."""
    dialect = journal.database.engine.dialect
    options = {"literal_binds": True}
    made = (each.compile(dialect=dialect, compile_kwargs=options) for each in _all(journal))
    return [_TRAILING.sub("", str(each)).replace("\t", "  ").strip() for each in made]


def _all(journal: Journal) -> Iterator[ClauseElement]:
    tables = journal.tables
    if tables.schema:
        yield CreateSchema(tables.schema, if_not_exists=True)
    for table in tables.metadata.sorted_tables:
        yield CreateTable(table)
        for index in sorted(table.indexes, key=lambda each: str(each.name)):
            yield CreateIndex(index)
    yield insert(tables.version).values(version=VERSION)
