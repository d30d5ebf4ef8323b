"""Rows that surely break a rule of their table are told with one query: what becomes of every row,
and what is said of each that is refused, is what trying them one by one comes to.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import create_engine, make_url

from batch_ops.database import judging as database_judging
from batch_ops.database import reflect
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
  CHECK (name <> ':id 100%'), CHECK (note <> 'no'), CHECK (note = 'yes' OR note = 'no')
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
    "texts that are equal in their own way": {
        "note": "CASE WHEN id % 20 = 1 THEN 'maybe' ELSE 'YES' END"
    },
    "a number that is too large": {"age": "CASE WHEN id = 30 THEN 3000000000 ELSE id END"},
    "a number of too many digits": {"price": "CASE WHEN id = 30 THEN 12345678 ELSE id END"},
    "a value that is taken": {"rank": "id / 2"},
    "a value that is taken, and a check": {"rank": "id / 2", "age": "id"},
    "all rows": {"age": "0"},
}
TRIGGERS = {
    "postgresql": (
        """CREATE OR REPLACE FUNCTION lift() RETURNS trigger LANGUAGE plpgsql AS
        'BEGIN IF NEW.id % 2 = 0 THEN NEW.age := NEW.age + 100; END IF; RETURN NEW; END'""",
        "CREATE TRIGGER lifts BEFORE UPDATE ON items FOR EACH ROW EXECUTE FUNCTION lift()",
    ),
    "sqlite": (
        """CREATE TRIGGER lifts BEFORE UPDATE ON items WHEN NEW.id % 2 = 0
        BEGIN SELECT RAISE(IGNORE); END""",
    ),
}
ARRIVALS = (
    """CREATE TABLE arrivals (id integer PRIMARY KEY, name varchar(9), note text, age integer,
    price numeric(8, 2), parent integer, rank integer)""",
    """INSERT INTO arrivals SELECT id - 30, CASE WHEN id % 11 = 0 THEN ':id 100%' ELSE 'x' END,
    CASE WHEN id % 20 = 1 THEN 'maybe' WHEN id % 3 = 0 THEN 'YES' ELSE 'yes' END,
    CASE WHEN id % 7 = 0 THEN NULL WHEN id % 5 = 0 THEN 1 ELSE 50 END,
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


def filled(made: Project, more: tuple[str, ...] = (), *, own_way: bool = False) -> None:
    """own_way: a text column is compared in another way than its type says (SQLite)."""
    database = made.database()
    collate = 'COLLATE "C"'
    if database.dialect.name == "sqlite":
        collate = "COLLATE NOCASE" if own_way else ""
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
    made, own_way = project(tmp_path, url, CHANGES[what]), "own way" in what
    filled(made, own_way=own_way)
    wanted = row_by_row(made, monkeypatch)
    filled(made, own_way=own_way)
    assert outcome(made) == wanted
    assert wanted[1], "some rows are refused"
    made.dispose()


@pytest.mark.parametrize("own_way", [False, True])
@pytest.mark.parametrize("way", ["update", "skip", "error", "replace"])
@pytest.mark.quick("sqlite-update", "postgresql-error")
def test_staged_rows_are_judged_as_the_database_would(
    tmp_path: Path, url: str, way: str, own_way: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those behind the first half have a row of their key there; of all that can be wrong with one,
    and of two things at once, some have it.
    """
    made = put(tmp_path, url, way)
    filled(made, ARRIVALS, own_way=own_way)
    wanted = row_by_row(made, monkeypatch)
    filled(made, ARRIVALS, own_way=own_way)
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
    """Of rows that break the same check it mends every second one, or leaves it out."""
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
@pytest.mark.quick("sqlite-a check", "postgresql-put")
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
    # the first row of each batch has no parent, indeed
    change = {"parent": "CASE WHEN id % 20 = 1 THEN 1000 ELSE id % 40 + 1 END"}
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
    made = project(tmp_path / "clerk", clerk, change)
    rows, told, counts = outcome(made)
    assert (counts["updated"], counts["failed"]) == (57, 3)
    assert [row[5] for row in rows] == [1 if n % 20 == 1 else n % 40 + 1 for n in range(1, 61)]
    assert {code for _, code, *_ in told} == {"23503"}
    made.dispose()
    with owner.begin() as connection:
        plainly(connection, f"DROP OWNED BY {role}")
        plainly(connection, f"DROP ROLE {role}")
    owner.dispose()


TAKES_CHILDREN = {
    "postgresql": (
        """CREATE OR REPLACE FUNCTION take() RETURNS trigger LANGUAGE plpgsql AS
        'BEGIN IF OLD.id % 2 = 0 THEN DELETE FROM children WHERE item = OLD.id; END IF;
        RETURN OLD; END'""",
        "CREATE TRIGGER takes BEFORE DELETE ON items FOR EACH ROW EXECUTE FUNCTION take()",
    ),
    "sqlite": (
        """CREATE TRIGGER takes BEFORE DELETE ON items WHEN OLD.id % 2 = 0
        BEGIN DELETE FROM children WHERE item = OLD.id; END""",
    ),
}


def test_a_row_whose_children_a_trigger_takes_is_deleted(tmp_path: Path, url: str) -> None:
    """Its neighbour, which is referred to as well, is not."""
    made = project(tmp_path, url, None)
    children = (
        "CREATE TABLE children (id integer, item integer REFERENCES items (id))",
        "INSERT INTO children SELECT id, id FROM items",
    )
    filled(made, (*children, *TAKES_CHILDREN[made.database().dialect.name]))
    rows, _, counts = outcome(made)
    assert (counts["deleted"], counts["failed"]) == (30, 30)
    assert [row[0] for row in rows] == [*range(1, 61, 2)]
    made.dispose()


def test_more_rules_than_a_number_has_bits(
    tmp_path: Path, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rows that break the last of seventy checks, and every second one the first, too."""
    made = project(tmp_path, url, {"age": "7", "price": "CASE WHEN id % 2 = 0 THEN 1 ELSE 2 END"})
    between = ", ".join(f"CONSTRAINT c{n} CHECK (age <> -{n})" for n in range(10, 80))
    table = (
        "CREATE TABLE items (id integer PRIMARY KEY, name varchar(8), note text, age integer,"
        " price numeric(8, 2), parent integer, rank integer, CONSTRAINT c01 CHECK (price <> 1),"
        f" {between}, CONSTRAINT c99 CHECK (age <> 7))"
    )
    again = (
        "DROP TABLE items",
        table,
        "INSERT INTO items (id, age) SELECT id + 60, 50 FROM parents",
    )
    filled(made, again)
    wanted = row_by_row(made, monkeypatch)
    filled(made, again)
    assert outcome(made) == wanted
    assert {message.count("c99") for _, _, message, *_ in wanted[1]} == {0, 1}
    made.dispose()


@pytest.mark.slow
def test_what_the_database_computes_is_not_taken_for_what_it_will_compute(
    tmp_path: Path, postgresql_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rows break a check as they are; changed, most of them keep it."""
    monkeypatch.setenv("BATCH_OPS_DATABASE_URL", postgresql_url)
    made = project(tmp_path, postgresql_url, {"age": "CASE WHEN id % 20 = 1 THEN 60 ELSE 20 END"})
    doubled = "ALTER TABLE items ADD twice integer GENERATED ALWAYS AS (age * 2) STORED"
    check = "ALTER TABLE items ADD CONSTRAINT small CHECK (twice < 100) NOT VALID"
    filled(made, (doubled, check))
    _, _, counts = outcome(made)
    assert (counts["updated"], counts["failed"]) == (57, 3)
    made.dispose()


def test_of_columns_that_are_not_staged_nothing_is_asked(tmp_path: Path, url: str) -> None:
    made = put(tmp_path, url, "error")
    filled(made)
    database = made.database()
    with database.reading() as connection:
        table = reflect.reflect(connection, made.catalog.entity("items"))
        assert table is not None
        rules = database_judging.rules_of_rows(database.dialect, connection, table, ["id", "age"])
    assert any("age >= 10" in rule for rule in rules)
    assert not any(name in rule for rule in rules for name in ("price", "note", "parent"))
    made.dispose()
