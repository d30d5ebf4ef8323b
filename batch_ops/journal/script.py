"""The journal's tables as a script, for whoever makes tables by hand."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from sqlalchemy import insert, update
from sqlalchemy.schema import CreateIndex, CreateSchema, CreateTable

from batch_ops.journal import upgrade
from batch_ops.journal.tables import VERSION

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Table
    from sqlalchemy.sql.expression import ClauseElement

    from batch_ops.journal.store import Journal

_TRAILING = re.compile(r" +$", re.MULTILINE)


def statements(journal: Journal) -> list[str]:
    """What makes the journal, in order, in the SQL of its database; connects to nothing."""
    return [_text(journal, each) for each in _all(journal)]


def upgrading(journal: Journal, version: int) -> list[str]:
    """What makes a journal of an earlier version one of this program's; connects to nothing."""
    tables, database = journal.tables, journal.database
    changes = upgrade.statements(tables, database.dialect, database.engine.dialect, version)
    made = [
        _text(journal, each) for table in upgrade.added(tables, version) for each in _made(table)
    ]
    return [*changes, *made, _text(journal, update(tables.version).values(version=VERSION))]


def _text(journal: Journal, statement: ClauseElement) -> str:
    options = {"literal_binds": True}
    made = statement.compile(dialect=journal.database.engine.dialect, compile_kwargs=options)
    return _TRAILING.sub("", str(made)).replace("\t", "  ").strip()


def _all(journal: Journal) -> Iterator[ClauseElement]:
    tables = journal.tables
    if tables.schema:
        yield CreateSchema(tables.schema, if_not_exists=True)
    for table in tables.metadata.sorted_tables:
        yield from _made(table)
    yield insert(tables.version).values(version=VERSION)


def _made(table: Table) -> Iterator[ClauseElement]:
    yield CreateTable(table)
    for index in sorted(table.indexes, key=lambda each: str(each.name)):
        yield CreateIndex(index)
