"""What an execution tells when it is asked: counters, rejects, checks, results."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, fields
from datetime import datetime  # noqa: TC003  (dataclass fields are resolved at run time)
from enum import StrEnum
from typing import Any

OUTCOMES = (
    "created",
    "updated",
    "unchanged",
    "deleted",
    "selected",
    "not_found",
    "invalid",
    "failed",
    "skipped",
)

BEFORE, AFTER = "before", "after"
MESSAGE_FIELDS = (
    *("operation", "operation_id", "execution_id", "status", "stopped_reason", "message"),
    *("total", "total_records", "processed_records", "error_count", *OUTCOMES, "cascaded"),
    *("started_at", "completed_at", "duration_s", "rows_per_s", "run_id"),
)
"""What a notification's text may name in braces: every field of a result."""


class Status(StrEnum):
    """The status of an execution."""

    PLANNED = "planned"
    AWAITING_CONFIRMATION = "awaiting_confirmation"
    RUNNING = "running"
    PAUSED = "paused"
    STOPPED = "stopped"
    FAILED = "failed"
    CANCELLED = "cancelled"
    REFUSED = "refused"
    COMPLETED = "completed"
    COMPLETED_WITH_ERRORS = "completed_with_errors"
    COMPLETED_WITH_FAILED_CHECKS = "completed_with_failed_checks"

    @property
    def finished(self) -> bool:
        """Whether the execution has ended for good: nothing is left to resume."""
        return self in _FINISHED

    @property
    def exit_code(self) -> int:
        """The shell's exit code for an execution that ended so."""
        return {Status.COMPLETED: 0, Status.COMPLETED_WITH_ERRORS: 1, Status.REFUSED: 3}.get(
            self, 4
        )


_FINISHED = frozenset(
    {
        Status.CANCELLED,
        Status.REFUSED,
        Status.COMPLETED,
        Status.COMPLETED_WITH_ERRORS,
        Status.COMPLETED_WITH_FAILED_CHECKS,
    }
)
DONE = frozenset(
    {Status.COMPLETED, Status.COMPLETED_WITH_ERRORS, Status.COMPLETED_WITH_FAILED_CHECKS}
)
"""An execution whose steps were all done, whatever came of rows and checks: the same source is not
imported again unasked.
"""


@dataclass(frozen=True, slots=True)
class Counts:
    """Rows by outcome. Every row ends in exactly one outcome and their sum is `total`.

    total: what the batch's own statement matched or the source gave.
    selected: rows a `select` gave. invalid: refused by a rule before writing. failed: refused by
    the database. skipped: not written, by intent or rollback. cascaded: removed by a foreign key
    besides, outside the sum.
    """

    total: int = 0
    created: int = 0
    updated: int = 0
    unchanged: int = 0
    deleted: int = 0
    selected: int = 0
    not_found: int = 0
    invalid: int = 0
    failed: int = 0
    skipped: int = 0
    cascaded: int = 0

    def __add__(self, other: Counts) -> Counts:
        return Counts(*(getattr(self, f.name) + getattr(other, f.name) for f in fields(self)))

    def __sub__(self, other: Counts) -> Counts:
        return Counts(*(getattr(self, f.name) - getattr(other, f.name) for f in fields(self)))

    @property
    def reconciled(self) -> bool:
        """Whether the outcomes sum up to `total`."""
        outcomes: int = sum(getattr(self, name) for name in OUTCOMES)
        return outcomes == self.total

    @property
    def rejects(self) -> int:
        """Rows that could not be processed: invalid + failed."""
        return self.invalid + self.failed

    @property
    def processed(self) -> int:
        """Rows that were changed: created + updated + deleted."""
        return self.created + self.updated + self.deleted

    def to_dict(self) -> dict[str, int]:
        return asdict(self)


@dataclass(slots=True)
class Reject:
    """A row that could not be processed, with its reason; not frozen, since that takes longer than
    all else about one, and there may be millions.

    row: 1-based data row of the source; None for rows of a table.
    key: the row's key columns with their values, as far as they are known.
    code: SQLSTATE where the database refused, else `rule`, `ragged_row`, `encoding`, `type` …
    outcome: "invalid" (a rule or schema, before writing) or "failed" (the database).
    damaged: fields of `data` that are not the record's own text (bytes of another encoding, text
    that was cut); empty: the record has other fields than its source; None: `data` is the record.
    place: of a row of a table or list its key there, as `dump_key` writes it.
    retry_of: the journal's id of the reject it was before it was tried again.
    """

    code: str
    message: str
    outcome: str = "failed"
    row: int | None = None
    key: dict[str, Any] | None = None
    column: str | None = None
    value: str | None = None
    data: dict[str, Any] | None = None
    damaged: tuple[str, ...] | None = None
    place: str | None = None
    retry_of: int | None = None

    def to_dict(self) -> dict[str, Any]:
        """What a person may want to know of it."""
        told = asdict(self)
        return {name: told[name] for name in told if name not in _INTERNAL}


_INTERNAL = ("damaged", "place", "retry_of")


@dataclass(frozen=True, slots=True)
class CheckResult:
    """One pre- or postcondition as it was judged; the same shape for all three kinds of rules.

    phase: "before" the first step is planned (a precondition) or "after" the last one.
    kind: "expectation" (Great Expectations), "row" (every row must fulfil it) or "condition".
    evaluated: False when it could not be judged; `message` then says why.
    failing_keys: up to 20 keys of rows that break it.
    """

    name: str
    kind: str
    success: bool
    evaluated: bool = True
    description: str = ""
    observed_value: Any = None
    element_count: int | None = None
    unexpected_count: int | None = None
    failing_keys: list[dict[str, Any]] = field(default_factory=list)
    message: str = ""
    phase: str = BEFORE

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True, slots=True)
class ChunkCounts:
    """How many chunks there are, and how far they are."""

    total: int = 0
    completed: int = 0
    failed: int = 0


@dataclass(frozen=True, slots=True)
class StepResult:
    """One step of an execution.

    planned_rows: what the plan counted; None before it is planned. duration_s: seconds it was
    worked on, the pauses between attempts aside.
    """

    name: str
    kind: str
    status: str
    counts: Counts
    chunks: ChunkCounts
    planned_rows: int | None = None
    started_at: datetime | None = None
    completed_at: datetime | None = None
    duration_s: float = 0.0

    @property
    def rows_per_s(self) -> float:
        return self.counts.total / self.duration_s if self.duration_s > 0 else 0.0


@dataclass(frozen=True, slots=True)
class Result:
    """An execution as the journal knows it; `stopped_reason`: why it did not reach its end.

    discarded: rejects that somebody gave up; they are among the rejects of `counts`.
    purged: the journal does not keep its rejects any more.
    undone_at: when an undo of it came to its end; None: it was not undone.
    errors: with `error_handling: collect_errors` (`collects_errors`), the rejects of an execution
    that ended: the first 10,000; the journal has all of them.
    """

    execution_id: str
    operation: str
    status: Status
    counts: Counts
    steps: tuple[StepResult, ...] = ()
    chunks: ChunkCounts = ChunkCounts()
    checks: tuple[CheckResult, ...] = ()
    stopped_reason: str | None = None
    message: str | None = None
    started_at: datetime | None = None
    completed_at: datetime | None = None
    duration_s: float = 0.0
    run_id: str | None = None
    discarded: int = 0
    purged: bool = False
    undone_at: datetime | None = None
    errors: tuple[Reject, ...] = ()
    collects_errors: bool = False

    @property
    def rows_per_s(self) -> float:
        """Rows by the seconds in which steps were worked on: pauses and checks do not count."""
        busy = sum(step.duration_s for step in self.steps)
        return self.counts.total / busy if busy > 0 else 0.0

    @property
    def open_rejects(self) -> int:
        """Rejects that wait to be retried or discarded."""
        return 0 if self.purged else self.counts.rejects - self.discarded

    @property
    def processed_records(self) -> int:
        return self.counts.processed

    @property
    def next_step(self) -> str | None:
        """The first step that is not finished; None when all are."""
        return next((step.name for step in self.steps if step.status != "finished"), None)

    def message_fields(self) -> dict[str, Any]:
        """The values of `MESSAGE_FIELDS`."""
        told = self.to_dict()
        told |= self.counts.to_dict()
        told |= {"operation_id": self.execution_id, "total_records": self.counts.total}
        told |= {"error_count": self.counts.rejects}
        return {name: told[name] for name in MESSAGE_FIELDS}

    def step(self, name: str) -> StepResult:
        """The step of that name; KeyError when there is none."""
        for step in self.steps:
            if step.name == name:
                return step
        raise KeyError(name)

    def to_dict(self) -> dict[str, Any]:
        """One JSON-safe object with stable keys; `errors` where they are collected."""
        errors = [error.to_dict() for error in self.errors]
        return {
            "execution_id": self.execution_id,
            "operation": self.operation,
            "status": str(self.status),
            "stopped_reason": self.stopped_reason,
            "message": self.message,
            "counts": self.counts.to_dict(),
            "processed_records": self.processed_records,
            "discarded_rejects": self.discarded,
            "steps": [_step_dict(step) for step in self.steps],
            "chunks": asdict(self.chunks),
            "checks": [check.to_dict() for check in self.checks],
            "started_at": _iso(self.started_at),
            "completed_at": _iso(self.completed_at),
            "duration_s": round(self.duration_s, 3),
            "rows_per_s": round(self.rows_per_s, 1),
            "undone_at": _iso(self.undone_at),
            "run_id": self.run_id,
            **({"errors": errors} if self.collects_errors else {}),
        }


@dataclass(frozen=True, slots=True)
class RetryResult:
    """What became of the rejects of an execution that were tried again.

    result: the execution as it is now.
    number: of the retry, from 1; None: there was nothing to try.
    recovered: rejects that are none any more. refused_again: those that are, with their new reason.
    untried: why others could not be tried, with their number.
    not_again: later steps that were not done for recovered rows, and why not.
    """

    result: Result
    number: int | None = None
    recovered: int = 0
    refused_again: int = 0
    untried: dict[str, int] = field(default_factory=dict)
    not_again: dict[str, str] = field(default_factory=dict)

    @property
    def tried(self) -> int:
        return self.recovered + self.refused_again

    def to_dict(self) -> dict[str, Any]:
        """The execution's JSON-safe object, with what is told of the retry under `retry`."""
        told = {
            "number": self.number,
            "tried": self.tried,
            "recovered": self.recovered,
            "refused_again": self.refused_again,
            "untried": self.untried,
            "steps_not_done_again": self.not_again,
        }
        return {**self.result.to_dict(), "retry": told}


class UndoPolicy(StrEnum):
    """What becomes of rows that somebody changed after the execution that is undone.

    keep_newer: they are left alone. restore_wins: what the execution changed is put back: the
    columns it wrote, rows it created or deleted; what others changed besides stays. full_overwrite:
    whole rows are as they were before.
    """

    KEEP_NEWER = "keep_newer"
    RESTORE_WINS = "restore_wins"
    FULL_OVERWRITE = "full_overwrite"

    @property
    def keeps_newer(self) -> bool:
        """Whether rows that somebody changed are left alone."""
        return self is UndoPolicy.KEEP_NEWER

    @property
    def overwrites(self) -> bool:
        """Whether whole rows are put back, whoever changed them."""
        return self is UndoPolicy.FULL_OVERWRITE


@dataclass(frozen=True, slots=True)
class LeftAlone:
    """A row that an undo left alone: its step, its key without hidden columns, and why: `kept`
    (somebody changed it since) or `refused` (by the database).
    """

    step: str
    key: dict[str, Any]
    why: str

    def to_dict(self) -> dict[str, Any]:
        """What a person may want to know of it."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class UndoResult:
    """What an undo did, or would do. A row that several batches changed counts for each of them.

    result: the execution as it is now.
    number: of the undo, from 1; None: nothing was left to be undone, or it was only tried.
    restored: rows put back. as_before: rows that were as before already. kept: rows left alone, as
    somebody changed them since. refused: rows the database refused to have put back.
    left: the first rows that were left alone, over all undos of the execution.
    """

    result: Result
    policy: UndoPolicy
    number: int | None = None
    restored: int = 0
    as_before: int = 0
    kept: int = 0
    refused: int = 0
    left: tuple[LeftAlone, ...] = ()
    dry_run: bool = False

    def to_dict(self) -> dict[str, Any]:
        """The execution's JSON-safe object, with what is told of the undo under `undo`."""
        names = ("number", "dry_run", "restored", "as_before", "kept", "refused")
        told = {name: getattr(self, name) for name in names}
        left = [row.to_dict() for row in self.left]
        return {**self.result.to_dict(), "undo": {**told, "policy": str(self.policy), "left": left}}


def _step_dict(step: StepResult) -> dict[str, Any]:
    return {
        "name": step.name,
        "kind": step.kind,
        "status": step.status,
        "planned_rows": step.planned_rows,
        "counts": step.counts.to_dict(),
        "chunks": asdict(step.chunks),
        "started_at": _iso(step.started_at),
        "completed_at": _iso(step.completed_at),
        "duration_s": round(step.duration_s, 3),
        "rows_per_s": round(step.rows_per_s, 1),
    }


def _iso(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None
