"""Events as structured lines of the standard `logging`, logger "batch_ops".

`event_name key=value …`. Counters and names only: values of rows and keys that break a check may be
somebody's secret and are not logged; the journal has them.
"""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Any

from batch_ops.errors import without_passwords
from batch_ops.events import (
    BatchCommitted,
    BatchRetried,
    ChecksJudged,
    ChunkCompleted,
    ErrorLimitNear,
    Event,
    ExecutionFinished,
    ExecutionStarted,
    Progress,
    StepFinished,
    StepPlanned,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from batch_ops.results import Counts

Line = tuple[int, str, "Mapping[str, Any]"]

logger = logging.getLogger("batch_ops")


class Log:
    """The listener that logs, as much as the operation wants: `minimal` is an execution's begin
    and end, `detailed` every batch besides; what began before it listened is `normal`.

    Progress at DEBUG (at INFO where the operation asks for it), batches, chunks, steps and
    executions at INFO, rejects and failed checks at WARNING, an execution that did not reach its
    end at ERROR.
    """

    def __init__(self) -> None:
        self._levels: dict[str, str] = {}

    def __call__(self, event: Event) -> None:
        if isinstance(event, ExecutionStarted):
            self._levels[event.execution_id] = event.level
        if _wanted(event, self._levels.get(event.execution_id, "normal")):
            _log(event)
        if isinstance(event, ExecutionFinished):
            self._levels.pop(event.execution_id, None)


log = Log()


def _wanted(event: Event, level: str) -> bool:
    if isinstance(event, ExecutionStarted | ExecutionFinished):
        return True
    return level == "detailed" if isinstance(event, BatchCommitted) else level != "minimal"


def _log(event: Event) -> None:
    for level, name, facts in _lines(event):
        if logger.isEnabledFor(level):
            told = {"execution": event.execution_id, "operation": event.operation, **facts}
            logger.log(level, "%s %s", name, pairs(told))


def pairs(facts: Mapping[str, Any]) -> str:
    """`key=value key="a b"`; passwords in URLs are left out, line breaks are escaped."""
    return " ".join(f"{key}={_plain(value)}" for key, value in facts.items() if value is not None)


def _plain(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return f"{value:.3f}"
    text = without_passwords(str(value))
    needs_quotes = not text or any(sign in text for sign in ' "=\n\r\t')
    return json.dumps(text, ensure_ascii=False) if needs_quotes else text


def _lines(event: Event) -> Iterator[Line]:
    match event:
        case ExecutionStarted():
            yield logging.INFO, "execution_started", {"resumed": event.resumed}
        case ChecksJudged():
            yield from (_check(check) for check in event.checks)
        case StepPlanned():
            chunks = len(event.chunk_keys)
            yield logging.INFO, "step_planned", _of(event.step, rows=event.rows, chunks=chunks)
        case Progress():
            facts = _of(event.step, planned_rows=event.planned_rows, **_counted(event.counts))
            yield (logging.INFO if event.asked else logging.DEBUG), "progress", facts
        case BatchCommitted():
            facts = _of(event.step, chunk=event.chunk_key, batch=event.number)
            facts |= {"duration_s": event.duration_s, **_counted(event.counts)}
            yield logging.INFO, "batch_committed", facts
        case BatchRetried():
            facts = _of(event.step, chunk=event.chunk_key, batch=event.number, code=event.code)
            yield (
                logging.WARNING,
                "batch_retried",
                {**facts, "wait_s": event.wait_s, "rows": event.rows},
            )
        case ErrorLimitNear():
            yield logging.WARNING, "error_limit_near", _counted(event.counts)
        case ChunkCompleted():
            facts = _of(event.step, chunk=event.chunk_key, batches=event.batches)
            yield logging.INFO, "chunk_completed", {**facts, **_counted(event.counts)}
        case StepFinished(result=step):
            facts = _of(step.name, status=step.status, duration_s=step.duration_s)
            yield logging.INFO, "step_finished", {**facts, **_counted(step.counts)}
        case ExecutionFinished():
            yield _finished(event)


def _of(step: str, **facts: Any) -> dict[str, Any]:
    return {"step": step, **facts}


def _counted(counts: Counts) -> dict[str, int]:
    return {name: number for name, number in counts.to_dict().items() if number}


def _check(check: Any) -> Line:
    facts = {
        "check": check.name,
        "success": check.success,
        "evaluated": check.evaluated,
        "observed_value": check.observed_value if isinstance(check.observed_value, int) else None,
        "unexpected_count": check.unexpected_count,
    }
    return (logging.INFO if check.success else logging.WARNING), "check_judged", facts


def _finished(event: ExecutionFinished) -> Line:
    result = event.result
    facts = {
        "status": result.status,
        "stopped_reason": result.stopped_reason,
        "duration_s": result.duration_s,
        **_counted(result.counts),
    }
    levels = {0: logging.INFO, 1: logging.WARNING}
    return levels.get(result.status.exit_code, logging.ERROR), "execution_finished", facts
