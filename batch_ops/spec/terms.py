"""What fields, values, parameters and conditions are, after they were read."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from batch_ops.errors import Location  # noqa: TC001
from batch_ops.spec.kinds import CheckKind, FieldType  # noqa: TC001

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlglot import exp


@dataclass(frozen=True, slots=True)
class Expression:
    """One SQL expression in the PostgreSQL dialect that passed the gate.

    Attributes:
        text: as it was written.
        tree: as it was parsed; treat as read-only.
        columns: the target entity's columns it reads.
        parameters: the names after `:` that stand for a value or values.
        fields: fields of records it reads: `:x.price` is ("x", "price"); x is no parameter.
        entities: the declared entities its sub-selects read.
        calls: the functions it calls that Python answers, in lower case.
        volatile: whether it calls NOW() or another function with a different answer each time.
    """

    text: str
    tree: exp.Expression = field(compare=False, repr=False)
    columns: frozenset[str] = frozenset()
    parameters: frozenset[str] = frozenset()
    fields: frozenset[tuple[str, str]] = frozenset()
    entities: frozenset[str] = frozenset()
    calls: frozenset[str] = frozenset()
    volatile: bool = False
    location: Location | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Literal:
    """A value as it stands; bound, never pasted."""

    value: Any


Value = Literal | Expression
"""A data value. A lone `:name` is the expression `:name`."""


@dataclass(frozen=True, slots=True)
class Reference:
    """A foreign key: the entity and the field it points to."""

    entity: str
    field: str


@dataclass(frozen=True, slots=True)
class Field:
    """A column of an entity. `length` is the most characters of a `string(n)`; `check` is a
    constraint of the table where batch_ops makes it.
    """

    name: str
    type: FieldType
    nullable: bool = True
    unique: bool = False
    length: int | None = None
    precision: tuple[int, int] | None = None
    default: Any = None
    references: Reference | None = None
    check: Expression | None = None


@dataclass(frozen=True, slots=True)
class Parameter:
    """A declared parameter, or one a step uses without declaring it.

    Attributes:
        type: of the value, or of each element where it is a list; None: whatever is given.
        many: whether the value is a list (of keys, as tuples where a key is composite).
        env: the variable of the environment its value stands in: a secret, which is never stored,
            never shown, and no part of an execution's identity.
        identifying: whether it is part of an execution's identity.
    """

    name: str
    type: FieldType | None = None
    default: Any = None
    required: bool = True
    identifying: bool = True
    description: str = ""
    many: bool = False
    env: str | None = None


@dataclass(frozen=True, slots=True)
class Rule:
    """A row rule: the row is refused unless the expression is true (NULL refuses it)."""

    expression: Expression


@dataclass(frozen=True, slots=True)
class Check:
    """A pre- or postcondition.

    Attributes:
        name: `[a-z0-9_]`, unique in the operation; also the name of the Dagster check.
        kind: which of the three forms.
        text: the condition or row rule as written, or the expectation's type.
        expression: for a condition or a row rule.
        arguments: for an expectation: its keyword arguments.
    """

    name: str
    kind: CheckKind
    text: str
    expression: Expression | None = None
    arguments: Mapping[str, Any] = field(default_factory=dict)
    description: str = ""
