"""Loading a source into a table, as an engine does it, without one."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlglot
from sqlglot import exp

from batch_ops.database import Database, open_database
from batch_ops.database.reflect import require
from batch_ops.database.tables import Column, Table
from batch_ops.sources import open_source
from batch_ops.spec.model import Entity, Expression, Field, FieldType, Rule

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from batch_ops.results import Reject
    from batch_ops.sources import Source
    from batch_ops.spec.model import Stream

PEOPLE = Entity(
    "people",
    "people",
    (Field("id", FieldType.INTEGER), Field("name", FieldType.TEXT)),
    ("id",),
)
PEOPLE_TABLE = Table(
    "people",
    None,
    (
        Column("id", "INTEGER", FieldType.INTEGER, nullable=False),
        Column("name", "TEXT", FieldType.TEXT),
        Column("twice", "INTEGER", FieldType.INTEGER, generated=True),
    ),
    ("id",),
    (("id",),),
)


@dataclass
class Loaded:
    """What became of a source."""

    created: int = 0
    total: int = 0
    rejects: list[Reject] = field(default_factory=list)
    good: int = 0
    held_back: int = 0

    @property
    def reasons(self) -> dict[int | None, tuple[str, str | None]]:
        """Row number → code and column."""
        return {reject.row: (reject.code, reject.column) for reject in self.rejects}


def rule(text: str) -> Rule:
    """A row rule, without the gate of declarations."""
    tree = sqlglot.parse_one(text, dialect="postgres")
    tables = frozenset(table.name for table in tree.find_all(exp.Table))
    own = [column for column in tree.find_all(exp.Column) if not column.find_ancestor(exp.Select)]
    columns = frozenset(column.name for column in own)
    names = frozenset(str(node.this) for node in tree.find_all(exp.Placeholder))
    return Rule(Expression(text, tree, columns, names, tables))


def value(text: str) -> Expression:
    """An expression as a data value, without the gate: it may read fields of a record."""
    tree = sqlglot.parse_one(text, dialect="postgres")
    fields = frozenset((dot.this.name, dot.name) for dot in tree.find_all(exp.Dot))
    names = {str(node.this) for node in tree.find_all(exp.Placeholder)}
    records = {name for name, _ in fields}
    return Expression(text, tree, parameters=frozenset(names - records), fields=fields)


def database_with(url: str, *statements: str) -> Database:
    """A database in which these statements were run."""
    database = open_database(url)
    with database.writing() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)
    return database


def opened(
    database: Database,
    source: Stream,
    entity: Entity,
    *,
    rules: Iterable[str] = (),
    folder: Path = Path(),
    parameters: Mapping[str, Any] | None = None,
    **more: Any,
) -> Source:
    """A source for the entity's table; `more` goes to `open_source`."""
    with database.reading() as connection:
        table = require(connection, entity)
    return open_source(
        source,
        table,
        entity,
        [rule(text) for text in rules],
        folder=folder,
        parameters=parameters or {},
        dialect=database.dialect,
        **more,
    )


def load(
    database: Database,
    source: Source,
    entity: Entity,
    *,
    batch_size: int = 1000,
    chunk_rows: int = 10_000,
) -> Loaded:
    """Load all of it, one transaction per batch; every batch must reconcile."""
    with database.reading() as connection:
        table = require(connection, entity)
    result = Loaded()
    plan = source.scan(chunk_rows)
    loader = database.dialect.loader(table, source.layout)
    with database.lane() as connection:
        for part in plan.ranges:
            with source.batches(part.start, part.end, batch_size) as batches:
                for batch in batches:
                    with connection.begin():
                        outcome = loader.load(connection, batch)
                    rejects = [*batch.rejects, *outcome.rejects]
                    assert outcome.created + len(rejects) == batch.total
                    result.created += outcome.created
                    result.total += batch.total
                    result.rejects += sorted(rejects, key=lambda reject: reject.row or 0)
                    result.good += len(batch.records.good)
                    result.held_back += len(batch.records.suspects)
    assert result.total == plan.rows
    return result


def rows(database: Database, query: str) -> list[tuple[Any, ...]]:
    """What a query gives."""
    with database.reading() as connection:
        return [tuple(row) for row in connection.exec_driver_sql(query)]
