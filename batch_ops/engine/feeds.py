"""What a step walks: its target, or the table its records come from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import text

from batch_ops.database import reflect
from batch_ops.database.render import Renderer, RowsOf
from batch_ops.database.statements import Target, all_rows
from batch_ops.database.tables import Column, Table
from batch_ops.engine.outputs import number_column, output_of, output_rows
from batch_ops.errors import DatabaseUnfitError
from batch_ops.journal.outputs import NUMBER, Output, output_name
from batch_ops.spec.model import EntitySource, QuerySource, StepKind

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import Connection

    from batch_ops.database.statements import OutputRows
    from batch_ops.engine.context import Context
    from batch_ops.spec.model import Step


def target(execution: Context, step: Step) -> Target:
    """The step's target with its predicate, names bound."""
    return Target(
        dialect=execution.database.dialect,
        table=execution.table(step),
        where=step.where,
        binds=execution.binds(),
        outputs=_outputs(execution, step),
        moment=execution.row.moment,
        calls=execution.calls(),
        alive=execution.entity(step).soft_delete,
    )


def _outputs(execution: Context, step: Step) -> Mapping[str, OutputRows]:
    names = {name: execution.operation.step(source) for name, source in step.outputs.items()}
    return {name: output_rows(execution, name, source) for name, source in names.items()}


def walked(execution: Context, step: Step) -> Target | None:
    """What a step goes through in key order; None where it goes by a source's own order, or has
    nothing to go through.
    """
    if isinstance(step.source, EntitySource):
        return _entity_rows(execution, step, step.source)
    if isinstance(step.source, QuerySource):
        return rows_of(execution, query_output(execution, step).table)
    if step.records is not None:
        return rows_of(execution, feed(execution, step.records))
    if step.kind is StepKind.FUNCTION:
        name = step.outputs.get(step.input.name or "")
        return rows_of(execution, feed(execution, name)) if name else None
    return None if step.source else target(execution, step)


def feed(execution: Context, step_name: str) -> Table:
    """The output table of an earlier step."""
    return output_of(execution, execution.operation.step(step_name)).table


def rows_of(execution: Context, table: Table) -> Target:
    """All rows of a table that holds nothing else."""
    return Target(
        dialect=execution.database.dialect,
        table=table,
        where=None,
        binds={},
        outputs={},
        moment=execution.row.moment,
    )


def _entity_rows(execution: Context, step: Step, source: EntitySource) -> Target:
    entity = execution.entities[source.entity]
    with execution.database.reading() as connection:
        table = reflect.require(connection, entity)
    if not table.key:
        raise DatabaseUnfitError(
            f"The table {table.full_name!r} has no key; its rows are read in key order.",
            todo="Give it a primary key, or declare `key:` in the entity.",
        )
    return Target(
        dialect=execution.database.dialect,
        table=table,
        where=source.where,
        binds=execution.binds(),
        outputs=_outputs(execution, step),
        moment=execution.row.moment,
        calls=execution.calls(),
        alive=entity.soft_delete,
    )


def query_output(execution: Context, step: Step) -> Output:
    """The table that holds the rows of a step's query."""
    assert isinstance(step.source, QuerySource)
    number = execution.operation.number_of(step)
    name = output_name(execution.row.short_id, number, "_query")
    columns = tuple(_any_column(column) for column in step.source.columns)
    return Output(name, execution.journal.tables.schema, (number_column(execution),), columns)


def _any_column(name: str) -> Column:
    return Column(name, "", None)


def keep_query(execution: Context, step: Step) -> None:
    """Put the rows of a step's query into their table, numbered; again is the same."""
    database = execution.database
    with database.writing() as connection, database.breakable(connection):
        keep_query_on(execution, step, connection)


def keep_query_on(execution: Context, step: Step, connection: Connection) -> None:
    """The same within an open transaction."""
    assert isinstance(step.source, QuerySource)
    dialect, output = execution.database.dialect, query_output(execution, step)
    others = {
        name: RowsOf(all_rows(dialect, rows)) for name, rows in _outputs(execution, step).items()
    }
    binds = {**execution.binds(), **others}
    renderer = Renderer(dialect, binds, execution.row.moment, calls=execution.calls())
    select = renderer.sql(step.source.select)
    into = dialect.table_sql(output.name, output.schema)
    number = dialect.quote(NUMBER)
    columns = ", ".join(f"q.{dialect.quote(name)}" for name in step.source.columns)
    made = f"CREATE TABLE {into} AS SELECT row_number() OVER () AS {number}, {columns}"
    connection.exec_driver_sql(f"DROP TABLE IF EXISTS {into}")
    connection.execute(text(f"{made} FROM {select} AS q"), renderer.parameters)
    connection.exec_driver_sql(
        f"CREATE UNIQUE INDEX {dialect.quote(f'ix_{output.name}')} ON {into} ({number})"
    )
