"""`doctor`: what is not well is told with what to do; it creates and changes nothing."""

from __future__ import annotations

import json
import sqlite3
import threading
import time
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from batch_ops.cli import doctor as cli_doctor
from batch_ops.engine.doctor import server

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from batch_ops_tests.integration.cli.conftest import Shell

GOODS = """
name: goods
key: [id]
{more}
fields: {{id: integer, sku: text, price: integer, at: timestamp}}
patterns:
  - name: batch_operations
    operation: work
    operation_type: update
    update_data: {{price: 1}}
    where_condition: "{where}"
    {options}
"""
TABLE = "CREATE TABLE goods (id INTEGER PRIMARY KEY, sku TEXT, price INTEGER, at {})"
LARGE = {
    "sqlite": "INSERT INTO goods WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n"
    " WHERE i < 100000) SELECT i, 'a' || i, i, NULL FROM n",
    "postgresql": "INSERT INTO goods SELECT i, 'a' || i, i, NULL"
    " FROM generate_series(1, 100000) AS i",
    "mysql": "INSERT INTO goods SELECT seq, CONCAT('a', seq), seq, NULL FROM seq_1_to_120000",
}
Found = list[dict[str, str]]


@pytest.fixture
def urls(
    empty: Shell, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Callable[[str], sa.Engine]:
    """Gives an engine on a fresh database of a kind, which the project uses then."""
    (empty.folder / "defs" / "people.yaml").unlink()
    made: list[sa.Engine] = []

    def engine(kind: str, *, table: bool = True) -> sa.Engine:
        url: str = request.getfixturevalue(f"{kind}_url")
        monkeypatch.setenv("BATCH_OPS_DATABASE_URL", url)
        made.append(sa.create_engine(url))
        stamp = "TIMESTAMPTZ" if kind == "postgresql" else "DATETIME"
        if table:
            with made[-1].begin() as connection:
                connection.exec_driver_sql(TABLE.format(stamp))
        return made[-1]

    yield engine
    for each in made:
        each.dispose()


def declare(shell: Shell, where: str = "price > 5", options: str = "", more: str = "") -> None:
    """One entity, one operation."""
    shell.declare(GOODS.format(where=where, options=options, more=more), "goods.yaml")


def doctor(shell: Shell, code: int = 0) -> Found:
    """What it finds, over all sections."""
    said = shell("doctor", "--json")
    found = [f for section in said.json["sections"] for f in section["findings"]]
    assert said.code == code, found
    assert said.json["problems"] == sum(f["level"] == "problem" for f in found)
    assert (said.json["problems"] > 0) == (code == 3)
    return found


def of(found: Found, check: str, level: str | None = None) -> list[str]:
    """What was found of a check (at a level), with what to do."""
    return [
        f"{f['what']} {f['todo']}".strip()
        for f in found
        if f["check"] == check and level in (None, f["level"])
    ]


def files(folder: Path) -> dict[str, bytes]:
    """All files, with what is in them."""
    every = (p for p in sorted(folder.rglob("*")) if p.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in every}


# nothing is touched


def test_without_a_database_nothing_is_made_and_nothing_is_a_problem(empty: Shell):
    before = files(empty.folder)
    found = doctor(empty)
    assert files(empty.folder) == before
    assert of(found, "connection", "warning")[0].startswith("The database is not there yet.")
    (told,) = of(found, "files")
    assert told.startswith("The file people.csv that import_people reads is not there.")


def test_a_project_that_is_well_is_told_as_such_and_left_as_it_is(shell: Shell):
    shell("run", "rename", "--no-dagster")
    (shell.folder / "people.csv").write_text("id,name,age\n1,a,2\n")
    before = files(shell.folder)
    said = shell("doctor")
    assert (said.code, said.err) == (0, "")
    assert "No problem." in said.out
    assert files(shell.folder) == before
    found = doctor(shell)
    assert {f["level"] for f in found} == {"ok"}
    assert {f["check"] for f in found} >= {
        "declarations", "dagster", "connection", "version", "clock", "rights", "journal",
        "tables", "executions",
    }  # fmt: skip


def test_on_postgresql_nothing_is_made_either(urls, empty: Shell):
    engine = urls("postgresql")
    declare(empty)
    query = sa.text("SELECT relname, relkind FROM pg_class WHERE relnamespace = 2200")
    with engine.connect() as connection:
        before = connection.execute(query).all()
    found = doctor(empty)
    with engine.connect() as connection:
        assert connection.execute(query).all() == before
    assert {f["level"] for f in found} == {"ok"}
    assert of(found, "version")[0].startswith("PostgreSQL 1")


def test_as_json_it_is_one_object_with_sections(empty: Shell, monkeypatch):
    monkeypatch.setenv("BATCH_OPS_DATABASE_URL_ARCHIVE", f"sqlite:///{empty.folder}/archive.db")
    empty.declare("name: old\nkey: [id]\nconnection: archive\nfields: {id: integer}\n", "old.yaml")
    empty.declare("name: lost\nkey: [id]\nconnection: nowhere\nfields: {id: integer}\n", "l.yaml")
    told = empty("doctor", "--json").json
    assert set(told) == {"sections", "problems", "warnings"}
    names = [section["name"] for section in told["sections"]]
    assert names[0] == f"project {empty.folder}"
    assert names[1].endswith("batch_ops.db")
    assert names[2] == f"archive: sqlite:///{empty.folder}/archive.db"
    assert names[3] == "nowhere"
    assert told["sections"][3]["findings"][0]["level"] == "problem"
    keys = {key for section in told["sections"] for f in section["findings"] for key in f}
    assert keys == {"check", "level", "what", "todo"}


def test_what_is_not_installed_is_told_with_what_would_need_it(empty: Shell, monkeypatch):
    monkeypatch.setattr(cli_doctor, "find_spec", lambda _: None)
    told = of(doctor(empty), "packages")
    assert "MySQL and MariaDB would need it: pip install 'batch-ops[mysql]'" in told[0]
    assert len(told) == 3


# the server


def test_a_database_that_does_not_answer_is_a_problem_without_its_password(
    empty: Shell, monkeypatch
):
    url = "postgresql://me:s3cretpass@127.0.0.1:1/shop"
    monkeypatch.setenv("BATCH_OPS_DATABASE_URL", url)
    (told,) = of(doctor(empty, 3), "connection", "problem")
    assert "cannot be reached" in told
    assert "s3cretpass" not in empty("doctor").out + empty("doctor", "--json").out


def test_a_version_that_is_too_old_is_a_problem(shell: Shell, monkeypatch):
    from batch_ops.database.looks_sqlite import SQLiteLooks

    monkeypatch.setattr(SQLiteLooks, "oldest", (99, 1))
    (told,) = of(doctor(shell, 3), "version", "problem")
    assert "is older than 99.1." in told


def test_clocks_that_differ_are_told(shell: Shell, monkeypatch):
    class Late(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> datetime:
            return datetime.now(tz) + timedelta(minutes=2)

    monkeypatch.setattr(server, "datetime", Late)
    (told,) = of(doctor(shell), "clock", "warning")
    assert "s behind this machine's" in told


def test_rights_that_operations_need_are_told(urls, empty: Shell, monkeypatch):
    engine = urls("postgresql")
    declare(empty, options="throttle: {max_active: 5}")
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE ROLE clerk LOGIN")
        connection.exec_driver_sql("GRANT SELECT ON goods TO clerk")
        connection.exec_driver_sql("REVOKE CREATE ON SCHEMA public FROM PUBLIC")
    url = engine.url.set(username="clerk").render_as_string(hide_password=False)
    monkeypatch.setenv("BATCH_OPS_DATABASE_URL", url)
    try:
        told = " ".join(of(doctor(empty, 3), "rights", "problem"))
        assert "The role may not make tables" in told
        assert "The role has no UPDATE on goods" in told
        assert "may not see what other sessions do, which work goes by" in told
        with engine.begin() as connection:
            connection.exec_driver_sql("GRANT UPDATE (price) ON goods TO clerk")
            connection.exec_driver_sql("GRANT CREATE ON SCHEMA public TO clerk")
            connection.exec_driver_sql("GRANT pg_read_all_stats TO clerk")
        assert of(doctor(empty), "rights") == ["It can be written to."]
    finally:
        with engine.begin() as connection:
            connection.exec_driver_sql("DROP OWNED BY clerk")
            connection.exec_driver_sql("DROP ROLE clerk")


def test_a_database_that_takes_no_writing_is_a_problem(urls, empty: Shell):
    engine = urls("postgresql")
    declare(empty)
    name = engine.url.database
    with engine.begin() as connection:
        connection.exec_driver_sql(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    (told,) = of(doctor(empty, 3), "rights", "problem")
    assert told.startswith("It cannot be written to")


# tables and operations


def test_what_run_would_refuse_is_a_problem(urls, empty: Shell):
    urls("postgresql", table=False)
    declare(empty)
    found = doctor(empty, 3)
    assert of(found, "tables", "problem")[0].startswith("goods is not there.")
    (told,) = of(found, "operations", "problem")
    assert told.startswith("work would be refused: The table 'goods' of entity 'goods'")


def test_a_table_without_a_key_is_told(shell: Shell):
    shell.query("CREATE TABLE loose (id INTEGER)")
    shell.declare("name: loose\nfields: {id: integer}\n", "loose.yaml")
    assert of(doctor(shell), "tables", "warning")[0].startswith("loose has no key.")


@pytest.mark.parametrize("kind", ["sqlite", "postgresql", "mariadb"])
def test_a_large_table_without_an_index_for_a_condition_is_told_with_the_index_to_consider(
    urls, empty: Shell, kind: str
):
    """The plan is asked for; the index that is printed is made, and serves."""
    engine = urls(kind)
    with engine.begin() as connection:
        connection.exec_driver_sql(LARGE[engine.dialect.name])
        if kind == "mariadb":
            connection.exec_driver_sql("ALTER TABLE goods MODIFY sku VARCHAR(20)")
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        if kind != "sqlite":
            table = "TABLE " if kind == "mariadb" else ""
            connection.exec_driver_sql(f"ANALYZE {table}goods")
    declare(empty, where="price > 99990 AND sku = 'a99995' AND id + 1 > 0")
    (told,) = of(doctor(empty), "indexes", "warning")
    assert "rows, and step 'update' of work goes through all of them" in told
    script = told.partition("consider: ")[2]
    assert script.replace("`", '"').endswith('ON "goods" ("sku", "price")')
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql(script)
    found = doctor(empty)
    assert of(found, "indexes", "warning") == []
    assert of(found, "indexes") == ["An index of goods serves step 'update' of work."]


def test_no_index_is_named_where_most_rows_are_meant_or_none_could_serve(urls, empty: Shell):
    """Also where a value is known to nobody yet."""
    engine = urls("postgresql")
    with engine.begin() as connection:
        connection.exec_driver_sql(LARGE["postgresql"])
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("ANALYZE goods")
    declare(empty, where="price > 5")
    assert "too many for an index" in of(doctor(empty), "indexes", "ok")[0]
    declare(empty, where="price + id = 7")
    assert "no column an index could serve" in of(doctor(empty), "indexes", "warning")[0]
    declare(empty, where="price = :price")
    assert 'consider: CREATE INDEX CONCURRENTLY "ix_goods_price"' in " ".join(
        of(doctor(empty), "indexes", "warning")
    )
    declare(empty, where="id = :id")
    assert of(doctor(empty), "indexes") == ["An index of goods serves step 'update' of work."]


def test_of_a_small_table_nothing_is_said_about_indexes(urls, empty: Shell):
    urls("sqlite")
    declare(empty)
    assert of(doctor(empty), "indexes") == []


# the journal and what is under way


def test_a_journal_of_another_version_is_a_problem(shell: Shell):
    shell("init", "--journal")
    shell.query("UPDATE batch_journal SET version = 1")
    (told,) = of(doctor(shell, 3), "journal", "problem")
    assert "has version 1" in told
    assert "batch-ops init --journal" in told


def test_an_execution_whose_process_is_gone_is_a_problem_and_resume_and_cancel_are_named(
    shell: Shell,
):
    made = shell("run", "rename", "--no-dagster", "--timeout", "1 ms", "--json").json
    short = made["execution_id"][:8]
    told = of(doctor(shell), "executions", "warning")[0]
    assert f"Execution {short} of rename is stopped (timeout)" in told
    shell.query("UPDATE batch_operations SET status = 'running'")
    shell.query(
        f"INSERT INTO batch_ownership VALUES ('people', '{made['execution_id']}', '2026-01-01')"
    )
    found = doctor(shell, 3)
    (orphaned,) = of(found, "orphaned", "problem")
    for word in (f"resume {short}", f"cancel {short}", "its process is gone"):
        assert word in orphaned
    assert "on which nobody works" in of(found, "tables_held", "warning")[0]


def test_what_is_kept_longer_than_wanted_and_what_nobody_knows_is_told(shell: Shell):
    shell("run", "rename", "--no-dagster")
    shell.query("UPDATE batch_operations SET completed_at = '2020-01-01 10:00:00'")
    shell.query("CREATE TABLE batch_output_0badcafe_1 (id INTEGER)")
    (shell.folder / "batch_ops.toml").write_text('[journal]\nretention = "90 days"\n')
    found = doctor(shell)
    assert "1 executions ended before" in of(found, "retention", "warning")[0]
    assert "batch_output_0badcafe_1" in of(found, "outputs", "warning")[0]


# who blocks whom

LOCKS = {
    "postgresql": "UPDATE goods SET sku = 's3cret' WHERE id = 1",
    "mariadb": "UPDATE goods SET sku = 's3cret' WHERE id = 1",
}


@contextmanager
def blocked(engine: sa.Engine, statement: str) -> Iterator[tuple[int, int]]:
    """Two sessions want the same row; the process ids of the one that waits and of its holder."""
    with engine.begin() as connection:
        connection.exec_driver_sql("INSERT INTO goods VALUES (1, 'a', 1, NULL)")
    asked = (
        "SELECT CONNECTION_ID()" if engine.dialect.name == "mysql" else "SELECT pg_backend_pid()"
    )
    with engine.connect() as holder, engine.connect() as waiter:
        pids = [int(each.exec_driver_sql(asked).scalar_one()) for each in (waiter, holder)]
        holder.exec_driver_sql(statement)
        waiting = threading.Thread(target=waiter.exec_driver_sql, args=(statement,))
        waiting.start()
        time.sleep(0.3)
        try:
            yield pids[0], pids[1]
        finally:
            holder.rollback()
            waiting.join()


@pytest.mark.parametrize("kind", ["postgresql", "mariadb"])
@pytest.mark.parametrize("hidden", [False, True], ids=["shown", "hidden"])
def test_who_waits_for_whose_lock_is_told_without_values_where_columns_are_hidden(
    urls, empty: Shell, kind: str, hidden: bool
):
    engine = urls(kind)
    declare(empty, more="hidden: [sku]" if hidden else "")
    with blocked(engine, LOCKS[kind]) as (waiter, holder):
        told = of(doctor(empty), "locks", "warning")
    (line,) = told
    assert line.startswith(f"{waiter}")
    assert f"for {holder}" in line
    assert "UPDATE goods SET sku = " in line
    assert ("s3cret" in line) is not hidden
    if kind == "postgresql":
        assert "idle in transaction" in line
    assert eventually(
        lambda: of(doctor(empty), "locks"), ["No session waits for another one's lock."]
    )


def eventually(ask: Callable[[], object], wanted: object) -> bool:
    """Whether it comes to that within seconds: MariaDB tells of locks a moment late."""
    for _ in range(20):
        if ask() == wanted:
            return True
        time.sleep(0.2)
    return False


# Dagster


@pytest.mark.parametrize(
    ("spoil", "level", "told"),
    [
        (lambda folder: (folder / "dagster.yaml").write_text("storage: {nonsense: 1}\n"),
         "problem", "cannot be read"),
        (lambda folder: (folder / "dagster.yaml").write_text("a: [\n"),
         "problem", "cannot be read"),
        (lambda folder: _corrupt(folder / "history" / "runs.db"), "problem", "cannot be opened"),
        (lambda folder: (folder / "dagster.yaml").unlink(), "warning", "There is no dagster.yaml"),
    ],
    ids=["settings", "yaml", "storage", "none"],
)  # fmt: skip
def test_what_is_wrong_with_dagsters_home_is_told(shell: Shell, spoil, level, told, monkeypatch):
    monkeypatch.setenv("DAGSTER_HOME", str(shell.folder))
    monkeypatch.setenv("BATCH_OPS_DEFS", str(shell.folder / "defs"))
    spoil(shell.folder)
    before = files(shell.folder)
    found = doctor(shell, 3 if level == "problem" else 0)
    assert told in of(found, "dagster", level)[0]
    assert files(shell.folder) == before


def _corrupt(file: Path) -> None:
    file.parent.mkdir()
    file.write_bytes(b"this is no database" * 100)


# the project itself


def test_wrong_declarations_and_settings_do_not_keep_the_rest_from_being_looked_at(shell: Shell):
    shell.declare("name: a\nfields: {id: integer}\nkye: [id]\n", "a.yaml")
    found = doctor(shell, 3)
    assert of(found, "declarations", "problem") == [
        "1 of 2 files with declarations are wrong. See where: batch-ops check"
    ]
    assert of(found, "connection", "ok") == ["It answers."]
    (shell.folder / "batch_ops.toml").write_text("[nonsense]\n")
    found = doctor(shell, 3)
    assert "There is no section 'nonsense'" in of(found, "project", "problem")[0]
    assert of(found, "dagster")


def test_a_secret_nobody_has_set_is_told(shell: Shell, monkeypatch):
    text = (shell.folder / "defs" / "people.yaml").read_text()
    shell.declare(text.replace("min_age: integer", "min_age: {type: integer, env: LEAST_AGE}"))
    (told,) = of(doctor(shell), "secrets", "warning")
    assert told.endswith("It stands in the variable LEAST_AGE: set it.")
    monkeypatch.setenv("LEAST_AGE", "7")
    assert of(doctor(shell), "secrets") == []


def test_it_stays_on_one_object_of_json_whatever_is_wrong(shell: Shell):
    shell.database.write_bytes(b"no database at all" * 100)
    said = shell("doctor", "--json")
    assert said.code == 3
    assert json.loads(said.out)["problems"] >= 1
    with pytest.raises(sqlite3.DatabaseError):
        shell.tables()
