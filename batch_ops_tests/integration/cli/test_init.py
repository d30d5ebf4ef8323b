"""`batch-ops init`: a project that runs at once, tables that are there, the journal's script."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import text

from batch_ops.cli.begin import SKELETON
from batch_ops.database import open_database
from batch_ops.engine import Project, run
from batch_ops.journal import Journal
from batch_ops.spec.catalog import Catalog

if TYPE_CHECKING:
    from pathlib import Path

CUSTOMERS = """
name: customers
key: id
fields: {id: integer, name: text}
"""
MADE = {
    *(".gitignore", "README.md", "batch_ops.db", "batch_ops.toml", "dagster.yaml"),
    *("defs/tickets.yaml", "workspace.yaml"),
}
TABLES = """
CREATE TABLE customers (id INTEGER PRIMARY KEY, name VARCHAR(20));
CREATE TABLE orders (
    id BIGINT PRIMARY KEY,
    code VARCHAR(12) NOT NULL UNIQUE,
    customer_id INTEGER NOT NULL REFERENCES customers (id),
    shop_id INTEGER REFERENCES shops (id),
    parent_id BIGINT REFERENCES orders (id),
    total DECIMAL(10, 2) NOT NULL,
    paid BOOLEAN, note TEXT, due DATE, at TIMESTAMP, "odd name" TEXT
);
CREATE TABLE shops (id INTEGER PRIMARY KEY);
CREATE TABLE lines ("order" BIGINT, number INTEGER, "null" TEXT, PRIMARY KEY ("order", number));
CREATE TABLE loose (a INTEGER);
CREATE TABLE "class" (id INTEGER PRIMARY KEY)
"""


@pytest.fixture
def live(empty):
    """A project with customers declared, and a database with more tables."""
    (empty.folder / "defs" / "people.yaml").unlink()
    empty.declare(CUSTOMERS, "customers.yaml")
    with sqlite3.connect(empty.database) as connection:
        connection.executescript(TABLES)
    return empty


def declared(live, table):
    """What a written file means to the loader."""
    said = live("init", "--from-table", table, "-o", f"defs/{table}.yaml")
    assert said.code == 0, said.err
    assert live("check").code == 0
    return Catalog.load([live.folder / "defs"]).entity(table)


@pytest.mark.slow
def test_a_new_project_runs_with_the_five_commands_of_its_readme(tmp_path: Path) -> None:
    """In processes of their own, as its person would; the run through Dagster."""
    folder = tmp_path / "ops"
    shell = [sys.executable, "-m", "batch_ops"]
    made = subprocess.run([*shell, "init", str(folder)], capture_output=True, text=True, check=True)
    assert "1,000 tickets" in made.stdout
    files = {str(f.relative_to(folder)) for f in folder.rglob("*") if f.is_file()}
    assert files == MADE
    commands = [
        line.partition("#")[0].split()[1:]
        for line in (folder / "README.md").read_text().splitlines()
        if line.startswith("batch-ops ")
    ]
    assert [command[0] for command in commands] == ["list", "check", "plan", "run", "status"]
    for command in commands:
        done = subprocess.run(
            [*shell, *command], cwd=folder, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
    with sqlite3.connect(folder / "batch_ops.db") as connection:
        closed = connection.execute(
            "SELECT count(*), count(closed_at) FROM tickets WHERE status = 'closed'"
        )
        assert closed.fetchall() == [(246, 246)]


def test_its_settings_are_those_of_this_repository() -> None:
    root = SKELETON.parents[2]
    for name in ("dagster.yaml", "workspace.yaml"):
        ours, made = ((f / name).read_text().splitlines()[1:] for f in (root, SKELETON))
        assert ours == made


def test_its_settings_file_is_right_with_every_example_used(tmp_path: Path, empty) -> None:
    lines = (SKELETON / "batch_ops.toml").read_text().splitlines()
    used = [
        line.removeprefix("# ") if "=" in line and "an apprise" not in line else line
        for line in lines
    ]
    used = [line.removeprefix("# ") if line.startswith("# [") else line for line in used]
    (empty.folder / "batch_ops.toml").write_text("\n".join(used))
    (empty.folder / "functions.py").touch()
    assert empty("check").code == 0
    from batch_ops.engine.placefile import read_place

    place = read_place(empty.folder)
    assert set(place.notify) == {"email", "webhook"}
    assert place.actors == {"default": frozenset({"close_tickets"})}
    assert (place.modules, set(place.connections)) == (("functions",), {"archive"})


def test_a_folder_with_something_in_it_is_refused_and_left_alone(empty, tmp_path) -> None:
    before = sorted(p.name for p in tmp_path.rglob("*"))
    said = empty("init", ".")
    assert said.code == 2
    assert said.error == "The folder . is not empty: dagster.yaml, defs"
    assert sorted(p.name for p in tmp_path.rglob("*")) == before


def test_a_repository_without_files_is_as_good_as_empty(empty) -> None:
    (empty.folder / "new" / ".git").mkdir(parents=True)
    assert empty("init", "new").code == 0


def test_a_file_is_no_folder_to_make_a_project_in(empty) -> None:
    assert empty("init", "dagster.yaml").error == "dagster.yaml is a file."


def test_the_project_is_told_as_one_object(empty) -> None:
    said = empty("init", "new", "--json")
    assert set(said.json["files"]) == MADE
    assert said.json["rows"] == 1000


def test_the_rows_go_to_the_new_folder_whatever_the_environment_names(empty, monkeypatch) -> None:
    """A database of one's own gets no tickets, and it is told that the variable wins."""
    monkeypatch.setenv("BATCH_OPS_DATABASE_URL", f"sqlite:///{empty.folder / 'mine.db'}")
    said = empty("init", "new")
    assert "BATCH_OPS_DATABASE_URL is set and wins" in said.err
    assert (empty.folder / "new" / "batch_ops.db").exists()
    assert not (empty.folder / "mine.db").exists()


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ((), "`batch-ops init` does one of three things."),
        (("new", "--journal"), "`batch-ops init` does one of three things."),
        (("new", "-o", "x.yaml"), "--output belongs to --from-table."),
        (("new", "--sql"), "--sql belongs to --journal."),
        (("new", "--connection", "x"), "--connection belongs to --from-table and --journal."),
    ],
)
def test_options_that_do_not_belong_together(empty, arguments, told) -> None:
    said = empty("init", *arguments)
    assert (said.code, said.error) == (2, told)
    assert not (empty.folder / "new").exists()


# a table that is there


def test_the_entity_file_of_a_table_says_what_the_table_is(live) -> None:
    said = live("init", "--from-table", "orders")
    assert said.code == 0
    assert (
        said.out
        == """\
name: orders
key: id
fields:
  id: bigint
  code: {type: string(12), nullable: false, unique: true}
  customer_id: {type: integer, nullable: false, references: customers.id}
  shop_id: integer
    # references: shops.id  (once that table is declared, too)
  parent_id: {type: bigint, references: orders.id}
  total: {type: "decimal(10,2)", nullable: false}
  paid: boolean
  note: text
  due: date
  at: timestamp
  # odd name: TEXT  (left out: no word for it)

# An operation to begin with; take the # away.
# patterns:
#   - name: batch_operations
#     operation: change_orders
#     operation_type: update
#     update_data:
#       at: :new_value
#     where_condition: "id = ANY(:keys)"
"""
    )


def test_a_written_file_is_accepted_and_read_as_it_is_meant(live) -> None:
    entity = declared(live, "orders")
    assert entity.key == ("id",)
    assert str(entity.field("customer_id").references) == (
        "Reference(entity='customers', field='id')"
    )
    assert entity.field("code").length == 12
    assert not entity.field("total").nullable
    assert entity.field("total").precision == (10, 2)


@pytest.mark.parametrize("table", ["orders", "lines"])
def test_the_operation_to_begin_with_is_accepted_too(live, table) -> None:
    declared(live, table)
    file = live.folder / "defs" / f"{table}.yaml"
    head, mark, operation = file.read_text().partition("# patterns:")
    file.write_text(head + (mark + operation).replace("\n# ", "\n").removeprefix("# "))
    said = live("check")
    assert said.code == 0, said.err
    assert f"change_{table}" in said.out


def test_a_key_of_several_columns_and_names_that_yaml_takes_for_values(live) -> None:
    entity = declared(live, "lines")
    assert entity.key == ("order", "number")
    assert entity.columns == ("order", "number", "null")


def test_a_table_without_a_key_says_so(live) -> None:
    assert "# key: …" in live("init", "--from-table", "loose").out


def test_a_name_no_entity_can_have_is_changed_and_the_table_named(live) -> None:
    out = live("init", "--from-table", "class").out
    assert out.startswith("name: class_rows\ntable: class\nkey: id\n")


def test_a_table_that_is_not_there_is_told_with_the_nearest_one(live) -> None:
    said = live("init", "--from-table", "order")
    assert (said.code, said.error) == (2, "There is no table 'order'.")
    assert "Did you mean 'orders'?" in said.err


def test_what_is_declared_already_is_not_declared_again(live) -> None:
    said = live("init", "--from-table", "customers")
    assert said.code == 2
    assert said.error.startswith("An entity 'customers' is declared already in ")


def test_a_file_that_is_there_is_not_overwritten(live) -> None:
    said = live("init", "--from-table", "orders", "-o", "defs/customers.yaml")
    assert (said.code, said.error) == (2, "The file defs/customers.yaml is there already.")
    assert (live.folder / "defs" / "customers.yaml").read_text() == CUSTOMERS


def test_a_database_that_is_not_there_is_not_made(empty) -> None:
    said = empty("init", "--from-table", "orders")
    assert said.code == 2
    assert not empty.database.exists()


def test_a_table_of_another_connection(live, monkeypatch) -> None:
    url = f"sqlite:///{live.folder / 'archive.db'}"
    monkeypatch.setenv("BATCH_OPS_DATABASE_URL_ARCHIVE", url)
    with sqlite3.connect(live.folder / "archive.db") as connection:
        connection.execute("CREATE TABLE old (id INTEGER PRIMARY KEY)")
    said = live("init", "--from-table", "old", "--connection", "archive", "-o", "defs/old.yaml")
    assert said.code == 0
    assert "connection: archive" in (live.folder / "defs" / "old.yaml").read_text()
    assert live("check").code == 0


def test_a_table_in_a_schema_of_postgresql(empty, postgresql_url, monkeypatch) -> None:
    monkeypatch.setenv("BATCH_OPS_DATABASE_URL", postgresql_url)
    database = open_database(postgresql_url)
    with database.writing() as connection:
        connection.exec_driver_sql("CREATE SCHEMA shop")
        connection.exec_driver_sql(
            "CREATE TABLE shop.orders (id uuid PRIMARY KEY, at timestamptz NOT NULL, data jsonb,"
            " twice int GENERATED ALWAYS AS (1) STORED, place point, sum numeric(8,2))"
        )
    database.dispose()
    said = empty("init", "--from-table", "shop.orders", "-o", "defs/orders.yaml")
    assert said.code == 0, said.err
    text = (empty.folder / "defs" / "orders.yaml").read_text()
    assert (
        text.partition("\n\n")[0]
        == """\
name: orders
table: shop.orders
key: id
fields:
  id: uuid
  at: {type: timestamp, nullable: false}
  data: json
  twice: integer
    # the database computes it: it cannot be written
  # place  (left out: no word for it)
  sum: "decimal(8,2)\""""
    )
    assert empty("check", "defs/orders.yaml").code == 0


# the journal


def test_the_journal_is_made_once(empty) -> None:
    first, second = empty("init", "--journal"), empty("init", "--journal", "--json")
    assert first.out.startswith("The journal was made in sqlite:///")
    assert second.json["made"] is False
    assert {"batch_operations", "batch_journal", "batch_operation_logs"} <= empty.tables()


def test_the_script_of_the_journal_makes_what_the_engine_takes_for_its_own(
    empty, database_url, monkeypatch
) -> None:
    """Nothing is connected to for it; afterwards nothing is left to make."""
    monkeypatch.setenv("BATCH_OPS_DATABASE_URL", database_url)
    database = open_database(database_url)
    script = empty("init", "--journal", "--sql").out
    assert not Journal(database).exists()
    with database.writing() as connection:
        for statement in script.split(";\n"):
            connection.execute(text(statement.rstrip(";\n")))
        connection.execute(text("CREATE TABLE things (id INTEGER PRIMARY KEY, status TEXT)"))
    journal = Journal(database)
    assert journal.exists()
    with database.reading() as connection:
        assert not journal._lacking(connection)
    empty.declare(THINGS, "things.yaml")
    project = Project(empty.folder, Catalog.load([empty.folder / "defs"]))
    assert str(run(project, "touch").status) == "completed"
    project.dispose()
    database.dispose()


THINGS = """
name: things
key: id
fields: {id: integer, status: text}
patterns:
  - {name: batch_operations, operation: touch, operation_type: update, update_data: {status: x}}
"""


def test_what_a_person_may_not_write_is_told(empty) -> None:
    if os.geteuid() == 0:
        (empty.folder / "taken").touch()
        assert empty("init", "taken/new").code == 2
        return
    empty.folder.chmod(0o500)
    assert empty("init", "new").code == 2
