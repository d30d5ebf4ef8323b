"""What `batch-ops init` makes: files that are not there yet, and nothing over one that is."""

from __future__ import annotations

import os
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from rich.text import Text

from batch_ops.errors import BatchOpsError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from batch_ops.cli.declarations import Declarations
    from batch_ops.cli.say import Say
    from batch_ops.database import Database, Table

SKELETON = Path(__file__).parent / "skeleton"
UNDOTTED = "gitignore"
NOTHING = frozenset({".git"})
"""A folder with this alone is as good as empty: nothing of ours is called so."""


def begin_project(say: Say, folder: Path) -> None:
    """A project with one entity, one operation and a database with rows in it.

    Raises:
        UsageError: the folder is not empty, or cannot be written.
    """
    from batch_ops.cli.example import ROWS, make_database

    with _writing(folder):
        if folder.exists() and not folder.is_dir():
            raise UsageError(f"{folder} is a file.", todo="Name a folder that is not there yet.")
        found = sorted(_names(folder) - NOTHING)
        if found:
            told = ", ".join(found[:3]) + (" …" if len(found) > 3 else "")
            what = f"The folder {folder} is not empty: {told}"
            raise UsageError(what, todo="Name a folder that is empty or not there yet.")
        made = [_copied(source, folder) for source in _skeleton()]
    made.append(make_database(folder))
    files = sorted(str(path.relative_to(folder)) for path in made)
    say.data({"folder": str(folder.absolute()), "files": files, "rows": ROWS})
    say.print(*(Text(f"  {name}", style="dim") for name in files))
    told = f"A project is in {folder}, with {ROWS:,} tickets in its SQLite file. Try:"
    say.print(told, f"  cd {folder}", "  batch-ops plan close_stale_tickets", soft_wrap=True)
    _tell_what_wins(say)


def _names(folder: Path) -> set[str]:
    return {each.name for each in folder.iterdir()} if folder.exists() else set()


def _skeleton() -> list[Path]:
    return sorted(path for path in SKELETON.rglob("*") if path.is_file())


def _copied(source: Path, folder: Path) -> Path:
    place = source.relative_to(SKELETON)
    goal = folder / (f".{place}" if place.name == UNDOTTED else place)
    goal.parent.mkdir(parents=True, exist_ok=True)
    with goal.open("x", encoding="utf-8") as file:
        file.write(source.read_text("utf-8"))
    return goal


def _tell_what_wins(say: Say) -> None:
    """Variables that make the commands work elsewhere than in the new folder."""
    for name in ("BATCH_OPS_DATABASE_URL", "BATCH_OPS_DEFS", "DAGSTER_HOME"):
        if os.environ.get(name):
            say.note(Text(f"{name} is set and wins over the new folder; unset it to try this."))


def declare_table(say: Say, name: str, connection: str | None, output: Path | None) -> None:
    """The entity file of a table, to a file or to stdout.

    Raises:
        UsageError: there is no such table, it is declared already, or the file is there.
    """
    from batch_ops.database.declare import entity_name, entity_text

    checked = _declared()
    with _database(checked.folder, connection) as database:
        table = _table(database, name)
    entity = entity_name(table.name)
    if entity in checked.catalog.entities:
        place = checked.catalog.entities[entity].location
        raise UsageError(
            f"An entity {entity!r} is declared already" + (f" in {place.file}." if place else "."),
            todo="Take that file away first, or add to it by hand.",
        )
    same = {n: e for n, e in checked.catalog.entities.items() if e.connection == connection}
    text = entity_text(table, same, connection)
    if output is not None:
        _write(output, text)
    file = str(output) if output else None
    say.data({"entity": entity, "table": table.full_name, "file": file, "text": text})
    if output is not None:
        told = f"{output} declares the table {table.full_name}. Next: batch-ops check {output}"
        say.print(told, soft_wrap=True)
    elif not say.common.json:
        say.text(text)


def _declared() -> Declarations:
    """What the project declares already; none is no error."""
    from batch_ops.cli.declarations import Declarations, load
    from batch_ops.engine.project import project_folder
    from batch_ops.spec.catalog import Catalog

    try:
        return load([])
    except BatchOpsError:
        return Declarations(project_folder(), [], Catalog.from_texts({}))


@contextmanager
def _database(folder: Path, connection: str | None) -> Iterator[Database]:
    from batch_ops.database import default_url, open_database
    from batch_ops.engine.placefile import read_place

    database = open_database(default_url(folder, connection, read_place(folder).url))
    try:
        yield database
    finally:
        database.dispose()


def _table(database: Database, name: str) -> Table:
    from batch_ops.database.reflect import reflect
    from batch_ops.spec.model import Entity

    if not database.exists():
        raise UsageError(
            f"The database {database.name} is not there.",
            todo="BATCH_OPS_DATABASE_URL names the database.",
        )
    schema, _, table = name.rpartition(".")
    with database.reading() as connection:
        found = reflect(connection, Entity(table, table, (), schema=schema or None))
        if found is None:
            raise _unknown(database, name, schema or None)
    return found


def _unknown(database: Database, name: str, schema: str | None) -> BatchOpsError:
    from sqlalchemy import inspect

    from batch_ops.errors import UnknownNameError

    with database.reading() as connection:
        names = inspect(connection).get_table_names(schema=schema)
    known = [f"{schema}.{each}" if schema else each for each in names]
    return UnknownNameError("table", name, known)


def _write(output: Path, text: str) -> None:
    with _writing(output):
        output.parent.mkdir(parents=True, exist_ok=True)
        try:
            with output.open("x", encoding="utf-8") as file:
                file.write(text)
        except FileExistsError as error:
            what = f"The file {output} is there already."
            raise UsageError(what, todo="Name another one; nothing is overwritten.") from error


@contextmanager
def _writing(place: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        what = f"{place} cannot be written: {error.strerror or error}."
        raise UsageError(what, todo="Name another place.") from error


def make_journal(say: Say, connection: str | None) -> None:
    """The journal's tables: made, or brought up to date."""
    from batch_ops.engine.project import project_folder
    from batch_ops.journal import Journal
    from batch_ops.journal.tables import VERSION

    with _database(project_folder(), connection) as database:
        journal = Journal(database)
        before = journal.bring_up_to_date()
        name, tables = database.name, sorted(journal.tables.metadata.tables)
    upgraded = before if before is not None and before < VERSION else None
    told = {"made": before is None, "upgraded_from": upgraded, "version": VERSION}
    say.data({"database": name, **told, "tables": tables})
    state = "was made" if before is None else "is there"
    if upgraded is not None:
        state = f"was upgraded from version {upgraded} to {VERSION}"
    say.print(f"The journal {state} in {name}: {len(tables)} tables.", soft_wrap=True)


def show_script(say: Say, connection: str | None, version: int | None) -> None:
    """What makes the journal, or upgrades one of an earlier version; connects to nothing.

    Raises:
        UsageError: the version is not an earlier one.
    """
    from batch_ops.engine.project import project_folder
    from batch_ops.journal import Journal
    from batch_ops.journal.script import statements, upgrading
    from batch_ops.journal.tables import VERSION

    if version is not None and version >= VERSION:
        what = f"The journal's version {version} is not an earlier one: this is {VERSION}."
        raise UsageError(what, todo="`batch-ops doctor` tells which version is there.")
    with _database(project_folder(), connection) as database:
        journal, name = Journal(database), database.name
        script = statements(journal) if version is None else upgrading(journal, version)
    say.data({"database": name, "statements": script})
    if not say.common.json:
        say.text("".join(f"{statement};\n\n" for statement in script).rstrip("\n"))
