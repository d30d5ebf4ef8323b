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

from batch_ops.database.types import ExecutionId, SerialId, UtcDateTime
from batch_ops.results import OUTCOMES

VERSION = 1
COUNTERS = ("total", *OUTCOMES, "cascaded")
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
    """One row per execution."""
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
    """One row per reject."""
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
        Column("failed_records", Text),
        Column("occurred_at", UtcDateTime, nullable=False),
        Index("ix_batch_operation_errors_batch", "operation_id", "step", "chunk", "batch_number"),
    )


def _steps(metadata: MetaData) -> Table:
    """One row per planned step. `busy_s`: seconds of the attempts that ended; `attempt_at`: since
    when one is under way.
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
        Column("started_at", UtcDateTime),
        Column("attempt_at", UtcDateTime),
        Column("busy_s", Float(53), nullable=False, default=0.0),
        Column("completed_at", UtcDateTime),
        PrimaryKeyConstraint("operation_id", "step"),
    )


def _chunks(metadata: MetaData) -> Table:
    """The stored plan, and how far each chunk is. `token` fences: who holds another one is out."""
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
