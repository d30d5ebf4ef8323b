"""`batch-ops init`: a project, an entity file of a table that is there, the journal's tables."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003  (cyclopts reads it)
from typing import Annotated

from cyclopts import Parameter
from cyclopts.validators import Number

from batch_ops.cli.begin import begin_project, declare_table, make_journal, show_script
from batch_ops.cli.options import Common, said
from batch_ops.cli.say import Say
from batch_ops.errors import UsageError


def init(
    folder: Annotated[
        Path | None, said("Where the project is made; a folder with files in it is refused.")
    ] = None,
    /,
    *,
    from_table: Annotated[
        str | None, said("Write the entity file of this table (`table` or `schema.table`).")
    ] = None,
    connection: Annotated[
        str | None, said("The database of this connection, instead of the default one.")
    ] = None,
    output: Annotated[
        Path | None,
        Parameter(
            name=["--output", "-o"], show_default=False, help="The file to write; without: stdout."
        ),
    ] = None,
    journal: Annotated[
        bool,
        said("Make the journal's tables in the database, or upgrade those of an earlier version."),
    ] = False,
    sql: Annotated[bool, said("With --journal: show what would make them; connect to nothing.")] = (
        False
    ),
    from_version: Annotated[
        int | None,
        Parameter(
            show_default=False,
            validator=Number(gte=1),
            help="With --journal --sql: show what would upgrade a journal of this version.",
        ),
    ] = None,
    common: Common = Common(),  # noqa: B008  (frozen)
) -> int:
    """Make a project that runs at once, declare a table that is there, or make the journal."""
    say = Say(common)
    if [folder is not None, from_table is not None, journal].count(True) != 1:
        raise UsageError(
            "`batch-ops init` does one of three things.",
            todo="Give a FOLDER to make a project in, --from-table TABLE, or --journal.",
        )
    _judge(from_table=from_table, connection=connection, output=output, journal=journal, sql=sql)
    if from_version is not None and not sql:
        raise UsageError("--from-version belongs to --journal --sql.", todo="Leave it out.")
    if folder is not None:
        begin_project(say, folder)
    elif from_table is not None:
        declare_table(say, from_table, connection, output)
    elif sql:
        show_script(say, connection, from_version)
    else:
        make_journal(say, connection)
    return 0


def _judge(
    *,
    from_table: str | None,
    connection: str | None,
    output: Path | None,
    journal: bool,
    sql: bool,
) -> None:
    """Refuse an option that belongs to another of the three."""
    if output is not None and from_table is None:
        raise UsageError("--output belongs to --from-table.", todo="Leave it out.")
    if sql and not journal:
        raise UsageError("--sql belongs to --journal.", todo="Leave it out.")
    if connection is not None and from_table is None and not journal:
        raise UsageError(
            "--connection belongs to --from-table and --journal.", todo="Leave it out."
        )
