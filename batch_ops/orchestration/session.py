"""One op's part in an execution: opening it, and turning its errors into Dagster's."""

from __future__ import annotations

from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NoReturn

import dagster as dg

from batch_ops.engine import (
    Launch,
    RunOptions,
    begin,
    execution_of_run,
    join,
    long_lists_of,
    result_of,
)
from batch_ops.errors import BatchOpsError
from batch_ops.orchestration import checks, processes, reconcile, settings
from batch_ops.orchestration.handover import launcher_of
from batch_ops.orchestration.listening import Listening
from batch_ops.orchestration.names import EXECUTION_TAG, OPERATION_TAG, STATUS_TAG
from batch_ops.orchestration.watch import forcible
from batch_ops.results import Status

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from batch_ops.engine import Execution, Project
    from batch_ops.orchestration.settings import Settings
    from batch_ops.results import Result
    from batch_ops.spec.model import Operation

_DOORS = {
    "dagster/schedule_name": "schedule",
    "dagster/sensor_name": "sensor",
    "dagster/backfill": "ui",
}


class Session:
    """What one op knows: the project, the operation, the run, and what its config says.

    Attributes:
        joining: the execution that was asked for: an interrupt may come before it is opened.
        interrupted: whether an interrupt was seen to already.
    """

    def __init__(
        self,
        project: Project,
        operation: Operation,
        context: dg.OpExecutionContext | dg.AssetExecutionContext,
        config: Mapping[str, Any],
        *,
        shows: bool = True,
    ) -> None:
        self.project, self.operation, self.context = project, operation, context
        self.run, self.instance = context.run, context.instance
        self.launcher = launcher_of(self.run.run_id)
        then = self.launcher.listen if self.launcher else _silent
        prints = self.launcher is None
        self.listen = Listening(operation, context, then, shows, prints)
        self._config = config
        self.joining: str | None = None
        self.interrupted = False

    @property
    def root_run_id(self) -> str:
        """The run the person knows: re-executions belong to it."""
        return self.run.root_run_id or self.run.run_id

    @property
    def said(self) -> Settings:
        """What the run config says, and what the launcher says besides."""
        said = settings.read(self.operation, self._config, self.run)
        return replace(said, options=self._with_word(said.options))

    def _with_word(self, options: RunOptions) -> RunOptions:
        """A take-over, a moved file, new sizes: a person's word, for this run alone."""
        if self.launcher is None:
            return options
        word = self.launcher.options
        return replace(
            options,
            take_over=word.take_over,
            source_path=word.source_path,
            use_new=word.use_new,
            skip_rejects=word.skip_rejects,
        )

    @property
    def launch(self) -> Launch:
        """Who started the run, and through which door."""
        if self.launcher is not None:
            return replace(self.launcher.launch, run_id=self.root_run_id)
        return Launch(via=_door(self.run), run_id=self.root_run_id)

    # opening

    def begin_or_join(self) -> Execution:
        """A new execution, or the unfinished one this run is meant to go on with."""
        said, known = self.said, self._meant()
        if known is not None:
            return self.join(known)
        lists = long_lists_of(self.project, said.lists_of) if said.lists_of else {}
        return begin(
            self.project,
            self.operation.name,
            {**lists, **said.parameters},
            options=said.options,
            launch=self.launch,
            listen=self.listen,
        )

    def _meant(self) -> str | None:
        """The execution to go on with. Re-executing a run whose execution has ended begins anew."""
        if self.launcher is not None:
            return self.launcher.execution_id
        known = self.said.execution_id
        again = self.run.parent_run_id is not None
        if known is None and again:
            known = execution_of_run(self.project, self.root_run_id)
        if known is None:
            return None
        ended = result_of(self.project, known).status.finished
        return None if again and ended else known

    def join(self, execution_id: str, *, exclusive: bool = True) -> Execution:
        """Work on an execution that began."""
        self.joining = execution_id
        return join(
            self.project,
            execution_id,
            options=self.said.options,
            launch=self.launch,
            listen=self.listen,
            exclusive=exclusive,
            given=self.said.parameters,
        )

    # telling

    def mark(self, result: Result) -> None:
        """The run's tags: which execution it works on, how that is, and which process does it."""
        tags = {
            OPERATION_TAG: self.operation.name,
            EXECUTION_TAG: result.execution_id,
            STATUS_TAG: str(result.status),
            **processes.tags(self.run.run_id),
        }
        self.instance.add_run_tags(self.run.run_id, tags)

    def forcible(self) -> AbstractContextManager[None]:
        """While the block lasts, forcing the run's termination breaks off what is under way; a
        launcher sees to that itself.
        """
        if self.launcher is not None:
            return nullcontext()
        return forcible(self.instance, self.run.run_id, self.project.break_off)

    @contextmanager
    def failing(self, execution: Execution | None = None) -> Iterator[None]:
        """Errors end the attempt, are handed to the launcher, and fail the run in words."""
        try:
            yield
        except dg.Failure:
            # an inner block has told it already
            raise
        except Exception as error:
            result = self._aborted(execution, error)
            if self.launcher is not None and self.launcher.error is None:
                self.launcher.error, self.launcher.result = error, result
            if not isinstance(error, BatchOpsError):
                raise
            self._fail(error, result)
        except BaseException:
            self._interrupted(execution)
            raise

    def _aborted(self, execution: Execution | None, error: Exception) -> Result | None:
        if execution is None:
            return None
        result = execution.abort(error)
        self.mark(result)
        if result.status is Status.CANCELLED:
            reconcile.show(self.project, self.instance, result)
        # left out, Dagster would call the check failed
        checks.log(self.context, [checks.rejects(self.operation, result)])
        return result

    def _fail(self, error: BatchOpsError, result: Result | None) -> NoReturn:
        raise failure(error, result) from None

    def _interrupted(self, execution: Execution | None) -> None:
        """A signal is meant as a termination; else Dagster calls the run failed."""
        if self.interrupted:
            return
        self.interrupted = True
        if self.launcher is not None:
            self.launcher.interrupted = True
        if execution is None and self.joining is not None:
            execution = self.join(self.joining)
        if execution is not None:
            result = execution.abort(KeyboardInterrupt())
            self.mark(result)
            if self.launcher is not None:
                self.launcher.result = result
        run = self.instance.get_run_by_id(self.run.run_id)
        if run is not None and run.status is dg.DagsterRunStatus.STARTED:
            self.instance.report_run_canceling(run)

    def ended(self, execution_id: str) -> Result | None:
        """The result of an execution that reached its end elsewhere, or None.

        Raises:
            Failure: it ended without reaching it.
        """
        self.joining = execution_id
        result = result_of(self.project, execution_id)
        if not result.status.finished:
            return None
        self.joining = None
        if result.status in (Status.REFUSED, Status.CANCELLED):
            raise dg.Failure(
                f"Execution {execution_id} is {result.status}. Launch a new run, or re-execute "
                "all steps of this one.",
                allow_retries=False,
            )
        return result


def failure(error: BatchOpsError, result: Result | None) -> dg.Failure:
    """A run's end in words: what happened, the state of the data, what to do next."""
    told: dict[str, Any] = {"error": type(error).__name__, "what": error.what}
    told |= {name: text for name, text in _words(error).items() if text}
    if result is not None:
        told["batch_ops/execution"] = result.execution_id
        told["batch_ops/status"] = str(result.status)
        told |= result.counts.to_dict()
        for check in (check for check in result.checks if not check.success):
            told[f"observed {check.name}"] = str(check.observed_value)
    return dg.Failure(str(error), metadata=told, allow_retries=False)


def failure_of_checks(result: Result) -> dg.Failure:
    """A run whose postconditions do not hold: the data is as it is."""
    told: dict[str, Any] = {"batch_ops/execution": result.execution_id, **result.counts.to_dict()}
    for check in (check for check in result.checks if not check.success):
        told[f"observed {check.name}"] = str(check.observed_value)
    what = f"{result.message}\nThe data is as the steps left it."
    return dg.Failure(what, metadata=told, allow_retries=False)


def _words(error: BatchOpsError) -> dict[str, str]:
    return {"state": error.state, "todo": error.todo}


def _silent(_event: object) -> None:
    """Nobody listens besides Dagster."""


def _door(run: dg.DagsterRun) -> str:
    if run.parent_run_id is not None:
        # re-executed by a person; the tags are its parent's
        return "ui"
    for tag, door in _DOORS.items():
        if tag in run.tags:
            return door
    return "ui" if run.remote_job_origin is not None else "dagster"
