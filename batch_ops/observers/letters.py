"""What people are told of an execution: in the operation's own words, or in ours.

Counters, names and reasons alone: values of rows may be somebody's secret.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from batch_ops.errors import without_passwords
from batch_ops.observers import words
from batch_ops.results import Status

if TYPE_CHECKING:
    from batch_ops.results import Counts, Result

COMPLETED, FAILED, ERRORS = "completed", "failed", "error_threshold"
_QUOTING = ("row_refused", "error", "not_understood")
"""Reasons whose message may quote a row."""
_LONGEST_TITLE = 200
_logger = logging.getLogger("batch_ops")


@dataclass(frozen=True, slots=True)
class Letter:
    """A message; `event` is why it is written."""

    event: str
    title: str
    body: str


def completed(result: Result, message: str | None) -> Letter:
    """A good end."""
    ours = f"{result.operation} {_status(result)}: {words.outcomes(result.counts)}."
    own = formatted(result, message)
    return Letter(COMPLETED, _title(own or ours), _body(own, ours, _facts(result)))


def failed(result: Result, message: str | None) -> Letter:
    """An end that is none: the operation's words alone would let it look well."""
    title = f"{result.operation} {_status(result)}"
    reason = f"Reason: {result.stopped_reason}." if result.stopped_reason else ""
    done = f"What was committed stays: {words.outcomes(result.counts)}."
    told = (_told(result), reason, done, *_next(result), _facts(result))
    own = formatted(result, message)
    return Letter(FAILED, _title(title), _body(f"{title}.", *told, f"\n{own}" if own else ""))


def errors(operation: str, execution_id: str, counts: Counts, limit: str) -> Letter:
    """Half of the rejects that are allowed were met."""
    title = f"{operation} meets many errors: {counts.rejects:,} rejects, {limit} are allowed"
    told = f"So far: {words.outcomes(counts)}. It goes on until the limit is passed."
    see = f"See them: batch-ops errors {execution_id[:8]}"
    return Letter(ERRORS, _title(title), _body(f"{title}.", told, see))


def formatted(result: Result, message: str | None) -> str:
    """The operation's own message with the fields of the result; empty where there is none, or
    where it cannot be written: then the log says why.
    """
    if message is None:
        return ""
    fields: dict[str, Any] = result.message_fields() | {"message": _told(result)}
    said = {name: "" if value is None else value for name, value in fields.items()}
    try:
        return message.format_map(said)
    except (ValueError, LookupError, AttributeError, TypeError) as error:
        _logger.warning(
            "notification_message_unfit operation=%s error=%r", result.operation, str(error)
        )
        return ""


def _told(result: Result) -> str:
    """The result's message, unless it may quote a row."""
    if result.message is None or result.stopped_reason in _QUOTING:
        return ""
    return without_passwords(result.message)


def _status(result: Result) -> str:
    return str(result.status).replace("_", " ")


def _next(result: Result) -> tuple[str, ...]:
    short = result.execution_id[:8]
    go_on = () if result.status.finished else (f"Go on with: batch-ops resume {short}",)
    return (*go_on, f"See: batch-ops status {short}")


def _facts(result: Result) -> str:
    busy = f", {words.rate(result.rows_per_s)}" if result.rows_per_s else ""
    lasted = words.duration(result.duration_s)
    ended = {Status.REFUSED: "refused"}.get(result.status, "ended")
    return f"Execution {result.execution_id[:8]}, {ended} after {lasted}{busy}."


def _title(text: str) -> str:
    first = text.strip().splitlines()[0] if text.strip() else ""
    return first if len(first) <= _LONGEST_TITLE else first[: _LONGEST_TITLE - 1] + "…"


def _body(*lines: str) -> str:
    return "\n".join(line for line in lines if line)
