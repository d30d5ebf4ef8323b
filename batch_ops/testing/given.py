"""Values for the parameters of an operation, by type and by the columns they meet."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlglot import exp

from batch_ops.engine.parameters import parameters_of
from batch_ops.spec.model import CsvSource, Expression, Field, FieldType, RecordFile, RowsSource
from batch_ops.spec.origins import PATH_PARAMETER
from batch_ops.testing.values import Values, distinct

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from random import Random

    from batch_ops.spec.model import Entity, Operation, Parameter
    from batch_ops.testing.rows import Row

LISTED = 12
"""Values of a list that nothing says more about."""
_MADE_UP = {
    **dict.fromkeys((FieldType.INTEGER, FieldType.BIGINT, FieldType.DECIMAL), "7"),
    FieldType.FLOAT: "7",
    FieldType.UUID: "00000000-0000-0000-0000-000000000007",
    **dict.fromkeys((FieldType.DATE, FieldType.TIMESTAMP), "2024-01-07"),
    FieldType.TIME: "07:00:00",
    FieldType.BOOLEAN: "true",
}
_ODD = {
    **dict.fromkeys((FieldType.INTEGER, FieldType.BIGINT, FieldType.DECIMAL), "many"),
    FieldType.FLOAT: "many",
    FieldType.UUID: "invalid-uuid",
    **dict.fromkeys((FieldType.DATE, FieldType.TIMESTAMP, FieldType.TIME), "some day"),
    FieldType.BOOLEAN: "perhaps",
}


def choose(
    operation: Operation,
    entities: Mapping[str, Entity],
    values: Values,
    rows: Mapping[str, Sequence[Row]],
) -> dict[str, Any]:
    """A value for each parameter that needs one; sources are not among them."""
    origins = (step.source for step in operation.steps)
    sources = {each.parameter for each in origins if isinstance(each, RowsSource)}
    chosen: dict[str, Any] = {}
    for name, parameter in parameters_of(operation).items():
        wanted = parameter.required and parameter.default is None and parameter.env is None
        if wanted and name not in sources | {PATH_PARAMETER}:
            chosen[name] = _value(operation, entities, values, rows, parameter)
    return chosen


def _value(
    operation: Operation,
    entities: Mapping[str, Entity],
    values: Values,
    rows: Mapping[str, Sequence[Row]],
    parameter: Parameter,
) -> Any:
    columns = values.pools.met.get(parameter.name, ())
    entity = entities[operation.entity]
    met = columns if columns and all(c in entity.columns for c in columns) else ()
    there = list(rows.get(entity.name, ()))
    if met and parameter.many:
        return _some(there, met, entity, values.chance)
    if met and there:
        known = [row[met[0]] for row in there if row[met[0]] is not None]
        return _middle(known) if known else distinct(entity.field(met[0]), 1)
    field = _assigned(operation, entities, parameter.name) or Field(
        parameter.name, parameter.type or FieldType.TEXT, nullable=False
    )
    if parameter.many or _is_listed(operation, parameter.name):
        return [distinct(field, number) for number in range(LISTED)]
    return values.value(field, nulls=False)


def _some(
    there: Sequence[Row], columns: tuple[str, ...], entity: Entity, chance: Random
) -> list[Any]:
    """Two of three keys that are there, and one that is not."""
    found = [tuple(row[name] for name in columns) for row in there if chance.random() < 0.66]
    found.append(tuple(distinct(entity.field(name), 90_000) for name in columns))
    kept = [key for key in dict.fromkeys(found) if None not in key]
    return [key[0] for key in kept] if len(columns) == 1 else kept


def _middle(known: Sequence[Any]) -> Any:
    return sorted(known)[len(known) // 2]


def _assigned(operation: Operation, entities: Mapping[str, Entity], name: str) -> Field | None:
    """The field a parameter is written to as it is."""
    for step in operation.steps:
        for column, value in step.values.items():
            if isinstance(value, Expression):
                tree = value.tree.unnest()
                if isinstance(tree, exp.Placeholder) and tree.name == name:
                    return entities[step.entity].field(column)
    return None


def _is_listed(operation: Operation, name: str) -> bool:
    """Whether it is handed to a function by rows."""
    return any(s.input.name == name and name not in s.outputs for s in operation.steps)


def odd_value(operation: Operation) -> dict[str, Any]:
    """A parameter with a value that is none of its type; empty where every value is one."""
    for name, parameter in parameters_of(operation).items():
        if parameter.type in _ODD and parameter.env is None:
            value = _ODD[parameter.type]
            return {name: [value] if parameter.many else value}
    return {}


def needed(operation: Operation) -> list[str]:
    """The parameters that have to have a value."""
    known = parameters_of(operation).items()
    return [n for n, p in known if p.required and p.default is None and p.env is None]


def secrets(operation: Operation) -> dict[str, str]:
    """Made-up values for the secrets, by their variables."""
    known = [p for p in parameters_of(operation).values() if p.env is not None]
    return {str(p.env): _MADE_UP.get(p.type, "made up") if p.type else "made up" for p in known}


def has_source(operation: Operation) -> bool:
    """Whether a step takes records from outside."""
    kinds = (CsvSource, RecordFile)
    return any(
        isinstance(s.source, kinds) or (isinstance(s.source, RowsSource) and s.source.parameter)
        for s in operation.steps
    )
