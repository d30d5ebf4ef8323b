"""Planning a step of an execution: once, stored, never again."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from batch_ops.engine.feeds import keep_query, keep_query_on, walked
from batch_ops.engine.function_work import is_list, place_key
from batch_ops.engine.imaging import keeps_images, make_images
from batch_ops.engine.outputs import is_needed, output_of
from batch_ops.engine.patience import steady
from batch_ops.engine.reading import ChunkInfo, chunk_infos
from batch_ops.engine.streams import open_stream
from batch_ops.errors import (
    DatabaseUnfitError,
    LimitExceededError,
    SourceChangedError,
    StoppedError,
)
from batch_ops.events import StepPlanned
from batch_ops.faultpoints import Point, reached
from batch_ops.journal import chunks, executions, outputs
from batch_ops.journal.chunks import ChunkRow
from batch_ops.journal.executions import StepRow
from batch_ops.planning.chunks import PlannedChunk, cut, spacing
from batch_ops.planning.files import plan_source
from batch_ops.planning.keyset import boundaries_between, plan_keyset
from batch_ops.spec.model import QuerySource

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from batch_ops.database.statements import Target
    from batch_ops.engine.context import Context
    from batch_ops.spec.model import Operation, Step


def plan_step(execution: Context, step: Step) -> tuple[ChunkInfo, ...]:
    """The step's stored plan; made now when there is none. See Execution.plan_step."""
    known = chunk_infos(execution.journal, execution.id, step.name)
    if known or step in group_of(execution.operation):
        return known
    _require_finished(execution, step)
    plan = plan_now(execution, step)
    rows = plan.rows
    hold_to_limit(execution, step, rows)
    if is_needed(execution.operation, step):
        output_of(
            execution, step
        )  # makes tables it reads and nobody made, in their own transaction
    if keeps_images(execution, step):
        execution.table(step)  # the same
    reached(Point.PLANNING)
    _store(execution, step, plan)
    infos = chunk_infos(execution.journal, execution.id, step.name)
    keys = tuple(info.key for info in infos)
    execution.emit(StepPlanned(execution.id, execution.operation.name, step.name, keys, rows))
    return infos


class StepPlan(NamedTuple):
    """What a step is to do: its rows and chunks, and the fields of records from outside."""

    rows: int
    chunks: tuple[PlannedChunk, ...]
    fields: tuple[tuple[str, str | None], ...] = ()


def plan_now(execution: Context, step: Step) -> StepPlan:
    """What there is to do for a step now; nothing is stored."""
    if step.stream is not None:
        return _plan_source(execution, step)
    if isinstance(step.source, QuerySource):
        keep_query(execution, step)
    goal = walked(execution, step)
    if goal is not None:
        return _plan_table(execution, step, goal)
    if is_list(execution, step):
        return _plan_list(execution, step)
    return StepPlan(1, (PlannedChunk(number=1, rows=1, lower=None, upper=place_key(1)),))


def _require_finished(execution: Context, step: Step) -> None:
    with execution.database.reading() as connection:
        rows = executions.steps_of(execution.journal, connection, execution.id)
    done = {row.name for row in rows if row.status == "finished"}
    for name in step.depends_on:
        if name not in done:
            raise StoppedError(
                "step_unfinished",
                f"Step {step.name!r} depends on {name!r}, which has not finished.",
                todo=f"Go on with it: batch-ops resume {execution.row.short_id}",
                execution_id=execution.id,
            )


def _plan_source(execution: Context, step: Step) -> StepPlan:
    source = open_stream(execution, step)
    plan = source.scan(execution.settings(step).chunk_rows)
    mine = execution.row.source == source.name
    if mine and execution.row.source_digest not in (None, plan.digest):
        raise SourceChangedError(
            f"The source {source.name} changed while it was read.",
            todo="Run it again when the file stands still.",
            execution_id=execution.id,
        )
    return StepPlan(plan.rows, plan_source(plan), source.fields)


def plan_on(execution: Context, step: Step, connection: Connection) -> StepPlan:
    """A plan within an open transaction, by what it has done so far; nothing is stored."""
    if step.stream is not None:
        return _plan_source(execution, step)
    if isinstance(step.source, QuerySource):
        keep_query_on(execution, step, connection)
    goal = walked(execution, step)
    assert goal is not None
    settings = execution.settings(step)
    _refuse_null_keys(connection, goal)
    every = spacing(settings.batch_size, settings.chunk_rows)
    found = boundaries_between(connection, goal, None, None, every)
    parts = [(found.boundaries, found.rows)]
    return StepPlan(found.rows, tuple(cut(parts, every, settings.chunk_rows)))


def group_of(operation: Operation) -> tuple[Step, ...]:
    """The steps of an atomic operation that are one transaction: from the first writing one to
    the last. They are planned within it.
    """
    if not operation.atomic:
        return ()
    writing = [number for number, step in enumerate(operation.steps) if step.kind.writes]
    return operation.steps[writing[0] : writing[-1] + 1]


def _plan_list(execution: Context, step: Step) -> StepPlan:
    """A list handed over as a parameter is cut by places."""
    rows = len(execution.parameters[step.input.name or ""])
    settings = execution.settings(step)
    every = spacing(settings.batch_size, settings.chunk_rows)
    places = [*range(every, rows, every), rows] if rows else []
    parts = [([place_key(place) for place in places], rows)]
    return StepPlan(rows, tuple(cut(parts, every, settings.chunk_rows)))


@steady
def _plan_table(execution: Context, step: Step, goal: Target) -> StepPlan:
    settings = execution.settings(step)
    database = execution.database
    with database.reading() as connection, database.breakable(connection):
        _refuse_null_keys(connection, goal)
    plan = plan_keyset(
        execution.database,
        goal,
        batch_size=settings.batch_size,
        chunk_rows=settings.chunk_rows,
        walkers=settings.max_workers,
    )
    return StepPlan(plan.rows, plan.chunks)


def _refuse_null_keys(connection: Connection, goal: Target) -> None:
    from sqlalchemy import text

    statement = goal.null_keys()
    if statement is None:
        return
    found = connection.execute(text(statement[0]), statement[1]).scalar_one()
    if found:
        raise DatabaseUnfitError(
            f"{found} rows of {goal.table.full_name!r} have NULL in the key"
            f" ({', '.join(goal.table.key)}).",
            todo="Exclude them by the condition, or give them keys.",
        )


def hold_to_limit(execution: Context, step: Step, rows: int) -> None:
    """Refuse, or stop, where a writing step is larger than `max_records`."""
    limit = execution.settings(step).max_records
    if limit is None or rows <= limit or not step.kind.writes:
        return
    what = f"Step {step.name!r} would change {rows} rows; max_records allows {limit}."
    first = next(s for s in execution.operation.steps if s.kind.writes)
    if first.name == step.name:
        raise LimitExceededError(
            what, todo="Narrow the condition, or raise max_records.", execution_id=execution.id
        )
    raise StoppedError(
        "max_records",
        what,
        todo=f"Go on with a higher limit: batch-ops resume {execution.row.short_id}"
        f" --max-records {rows}",
        execution_id=execution.id,
    )


@steady
def _store(execution: Context, step: Step, plan: StepPlan) -> None:
    """In one transaction under the lock: the plan, and the table for the step's output."""
    journal = execution.journal
    with journal.database.locked() as connection:
        known = executions.steps_of(journal, connection, execution.id)
        if any(row.name == step.name for row in known):
            return
        output = make_output(execution, step, connection)
        make_images(execution, step, connection)
        executions.add_step(
            journal, connection, execution.id, step_row(execution, step, plan, output)
        )
        reached(Point.STORING_PLAN)
        parts = [chunk_row(execution, step, chunk) for chunk in plan.chunks]
        chunks.add_all(journal, connection, execution.id, parts)


def step_row(execution: Context, step: Step, plan: StepPlan, output: str | None) -> StepRow:
    """A step as it is planned; `output` is the table its rows are kept in."""
    number = execution.operation.number_of(step)
    kind = str(step.kind)
    return StepRow(step.name, number, kind, "planned", plan.rows, output, fields=plan.fields)


def make_output(execution: Context, step: Step, connection: Connection) -> str | None:
    """The table for the step's rows, where a later step refers to them; its name."""
    if not is_needed(execution.operation, step):
        return None
    output = output_of(execution, step)
    outputs.create(execution.journal, connection, output)
    return output.name


def chunk_row(execution: Context, step: Step, chunk: PlannedChunk) -> ChunkRow:
    """A planned chunk as the journal keeps it."""
    return ChunkRow(
        step=step.name,
        number=chunk.number,
        key=f"{execution.row.short_id}-{chunk.number:05d}",
        planned_rows=chunk.rows,
        lower=chunk.lower,
        upper=chunk.upper,
        splits=chunk.splits,
        spacing=chunk.spacing,
    )
