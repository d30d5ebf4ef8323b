"""`batch-ops queue`: what waits in Dagster's run queue, and holding it back."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

from cyclopts import App, Parameter

from batch_ops.cli.options import Common
from batch_ops.cli.project import project
from batch_ops.cli.say import Say
from batch_ops.cli.tables import made_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import dagster as dg
    from rich.table import Table

    from batch_ops.orchestration.queue import Waiting

LAST = 100
"""Behind all other commands."""
Run = Annotated[str, Parameter(help="The id of a run that waits, or the start of it.")]

queue = App(
    name="queue",
    help="What waits in Dagster's run queue: see it, order it, hold it back.",
    sort_key=LAST,
)


@queue.command(name="list")
def list_waiting(*, common: Common = Common()) -> int:  # noqa: B008  (frozen)
    """What waits, in the order in which it starts."""
    from batch_ops.orchestration.queue import waiting

    say = Say(common)
    with _queue() as (_, instance):
        found = waiting(instance)
    say.data([asdict(each) for each in found])
    say.print(_table(found) if found else "Nothing waits.")
    return 0


@queue.command
def boost(
    run: Run,
    /,
    *,
    priority: Annotated[
        int | None, Parameter(show_default=False, help="Its priority; without: it starts next.")
    ] = None,
    common: Common = Common(),  # noqa: B008  (frozen)
) -> int:
    """Let a waiting run start earlier."""
    from batch_ops.orchestration.queue import boost as raised

    say = Say(common)
    with _queue() as (_, instance):
        found = raised(instance, run, priority)
    say.data(asdict(found))
    say.print(f"{found.operation} ({found.short_id}) has priority {found.priority}.")
    return 0


@queue.command
def cancel(run: Run, /, *, common: Common = Common()) -> int:  # noqa: B008  (frozen)
    """Take a waiting run out of the queue."""
    from batch_ops.orchestration.queue import cancel as taken_out

    say = Say(common)
    with _queue() as (_, instance):
        found = taken_out(instance, run)
    say.data(asdict(found))
    say.print(f"{found.operation} ({found.short_id}) will not start.")
    return 0


@queue.command
def pause(*, common: Common = Common()) -> int:  # noqa: B008  (frozen)
    """Hold back what waits, until `queue resume`; what runs goes on."""
    from batch_ops.orchestration.queue import pause as hold

    return _held(common, hold)


@queue.command
def resume(*, common: Common = Common()) -> int:  # noqa: B008  (frozen)
    """Start again what waits."""
    from batch_ops.orchestration.queue import resume as let_go

    return _held(common, let_go)


@queue.command
def stats(*, common: Common = Common()) -> int:  # noqa: B008  (frozen)
    """The queue in figures."""
    from batch_ops.orchestration import queue as figures

    say = Say(common)
    with _queue() as (operations, instance):
        found = figures.stats(instance, operations)
    say.data(asdict(found))
    table = made_of("waiting", "running", "completed", "failed", "cancelled", "mean", "")
    mean = "" if found.mean_s is None else f"{found.mean_s:.1f} s"
    counts = (found.waiting, found.running, found.completed, found.failed, found.cancelled)
    table.add_row(*map(str, counts), mean, "held back" if found.paused else "")
    say.print(table)
    return 0


@contextmanager
def _queue() -> Iterator[tuple[Sequence[str], dg.DagsterInstance]]:
    """The names of the project's operations, and its Dagster instance."""
    from batch_ops.orchestration.launch import instance_of

    with project() as found, instance_of(found) as instance:
        yield [operation.name for operation in found.catalog.operations], instance


def _held(common: Common, act: Callable[[dg.DagsterInstance], None]) -> int:
    from batch_ops.orchestration.queue import stats as figures

    say = Say(common)
    with _queue() as (operations, instance):
        act(instance)
        found = figures(instance, operations)
    say.data({"paused": found.paused, "waiting": found.waiting})
    state = "held back" if found.paused else "not held back"
    say.print(f"The queue is {state}; waiting: {found.waiting}.")
    return 0


def _table(found: Sequence[Waiting]) -> Table:
    table = made_of("run", "operation", "priority", "waits", right=("priority", "waits"))
    now = datetime.now(UTC)
    for each in found:
        waits = f"{(now - each.since).total_seconds():,.0f} s"
        table.add_row(each.short_id, each.operation, str(each.priority), waits)
    return table
