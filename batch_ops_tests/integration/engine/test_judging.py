"""Rows that surely break a rule of their table are told with one query: what becomes of every row,
and what is said of each that is refused, is what trying them one by one comes to.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import create_engine, make_url

from batch_ops.database import judging as database_judging
from batch_ops.database.wording import plainly
from batch_ops.engine import RunOptions, judging, rejects_of, run
from batch_ops_tests.support import accounts

if TYPE_CHECKING:
    from pathlib import Path

    from batch_ops.engine import Project
    from batch_ops.results import Reject

ROWS = 60
FIELDS = (
    "{id: integer, name: string(8), note: text, age: integer, price: 'decimal(8,2)',"
    " parent: integer, rank: integer}"
)
ITEMS = """
CREATE TABLE items (
  id integer PRIMARY KEY, name varchar(8), note text {collate}, age integer NOT NULL,
  price numeric(8, 2), parent integer REFERENCES parents (id), rank integer UNIQUE,
  CONSTRAINT "of: age" CHECK (age >= 10), CHECK (price < 40 OR age > 1000),
  CHECK (name <> ':id 100%'), CHECK (note <> 'no')
)
"""
CHANGES = {
    "a check": {"age": "id"},
    "a check without a name": {"price": "id"},
    "two checks at once": {"age": "id", "price": "id"},
    "a check of two columns": {"age": "CASE WHEN id % 3 = 0 THEN 2000 ELSE 50 END", "price": "60"},
    "nothing where something must be": {"age": "CASE WHEN id % 3 = 0 THEN NULL ELSE 50 END"},
    "nothing, and a check": {"age": "CASE WHEN id % 3 = 0 THEN NULL ELSE id END"},
    "a foreign key": {"parent": "id"},
    "a foreign key and a check": {"parent": "id", "age": "60 - id"},
    "a check with signs of its own": {"name": "CASE WHEN id % 2 = 0 THEN ':id 100%' ELSE 'x' END"},
    "a text that is too long": {"name": "CASE WHEN id % 2 = 0 THEN ':id 100%..' ELSE 'x' END"},
    "one that is too long, and a check": {
        "name": "CASE WHEN id % 2 = 0 THEN ':id 100%..' ELSE ':id 100%' END"
    },
    "a text compared in its own way": {"note": "CASE WHEN id % 2 = 0 THEN 'NO' ELSE 'no' END"},
    "a number that is too large": {"age": "CASE WHEN id = 30 THEN 3000000000 ELSE id END"},
    "a number of too many digits": {"price": "CASE WHEN id = 30 THEN 12345678 ELSE id END"},
    "a value that is taken": {"rank": "id / 2"},
    "a value that is taken, and a check": {"rank": "id / 2", "age": "id"},
    "all rows": {"age": "0"},
}
TRIGGERS = {
    "postgresql": (
        """CREATE OR REPLACE FUNCTION lift() RETURNS trigger LANGUAGE plpgsql AS
        'BEGIN NEW.age := NEW.age + 30; RETURN NEW; END'""",
        "CREATE TRIGGER lifts BEFORE UPDATE ON items FOR EACH ROW EXECUTE FUNCTION lift()",
    ),
    "sqlite": (
        """CREATE TRIGGER lifts BEFORE UPDATE ON items WHEN NEW.age < 5
        BEGIN SELECT RAISE(IGNORE); END""",
    ),
}
ARRIVALS = (
    """CREATE TABLE arrivals (id integer PRIMARY KEY, name varchar(9), note text, age integer,
    price numeric(8, 2), parent integer, rank integer)""",
    """INSERT INTO arrivals SELECT id + 30, CASE WHEN id % 11 = 0 THEN ':id 100%' ELSE 'x' END,
    'yes', CASE WHEN id % 7 = 0 THEN NULL WHEN id % 5 = 0 THEN 1 ELSE 50 END,
    CASE WHEN id % 6 = 0 THEN 99 ELSE 5 END, CASE WHEN id % 4 = 0 THEN 500 ELSE 1 END,
    CASE WHEN id % 13 = 0 THEN 105 ELSE id + 1000 END FROM items""",
)
Seen = tuple[list[Any], list[tuple[Any, ...]], dict[str, int]]


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    found: str = request.getfixturevalue(f"{request.param}_url")
    monkeypatch.setenv("BATCH_OPS_DATABASE_URL", found)
    return found


def project(folder: Path, url: str, change: dict[str, str] | None) -> Project:
    """One that makes the change, or deletes all rows, in batches of 20."""
    values = ", ".join(f'{name}: {{sql: "{sql}"}}' for name, sql in (change or {}).items())
    work = f"update\n    update_data: {{{values}}}" if change else "delete"
    declared = (
        f"name: items\nkey: [id]\nfields: {FIELDS}\npatterns:\n  - name: batch_operations\n"
        f"    operation: change\n    operation_type: {work}\n"
        "    batch_size: 20\n    max_workers: 1\n"
    )
    return accounts.project(folder, url, declared)


def filled(made: Project, more: tuple[str, ...] = ()) -> None:
    database = made.database()
    collate = "COLLATE NOCASE" if database.dialect.name == "sqlite" else 'COLLATE "C"'
    for table in ("children", "items", "parents", "arrivals"):
        accounts.execute(database, [f"DROP TABLE IF EXISTS {table}"])
    numbers = ", ".join(f"({n})" for n in range(1, 41))
    rows = ", ".join(f"({n}, 'x', 'yes', 50, 1, 1, {n + 100})" for n in range(1, ROWS + 1))
    statements = (
        "CREATE TABLE parents (id integer PRIMARY KEY)",
        f"INSERT INTO parents VALUES {numbers}",
        ITEMS.format(collate=collate),
        f"INSERT INTO items VALUES {rows}",
        *more,
    )
    with database.writing() as connection:
        for statement in statements:
            plainly(connection, statement)


def outcome(made: Project) -> Seen:
    result = run(made, "change", options=RunOptions(again=True))
    assert result.status.finished, result
    rows = accounts.query(made.database(), "SELECT * FROM items ORDER BY id")
    told = [_told(each) for each in rejects_of(made, result.execution_id)]
    return rows, told, result.counts.to_dict()


def _told(each: Reject) -> tuple[Any, ...]:
    return each.key, each.code, each.message, each.column, each.outcome, each.data


def row_by_row(made: Project, monkeypatch: pytest.MonkeyPatch) -> Seen:
    with monkeypatch.context() as context:
        for judge in (judging.RangeJudge, judging.StageJudge):
            context.setattr(judge, "_known", lambda *_: [])
        return outcome(made)


@pytest.mark.parametrize("what", CHANGES)
@pytest.mark.quick("sqlite-two checks at once", "sqlite-a foreign key", "postgresql-nothing, and")
def test_an_update_is_judged_as_the_database_would(
    tmp_path: Path, url: str, what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = project(tmp_path, url, CHANGES[what])
    filled(made)
    wanted = row_by_row(made, monkeypatch)
    filled(made)
    assert outcome(made) == wanted
    assert wanted[1], "some rows are refused"
    made.dispose()


@pytest.mark.parametrize("way", ["update", "skip", "error", "replace"])
@pytest.mark.quick("sqlite-update", "postgresql-error")
def test_staged_rows_are_judged_as_the_database_would(
    tmp_path: Path, url: str, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every second one has a row of its key there; of all that can be wrong with one, and of two
    things at once, some have it.
    """
    made = put(tmp_path, url, way)
    filled(made, ARRIVALS)
    wanted = row_by_row(made, monkeypatch)
    filled(made, ARRIVALS)
    assert outcome(made) == wanted
    assert {code for _, code, *_ in wanted[1]} >= {"23502", "23503", "23514"}
    made.dispose()


def put(folder: Path, url: str, way: str) -> Project:
    """A project that puts rows of another table into `items`."""
    kind = "insert" if way == "error" else f"upsert\n    on_conflict: {way}"
    declared = (
        f"name: items\nkey: [id]\nfields: {FIELDS}\npatterns:\n  - name: batch_operations\n"
        f"    operation: change\n    operation_type: {kind}\n    data_source: table\n"
        "    source_path: arrivals\n    batch_size: 20\n    max_workers: 1\n"
    )
    (folder / "defs").mkdir(parents=True)
    origin = f"name: arrivals\nkey: [id]\nfields: {FIELDS}\n"
    (folder / "defs" / "arrivals.yaml").write_text(origin)
    return accounts.project(folder, url, declared)


@pytest.mark.parametrize("action", ["", "ON DELETE RESTRICT", "ON DELETE CASCADE"])
@pytest.mark.quick("postgresql-ON DELETE RESTRICT")
def test_a_deletion_is_judged_as_the_database_would(
    tmp_path: Path, url: str, action: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    children = (
        f"CREATE TABLE children (id integer, item integer REFERENCES items (id) {action})",
        "INSERT INTO children SELECT id, id FROM items WHERE id % 3 > 0",
    )
    made = project(tmp_path, url, None)
    filled(made, children)
    wanted = row_by_row(made, monkeypatch)
    filled(made, children)
    assert outcome(made) == wanted
    assert len(wanted[1]) == (0 if "CASCADE" in action else 40)
    made.dispose()


def test_where_a_trigger_has_a_word_every_row_is_tried(
    tmp_path: Path, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = project(tmp_path, url, {"age": "id - 20"})
    triggers = TRIGGERS[made.database().dialect.name]
    filled(made, triggers)
    wanted = row_by_row(made, monkeypatch)
    filled(made, triggers)
    assert outcome(made) == wanted
    made.dispose()


@pytest.mark.parametrize("what", ["all rows", "two checks at once", "a foreign key"])
@pytest.mark.quick("sqlite-all rows", "postgresql-two checks")
def test_no_row_that_breaks_a_rule_is_tried_by_itself(
    tmp_path: Path, url: str, what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of many refused rows only one of each kind is tried, in every batch."""
    made = project(tmp_path, url, CHANGES[what])
    filled(made)
    tried: list[int] = []
    dialect = type(made.database().dialect)
    isolated = dialect.isolated

    def seen(self: Any, connection: Any, table: Any, keys: Any, *rest: Any) -> Any:
        tried.append(len(keys))
        return isolated(self, connection, table, keys, *rest)

    monkeypatch.setattr(dialect, "isolated", seen)
    _, told, counts = outcome(made)
    assert sum(tried) + len(told) <= ROWS, (tried, counts)
    made.dispose()


@pytest.mark.parametrize("what", ["a check", "put"])
def test_where_rules_cannot_be_asked_every_row_is_tried(
    tmp_path: Path, url: str, what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The text of a check may not be told as it is."""
    made = put(tmp_path, url, "error") if what == "put" else project(tmp_path, url, CHANGES[what])
    filled(made, ARRIVALS)
    wanted = row_by_row(made, monkeypatch)
    filled(made, ARRIVALS)
    monkeypatch.setattr(database_judging, "_checks", lambda *_: ["NOT (age > )"])
    assert outcome(made) == wanted
    made.dispose()


@pytest.mark.slow
@pytest.mark.parametrize("hides", [True, False])
def test_a_parent_that_we_may_not_see_is_judged_by_its_foreign_key(
    tmp_path: Path, postgresql_url: str, hides: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A policy hides every second parent from us, or no parent may be read: the foreign key, which
    looks with its owner's eyes, sees them all.
    """
    owner = create_engine(make_url(postgresql_url))
    monkeypatch.setenv("BATCH_OPS_DATABASE_URL", postgresql_url)
    filled(project(tmp_path / "owner", postgresql_url, {"parent": "id"}))
    role = f"clerk_{make_url(postgresql_url).database}"
    policy = (
        "ALTER TABLE parents ENABLE ROW LEVEL SECURITY",
        "CREATE POLICY even ON parents USING (id % 2 = 0)",
        f"GRANT SELECT ON parents TO {role}",
    )
    with owner.begin() as connection:
        for statement in (
            f"CREATE ROLE {role} LOGIN",
            f"GRANT ALL ON SCHEMA public TO {role}",
            f"GRANT ALL ON items TO {role}",
            *(policy if hides else ()),
        ):
            plainly(connection, statement)
    clerk = make_url(postgresql_url).set(username=role).render_as_string(hide_password=False)
    monkeypatch.setenv("BATCH_OPS_DATABASE_URL", clerk)
    made = project(tmp_path / "clerk", clerk, {"parent": "id"})
    rows, told, counts = outcome(made)
    assert (counts["updated"], counts["failed"]) == (40, 20)
    assert [row[5] for row in rows] == [*range(1, 41), *[1] * 20]
    assert {code for _, code, *_ in told} == {"23503"}
    made.dispose()
    with owner.begin() as connection:
        plainly(connection, f"DROP OWNED BY {role}")
        plainly(connection, f"DROP ROLE {role}")
    owner.dispose()
