"""The statements a step makes on its target table: all of them over a range of keys."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime  # noqa: TC003
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from batch_ops.database.judging import broken
from batch_ops.database.render import Bind, Renderer, RowsOf
from batch_ops.spec.model import Expression, Literal

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from batch_ops.database.dialect import Dialect
    from batch_ops.database.tables import Table
    from batch_ops.database.values import Key
    from batch_ops.spec.model import Value

Statement = tuple[str, dict[str, Any]]
_WITHOUT = "bo_without"


@dataclass(frozen=True, slots=True)
class OutputRows:
    """An earlier step's output as a condition refers to it: the table and the columns meant."""

    table: Table
    columns: tuple[str, ...]


def all_rows(dialect: Dialect, rows: OutputRows) -> str:
    """All rows of an output, as a sub-select."""
    columns = ", ".join(dialect.quote(name) for name in rows.columns)
    return f"SELECT {columns} FROM {dialect.table_sql(rows.table.name, rows.table.schema)}"


@dataclass(frozen=True)
class Target:
    """A step's target table with its predicate; makes SQL, runs nothing.

    Attributes:
        where: which rows; None is all.
        binds: what the names in `where` and in values mean, outputs aside.
        outputs: the names that mean an earlier step's rows.
        moment: what NOW() means in `where`.
        alive: the column that is NULL in rows that are not deleted; None: deleting deletes.
        calls: what to call for the functions that Python answers.
        among: a table of keys: only rows with one of them are meant.
        among_where: which rows of that table, in this database's SQL; empty is all.
        without: the keys of rows that are not meant.
    """

    dialect: Dialect
    table: Table
    where: Expression | None
    binds: Mapping[str, Bind]
    outputs: Mapping[str, OutputRows]
    moment: datetime
    calls: Mapping[str, Callable[..., Any]] = field(default_factory=dict)
    alive: str | None = None
    among: Table | None = None
    among_where: str = ""
    without: Sequence[Key] = ()
    _name: str = field(init=False, repr=False, default="")

    def __post_init__(self) -> None:
        name = self.dialect.table_sql(self.table.name, self.table.schema)
        object.__setattr__(self, "_name", name)

    def keys(self, lower: Key | None, upper: Key | None) -> Statement:
        """The qualifying keys in `(lower, upper]`, in key order."""
        key = self._columns(self.table.key)
        where, parameters = self._where(lower, upper)
        return f"SELECT {key} FROM {self._name}{where} ORDER BY {key}", parameters

    def count(self, extra: str | None = None) -> Statement:
        """How many rows qualify (and fulfil `extra`)."""
        where, parameters = self._where(None, None, extra)
        return f"SELECT count(*) FROM {self._name}{where}", parameters

    def null_keys(self) -> Statement | None:
        """How many qualifying rows have NULL in the key; None where no key column can be NULL."""
        nullable = [c.name for c in self.table.key_columns if c.nullable]
        if not nullable:
            return None
        return self.count(" OR ".join(f"{self.dialect.quote(n)} IS NULL" for n in nullable))

    def sample(
        self, columns: Sequence[str], values: Mapping[str, Value], now: datetime, limit: int
    ) -> Statement:
        """Some qualifying rows: columns as they are, then what an update would make of others."""
        where, parameters = self._where(None, None)
        renderer = Renderer(self.dialect, self.binds, now, prefix="val", calls=self.calls)
        after = [self._value(renderer, i, n, v) for i, (n, v) in enumerate(values.items())]
        shown = ", ".join([*map(self.dialect.quote, columns), *after])
        sql = f"SELECT {shown} FROM {self._name}{where} LIMIT {int(limit)}"
        return sql, parameters | renderer.parameters

    def rows(self, lower: Key | None, upper: Key | None) -> Statement:
        """The qualifying rows in `(lower, upper]` with all their columns, as a sub-select."""
        where, parameters = self._where(lower, upper)
        return f"(SELECT * FROM {self._name}{where})", parameters

    def judged(
        self,
        rules: Sequence[str],
        values: Mapping[str, Value],
        now: datetime,
        lower: Key | None,
        upper: Key | None,
    ) -> Statement:
        """The qualifying keys in `(lower, upper]`, in key order, and which rules the row breaks
        with these values set, as `broken` tells it. NULL: it cannot be told here.

        rules: conditions on a row `k` that breaks one.
        """
        changed, told, parameters = self._as_changed(values, now, lower, upper)
        keys = ", ".join(self._key_names)
        sql = (
            f"SELECT {keys}, CASE WHEN {told} THEN {broken(rules)} END FROM ({changed}) AS k"
            f" ORDER BY {keys}"
        )
        return sql, parameters

    @property
    def _key_names(self) -> list[str]:
        return [f"bo_key_{number}" for number in range(len(self.table.key))]

    def _as_changed(
        self, values: Mapping[str, Value], now: datetime, lower: Key | None, upper: Key | None
    ) -> tuple[str, str, dict[str, Any]]:
        """The qualifying rows in `(lower, upper]` with values set, and `_key_names`; whether a row
        `k` of them is what an update would make of it; and the bound values.
        """
        where, parameters = self._where(lower, upper)
        renderer = Renderer(self.dialect, self.binds, now, prefix="val", calls=self.calls)
        quote, keys = self.dialect.quote, self._key_names
        given, stored, told = [], [], ["1 = 1"]
        for number, (name, value) in enumerate(values.items()):
            column, raw = self.table.column(name), f"bo_value_{number}"
            given.append(f"{self._value(renderer, number, name, value)} AS {raw}")
            stored.append(f"{raw}, CAST({raw} AS {column.cast_type}) AS {quote(name)}")
            told.append(self.dialect.stays(column, raw, f"k.{quote(name)}") or "1 = 1")
        as_is = map("{} AS {}".format, map(quote, self.table.key), keys)
        left = [quote(name) for name in self.table.column_names if name not in values]
        before = f"SELECT {', '.join([*as_is, *given, *left])} FROM {self._name}{where}"
        after = f"SELECT {', '.join([*keys, *stored, *left])} FROM ({before}) AS b"
        return after, " AND ".join(told), parameters | renderer.parameters

    def delete(self, now: datetime, lower: Key | None, upper: Key | None) -> Statement:
        """Delete the qualifying rows in `(lower, upper]`; where rows are only marked as deleted,
        that is set to `now`.
        """
        where, parameters = self._where(lower, upper)
        if self.alive is None:
            return f"DELETE FROM {self._name}{where}", parameters
        marked = self.dialect.bind("bo_deleted", self.table.column(self.alive))
        sql = f"UPDATE {self._name} SET {self.dialect.quote(self.alive)} = {marked}{where}"
        return sql, parameters | {"bo_deleted": self.dialect.moment(now)}

    def update(
        self, values: Mapping[str, Value], now: datetime, lower: Key | None, upper: Key | None
    ) -> Statement:
        """Set values on the qualifying rows in `(lower, upper]`; NOW() in a value is `now`."""
        where, parameters = self._where(lower, upper)
        renderer = Renderer(self.dialect, self.binds, now, prefix="val", calls=self.calls)
        settings = [
            f"{self.dialect.quote(name)} = {self._value(renderer, i, name, value)}"
            for i, (name, value) in enumerate(values.items())
        ]
        sql = f"UPDATE {self._name} SET {', '.join(settings)}{where}"
        return sql, parameters | renderer.parameters

    def elsewhere(self, statement: Statement, lower: Key | None, upper: Key | None) -> Statement:
        """A statement over another range, which is bounded on the same sides."""
        return statement[0], statement[1] | self._bounds(lower, upper)[1]

    def select_into(self, output: Table, lower: Key | None, upper: Key | None) -> Statement:
        """Put the qualifying rows in `(lower, upper]` into an output table."""
        where, parameters = self._where(lower, upper)
        columns = self._columns(output.column_names)
        into = self.dialect.table_sql(output.name, output.schema)
        return (
            f"INSERT INTO {into} ({columns}) SELECT {columns} FROM {self._name}{where}",
            parameters,
        )

    def keeping(self, change: Statement, output: Table) -> Statement:
        """A change that hands the rows it meets to an output table, in one statement."""
        columns = self._columns(output.column_names)
        into = self.dialect.table_sql(output.name, output.schema)
        sql = (
            f"WITH bo_done AS ({change[0]} RETURNING {columns})"
            f" INSERT INTO {into} ({columns}) SELECT {columns} FROM bo_done"
        )
        return sql, change[1]

    def rows_select(self, columns: Sequence[str]) -> Statement:
        """All qualifying rows' columns: stands for an output that was not made yet."""
        where, parameters = self._where(None, None)
        return f"SELECT {self._columns(columns)} FROM {self._name}{where}", parameters

    def _value(self, renderer: Renderer, number: int, name: str, value: Value) -> str:
        if isinstance(value, Literal):
            return renderer.literal(f"set_{number}", value.value, self.table.column(name))
        return renderer.assigned(value, self.table.column(name))

    def _columns(self, names: Sequence[str]) -> str:
        return ", ".join(self.dialect.quote(name) for name in names)

    def _where(self, lower: Key | None, upper: Key | None, extra: str | None = None) -> Statement:
        bounds, parameters = self._bounds(lower, upper)
        conditions = [*bounds, *self._chosen()]
        if self.without:
            width = len(self.table.key)
            parameters |= self.dialect.rows_value(_WITHOUT, self.without, width)
        if self.alive is not None:
            conditions.append(f"{self.dialect.quote(self.alive)} IS NULL")
        if self.where is not None:
            binds: dict[str, Bind] = dict(self.binds)
            for name, rows in self.outputs.items():
                columns = _as_written(self.where, name, rows.columns)
                written = replace(rows, columns=columns)
                cut = bounds if self._goes_by_key(self.where, name, written) else ()
                binds[name] = RowsOf(self._rows_of(written, cut))
            renderer = Renderer(self.dialect, binds, self.moment, calls=self.calls)
            conditions.append(f"({renderer.sql(self.where)})")
            parameters |= renderer.parameters
        if extra:
            conditions.append(f"({extra})")
        return (f" WHERE {' AND '.join(conditions)}" if conditions else ""), parameters

    def _chosen(self) -> list[str]:
        return [*self._among(), *self._others()]

    def _others(self) -> list[str]:
        if not self.without:
            return []
        names = [self.dialect.quote(name) for name in self.table.key]
        listed = self.dialect.member_of_rows(names, _WITHOUT, self.table.key_columns)
        return [f"NOT ({listed})"]

    def _among(self) -> list[str]:
        if self.among is None:
            return []
        names = self._columns(self.table.key)
        keys = self.dialect.table_sql(self.among.name, self.among.schema)
        left = f"({names})" if len(self.table.key) > 1 else names
        where = f" WHERE {self.among_where}" if self.among_where else ""
        return [f"{left} IN (SELECT {names} FROM {keys}{where})"]

    def _bounds(self, lower: Key | None, upper: Key | None) -> tuple[list[str], dict[str, Any]]:
        key = self.table.key_columns
        conditions: list[str] = []
        parameters: dict[str, Any] = {}
        for prefix, operator, bound in (("lo", ">", lower), ("hi", "<=", upper)):
            if bound is not None:
                conditions.append(self.dialect.compare(key, operator, prefix))
                parameters |= {f"{prefix}_{i}": value for i, value in enumerate(bound)}
        return conditions, parameters

    def _rows_of(self, rows: OutputRows, bounds: Sequence[str]) -> str:
        """The output as a sub-select; cut to the batch's range where it goes by the same key."""
        where = f" WHERE {' AND '.join(bounds)}" if bounds else ""
        return all_rows(self.dialect, rows) + where

    def _goes_by_key(self, where: Expression, name: str, rows: OutputRows) -> bool:
        """Whether the target's own key, and nothing else, is looked for in the output: only then
        do rows of the output outside of a batch's range not matter to the batch.
        """
        if sorted(rows.columns) != sorted(self.table.key) or rows.table.key != self.table.key:
            return False
        if any(rows.table.column(n).type != self.table.column(n).type for n in rows.columns):
            return False
        asked = _memberships(where, name)
        return all(_looked_for(each, self.table.name) == rows.columns for each in asked)


def _memberships(where: Expression, name: str) -> list[exp.Expr | None]:
    """What a name stands in, place by place: IN, `=`, a sub-select itself, or none of these."""
    places = where.tree.find_all(exp.Placeholder)
    near = (exp.In, exp.EQ, exp.Query)
    return [place.find_ancestor(*near) for place in places if place.name == name]


def _looked_for(membership: exp.Expr | None, table: str) -> tuple[str, ...] | None:
    """The columns of a table that are looked for; None where it is something else, or stands in a
    sub-select, whose columns may be another table's.
    """
    if not isinstance(membership, exp.In | exp.EQ) or membership.find_ancestor(exp.Query):
        return None
    left = membership.this
    parts = left.expressions if isinstance(left, exp.Tuple) else [left]
    if not all(isinstance(part, exp.Column) and part.table in ("", table) for part in parts):
        return None
    return tuple(part.name for part in parts)


def _as_written(where: Expression, name: str, columns: tuple[str, ...]) -> tuple[str, ...]:
    """The columns of a key in the order in which a condition compares them with `:name`: a table
    may have them in another order than its entity.
    """
    for membership in _memberships(where, name):
        if membership and isinstance(membership.this, exp.Tuple):
            written = tuple(part.name for part in membership.this.expressions)
            return written if sorted(written) == sorted(columns) else columns
    return columns
