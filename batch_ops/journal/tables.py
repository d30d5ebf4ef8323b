"""The journal's tables. Names and columns of the first block are what people query."""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    Index,
    Integer,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from batch_ops.database.types import ExecutionId, LongText, SerialId, UtcDateTime
from batch_ops.results import OUTCOMES

VERSION = 2
"""Of the tables below; what another version has otherwise stands in `upgrade.py`."""
COUNTERS = ("total", *OUTCOMES, "cascaded")
UNDO_COUNTERS = ("restored", "as_before", "kept", "refused")
LOGS, METRICS = "batch_operation_logs", "batch_performance_metrics"


def _counters() -> list[Column[Any]]:
    return [Column(name, BigInteger, nullable=False, default=0) for name in COUNTERS]


class Tables:
    """The journal's tables, in one schema (None: the connection's default one).

    logs, metrics: what the tables of log and metrics are called; an operation may name its own.
    """

    def __init__(
        self, schema: str | None = None, *, logs: str = LOGS, metrics: str = METRICS
    ) -> None:
        self.schema = schema
        self.metadata = MetaData(schema=schema)
        self.operations = _operations(self.metadata)
        self.logs = _logs(self.metadata, logs)
        self.errors = _errors(self.metadata)
        self.retries = _retries(self.metadata)
        self.images = _images(self.metadata)
        self.undos = _undos(self.metadata)
        self.steps = _steps(self.metadata)
        self.chunks = _chunks(self.metadata)
        self.ownership = _ownership(self.metadata)
        self.workers = _workers(self.metadata)
        self.metrics = _metrics(self.metadata, metrics)
        self.notifications = _notifications(self.metadata)
        self.version = Table(
            "batch_journal", self.metadata, Column("version", Integer, nullable=False)
        )


def _operations(metadata: MetaData) -> Table:
    """One row per execution. `purged_at`: when all that was kept of it besides was purged;
    `undone_at`: when an undo of it came to its end.
    """
    return Table(
        "batch_operations",
        metadata,
        Column("operation_id", ExecutionId, primary_key=True),
        Column("short_id", String(8), nullable=False, unique=True),
        Column("operation", String(255), nullable=False),
        Column("entity", String(255), nullable=False),
        Column("status", String(40), nullable=False),
        Column("stopped_reason", String(255)),
        Column("message", Text),
        Column("control", String(20)),
        Column("identity", String(64), nullable=False),
        Column("declaration", Text, nullable=False),
        Column("parameters", Text, nullable=False),
        Column("options", Text, nullable=False),
        Column("source", Text),
        Column("source_digest", String(80)),
        Column("checks", Text),
        Column("actor", String(255)),
        Column("via", String(40)),
        Column("run_id", String(255)),
        Column("moment", UtcDateTime, nullable=False),
        Column("started_at", UtcDateTime, nullable=False),
        Column("completed_at", UtcDateTime),
        Column("total_records", BigInteger),
        Column("processed_records", BigInteger),
        Column("error_count", BigInteger),
        Column("purged_at", UtcDateTime),
        Column("discarded_count", BigInteger),
        Column("undone_at", UtcDateTime),
        Index("ix_batch_operations_identity", "identity"),
        Index("ix_batch_operations_run", "run_id"),
    )


def _logs(metadata: MetaData, name: str) -> Table:
    """One row per committed batch, written in the batch's own transaction."""
    return Table(
        name,
        metadata,
        Column("operation_id", ExecutionId, nullable=False),
        Column("step", String(255), nullable=False),
        Column("chunk", Integer, nullable=False),
        Column("batch_number", Integer, nullable=False),
        Column("records_processed", BigInteger, nullable=False),
        *_counters(),
        Column("cursor_from", Text),
        Column("cursor_to", Text),
        Column("crc", BigInteger),
        Column("started_at", UtcDateTime, nullable=False),
        Column("completed_at", UtcDateTime, nullable=False),
        Column("status", String(40), nullable=False),
        PrimaryKeyConstraint("operation_id", "step", "chunk", "batch_number"),
    )


def _errors(metadata: MetaData) -> Table:
    """One row per reject, and per attempt at it: `retry_of` is the row of the one before. `state`:
    NULL while it is open; then recovered, refused_again or discarded; `retry` ended it.
    """
    return Table(
        "batch_operation_errors",
        metadata,
        Column("error_id", SerialId, primary_key=True, autoincrement=True),
        Column("operation_id", ExecutionId, nullable=False),
        Column("step", String(255), nullable=False),
        Column("chunk", Integer, nullable=False),
        Column("batch_number", Integer, nullable=False),
        Column("row_number", BigInteger),
        Column("record_key", Text),
        Column("outcome", String(20), nullable=False),
        Column("code", String(64), nullable=False),
        Column("column_name", String(255)),
        Column("value", Text),
        Column("error_message", Text, nullable=False),
        Column("failed_records", LongText),
        Column("damaged", Text),
        Column("place", Text),
        Column("retry_of", BigInteger),
        Column("occurred_at", UtcDateTime, nullable=False),
        Column("state", String(20)),
        Column("retry", Integer),
        Column("ended_at", UtcDateTime),
        Column("ended_by", String(255)),
        Column("ended_how", String(255)),
        Column("because", Text),
        Index("ix_batch_operation_errors_batch", "operation_id", "step", "chunk", "batch_number"),
    )


def _retries(metadata: MetaData) -> Table:
    """One row per retry of an execution's rejects; without `completed_at` it broke off."""
    return Table(
        "batch_retries",
        metadata,
        Column("operation_id", ExecutionId, nullable=False),
        Column("retry", Integer, nullable=False),
        Column("how", String(255), nullable=False),
        Column("options", Text, nullable=False),
        Column("actor", String(255)),
        Column("via", String(40)),
        Column("started_at", UtcDateTime, nullable=False),
        Column("completed_at", UtcDateTime),
        PrimaryKeyConstraint("operation_id", "retry"),
    )


def _images(metadata: MetaData) -> Table:
    """One row per batch whose rows have images, in the order they were written; the images are in
    the step's own table, by `image`. `undo`: the last one that took it up; `rows_left`: rows it
    left alone.
    """
    return Table(
        "batch_images",
        metadata,
        Column("image", SerialId, primary_key=True, autoincrement=True),
        Column("operation_id", ExecutionId, nullable=False),
        Column("step", String(255), nullable=False),
        Column("undo", Integer),
        Column("rows_left", BigInteger),
        Index("ix_batch_images_step", "operation_id", "step"),
    )


def _undos(metadata: MetaData) -> Table:
    """One row per undo of an execution; without `completed_at` it broke off. Its counters move on
    with each batch it takes up.
    """
    return Table(
        "batch_undos",
        metadata,
        Column("operation_id", ExecutionId, nullable=False),
        Column("undo", Integer, nullable=False),
        Column("policy", String(40), nullable=False),
        *(Column(name, BigInteger, nullable=False, default=0) for name in UNDO_COUNTERS),
        Column("actor", String(255)),
        Column("via", String(40)),
        Column("started_at", UtcDateTime, nullable=False),
        Column("completed_at", UtcDateTime),
        PrimaryKeyConstraint("operation_id", "undo"),
    )


def _steps(metadata: MetaData) -> Table:
    """One row per planned step. `busy_s`: seconds of the attempts that ended; `attempt_at`: since
    when one is under way. `fields`: of records from outside, so that rejects can be read again.
    """
    return Table(
        "batch_steps",
        metadata,
        Column("operation_id", ExecutionId, nullable=False),
        Column("step", String(255), nullable=False),
        Column("number", Integer, nullable=False),
        Column("kind", String(40), nullable=False),
        Column("status", String(40), nullable=False),
        Column("planned_rows", BigInteger, nullable=False),
        Column("output_table", String(255)),
        Column("fields", Text),
        Column("started_at", UtcDateTime),
        Column("attempt_at", UtcDateTime),
        Column("busy_s", Float(53), nullable=False, default=0.0),
        Column("completed_at", UtcDateTime),
        PrimaryKeyConstraint("operation_id", "step"),
    )


def _chunks(metadata: MetaData) -> Table:
    """The stored plan, and how far each chunk is. `token` fences: who holds another one is out.
    `retry`: the retry it was added by; its counters may be differences.
    """
    return Table(
        "batch_chunks",
        metadata,
        Column("operation_id", ExecutionId, nullable=False),
        Column("step", String(255), nullable=False),
        Column("chunk", Integer, nullable=False),
        Column("chunk_key", String(40), nullable=False),
        Column("planned_rows", BigInteger, nullable=False),
        Column("lower_bound", Text),
        Column("upper_bound", Text),
        Column("splits", Text),
        Column("spacing", Integer, nullable=False),
        Column("position", Text),
        Column("status", String(40), nullable=False),
        Column("token", Integer, nullable=False, default=0),
        Column("worker", String(64)),
        Column("batches", Integer, nullable=False, default=0),
        *_counters(),
        Column("attempt", Text),
        Column("started_at", UtcDateTime),
        Column("completed_at", UtcDateTime),
        Column("retry", Integer),
        PrimaryKeyConstraint("operation_id", "step", "chunk"),
        UniqueConstraint("operation_id", "step", "chunk_key"),
    )


def _ownership(metadata: MetaData) -> Table:
    """Which execution may write a target table."""
    return Table(
        "batch_ownership",
        metadata,
        Column("table_name", String(255), primary_key=True),
        Column("operation_id", ExecutionId, nullable=False),
        Column("since", UtcDateTime, nullable=False),
    )


def _workers(metadata: MetaData) -> Table:
    """Processes that work on an execution now, when they were last heard of, and how many seconds
    there are between two signs of life.
    """
    return Table(
        "batch_workers",
        metadata,
        Column("worker", String(64), primary_key=True),
        Column("operation_id", ExecutionId, primary_key=True),
        Column("host", String(255), nullable=False),
        Column("pid", Integer, nullable=False),
        Column("pid_started", Float(53), nullable=False),
        Column("application_name", String(64), nullable=False),
        Column("heartbeat_at", UtcDateTime, nullable=False),
        Column("heartbeat_s", Float(53), nullable=False),
    )


def _metrics(metadata: MetaData, name: str) -> Table:
    """What was measured of an execution (`step` is NULL) and of its steps; the newest alone."""
    return Table(
        name,
        metadata,
        Column("operation_id", ExecutionId, nullable=False, index=True),
        Column("step", String(255)),
        Column("metric_name", String(64), nullable=False),
        Column("metric_value", Float(53), nullable=False),
        Column("recorded_at", UtcDateTime, nullable=False),
    )


def _notifications(metadata: MetaData) -> Table:
    """One row per sending: what was told on which channel, and why it did not arrive."""
    return Table(
        "batch_notifications",
        metadata,
        Column("notification_id", SerialId, primary_key=True, autoincrement=True),
        Column("operation_id", ExecutionId, nullable=False, index=True),
        Column("event", String(40), nullable=False),
        Column("channel", String(255), nullable=False),
        Column("sent_at", UtcDateTime, nullable=False),
        Column("success", Boolean, nullable=False),
        Column("error_message", Text),
    )
