"""What later steps need of a step's rows, and the table that keeps it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from batch_ops.database.convert import Converter
from batch_ops.database.render import RowsOf
from batch_ops.database.statements import OutputRows
from batch_ops.database.tables import Column
from batch_ops.database.values import plain
from batch_ops.errors import ParameterError
from batch_ops.journal.outputs import NUMBER, Output
from batch_ops.journal.store import utc_now
from batch_ops.sources.texts import text_of
from batch_ops.spec.model import Expression, Field, FieldType, StepKind
from batch_ops.spec.references import stems, type_of_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from batch_ops.database.statements import Target
    from batch_ops.engine.context import Context
    from batch_ops.spec.model import Entity, Operation, Step

RECORD = "bo_record"
"""The column that keeps a function's whole record, where a later function is given it."""
IDS = "_ids"


def is_needed(operation: Operation, step: Step) -> bool:
    """Whether a later step refers to this one's rows."""
    return any(True for _ in _users(operation, step))


def _users(operation: Operation, step: Step) -> Iterable[Step]:
    for other in operation.steps:
        if other.records == step.name or step.name in other.outputs.values():
            yield other


def output_of(execution: Context, step: Step) -> Output:
    """The output table of a step: its key and the columns later steps read."""
    name = execution.output_name(execution.operation.number_of(step))
    schema = execution.journal.tables.schema
    if step.kind is StepKind.FUNCTION:
        kept = tuple(_of_function(execution, step).values())
        return Output(name, schema, (number_column(execution),), kept)
    table = execution.table(step)
    names = dict.fromkeys(_columns(execution, step))
    kept = tuple(table.column(column) for column in names if column not in table.key)
    return Output(name, schema, table.key_columns, kept)


def number_column(execution: Context) -> Column:
    """The key of rows that have none of their own."""
    return _column(execution, NUMBER, FieldType.BIGINT)


def _column(execution: Context, name: str, kind: FieldType) -> Column:
    return Column(name, execution.database.dialect.field_sql(Field(name, kind)), kind)


def _columns(execution: Context, step: Step) -> Iterable[str]:
    """Columns of the target table that later steps read, besides its key."""
    yield from step.select_fields
    key = execution.table(step).key
    for other in _users(execution.operation, step):
        if other.records == step.name:
            yield from sorted(field for _, field in other.record_fields)
        for name in other.names_of(step):
            yield from ids_columns(execution, name, step)
            if _gives_records(other, name):
                yield from (column for column in step.values if column not in key)


def _of_function(execution: Context, step: Step) -> dict[str, Column]:
    """Columns of a function's records: the fields that are read, each typed like the column it
    feeds; the keys a condition compares; the whole record.
    """
    found: dict[str, Column] = {}
    for other in _users(execution.operation, step):
        if other.records == step.name:
            found |= _fed(execution, other)
        for name in other.names_of(step):
            if _gives_records(other, name):
                found[RECORD] = _column(execution, RECORD, FieldType.JSON)
            else:
                kind = _compared(execution, other, name) or FieldType.JSON
                found[name] = _column(execution, name, kind)
    return found


def _fed(execution: Context, step: Step) -> dict[str, Column]:
    found: dict[str, Column] = {}
    table = execution.table(step)
    for column, value in step.values.items():
        if isinstance(value, Expression):
            for _, field in sorted(value.fields):
                fed = table.column(column)
                found.setdefault(field, Column(field, fed.sql_type, fed.type))
    return found


def _compared(execution: Context, step: Step, name: str) -> FieldType | None:
    entity = execution.entity(step)
    kinds = (type_of_name(name, expression, entity) for expression in step.expressions)
    return next((kind for kind in kinds if kind), None)


def _gives_records(step: Step, name: str) -> bool:
    """Whether a name stands for records: as a function's input, without a final `_ids`."""
    return step.kind is StepKind.FUNCTION and not name.endswith(IDS)


def expiry(step: Step, entity: Entity) -> dict[str, Any]:
    """When a step's records expire, where their entity says so and the step does not."""
    expires = entity.expires
    if expires is None or not step.kind.adds or expires.column in step.values:
        return {}
    return {expires.column: utc_now() + expires.after}


def output_rows(execution: Context, name: str, source: Step) -> OutputRows:
    """What a name in a condition means: the output table and the columns that are compared."""
    return OutputRows(output_of(execution, source).table, ids_columns(execution, name, source))


def ids_columns(execution: Context, name: str, source: Step) -> tuple[str, ...]:
    """The columns a reference to keys stands for.

    The step's one selected field, else the column the words spell (`:stale_product_ids` spells
    `product_id`), else the key. Keys of a function's records are a column of the reference's name.
    """
    if source.kind is StepKind.FUNCTION:
        return (name,)
    table = execution.table(source)
    return meant_columns(name, source, table.key, table.column_names)


def meant_columns(
    name: str, source: Step, key: tuple[str, ...], columns: tuple[str, ...]
) -> tuple[str, ...]:
    """The same for a step over a table of these columns."""
    if not name.endswith(IDS):
        return key
    if len(source.select_fields) == 1:
        return source.select_fields
    return next(((c,) for c in spelled(name, source) if c in columns and (c,) != key), key)


def rows_meant(operation: Operation, step: Step, target: Target) -> dict[str, RowsOf]:
    """What later steps call the rows of a step, as those it would choose: nobody wrote them yet."""
    table, found = target.table, {}
    for other in operation.steps:
        for name in other.names_of(step):
            columns = meant_columns(name, step, table.key, table.column_names)
            found[name] = RowsOf(*target.rows_select(columns))
    return found


def spelled(name: str, source: Step) -> Iterable[str]:
    """The columns the words of a reference may spell: `validated_user_ids` spells
    `validated_user_id`, `user_id`; words of the step's own name come last.
    """
    words = name.removesuffix(IDS).split("_")
    ends = ["_".join([*words[start:], "id"]) for start in range(len(words))]
    own = set(stems(source.name))
    return sorted(ends, key=lambda end: set(stems(end.removesuffix("_id"))) <= own)


def function_values(execution: Context, step: Step, output: Output, record: Any) -> dict[str, Any]:
    """One record of a function as values of its output table's columns.

    Raises:
        ParameterError: it has not what a later step reads.
        Refusal: a value is none of its column, on a database that does not judge that itself.
    """
    found: dict[str, Any] = {}
    for column in output.kept:
        if column.name == RECORD:
            value = record
        elif column.name.endswith(IDS):
            value = _key_of(execution, step, column.name, record)
        else:
            value = _field_of(step, column.name, record)
        found[column.name] = _stored(execution, column, value)
    return found


def _field_of(step: Step, name: str, record: Any) -> Any:
    if not hasattr(record, "keys") or name not in record:
        shown = ", ".join(map(str, record)) if hasattr(record, "keys") else type(record).__name__
        raise ParameterError(
            f"A record of the function {step.function!r} has no field {name!r}, which a later step"
            f" reads: {shown}.",
            todo="Let the function return records (dicts) with this field.",
        )
    return record[name]


def _key_of(execution: Context, step: Step, name: str, record: Any) -> Any:
    if not hasattr(record, "keys"):
        return record
    for field in (*spelled(name, step), *execution.entity(step).key):
        if field in record:
            return record[field]
    return _field_of(step, next(iter(spelled(name, step))), record)


def _stored(execution: Context, column: Column, value: Any) -> Any:
    if column.type is FieldType.JSON:
        return None if value is None else orjson.dumps(plain(value)).decode()
    dialect = execution.database.dialect
    if value is None or dialect.capabilities.typed:
        return dialect.moment(value)
    return Converter(dialect, column)(text_of(value))


def record_from(output: Output, row: Mapping[str, Any]) -> Any:
    """A row of an output table as the record it was: what a function is given."""
    if RECORD in row:
        return _read(row[RECORD])
    return {name: row[name] for name in output.table.column_names}


def key_from(output: Output, row: Mapping[str, Any], columns: tuple[str, ...]) -> Any:
    """A row's key as a function is given it: a value, or a tuple where it is composite."""
    kinds = {column.name: column.type for column in output.table.columns}
    key = [_read(row[n]) if kinds[n] is FieldType.JSON else row[n] for n in columns]
    one = tuple(key) if len(key) > 1 else key[0]
    return tuple(one) if isinstance(one, list) else one


def _read(kept: Any) -> Any:
    """JSON, from a database that gives it as text too."""
    return orjson.loads(kept) if isinstance(kept, str | bytes) else kept
