"""Rows that a retry recovered go through the later steps that take what their step hands on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import text

from batch_ops.engine.plans import chunk_row, group_of, plan_now
from batch_ops.engine.retrying_chunk import add_chunk
from batch_ops.engine.running import Crew
from batch_ops.errors import RefusedError, UnfinishedExecutionError
from batch_ops.faultpoints import Point, reached
from batch_ops.journal import chunks, executions, outputs
from batch_ops.spec.taking import behind, taken_of, takers, why_whole

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from batch_ops.engine.retrying_ground import Retry
    from batch_ops.journal.chunks import ChunkRow
    from batch_ops.journal.outputs import Output
    from batch_ops.spec.model import Step


def states_of(retry: Retry) -> Mapping[str, str]:
    """The status of each step that is planned."""
    with retry.database.reading() as connection:
        known = executions.steps_of(retry.journal, connection, retry.id)
    return {row.name: row.status for row in known}


def refuse_unready(retry: Retry, tried: Iterable[str]) -> None:
    """Refuse where recovered rows of these steps could not go where they must.

    Raises:
        UnfinishedExecutionError: a step that takes them is half done.
        RefusedError: they would go through a transaction that is over.
    """
    operation, states, names = retry.operation, states_of(retry), set(tried)
    group = {step.name for step in group_of(operation)}
    for name in [step.name for step in operation.steps if step.name in takers(operation, names)]:
        if name in group and name in states:
            raise RefusedError(
                f"{operation.name} is atomic: rows that are recovered before its transaction cannot"
                f" go through it any more (step {name!r}).",
                todo=f"Run it again: batch-ops run {operation.name}. Give the rejects up: batch-ops"
                f" errors {retry.row.short_id} --discard --because …",
                execution_id=retry.id,
            )
        if states.get(name, "finished") != "finished":
            raise UnfinishedExecutionError(
                f"Step {name!r}, which takes the rows that would be recovered, is half done.",
                todo=f"Finish it first: batch-ops resume {retry.row.short_id}",
                execution_id=retry.id,
            )


class Later:
    """The steps of a retry, met in DAG order.

    Attributes:
        not_again: of each step that was not done for recovered rows, why not.
    """

    def __init__(self, retry: Retry) -> None:
        self._retry = retry
        self._states = states_of(retry)
        self._recovered: list[str] = []
        self._done: set[str] = set()
        self.not_again: dict[str, str] = {}

    def pass_on(self, step: Step) -> None:
        """Do the step for the rows that steps before it recovered, if it takes them; then note
        whether it has some to hand on itself.
        """
        if self._states.get(step.name) == "finished":
            self._do(step)
        output = self._retry.table_beside(step)
        if output is not None and self._retry.has_beside(output) and self._has_rows(output):
            self._recovered.append(step.name)

    def note_others(self, recovered: Iterable[str]) -> None:
        """The steps behind those that recovered rows which take none of them: they stay as they
        were done.
        """
        others = behind(self._retry.operation, {*recovered, *self._recovered}) - self._done
        for step in self._retry.operation.steps:
            if step.name in others and self._states.get(step.name) == "finished":
                self.not_again.setdefault(step.name, "it chooses its rows itself")

    def _do(self, step: Step) -> None:
        taken = taken_of(step, self._recovered)
        if not taken:
            return
        several = "it takes rows of several steps that recovered some"
        why = several if len(taken) > 1 else why_whole(step, taken[0])
        if why is not None:
            self.not_again[step.name] = why
        else:
            self._done.add(step.name)
            self._extra(step, taken[0])

    def _extra(self, step: Step, earlier: str) -> None:
        """The step's extra chunks, planned once."""
        retry, source = self._retry, self._retry.operation.step(earlier)
        retry.make_beside(step)
        part = retry.beside([step, source])
        keys = self._planned(step) or self._plan(part, step)
        if keys:
            Crew(part, step, keys).work()

    def _planned(self, step: Step) -> list[str]:
        return [chunk.key for chunk in self._chunks(step) if chunk.upper is not None]

    def _chunks(self, step: Step) -> list[ChunkRow]:
        """Those this retry has added to a step."""
        retry = self._retry
        with retry.database.reading() as connection:
            known = chunks.of_step(retry.journal, connection, retry.id, step.name)
        return [chunk for chunk in known if chunk.retry == retry.number]

    def _plan(self, part: Retry, step: Step) -> list[str]:
        planned = [chunk for chunk in plan_now(part, step).chunks if chunk.upper is not None]
        reached(Point.PLANNING)
        with part.database.writing() as connection:
            return [add_chunk(part, connection, chunk_row(part, step, c)).key for c in planned]

    def _has_rows(self, output: Output) -> bool:
        table = self._retry.database.dialect.table_sql(output.name, output.schema)
        with self._retry.database.reading() as connection:
            return connection.execute(text(f"SELECT 1 FROM {table} LIMIT 1")).first() is not None


def put_together(retry: Retry) -> None:
    """The rows beside the outputs come into them, and the tables beside are removed."""
    made = [(step, retry.table_beside(step)) for step in retry.operation.steps]
    there = [(step, output) for step, output in made if output and retry.has_beside(output)]
    with retry.database.writing() as connection:
        for step, output in there:
            outputs.add_rows(retry.journal, connection, output, _main(retry, step))
        outputs.drop(retry.journal, connection, [output.name for _, output in there])


def _main(retry: Retry, step: Step) -> str:
    return retry.output_name(retry.operation.number_of(step))
