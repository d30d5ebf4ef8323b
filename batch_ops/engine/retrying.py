"""Trying the rejects of an execution again: as they are, or corrected in a file."""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING

from batch_ops.engine import closing, metrics
from batch_ops.engine.options import Launch, RunOptions
from batch_ops.engine.patience import steady
from batch_ops.engine.reading import read_result
from batch_ops.engine.retrying_choice import choose
from batch_ops.engine.retrying_chunk import try_rejects
from batch_ops.engine.retrying_file import CorrectedFile
from batch_ops.engine.retrying_ground import Retry, give_back, open_retry
from batch_ops.engine.retrying_later import Later, put_together, refuse_unready
from batch_ops.engine.retrying_work import Manner
from batch_ops.engine.stops import named
from batch_ops.errors import UsageError
from batch_ops.events import Listener, silent
from batch_ops.faultpoints import Point, reached
from batch_ops.journal import chunks, endings, executions, retries
from batch_ops.journal.rejects import RECOVERED, REFUSED_AGAIN
from batch_ops.results import DONE, RetryResult

if TYPE_CHECKING:
    from pathlib import Path

    from batch_ops.engine.project import Project
    from batch_ops.engine.retrying_choice import Chosen
    from batch_ops.results import Result

AS_THEY_ARE = "as it was"


def retry(
    project: Project,
    execution_id: str,
    *,
    corrected: Path | None = None,
    reason: str | None = None,
    options: RunOptions = RunOptions(),
    launch: Launch | None = None,
    listen: Listener = silent,
) -> RetryResult:
    """Try the rejects of an execution again that nobody works on; again goes on where it broke off.

    All open ones are tried whose batch stands; with `corrected`, a file as `batch-ops errors --csv`
    writes it, those in the file, with its values; with `reason` those of this code or column. Of
    the options these have a meaning: `batch_size`, `timeout`, `take_over`, and `max_errors`: so
    many rows may be refused again.

    Raises:
        UnknownNameError: there is none of that id.
        UsageError: the file is none, or has rows that fit no open reject; nothing was written.
        RefusedError: somebody works on it, another execution holds a table, a step is half done.
        ExecutionError: it broke off; what was committed stays, and is never done twice.
        KeyboardInterrupt: after the batch under way.
    """
    if corrected is not None and reason is not None:
        raise UsageError(
            "A corrected file says itself which rejects are meant.",
            todo="Leave the reason out, and in the file only the rows that are to be tried.",
        )
    with CorrectedFile(corrected) if corrected is not None else nullcontext() as file:
        execution = open_retry(project, execution_id, options, launch or Launch(), listen)
        reached(Point.RESUMED)
        try:
            with named(execution):
                return _retried(execution, file, reason)
        finally:
            give_back(execution)


def _retried(execution: Retry, file: CorrectedFile | None, reason: str | None) -> RetryResult:
    _finish_broken_off(execution)
    with choose(execution, reason, file) as chosen:
        if not chosen.number:
            return RetryResult(_result(execution), untried=dict(chosen.untried))
        refuse_unready(execution, chosen.steps)
        manner = Manner(execution.launch.actor, f"from {file.name}" if file else AS_THEY_ARE)
        execution.number = _begin(execution, manner)
        reached(Point.BEGUN)
        later = _do(execution, chosen, manner)
    return _end(execution, later, dict(chosen.untried))


def _finish_broken_off(execution: Retry) -> None:
    """Rows that an earlier retry recovered go on to the steps that take them."""
    with execution.database.reading() as connection:
        number = retries.broken_off(execution.journal, connection, execution.id)
    if number is not None:
        execution.number = number
        with execution.database.writing() as connection:
            chunks.close_retried(execution.journal, connection, execution.id, number)
        _end(execution, _do(execution, None, None), {})


@steady
def _begin(execution: Retry, manner: Manner) -> int:
    with execution.database.locked() as connection:
        return retries.add(
            execution.journal,
            connection,
            execution.id,
            how=manner.how,
            actor=manner.by,
            via=execution.launch.via,
            options=execution.options.stored(),
        )


def _do(execution: Retry, chosen: Chosen | None, manner: Manner | None) -> Later:
    """Step by step: its own rejects, then what steps before it recovered."""
    later = Later(execution)
    for step in execution.operation.steps:
        tried = chosen.steps.get(step.name) if chosen else None
        if tried is not None and manner is not None:
            execution.make_beside(step)
            try_rejects(execution.beside([step]), step, tried, manner)
        later.pass_on(step)
        reached(Point.BETWEEN_STEPS)
    return later


def _end(execution: Retry, later: Later, untried: dict[str, int]) -> RetryResult:
    put_together(execution)
    reached(Point.BETWEEN_STEPS)
    with execution.database.reading() as connection:
        journal, identifier, number = execution.journal, execution.id, execution.number
        steps = endings.recovering_steps(journal, connection, identifier, number)
        ended = endings.numbers(journal, connection, identifier, retry=number)
    later.note_others(steps)
    for step in sorted(steps):
        metrics.record(execution, step)
    _settle(execution)
    result = _result(execution)
    closing.tell(execution, result, ended=False)
    return RetryResult(
        result,
        number=number,
        recovered=ended[RECOVERED],
        refused_again=ended[REFUSED_AGAIN],
        untried=untried,
        not_again=dict(later.not_again),
    )


def _result(execution: Retry) -> Result:
    """The execution as its own operation tells it, with errors where it collects them."""
    operation = execution.catalog.operation(execution.row.operation)
    return read_result(execution.journal, operation, execution.id)


@steady
def _settle(execution: Retry) -> None:
    """The execution's own figures, and its status where it had reached its end."""
    row, result = execution.row, execution.result()
    status, message = row.status, row.message
    if status in DONE:  # its postconditions are judged again, and its status follows
        status, message = closing.ended_as(execution, result)
    counts, journal = result.counts, execution.journal
    with execution.database.locked() as connection:
        executions.set_status(
            journal,
            connection,
            execution.id,
            status,
            message=message,
            total_records=counts.total,
            processed_records=counts.processed,
            error_count=counts.rejects,
        )
        retries.complete(journal, connection, execution.id, execution.number)
        metrics.record_whole(execution, connection)
        reached(Point.CLOSING)
    reached(Point.CLOSED)
