"""`batch-ops purge`: the journal forgets what ended long ago."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter
from rich.text import Text

from batch_ops.cli.options import Common, said, time_limit
from batch_ops.cli.project import project
from batch_ops.cli.say import Say
from batch_ops.cli.summary import short
from batch_ops.cli.tables import made_of
from batch_ops.errors import UsageError

if TYPE_CHECKING:
    from datetime import timedelta

    from batch_ops.engine import Project
    from batch_ops.engine.purge import Purge

LISTED = 20


def purge(
    *,
    older_than: Annotated[
        str | None,
        Parameter(
            show_default=False,
            help='What ended longer ago: "90d", "12 weeks"; without: the retention of'
            " batch_ops.toml.",
        ),
    ] = None,
    dry_run: Annotated[bool, said("Show what would be purged, and purge nothing.")] = False,
    common: Common = Common(),  # noqa: B008  (frozen)
) -> int:
    """Remove executions that ended long ago from the journal, with their rejects and tables.

    What can be resumed is never purged; of what was imported, it stays known that it was.
    """
    from batch_ops.engine.purge import purge_before

    say = Say(common)
    with project() as found:
        moment = _ago(_age(found, older_than))
        purges = purge_before(found, moment, dry_run=dry_run)
    told = [each.to_dict() for each in purges]
    say.data({"before": moment.isoformat(), "dry_run": dry_run, "databases": told})
    for each in purges:
        _tell(say, each, moment, dry_run=dry_run)
    if not purges:
        say.print("There is no journal yet: nothing was executed.")
    return 0


def _age(found: Project, older_than: str | None) -> timedelta:
    if older_than is not None:
        return time_limit(older_than, "--older-than")
    retention = found.place.retention
    if retention is None:
        raise UsageError(
            "Nothing says how long the journal is to keep what has ended.",
            todo='Give --older-than "90 days", or write retention = "90 days" under [journal] of'
            " batch_ops.toml.",
        )
    return retention


def _ago(age: timedelta) -> datetime:
    try:
        return datetime.now(UTC) - age
    except OverflowError:
        return datetime.min.replace(tzinfo=UTC)


def _tell(say: Say, found: Purge, moment: datetime, *, dry_run: bool) -> None:
    number, rows = len(found.executions), sum(found.kept.rows.values())
    head = f"{found.database}: {'would purge' if dry_run else 'purged'}"
    figures = ((number, "execution"), (rows, "row"), (len(found.kept.outputs), "table"))
    told = ", ".join(f"{n:,} {what if n == 1 else f'{what}s'}" for n, what in figures)
    before = f"of before {moment:%Y-%m-%d %H:%M} UTC"
    say.print(Text(f"{head} {told} {before}.", style="bold"), soft_wrap=True)
    if not number:
        return
    table = made_of("id", "operation", "status", "ended", "stays", whole=("id", "operation"))
    for each in found.executions[:LISTED]:
        table.add_row(
            Text(short(each.execution_id), style="cyan"),
            each.operation,
            str(each.status),
            f"{each.ended_at:%Y-%m-%d}",
            "that it took place" if each.remembered else "nothing",
        )
    say.print(table)
    if number > LISTED:
        say.print(Text(f"… and {number - LISTED:,} more (--json has all)", style="dim"))
