"""The words an entity file chooses among."""

from __future__ import annotations

from enum import StrEnum


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


class FileFormat(StrEnum):
    """Files of records besides CSV: a JSON list of objects, one object a line, Parquet."""

    JSON = "json"
    JSONL = "jsonl"
    PARQUET = "parquet"


class CheckKind(StrEnum):
    """The three forms of a pre- or postcondition."""

    EXPECTATION = "expectation"
    ROW = "row"
    CONDITION = "condition"
