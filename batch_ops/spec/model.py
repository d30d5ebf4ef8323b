"""The frozen vocabulary: what an entity file says, after it was read and judged."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from batch_ops.errors import Location, UnknownNameError
from batch_ops.spec.kinds import (
    CheckKind,
    ErrorHandling,
    FieldType,
    FileFormat,
    LoggingLevel,
    OnConflict,
    StepKind,
)
from batch_ops.spec.records import (
    CsvSource,
    EntitySource,
    QuerySource,
    RecordFile,
    RowsSource,
    Source,
    Stream,
)
from batch_ops.spec.sizes import (
    CircuitBreaker,
    ErrorLimit,
    FolderSensor,
    Notification,
    Retry,
    Schedule,
    Settings,
    Telling,
    Throttle,
)
from batch_ops.spec.terms import (
    Check,
    Expression,
    Field,
    Literal,
    Parameter,
    Reference,
    Rule,
    Value,
)

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import timedelta

__all__ = [
    "Check",
    "CheckKind",
    "CircuitBreaker",
    "CsvSource",
    "Entity",
    "EntitySource",
    "ErrorHandling",
    "ErrorLimit",
    "Expiry",
    "Expression",
    "Field",
    "FieldType",
    "FileFormat",
    "FolderSensor",
    "Input",
    "Literal",
    "LoggingLevel",
    "Notification",
    "OnConflict",
    "Operation",
    "Parameter",
    "QuerySource",
    "RecordFile",
    "Reference",
    "Retry",
    "RowsSource",
    "Rule",
    "Schedule",
    "Settings",
    "Source",
    "Step",
    "StepKind",
    "Stream",
    "Telling",
    "Throttle",
    "Value",
]


@dataclass(frozen=True, slots=True)
class Input:
    """What a custom function is given: the rows or the value that `name` stands for, or values by
    name; with neither, nothing.
    """

    name: str | None = None
    values: Mapping[str, Value] | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """One node of the operation's DAG.

    Attributes:
        entity: the target entity's name.
        values: what an update, an insert or an upsert sets, by column.
        where: which rows; None is all of them.
        select_fields: what a select hands to later steps besides the key.
        outputs: name in `where`, `values` or `input` → the earlier step it means.
        records: the earlier step whose records are put into the table, one row for each.
        rules: judged for each row of the source before it is written.
        conflict_target: the columns that make two records the same; empty: the key.
        function: the name of a custom function, or `module:function`.
        output: the name later steps may call its rows by.
    """

    name: str
    kind: StepKind
    entity: str
    settings: Settings
    depends_on: tuple[str, ...] = ()
    where: Expression | None = None
    values: Mapping[str, Value] = field(default_factory=dict)
    select_fields: tuple[str, ...] = ()
    source: Source | None = None
    rules: tuple[Rule, ...] = ()
    outputs: Mapping[str, str] = field(default_factory=dict)
    records: str | None = None
    conflict_target: tuple[str, ...] = ()
    on_conflict: OnConflict = OnConflict.ERROR
    function: str | None = None
    input: Input = Input()
    output: str | None = None
    location: Location | None = field(default=None, compare=False)

    @property
    def stream(self) -> Stream | None:
        """The source, where it is read in order from outside the database."""
        source = self.source
        return None if isinstance(source, EntitySource | QuerySource) else source

    @property
    def record_names(self) -> tuple[str, ...]:
        """The names before the dot where the values read an earlier step's records."""
        found = {name for name, _ in self.record_fields}
        return tuple(sorted(found)) if self.records else ()

    @property
    def merges(self) -> bool:
        """Whether a record that is in the table already is no reject."""
        return self.kind is StepKind.UPSERT or self.on_conflict is not OnConflict.ERROR

    @property
    def record_fields(self) -> set[tuple[str, str]]:
        """What the values read of records: the name before the dot and the field."""
        values = [value for value in self.values.values() if isinstance(value, Expression)]
        return set().union(*(value.fields for value in values))

    def names_of(self, earlier: Step) -> list[str]:
        """The names by which it refers to an earlier step's rows."""
        return [name for name, source in self.outputs.items() if source == earlier.name]

    @property
    def expressions(self) -> tuple[Expression, ...]:
        """Every expression of the step."""
        values = [value for value in self.values.values() if isinstance(value, Expression)]
        values += [v for v in (self.input.values or {}).values() if isinstance(v, Expression)]
        where = [self.where] if self.where else []
        return (*where, *values, *self._of_source, *(rule.expression for rule in self.rules))

    @property
    def _of_source(self) -> tuple[Expression, ...]:
        if isinstance(self.source, QuerySource):
            return (self.source.select,)
        chosen = self.source.where if isinstance(self.source, EntitySource) else None
        return (chosen,) if chosen else ()


@dataclass(frozen=True, slots=True)
class Operation:
    """A declared operation, ready to be planned and run. `steps` are in DAG order."""

    name: str
    entity: str
    steps: tuple[Step, ...]
    settings: Settings
    description: str = ""
    preconditions: tuple[Check, ...] = ()
    postconditions: tuple[Check, ...] = ()
    parameters: tuple[Parameter, ...] = ()
    error_handling: ErrorHandling = ErrorHandling.CONTINUE
    skip_invalid_rows: bool = False
    once: bool = False
    atomic: bool = False
    undo: bool = False
    requires_confirmation: bool = False
    telling: Telling = Telling()
    notification: Notification = Notification()
    schedule: Schedule | None = None
    sensor: FolderSensor | None = None
    location: Location | None = field(default=None, compare=False)

    def step(self, name: str) -> Step:
        """The step of that name."""
        for step in self.steps:
            if step.name == name:
                return step
        raise UnknownNameError("step", name, [step.name for step in self.steps])

    def number_of(self, step: Step) -> int:
        """The place of a step in DAG order, from 1."""
        return [each.name for each in self.steps].index(step.name) + 1

    @property
    def reads_file(self) -> bool:
        """Whether a step reads a file: then its digest is part of an execution's identity."""
        return any(isinstance(step.source, CsvSource | RecordFile) for step in self.steps)


@dataclass(frozen=True, slots=True)
class Expiry:
    """Records that are put into the table get `column` = NOW() + after, unless they set it."""

    column: str
    after: timedelta


@dataclass(frozen=True, slots=True)
class Entity:
    """A declared table: its fields, keys, hidden columns and operations.

    soft_delete: the timestamp column that says a row counts as deleted: deleting sets it, and
    steps pass over rows in which it is set.
    """

    name: str
    table: str
    fields: tuple[Field, ...]
    key: tuple[str, ...] = ()
    schema: str | None = None
    create_table: bool = False
    connection: str | None = None
    hidden: frozenset[str] = frozenset()
    soft_delete: str | None = None
    expires: Expiry | None = None
    operations: tuple[Operation, ...] = ()
    location: Location | None = field(default=None, compare=False)

    def field(self, name: str) -> Field:
        """The field of that name."""
        for candidate in self.fields:
            if candidate.name == name:
                return candidate
        raise UnknownNameError("column", name, [f.name for f in self.fields])

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of the fields, as declared."""
        return tuple(f.name for f in self.fields)
