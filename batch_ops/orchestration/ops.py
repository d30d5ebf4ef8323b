"""The ops an operation's graph is made of. Between two of them nothing lives in the process: each
opens the execution from the journal, so that a run can be re-executed from any of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import dagster as dg

from batch_ops.orchestration import checks, metadata, reconcile
from batch_ops.orchestration.handover import own_signals
from batch_ops.orchestration.names import POOL, graph_name
from batch_ops.orchestration.partitions import forget_old
from batch_ops.orchestration.session import Session, failure_of_checks
from batch_ops.results import AFTER, Status

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from batch_ops.engine import Execution, Project
    from batch_ops.spec.model import Operation

EXECUTION = "execution"
RESULT = "result"
PRECONDITIONS, REPORT = "preconditions", "report"

_CONFIG = dg.Field(dict, is_required=False)


class Ops:
    """Builds the ops of one operation."""

    def __init__(self, project: Project, operation: Operation) -> None:
        self._project, self._operation = project, operation

    def preconditions(self, after: Sequence[str]) -> dg.OpDefinition:
        """Begins the execution, or goes on with one, and judges its preconditions.

        Args:
            after: the names of inputs that only draw the lineage.
        """
        operation = self._operation
        guards = {name: dg.Out(dg.Nothing) for name in checks.guard_names(operation)}
        return self._op(
            PRECONDITIONS,
            self._judge,
            ins={name: dg.In(dg.Nothing) for name in after},
            out={EXECUTION: dg.Out(str), **guards},
        )

    def step(self, kind: str, step: str) -> dg.OpDefinition:
        """`plan`, `run` or `finish` of a step."""
        work = {"plan": _plan, "run": _run, "finish": _finish}[kind]
        return self._op(
            f"{kind}_{step}",
            lambda session, inputs: self._work(session, inputs, step, work),
            ins={EXECUTION: dg.In(str)},
            out={EXECUTION: dg.Out(str)},
        )

    def report(self) -> dg.OpDefinition:
        """Ends the execution and tells all about it."""
        return self._op(
            REPORT,
            self._report,
            ins={EXECUTION: dg.In(str)},
            out={
                RESULT: dg.Out(dg.Nothing),
                checks.rejects_name(self._operation): dg.Out(dg.Nothing),
                **dict.fromkeys(checks.after_names(self._operation), dg.Out(dg.Nothing)),
            },
        )

    def _op(self, name: str, compute: Any, ins: Any, out: Any) -> dg.OpDefinition:
        return dg.OpDefinition(
            compute_fn=self._compute(compute, list(out)),
            name=f"{graph_name(self._operation)}__{name}",
            ins=ins,
            outs=out,
            config_schema=_CONFIG,
            pool=POOL,
        )

    def _compute(self, work: Callable[[Session, Any], Any], outputs: Sequence[str]) -> Any:
        """A compute function as OpDefinition wants it: it says every output, also those that
        carry nothing; left out, Dagster would write a log line for each.
        """

        # Dagster refuses an annotation of a parameter called `context` that is a text
        def compute(op: dg.OpExecutionContext, inputs: dict[str, Any]) -> Iterator[dg.Output[Any]]:
            session = Session(self._project, self._operation, op, op.op_config or {})
            with own_signals(session.launcher), session.forcible(), session.failing():
                value = work(session, inputs)
            for name in outputs:
                yield dg.Output(value if name == EXECUTION else None, name)

        return compute

    def _judge(self, session: Session, _inputs: Any) -> str:
        execution = session.begin_or_join()
        with session.failing(execution):
            session.mark(execution.result())
            reconcile.show(self._project, session.instance, execution.result())
            try:
                execution.judge()
            finally:
                checks.log(session.context, checks.judged(self._operation, execution.checks))
        return execution.id

    def _work(
        self,
        session: Session,
        inputs: dict[str, Any],
        step: str,
        work: Callable[[Execution, str], object],
    ) -> str:
        execution_id = inputs[EXECUTION]
        if session.ended(execution_id):
            return str(execution_id)
        execution = session.join(execution_id)
        with session.failing(execution):
            if step in [known.name for known in execution.operation.steps]:
                work(execution, step)
        return execution.id

    def _report(self, session: Session, inputs: dict[str, Any]) -> None:
        context, execution_id = session.context, inputs[EXECUTION]
        result = session.ended(execution_id)
        if result is None:
            execution = session.join(execution_id)
            with session.failing(execution):
                _rest(execution)
                result = execution.finish()
        session.mark(result)
        reconcile.show(self._project, session.instance, result)
        forget_old(self._project, session.instance, self._operation)
        told = [
            check
            for check in result.checks
            if check.phase == AFTER or not self._judged_here(session.run)
        ]
        checks.log(context, checks.judged(self._operation, told))
        checks.log(context, [checks.rejects(self._operation, result)])
        context.add_output_metadata(metadata.of_result(self._project, result), RESULT)
        if result.status is Status.COMPLETED_WITH_FAILED_CHECKS:
            raise failure_of_checks(result)

    def _judged_here(self, run: dg.DagsterRun) -> bool:
        """Whether the checks belong to this run. Re-executed from failure they do not, and the
        asset would show none.
        """
        chosen = run.step_keys_to_execute
        return chosen is None or f"{graph_name(self._operation)}.{PRECONDITIONS}" in chosen


def _rest(execution: Execution) -> None:
    """Steps of the declaration it began with that today's declaration, and so the graph, lacks."""
    while (step := execution.next_step) is not None:
        execution.plan_step(step)
        execution.run_step(step)
        execution.finish_step(step)


def _plan(execution: Execution, step: str) -> None:
    execution.plan_step(step)


def _run(execution: Execution, step: str) -> None:
    execution.run_step(step)


def _finish(execution: Execution, step: str) -> None:
    execution.finish_step(step)
