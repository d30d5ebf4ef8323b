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
    UPSERT = "upsert"
    DELETE = "delete"
    FUNCTION = "custom_function"

    @property
    def writes(self) -> bool:
        """Whether the step changes its target table."""
        return self not in (StepKind.SELECT, StepKind.FUNCTION)

    @property
    def adds(self) -> bool:
        """Whether the step puts records into its target table."""
        return self in (StepKind.INSERT, StepKind.UPSERT)


class ErrorHandling(StrEnum):
    """What a bad row costs: itself, or the batch and the rest of the execution. With COLLECT a bad
    row costs itself, and every error is in the result, not in the journal alone.
    """

    CONTINUE = "continue_on_error"
    COLLECT = "collect_errors"
    STOP = "stop_on_error"


class OnConflict(StrEnum):
    """What becomes of a record whose key (or conflict target) is in the table already.

    ERROR: it is a reject. SKIP: the row in the table stays, the record is `skipped`. UPDATE: the
    given columns are set. REPLACE: the whole row is; columns that are not given get their default.
    """

    ERROR = "error"
    SKIP = "skip"
    UPDATE = "update"
    REPLACE = "replace"


class LoggingLevel(StrEnum):
    """How much the log says: begin and end; steps and chunks too; every batch too."""

    MINIMAL = "minimal"
    NORMAL = "normal"
    DETAILED = "detailed"


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
    the name `source_path` gives it. `mapping` maps target column to header name, or to the place
    of a column, from 1.
    """

    path: str | None
    delimiter: str = ","
    quote: str = '"'
    has_header: bool = True
    encoding: str = "utf-8"
    null_values: tuple[str, ...] = ("",)
    mapping: Mapping[str, str | int] = field(default_factory=dict)


class FileFormat(StrEnum):
    """Files of records besides CSV: a JSON list of objects, one object a line, Parquet."""

    JSON = "json"
    JSONL = "jsonl"
    PARQUET = "parquet"


@dataclass(frozen=True, slots=True)
class RecordFile:
    """A file of records. `path` as in CsvSource; `mapping` maps target column to field name."""

    format: FileFormat
    path: str | None
    mapping: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RowsSource:
    """Rows handed over in memory: the parameter that holds the list of records; None: one record
    without fields, made of the step's values alone.
    """

    parameter: str | None
    mapping: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class EntitySource:
    """The rows of another entity's table, in the same database; `where` chooses among them."""

    entity: str
    where: Expression | None = None
    mapping: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class QuerySource:
    """The rows of one SELECT on declared entities; `columns` are their names, in order."""

    select: Expression
    columns: tuple[str, ...]
    mapping: Mapping[str, str] = field(default_factory=dict)


Stream = CsvSource | RecordFile | RowsSource
"""Records from outside the database, read in order."""

Source = Stream | EntitySource | QuerySource


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
class Throttle:
    """How fast a lane may go: `pause` between two batches, and most rows a second of all lanes."""

    pause: timedelta | None = None
    rows_per_second: float | None = None


@dataclass(frozen=True, slots=True)
class Settings:
    """Sizes and limits: they say how, never what. `resume --use-new` may take over new ones.

    batch_size: rows of one transaction. worker_batch_size: the same where several lanes work.
    chunk_rows: rows of one chunk, raised when a step would have more than 200 chunks. max_workers:
    lanes. max_records: most rows of a writing step. timeout: of the operation; of a custom
    function's step: of each call.
    """

    batch_size: int = 10_000
    worker_batch_size: int | None = None
    chunk_rows: int = 50_000
    max_workers: int = 1
    parallel: bool | None = None
    max_records: int | None = None
    max_errors: ErrorLimit | None = None
    max_errors_per_worker: int | None = None
    timeout: timedelta | None = None
    retry: Retry = Retry()
    throttle: Throttle | None = None


@dataclass(frozen=True, slots=True)
class Telling:
    """What is told of an execution, and where.

    progress: whether progress is told at all. every_rows: besides once in a while, after so many
    rows. heartbeat: between two signs of life of a process. log_table, metrics_table: None is the
    journal's own.
    """

    progress: bool = True
    every_rows: int | None = None
    heartbeat: timedelta | None = None
    level: LoggingLevel = LoggingLevel.NORMAL
    log_table: str | None = None
    metrics: bool = False
    metrics_table: str | None = None

    def asks(self, before: int, done: int) -> bool:
        """Whether progress is to be told because so many rows were done, and now are."""
        every = self.every_rows
        return every is not None and before // every < done // every


@dataclass(frozen=True, slots=True)
class Notification:
    """Who is told of an execution's end, and in which words; None: words of our own.

    completion: whether a good end is told too; failures and passed limits always are.
    """

    completion: bool = False
    channels: tuple[str, ...] = ()
    message: str | None = None


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
class Schedule:
    """A cron schedule that starts the operation. confirm: the yes an operation may require."""

    cron: str
    timezone: str = "UTC"
    confirm: bool = False


@dataclass(frozen=True, slots=True)
class FolderSensor:
    """Starts the operation for each new file in a folder, once it stands still for a tick.

    confirm: the yes an operation may require.
    """

    folder: str
    pattern: str = "*.csv"
    confirm: bool = False


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
