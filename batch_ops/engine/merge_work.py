"""The two kinds of merging: records of a source, and rows of a table in the same database."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime  # noqa: TC003
from typing import TYPE_CHECKING, Any

from sqlalchemy import text

from batch_ops.database.merge import ROW
from batch_ops.database.render import Renderer, SqlText
from batch_ops.database.values import dump_key, plain
from batch_ops.engine.feeds import walked
from batch_ops.engine.isolation import isolate
from batch_ops.engine.outputs import expiry
from batch_ops.engine.source_work import StreamWork, with_rejects
from batch_ops.engine.stage_work import Staging
from batch_ops.engine.streams import open_stream
from batch_ops.engine.work import Batch, Outcome, RowsWork, named_key, refused_of, row_reject
from batch_ops.errors import DatabaseUnfitError
from batch_ops.journal.store import utc_now
from batch_ops.results import Reject
from batch_ops.spec.model import EntitySource, Literal, QuerySource

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy import Connection

    from batch_ops.database import Loader
    from batch_ops.database.dialect import Dialect
    from batch_ops.database.faults import Fault
    from batch_ops.database.render import Bind
    from batch_ops.database.statements import Target
    from batch_ops.database.tables import Column
    from batch_ops.database.values import Key
    from batch_ops.engine.context import Context
    from batch_ops.journal.chunks import ChunkRow
    from batch_ops.sources import Source
    from batch_ops.spec.model import Step, Value


class StreamMergeWork(StreamWork):
    """Screened records go into the stage by the database's fastest way, and are merged."""

    def __init__(
        self,
        execution: Context,
        step: Step,
        parts: Sequence[ChunkRow] | None = None,
        source: Source | None = None,
    ) -> None:
        source = source or open_stream(execution, step)
        columns = [name for name in source.layout.targets if name != ROW]
        self._staging = Staging(execution, step, columns)
        stage = self._staging.stage.table
        self._loader: Loader = execution.database.dialect.loader(stage, source.layout)
        super().__init__(execution, step, source, parts)

    def write(self, connection: Connection, batch: Batch, *, isolating: bool) -> Outcome:
        part = batch.records
        assert part is not None
        self._staging.stage.open(connection)
        loaded = self._loader.load(connection, part)
        settled = self._staging.settle(
            connection, part.start.row - 1, part.end.row - 1, isolating=isolating
        )
        refused = tuple(
            part.records.reject(
                row[ROW] - part.start.row, fault.code, fault.message, column=fault.column
            )
            for row, fault in settled.refused
        )
        return with_rejects(part, (*loaded.rejects, *refused), settled.counts)


class TableMergeWork(RowsWork):
    """INSERT … SELECT by ranges of the key of the table the rows come from."""

    def __init__(self, execution: Context, step: Step) -> None:
        goal = walked(execution, step)
        assert goal is not None
        super().__init__(goal, execution.settings(step).batch_size)
        self._from: Target = goal
        self._execution, self._step = execution, step
        self._dialect = execution.database.dialect
        self._columns = _columns(execution, step, goal)
        self._origin = _origin(goal)
        more = list(self._origin.values())
        self._staging = Staging(execution, step, list(self._columns), more)

    def between(
        self, connection: Connection, lower: Key | None, upper: Key | None, *, isolating: bool
    ) -> Outcome:
        self._staging.stage.open(connection)
        rejects: list[Reject] = []
        if isolating:
            total = self._fill_isolated(connection, lower, upper, rejects)
        else:
            total = self._fill(connection, lower, upper, 0)
        rejects += self._broken(connection)
        settled = self._staging.settle(connection, 0, total, isolating=isolating)
        rejects += [
            self._reject(row, fault.code, fault.message, fault.column, "failed")
            for row, fault in settled.refused
        ]
        return Outcome(refused_of(total, rejects) + settled.counts, tuple(rejects))

    def refused_between(
        self, connection: Connection, lower: Key | None, upper: Key | None, fault: Fault
    ) -> Outcome:
        query, parameters = self._from.keys(lower, upper)
        keys = [tuple(row) for row in connection.execute(text(query), parameters)]
        places = range(len(keys))
        rejects = tuple(self._uncomputed(connection, keys, place, fault) for place in places)
        return Outcome(refused_of(len(keys), rejects), rejects)

    def _fill(
        self, connection: Connection, lower: Key | None, upper: Key | None, before: int
    ) -> int:
        """Stage the rows of a range, numbered from `before` + 1 on; how many."""
        renderer = self._renderer(utc_now())
        rows, bound = self._from.rows(lower, upper)
        key = ", ".join(f"r.{self._dialect.quote(name)}" for name in self._from.table.key)
        exprs = {ROW: f"row_number() OVER (ORDER BY {key}) + {before:d}"}
        exprs |= {
            name: self._sql(renderer, number, name, value)
            for number, (name, value) in enumerate(self._columns.items())
        }
        exprs |= {
            column.name: f"r.{self._dialect.quote(name)}" for name, column in self._origin.items()
        }
        return self._staging.stage.fill(
            connection, f"{rows} AS r", exprs, bound | renderer.parameters
        )

    def _sql(self, renderer: Renderer, number: int, name: str, value: Value | str) -> str:
        """A target column's value as SQL over the row `r`."""
        if isinstance(value, str):
            return f"r.{self._dialect.quote(value)}"
        column = self._execution.table(self._step).column(name)
        if isinstance(value, Literal):
            return renderer.literal(f"set_{number}", value.value, column)
        return renderer.assigned(value, column)

    def _renderer(self, now: datetime) -> Renderer:
        binds = {**self._execution.binds(), **_fields(self._step, self._dialect, self._from)}
        return Renderer(self._dialect, binds, now, prefix="val", calls=self._execution.calls())

    def _fill_isolated(
        self, connection: Connection, lower: Key | None, upper: Key | None, rejects: list[Reject]
    ) -> int:
        """The same, a row that cannot be computed aside; how many there were, those included."""
        query, parameters = self._from.keys(lower, upper)
        keys = [tuple(row) for row in connection.execute(text(query), parameters)]

        def part(start: int, stop: int) -> int:
            before = keys[start - 1] if start else lower
            return self._fill(connection, before, keys[stop - 1], start)

        _, refused = isolate(connection, part, len(keys), self._dialect)
        rejects += [self._uncomputed(connection, keys, place, fault) for place, fault in refused]
        return len(keys)

    def _uncomputed(
        self, connection: Connection, keys: Sequence[Key], place: int, fault: Fault
    ) -> Reject:
        """A row of the other table that cannot be made into one of the target, as it stands there;
        a number that batch_ops gave it tells nobody anything.
        """
        table = self._from.table
        told = row_reject(table.key, keys[place], fault)
        rows, bound = self._from.rows(keys[place - 1] if place else None, keys[place])
        key = ", ".join(f"{self._dialect.quote(name)} DESC" for name in table.key)
        query = f"SELECT * FROM {rows} AS r ORDER BY {key} LIMIT 1"
        row = connection.execute(text(query), bound).mappings().one()
        data = {name: plain(value) for name, value in row.items() if name != ROW}
        return replace(told, data=data, key=None if table.key == (ROW,) else told.key)

    def _broken(self, connection: Connection) -> list[Reject]:
        """Rows that break a rule, by the first one they break; they are taken out."""
        found: list[Reject] = []
        for rule in self._step.rules:
            renderer = self._renderer(self._execution.row.moment)
            sql = renderer.sql(rule.expression)
            rows = self._staging.stage.broken(connection, sql, renderer.parameters)
            columns = rule.expression.columns
            column = next(iter(columns)) if len(columns) == 1 else None
            message = f"the rule does not hold: {rule.expression.text}"
            found += [self._reject(row, "rule", message, column, "invalid") for row in rows]
        return found

    def _reject(
        self, row: Mapping[str, Any], code: str, message: str, column: str | None, outcome: str
    ) -> Reject:
        origin = [column.name for column in self._origin.values()]
        data = {n: plain(value) for n, value in row.items() if n != ROW and n not in origin}
        key = self._execution.table(self._step).key
        whole = all(name in data for name in key) and key
        value = data.get(column) if column else None
        return Reject(
            code=code,
            message=message,
            outcome=outcome,
            key=named_key(key, tuple(row[name] for name in key)) if whole else None,
            column=column,
            value=None if value is None else str(value),
            data=data,
            place=dump_key([row[name] for name in origin]),
        )


def _origin(goal: Target) -> dict[str, Column]:
    """Of each key column of the table the rows come from, the stage's column that keeps it."""
    key = enumerate(goal.table.key_columns)
    return {c.name: replace(c, name=f"bo_from_{n}", nullable=True) for n, c in key}


def _columns(execution: Context, step: Step, goal: Target) -> dict[str, Value | str]:
    """What each target column gets: a value, or a column of the table the rows come from.

    Without values: what the mapping names, else columns of the same name.
    """
    columns: dict[str, Value | str] = dict(step.values)
    if not columns and isinstance(step.source, EntitySource | QuerySource):
        columns |= step.source.mapping or _same_names(execution, step, goal)
    for name, moment in expiry(step, execution.entity(step)).items():
        columns.setdefault(name, Literal(moment))
    return columns


def _same_names(execution: Context, step: Step, goal: Target) -> dict[str, str]:
    given = set(goal.table.column_names)
    table = execution.table(step)
    names = [c.name for c in table.columns if c.name in given and not c.generated]
    if not names:
        raise DatabaseUnfitError(
            f"No column of {goal.table.full_name!r} is called like one of {table.full_name!r}.",
            todo="Say what goes where by `field_mapping` or `insert_data`.",
        )
    return {name: name for name in names}


def _fields(step: Step, dialect: Dialect, goal: Target) -> dict[str, Bind]:
    """The fields of records that the values read, as columns of the row `r`."""
    kinds = {column.name: column.type for column in goal.table.columns}
    return {
        f"{name}.{field}": SqlText(f"r.{dialect.quote(field)}", kinds.get(field))
        for name, field in sorted(step.record_fields)
    }
