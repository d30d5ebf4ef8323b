"""Turning a portable expression into SQL for one database, with everything bound."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime  # noqa: TC003
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from batch_ops.database.calls import answer, kind_of_value, type_of
from batch_ops.database.kinds import marked
from batch_ops.database.portable import placed, refusal
from batch_ops.errors import ParameterError
from batch_ops.spec.model import Expression, Field, FieldType
from batch_ops.spec.scopes import KIND

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from batch_ops.database.dialect import Dialect
    from batch_ops.database.tables import Column


@dataclass(frozen=True, slots=True)
class Scalar:
    """A parameter with one value; `type` where it is declared."""

    value: Any
    type: FieldType | None = None


@dataclass(frozen=True, slots=True)
class ListOf:
    """A parameter with a list of values, bound as one value."""

    values: Sequence[Any]
    type: FieldType | None = None


@dataclass(frozen=True, slots=True)
class RowsOf:
    """An earlier step's output: a SELECT (already SQL of this database) that stands for its rows,
    with what it binds.
    """

    select: str
    parameters: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SqlText:
    """A piece of SQL of this database, put in as it is; `type` where it is known. Fields of
    records are such: `:x.price` is looked up as "x.price".
    """

    sql: str
    type: FieldType | None = None


Bind = Scalar | ListOf | RowsOf | SqlText


@dataclass(slots=True)
class Renderer:
    """Renders the expressions of one statement and collects what they bind.

    Attributes:
        binds: what each `:name` means.
        now: what NOW() means.
        parameters: what was bound so far, by bind name; handed to the statement.
        prefix: begins the names under which moments and answers are bound: two renderers of one
            statement may mean different moments by NOW().
        calls: what to call for the functions that Python answers, by name in lower case; each call
            is made once.
    """

    dialect: Dialect
    binds: Mapping[str, Bind]
    now: datetime
    parameters: dict[str, Any] = field(default_factory=dict)
    prefix: str = "bo"
    calls: Mapping[str, Callable[..., Any]] = field(default_factory=dict)
    _answers: dict[str, exp.Var] = field(default_factory=dict)

    def sql(self, expression: Expression) -> str:
        """The expression as SQL; may be embedded in a `text()` statement."""
        with placed(expression):
            return self._told(expression.tree)

    def assigned(self, expression: Expression, column: Column) -> str:
        """The expression as the value of a column: rounded, brought to the column's type.

        Raises:
            DeclarationError: it is of a type the column does not take.
        """
        with placed(expression):
            tree = self.dialect.rewrite(expression.tree.copy().transform(self._replace))
            return self._sql(self.dialect.assigned(tree, column))

    def constraint(self, expression: Expression) -> str:
        """The expression as a CHECK of a table, for a statement without parameters.

        Raises:
            DeclarationError: others who write to the table would not understand it.
        """
        with placed(expression):
            tree = self.dialect.rewrite(expression.tree.copy().transform(self._replace))
            sql = tree.sql(dialect=self.dialect.sqlglot_name, identify=True)
            if self.dialect.needs_session(sql):
                what = f"The check {expression.text!r} needs what this database has not itself."
                raise refusal(what, "Write it without that, or as a validation rule.")
            return sql

    def literal(self, name: str, value: Any, column: Column) -> str:
        """A value as it stands in the declaration, bound and typed like its column."""
        self.parameters[name] = self.dialect.moment(value)
        return self.dialect.bind(name, column)

    def _told(self, part: exp.Expression) -> str:
        return self._sql(self.dialect.rewrite(part.copy().transform(self._replace)))

    def _sql(self, tree: exp.Expression) -> str:
        escaped = tree.transform(_escape_literal)
        return escaped.sql(dialect=self.dialect.sqlglot_name, identify=True)

    def _replace(self, node: exp.Expression) -> exp.Expression:
        if isinstance(node, exp.In) and (rows := self._rows_of(node)):
            return _truth(f"{self._told(node.this)} IN ({rows})")
        if isinstance(node, exp.In) and (bound := self._list_of(node.expressions)):
            return self._membership(node.this, *bound)
        if isinstance(node, exp.EQ) and isinstance(node.expression, exp.Any):
            return self._equal_any(node)
        if isinstance(node, exp.Dot):
            return self._record_field(node)
        if isinstance(node, exp.Anonymous):
            return self._answered(node)
        if isinstance(node, exp.Placeholder):
            return self._scalar(node.name)
        if isinstance(node, exp.CurrentTimestamp):
            return self._bound(f"{self.prefix}_now", self.now, FieldType.TIMESTAMP)
        if isinstance(node, exp.CurrentDate):
            return self._bound(f"{self.prefix}_today", self.now.date(), FieldType.DATE)
        return node

    def _rows_of(self, node: exp.In) -> str | None:
        name = _lone_placeholder(node.expressions)
        bind = self.binds.get(name) if name else None
        return self._select(bind) if isinstance(bind, RowsOf) else None

    def _select(self, bind: RowsOf) -> str:
        self.parameters |= bind.parameters
        return bind.select

    def _list_of(self, nodes: Sequence[exp.Expression]) -> tuple[str, ListOf] | None:
        name = _lone_placeholder(nodes)
        bind = self.binds.get(name) if name else None
        return (name, bind) if name and isinstance(bind, ListOf) else None

    def _equal_any(self, node: exp.EQ) -> exp.Expression:
        inner = node.expression.this
        inner = inner.this if isinstance(inner, exp.Paren) else inner
        name = _lone_placeholder([inner])
        bind = self.binds.get(name) if name else None
        if isinstance(bind, RowsOf):
            return _truth(f"{self._told(node.this)} IN ({self._select(bind)})")
        if name and isinstance(bind, Scalar):
            bind = ListOf([bind.value], bind.type)
        return (
            self._membership(node.this, name, bind) if name and isinstance(bind, ListOf) else node
        )

    def _membership(self, left: exp.Expression, name: str, bind: ListOf) -> exp.Expression:
        if isinstance(left.unnest(), exp.Tuple):
            return self._member_of_rows(left.unnest().expressions, name, bind)
        self.parameters[name] = self.dialect.list_value(bind.values)
        column = self._typed(bind.type)
        return _truth(self.dialect.member_of_list(self._told(left), name, column))

    def _member_of_rows(
        self, parts: Sequence[exp.Expression], name: str, bind: ListOf
    ) -> exp.Expression:
        """Several columns are looked for in a list of as many values each."""
        width = len(parts)
        if any(not isinstance(row, list | tuple) or len(row) != width for row in bind.values):
            raise ParameterError(
                f"The parameter :{name} is compared with {width} columns, and holds something that"
                f" is no list of {width} values.",
                todo="Give a list of lists, as [[1, 2], [3, 4]] for two columns.",
            )
        self.parameters |= self.dialect.rows_value(name, bind.values, width)
        columns = [self._typed(part.meta.get(KIND) or FieldType.TEXT) for part in parts]
        known = [column for column in columns if column is not None]
        told = [self._told(part) for part in parts]
        return _truth(self.dialect.member_of_rows(told, name, known))

    def _scalar(self, name: str) -> exp.Var:
        bind = self.binds.get(name)
        if not isinstance(bind, Scalar):
            raise ParameterError(
                f"The parameter :{name} stands for many values where one is needed.",
                todo=f"Write `= ANY(:{name})` or `IN (:{name})`.",
            )
        return self._bound(name, bind.value, bind.type)

    def _record_field(self, node: exp.Dot) -> exp.Var:
        name = f"{node.this.name}.{node.name}"
        bind = self.binds.get(name)
        if not isinstance(bind, SqlText):
            raise ParameterError(
                f"The records :{node.this.name} have no field {node.name!r}.",
                todo=f"Let :{node.this.name} be records that have it, or write another field.",
            )
        return marked(exp.Var(this=bind.sql), bind.type)

    def _answered(self, call: exp.Anonymous) -> exp.Var:
        told = call.sql()
        if told not in self._answers:
            value = answer(call, self.calls, self._handed)
            name = f"{self.prefix}_call_{len(self._answers)}"
            kind = None if value is None else type_of(value, call.name)
            self._answers[told] = self._bound(name, value, kind)
        return self._answers[told].copy()

    def _handed(self, name: str) -> Any:
        """A parameter's value as a function is handed it."""
        bind = self.binds.get(name)
        if isinstance(bind, ListOf):
            return list(bind.values)
        if isinstance(bind, Scalar):
            return bind.value
        what = "stands for a step's rows" if bind else "has no value"
        raise ParameterError(
            f"The parameter :{name} {what}, and a function is called with it.",
            todo="Hand over a parameter with a value.",
        )

    def _bound(self, name: str, value: Any, kind: FieldType | None) -> exp.Var:
        """A bound value; a text of no declared type takes the type of what it meets."""
        self.parameters[name] = self.dialect.moment(value)
        known = kind or (None if isinstance(value, str) else kind_of_value(value))
        return marked(exp.Var(this=self.dialect.bind(name, self._typed(kind))), known, value)

    def _typed(self, kind: FieldType | None) -> Column | None:
        from batch_ops.database.tables import Column

        if kind is None:
            return None
        return Column("", self.dialect.field_sql(Field("", kind)), kind)


def _truth(sql: str) -> exp.Var:
    return marked(exp.Var(this=sql), FieldType.BOOLEAN)


def _lone_placeholder(nodes: Sequence[exp.Expression]) -> str | None:
    if len(nodes) == 1 and isinstance(nodes[0], exp.Placeholder):
        return str(nodes[0].this)
    return None


def _escape_literal(node: exp.Expression) -> exp.Expression:
    """A colon in a text would be read as a bound parameter by `text()`."""
    if isinstance(node, exp.Literal) and node.is_string and ":" in node.this:
        quoted = str(node.this).replace("'", "''").replace(":", "\\:")
        return exp.Var(this=f"'{quoted}'")
    return node
