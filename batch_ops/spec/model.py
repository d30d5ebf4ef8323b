"""The frozen vocabulary: what an entity file says, after it was read and judged."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from batch_ops.errors import Location, UnknownNameError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import timedelta

    from sqlglot import exp


class FieldType(StrEnum):
    """The types a field can have; what each is on each database is one table in the docs."""

    UUID = "uuid"
    STRING = "string"
    TEXT = "text"
    INTEGER = "integer"
    BIGINT = "bigint"
    DECIMAL = "decimal"
    FLOAT = "float"
    BOOLEAN = "boolean"
    DATE = "date"
    TIME = "time"
    TIMESTAMP = "timestamp"
    INTERVAL = "interval"
    JSON = "json"
    BINARY = "binary"


class StepKind(StrEnum):
    """What a step does."""

    SELECT = "select"
    INSERT = "insert"
    UPDATE = "update"
    DELETE = "delete"

    @property
    def writes(self) -> bool:
        """Whether the step changes its target table."""
        return self is not StepKind.SELECT


class ErrorHandling(StrEnum):
    """What a bad row costs: itself, or the batch and the rest of the execution."""

    CONTINUE = "continue_on_error"
    STOP = "stop_on_error"


@dataclass(frozen=True, slots=True)
class Expression:
    """One SQL expression in the PostgreSQL dialect that passed the gate.

    Attributes:
        text: as it was written.
        tree: as it was parsed; treat as read-only.
        columns: the target entity's columns it reads.
        parameters: the names after `:`, without fields.
        entities: the declared entities its sub-selects read.
        volatile: whether it calls NOW() or another function with a different answer each time.
    """

    text: str
    tree: exp.Expression = field(compare=False, repr=False)
    columns: frozenset[str] = frozenset()
    parameters: frozenset[str] = frozenset()
    entities: frozenset[str] = frozenset()
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
    """A column of an entity. `length` is the most characters of a `string(n)`."""

    name: str
    type: FieldType
    nullable: bool = True
    unique: bool = False
    length: int | None = None
    precision: tuple[int, int] | None = None
    default: Any = None
    references: Reference | None = None


@dataclass(frozen=True, slots=True)
class Parameter:
    """A declared parameter, or one a step uses without declaring it.

    Attributes:
        type: of the value, or of each element where it is a list; None: whatever is given.
        many: whether the value is a list (of keys, as tuples where a key is composite).
        identifying: whether it is part of an execution's identity.
    """

    name: str
    type: FieldType | None = None
    default: Any = None
    required: bool = True
    identifying: bool = True
    description: str = ""
    many: bool = False


@dataclass(frozen=True, slots=True)
class CsvSource:
    """A CSV file. `path` is a path or `package://<package>/<path in it>`; None: a parameter of
    the name `source_path` gives it. `mapping` maps target column to header name.
    """

    path: str | None
    delimiter: str = ","
    quote: str = '"'
    has_header: bool = True
    encoding: str = "utf-8"
    null_values: tuple[str, ...] = ("",)
    mapping: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RowsSource:
    """Rows handed over in memory: the parameter that holds the list of records."""

    parameter: str


Source = CsvSource | RowsSource


@dataclass(frozen=True, slots=True)
class Rule:
    """A row rule: the row is refused unless the expression is true (NULL refuses it)."""

    expression: Expression


class CheckKind(StrEnum):
    """The three forms of a pre- or postcondition."""

    EXPECTATION = "expectation"
    ROW = "row"
    CONDITION = "condition"


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


@dataclass(frozen=True, slots=True)
class Retry:
    """Of transient errors. Delays in seconds; the n-th is initial · factor^(n-1), at most max."""

    max_retries: int = 3
    initial_delay: float = 0.1
    max_delay: float = 5.0
    backoff_factor: float = 2.0


@dataclass(frozen=True, slots=True)
class ErrorLimit:
    """`max_errors`: a number of rows, or a share (0–1) of the rows processed."""

    rows: int | None = None
    share: float | None = None


@dataclass(frozen=True, slots=True)
class Settings:
    """Sizes and limits: they say how, never what. `resume --use-new` may take over new ones.

    batch_size: rows of one transaction. chunk_rows: rows of one chunk, raised when a step would
    have more than 200 chunks. max_workers: lanes. max_records: most rows of a writing step.
    """

    batch_size: int = 10_000
    chunk_rows: int = 50_000
    max_workers: int = 1
    parallel: bool | None = None
    max_records: int | None = None
    max_errors: ErrorLimit | None = None
    timeout: timedelta | None = None
    retry: Retry = Retry()


@dataclass(frozen=True, slots=True)
class Step:
    """One node of the operation's DAG.

    Attributes:
        entity: the target entity's name.
        values: what an update sets, by column.
        where: which rows; None is all of them.
        select_fields: what a select hands to later steps besides the key.
        outputs: parameter name in `where` or `values` → the earlier step it means.
        rules: judged for each row of the source before it is written.
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
    location: Location | None = field(default=None, compare=False)

    @property
    def expressions(self) -> tuple[Expression, ...]:
        """Every expression of the step."""
        values = [value for value in self.values.values() if isinstance(value, Expression)]
        where = [self.where] if self.where else []
        return (*where, *values, *(rule.expression for rule in self.rules))


@dataclass(frozen=True, slots=True)
class Schedule:
    """A cron schedule that starts the operation."""

    cron: str
    timezone: str = "UTC"


@dataclass(frozen=True, slots=True)
class FolderSensor:
    """Starts the operation for each new file in a folder, once it stands still for a tick."""

    folder: str
    pattern: str = "*.csv"


@dataclass(frozen=True, slots=True)
class Operation:
    """A declared operation, ready to be planned and run. `steps` are in DAG order."""

    name: str
    entity: str
    steps: tuple[Step, ...]
    settings: Settings
    description: str = ""
    preconditions: tuple[Check, ...] = ()
    parameters: tuple[Parameter, ...] = ()
    error_handling: ErrorHandling = ErrorHandling.CONTINUE
    skip_invalid_rows: bool = False
    once: bool = False
    schedule: Schedule | None = None
    sensor: FolderSensor | None = None
    location: Location | None = field(default=None, compare=False)

    def step(self, name: str) -> Step:
        """The step of that name."""
        for step in self.steps:
            if step.name == name:
                return step
        raise UnknownNameError("step", name, [step.name for step in self.steps])

    @property
    def reads_file(self) -> bool:
        """Whether a step reads a file: then its digest is part of an execution's identity."""
        return any(isinstance(step.source, CsvSource) for step in self.steps)


@dataclass(frozen=True, slots=True)
class Entity:
    """A declared table: its fields, keys, hidden columns and operations."""

    name: str
    table: str
    fields: tuple[Field, ...]
    key: tuple[str, ...] = ()
    schema: str | None = None
    create_table: bool = False
    connection: str | None = None
    hidden: frozenset[str] = frozenset()
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
