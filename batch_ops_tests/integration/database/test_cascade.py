"""Rows go with all that refer to them, by the real foreign keys of the database."""

from __future__ import annotations

from uuid import UUID

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from batch_ops.database.cascade import Cascade
from batch_ops.database.tables import Column, Table
from batch_ops.errors import DatabaseUnfitError
from batch_ops.spec.model import FieldType
from batch_ops_tests.support.cascading import Cascading, as_dict, execute
from batch_ops_tests.support.cascading_graphs import Graph

TREE = (
    "CREATE TABLE parents (id INTEGER PRIMARY KEY)",
    "CREATE TABLE children (id INTEGER PRIMARY KEY, parent_id INTEGER REFERENCES parents (id))",
    (
        "CREATE TABLE toys (id INTEGER PRIMARY KEY, child_id INTEGER"
        " REFERENCES children (id) ON DELETE CASCADE)"
    ),
    (
        "CREATE TABLE parts (id INTEGER PRIMARY KEY, toy_id INTEGER NOT NULL"
        " REFERENCES toys (id) ON DELETE RESTRICT)"
    ),
    "INSERT INTO parents VALUES (1), (2), (3)",
    "INSERT INTO children VALUES (10, 1), (11, 1), (20, 2), (30, NULL)",
    "INSERT INTO toys VALUES (100, 10), (101, 11), (200, 20), (300, 30), (400, NULL)",
    "INSERT INTO parts VALUES (1000, 100), (1001, 100), (2000, 200), (3000, 300)",
)


def test_a_deep_tree_goes_and_what_does_not_hang_on_it_stays(database_url: str):
    family = Cascading(database_url, *TREE)
    gone = family.delete("parents", 1)
    assert gone == {"parts": 2, "toys": 2, "children": 2, "parents": 1}
    assert family.ids("parents") == [2, 3]
    assert family.ids("children") == [20, 30]
    assert family.ids("toys") == [200, 300, 400]
    assert family.ids("parts") == [2000, 3000]


def test_what_goes_is_told_children_first_and_the_target_last(database_url: str):
    gone = Cascading(database_url, *TREE).delete("parents", 1, 2)
    assert list(gone) == ["parts", "toys", "children", "parents"]


def test_only_tables_that_lose_rows_are_told_and_always_the_target(database_url: str):
    family = Cascading(database_url, *TREE)
    assert family.delete("parents", 3) == {"parents": 1}
    assert family.delete("parents", 77) == {"parents": 0}


def test_a_key_that_is_not_there_or_is_given_twice_counts_as_what_it_is(database_url: str):
    family = Cascading(database_url, *TREE)
    gone = family.delete("parents", 1, 77, 1, 1)
    assert gone == {"parts": 2, "toys": 2, "children": 2, "parents": 1}


def test_only_roots_of_the_span_go(database_url: str):
    family = Cascading(database_url, *TREE)
    with family.database.writing() as connection:
        cascade, roots = family.staged(connection, "parents", [3, 2, 1])
        assert as_dict(cascade.plan(connection, roots, (0, 1))) == {"parents": 1}
        gone = cascade.delete(connection, roots, (0, 2))
    assert as_dict(gone) == {"parts": 1, "toys": 1, "children": 1, "parents": 2}
    assert family.ids("parents") == [1]


def test_a_row_reached_by_two_ways_counts_once(database_url: str):
    """A diamond: notes hang on two tables that both hang on people; files hang on notes."""
    people = Cascading(
        database_url,
        "CREATE TABLE people (id INTEGER PRIMARY KEY)",
        "CREATE TABLE orders (id INTEGER PRIMARY KEY, person INTEGER REFERENCES people (id))",
        "CREATE TABLE visits (id INTEGER PRIMARY KEY, person INTEGER REFERENCES people (id))",
        "CREATE TABLE notes (id INTEGER PRIMARY KEY, order_id INTEGER REFERENCES orders (id),"
        " visit INTEGER REFERENCES visits (id))",
        "CREATE TABLE files (id INTEGER PRIMARY KEY, note INTEGER REFERENCES notes (id))",
        "INSERT INTO people VALUES (1), (2)",
        "INSERT INTO orders VALUES (1, 1), (2, 2)",
        "INSERT INTO visits VALUES (1, 1), (2, 2)",
        "INSERT INTO notes VALUES (1, 1, 1), (2, 1, 2), (3, 2, 1), (4, 2, 2), (5, NULL, 1)",
        "INSERT INTO files VALUES (1, 1), (2, 2), (4, 4)",
    )
    gone = people.delete("people", 1)
    assert gone == {"files": 2, "notes": 4, "orders": 1, "visits": 1, "people": 1}
    assert people.ids("notes") == people.ids("files") == [4]


def test_all_foreign_keys_between_the_same_two_tables_count(database_url: str):
    """Of a table with a key, and of one without."""
    columns = "sender INTEGER REFERENCES people (id), reader INTEGER REFERENCES people (id)"
    rows = "VALUES (1, 2), (2, 1), (1, 1), (2, 2), (NULL, 2)"
    people = Cascading(
        database_url,
        "CREATE TABLE people (id INTEGER PRIMARY KEY)",
        f"CREATE TABLE letters (id INTEGER PRIMARY KEY, {columns})",
        f"CREATE TABLE calls ({columns})",
        "INSERT INTO people VALUES (1), (2)",
        "INSERT INTO letters VALUES (1, 1, 2), (2, 2, 1), (3, 1, 1), (4, 2, 2), (5, NULL, 2)",
        f"INSERT INTO calls {rows}",
    )
    assert people.delete("people", 1) == {"calls": 3, "letters": 3, "people": 1}
    assert people.ids("letters") == [4, 5]
    assert len(people.ids("calls", "coalesce(sender, 0)")) == 2


def test_composite_keys_are_matched_column_by_column(database_url: str):
    """The foreign key names them in another order; half a match is none."""
    rooms = Cascading(
        database_url,
        "CREATE TABLE rooms (house INTEGER, number INTEGER, PRIMARY KEY (house, number))",
        "CREATE TABLE beds (number INTEGER, house INTEGER, place INTEGER,"
        " PRIMARY KEY (number, house, place),"
        " FOREIGN KEY (number, house) REFERENCES rooms (number, house))",
        "CREATE TABLE pillows (id INTEGER PRIMARY KEY, p INTEGER, h INTEGER, n INTEGER,"
        " FOREIGN KEY (n, h, p) REFERENCES beds (number, house, place))",
        "INSERT INTO rooms VALUES (1, 2), (2, 1), (1, 1)",
        "INSERT INTO beds VALUES (2, 1, 1), (2, 1, 2), (1, 2, 1), (1, 1, 1)",
        "INSERT INTO pillows VALUES (1, 1, 1, 2), (2, 1, 2, 1), (3, NULL, 1, 2)",
    )
    assert rooms.delete("rooms", (1, 2)) == {"pillows": 1, "beds": 2, "rooms": 1}
    assert rooms.ids("beds", "house") == [1, 2]
    assert rooms.ids("pillows") == [2, 3]


def test_a_foreign_key_may_refer_to_unique_columns_that_are_not_the_key(database_url: str):
    """They may be NULL: such a row goes, too; its children cannot be meant."""
    shop = Cascading(
        database_url,
        "CREATE TABLE shops (id INTEGER PRIMARY KEY, code VARCHAR(9) UNIQUE)",
        "CREATE TABLE goods (id INTEGER PRIMARY KEY, shop INTEGER REFERENCES shops (id),"
        " label VARCHAR(9) UNIQUE)",
        "CREATE TABLE doors (id INTEGER PRIMARY KEY, shop VARCHAR(9) REFERENCES shops (code))",
        "CREATE TABLE sales (id INTEGER PRIMARY KEY, label VARCHAR(9) REFERENCES goods (label))",
        "INSERT INTO shops VALUES (1, 'a'), (2, NULL), (3, 'c')",
        "INSERT INTO goods VALUES (1, 1, 'x'), (2, 2, NULL), (3, 2, 'y'), (4, 3, 'z')",
        "INSERT INTO doors VALUES (1, 'a'), (2, NULL), (3, 'c')",
        "INSERT INTO sales VALUES (1, 'x'), (2, NULL), (3, 'y'), (4, 'z')",
    )
    assert shop.delete("shops", 1, 2) == {"doors": 1, "sales": 2, "goods": 3, "shops": 2}
    assert (shop.ids("doors"), shop.ids("sales"), shop.ids("goods")) == ([2, 3], [2, 4], [4])


def test_keys_may_be_texts_and_uuids(database_url: str):
    kind = "UUID" if database_url.startswith("postgresql") else "CHAR(36)"
    one, two = str(UUID(int=1)), str(UUID(int=2))
    texts = Cascading(
        database_url,
        f"CREATE TABLE topics (name TEXT PRIMARY KEY, id {kind} UNIQUE NOT NULL)",
        f"CREATE TABLE posts (id {kind} PRIMARY KEY, topic TEXT REFERENCES topics (name))",
        f"CREATE TABLE likes (post {kind} REFERENCES posts (id), topic {kind}"
        " REFERENCES topics (id))",
        f"INSERT INTO topics VALUES ('it''s', '{one}'), ('b', '{two}')",
        f"INSERT INTO posts VALUES ('{two}', 'it''s'), ('{one}', 'b')",
        f"INSERT INTO likes VALUES ('{two}', '{two}'), ('{one}', '{one}'), ('{one}', '{two}')",
    )
    assert texts.delete("topics", "it's") == {"likes": 2, "posts": 1, "topics": 1}
    assert texts.ids("posts", "topic") == ["b"]


def test_names_are_taken_as_they_are(database_url: str):
    names = Cascading(
        database_url,
        'CREATE TABLE "Order" ("Id %s" INTEGER PRIMARY KEY)',
        'CREATE TABLE "select :it" ("100% ""x""" INTEGER PRIMARY KEY, "to :id" INTEGER'
        ' REFERENCES "Order" ("Id %s"))',
        'CREATE TABLE "t" ("d" INTEGER, "k0" INTEGER REFERENCES "select :it" ("100% ""x"""))',
        'INSERT INTO "Order" VALUES (1), (2)',
        'INSERT INTO "select :it" VALUES (1, 1), (2, 2)',
        'INSERT INTO "t" VALUES (1, 1), (2, 1), (3, 2)',
    )
    with names.database.writing() as connection:
        execute(connection, 'CREATE TEMPORARY TABLE roots ("Id %s" INTEGER)')
        execute(connection, "INSERT INTO roots VALUES (1)")
        key = Column("Id %s", "INTEGER", FieldType.INTEGER)
        target = Table("Order", None, (key,), ("Id %s",))
        cascade = Cascade.of(connection, names.database.dialect, target)
        gone = cascade.delete(connection, Table("roots", None, (key,), ()))
    assert as_dict(gone) == {"t": 2, "select :it": 1, "Order": 1}


# what the database does itself


def test_rows_whose_reference_is_set_null_or_to_a_default_stay(database_url: str):
    """Nor goes what hangs on them."""
    houses = Cascading(
        database_url,
        "CREATE TABLE houses (id INTEGER PRIMARY KEY)",
        "CREATE TABLE cars (id INTEGER PRIMARY KEY, house INTEGER REFERENCES houses (id)"
        " ON DELETE SET NULL)",
        "CREATE TABLE wheels (id INTEGER PRIMARY KEY, car INTEGER REFERENCES cars (id))",
        "CREATE TABLE trees (id INTEGER PRIMARY KEY, house INTEGER DEFAULT 2"
        " REFERENCES houses (id) ON DELETE SET DEFAULT)",
        "CREATE TABLE rooms (id INTEGER PRIMARY KEY, house INTEGER REFERENCES houses (id))",
        "INSERT INTO houses VALUES (1), (2)",
        "INSERT INTO cars VALUES (1, 1)",
        "INSERT INTO wheels VALUES (1, 1)",
        "INSERT INTO trees VALUES (1, 1)",
        "INSERT INTO rooms VALUES (1, 1)",
    )
    assert houses.delete("houses", 1) == {"rooms": 1, "houses": 1}
    with houses.database.reading() as connection:
        found = houses.tables(connection)
    assert (found["cars"], found["wheels"], found["trees"]) == ([(1, None)], [(1, 1)], [(1, 2)])


# rows of the same table, cycles

ACTIONS = pytest.mark.parametrize("action", ["NO ACTION", "RESTRICT", "CASCADE"])


def _staff(url: str, action: str) -> Cascading:
    return Cascading(
        url,
        "CREATE TABLE staff (id INTEGER PRIMARY KEY, boss INTEGER NOT NULL"
        f" REFERENCES staff (id) ON DELETE {action})",
        "CREATE TABLE desks (id INTEGER PRIMARY KEY, owner INTEGER REFERENCES staff (id))",
        "INSERT INTO staff VALUES (1, 1)",
        "INSERT INTO staff VALUES (2, 1), (3, 2), (4, 3), (5, 4), (6, 1), (7, 6)",
        "INSERT INTO desks VALUES (1, 1), (4, 4), (5, 5), (6, 6)",
    )


@ACTIONS
def test_rows_of_the_target_that_refer_to_roots_go_and_are_told_apart(
    database_url: str, action: str
):
    staff = _staff(database_url, action)
    assert staff.delete("staff", 3, 99) == {"desks": 2, "staff+": 2, "staff": 1}
    assert staff.ids("staff") == [1, 2, 6, 7]


@ACTIONS
def test_roots_that_refer_to_each_other_were_all_asked_for(database_url: str, action: str):
    staff = _staff(database_url, action)
    assert staff.delete("staff", 5, 3, 2) == {"desks": 2, "staff+": 1, "staff": 3}
    assert staff.delete("staff", 1) == {"desks": 2, "staff+": 2, "staff": 1}


def _cycle(url: str, action: str) -> Cascading:
    later = "DEFERRABLE INITIALLY DEFERRED" if action != "RESTRICT" else ""
    ab = "CREATE TABLE a (id INTEGER PRIMARY KEY, b INTEGER {0})"
    constraint = f"REFERENCES {{0}} (id) ON DELETE {action} {later}"
    if url.startswith("postgresql"):
        foreign = f"ALTER TABLE a ADD FOREIGN KEY (b) {constraint.format('b')}"
        first = (ab.format(""), "SELECT 1", foreign)
    else:
        first = (ab.format(constraint.format("b")), "SELECT 1", "SELECT 1")
    return Cascading(
        url,
        "CREATE TABLE roots (id INTEGER PRIMARY KEY)",
        first[0],
        f"CREATE TABLE b (id INTEGER PRIMARY KEY, a INTEGER {constraint.format('a')},"
        " root INTEGER REFERENCES roots (id))",
        *first[1:],
        "CREATE TABLE c (id INTEGER PRIMARY KEY, a INTEGER REFERENCES a (id))",
        "INSERT INTO roots VALUES (1), (2)",
        "INSERT INTO a VALUES (1, NULL), (2, NULL), (3, NULL), (4, NULL)",
        "INSERT INTO b VALUES (1, 1, 1), (2, 2, NULL), (3, NULL, 2), (4, 3, NULL)",
        "UPDATE a SET b = 1 WHERE id = 2",
        "UPDATE a SET b = 2 WHERE id = 1",
        "UPDATE a SET b = 3 WHERE id = 4",
        "INSERT INTO c VALUES (1, 1), (2, 2), (3, 3), (4, 4), (5, 4)",
    )


@ACTIONS
def test_a_cycle_of_tables_goes_from_a_table_outside_of_it(database_url: str, action: str):
    cycle = _cycle(database_url, action)
    assert cycle.delete("roots", 1) == {"c": 2, "a": 2, "b": 2, "roots": 1}
    assert (cycle.ids("a"), cycle.ids("b"), cycle.ids("c")) == ([3, 4], [3, 4], [3, 4, 5])


@ACTIONS
def test_a_cycle_of_tables_goes_from_one_of_them(database_url: str, action: str):
    cycle = _cycle(database_url, action)
    assert cycle.delete("a", 1) == {"c": 2, "b": 2, "a+": 1, "a": 1}
    assert cycle.ids("a") == [3, 4]


def test_a_chain_of_a_thousand_rows_goes(database_url: str):
    values = ", ".join(f"({n}, {n - 1})" for n in range(2, 1001))
    chain = Cascading(
        database_url,
        "CREATE TABLE links (id INTEGER PRIMARY KEY, before INTEGER REFERENCES links (id))",
        f"INSERT INTO links VALUES (1, NULL), {values}",
    )
    assert chain.delete("links", 501) == {"links+": 499, "links": 1}


# transactions


def test_the_transaction_stays_the_callers_and_can_hold_several_cascades(database_url: str):
    family = Cascading(database_url, *TREE)
    with family.database.writing() as connection:
        for key in (1, 2):
            cascade, roots = family.staged(connection, "parents", [key])
            cascade.plan(connection, roots)
            cascade.delete(connection, roots)
            assert as_dict(cascade.delete(connection, roots)) == {"parents": 0}
        assert connection.in_transaction()
        connection.rollback()
    assert family.ids("parents") == [1, 2, 3]
    assert len(family.ids("parts")) == 4


def test_what_was_deleted_in_a_savepoint_comes_back_with_it(database_url: str):
    family = Cascading(database_url, *TREE)
    with family.database.writing() as connection:
        cascade, roots = family.staged(connection, "parents", [1])
        inner = connection.begin_nested()
        cascade.delete(connection, roots)
        inner.rollback()
        assert as_dict(cascade.delete(connection, roots))["parts"] == 2
    assert family.ids("parents") == [2, 3]


def test_no_temporary_table_is_left(database_url: str):
    query = (
        "SELECT count(*) FROM pg_class WHERE relname LIKE 'batch_ops_doomed%'"
        if database_url.startswith("postgresql")
        else "SELECT count(*) FROM sqlite_temp_master WHERE name LIKE 'batch_ops_doomed%'"
    )
    staff = _staff(database_url, "NO ACTION")
    with staff.database.writing() as connection:
        cascade, roots = staff.staged(connection, "staff", [3])
        cascade.plan(connection, roots)
        cascade.delete(connection, roots)
        assert connection.scalar(sa.text(query)) == 0


def test_after_a_refusal_nothing_has_gone_and_the_transaction_goes_on(database_url: str):
    """The children were deleted already when a trigger refused the parents."""
    family = Cascading(database_url, *TREE, *_refusing_trigger(database_url))
    with family.database.writing() as connection:
        cascade, roots = family.staged(connection, "parents", [1, 2])
        with pytest.raises(DBAPIError, match="not that one"):
            cascade.delete(connection, roots)
        assert connection.scalar(sa.text("SELECT count(*) FROM parts")) == 4
        cascade, roots = family.staged(connection, "parents", [1])
        cascade.delete(connection, roots)
    assert family.ids("parents") == [2, 3]


def _refusing_trigger(url: str) -> tuple[str, ...]:
    if url.startswith("sqlite"):
        return (
            (
                "CREATE TRIGGER refuse BEFORE DELETE ON parents WHEN old.id = 2"
                " BEGIN SELECT raise(ABORT, 'not that one'); END"
            ),
        )
    return (
        (
            "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS"
            " $$ BEGIN RAISE check_violation USING MESSAGE = 'not that one'; END $$"
        ),
        (
            "CREATE TRIGGER refuse BEFORE DELETE ON parents FOR EACH ROW WHEN (old.id = 2)"
            " EXECUTE FUNCTION refuse()"
        ),
    )


# one kind of database


def test_tables_of_other_schemas_are_followed(postgresql_url: str):
    """The same name may stand for several tables; told is what is not found without a schema."""
    schemas = Cascading(
        postgresql_url,
        "CREATE SCHEMA one",
        'CREATE SCHEMA "Two"',
        "CREATE TABLE things (id INTEGER PRIMARY KEY)",
        "CREATE TABLE one.things (id INTEGER PRIMARY KEY, up INTEGER REFERENCES public.things)",
        'CREATE TABLE "Two".things (id INTEGER PRIMARY KEY, up INTEGER REFERENCES one.things)',
        'CREATE TABLE ends (id INTEGER PRIMARY KEY, up INTEGER REFERENCES "Two".things)',
        "INSERT INTO things VALUES (1), (2)",
        "INSERT INTO one.things VALUES (1, 2), (2, 1), (3, 1)",
        'INSERT INTO "Two".things VALUES (1, 1), (2, 2)',
        "INSERT INTO ends VALUES (1, 1), (2, 2)",
    )
    gone = schemas.delete("things", 2, schema="one")
    assert gone == {"ends": 1, "Two.things": 1, "one.things": 1}
    gone = schemas.delete("things", 1, 2)
    assert gone == {"ends": 1, "Two.things": 1, "one.things": 2, "things": 2}


def test_partitions_go_with_their_table(postgresql_url: str):
    parts = Cascading(
        postgresql_url,
        "CREATE TABLE days (id INTEGER PRIMARY KEY) PARTITION BY RANGE (id)",
        "CREATE TABLE days_1 PARTITION OF days FOR VALUES FROM (0) TO (10)",
        "CREATE TABLE days_2 PARTITION OF days FOR VALUES FROM (10) TO (20)",
        "CREATE TABLE hours (id INTEGER, day INTEGER REFERENCES days, up INTEGER,"
        " PRIMARY KEY (id), FOREIGN KEY (up) REFERENCES hours (id)) PARTITION BY RANGE (id)",
        "CREATE TABLE hours_1 PARTITION OF hours FOR VALUES FROM (0) TO (10)",
        "CREATE TABLE hours_2 PARTITION OF hours FOR VALUES FROM (10) TO (20)",
        "INSERT INTO days VALUES (1), (11)",
        "INSERT INTO hours VALUES (1, 1, NULL), (2, 11, NULL), (11, NULL, 1), (12, 1, 2)",
    )
    assert parts.delete("days_1", 1) == {"hours": 3, "days_1": 1}
    assert parts.delete("days", 11) == {"hours": 1, "days": 1}


def test_rows_that_cannot_be_told_apart_are_refused(postgresql_url: str):
    """It is said which table wants a key, before anything is deleted."""
    tables = (
        "CREATE TABLE heads (id INTEGER PRIMARY KEY)",
        "CREATE TABLE middles (code INTEGER UNIQUE{}, head INTEGER REFERENCES heads (id))",
        "CREATE TABLE ends (code INTEGER REFERENCES middles (code))",
        "INSERT INTO heads VALUES (1)",
        "INSERT INTO middles VALUES (5, 1)",
        "INSERT INTO ends VALUES (5)",
    )
    loose = Cascading(postgresql_url, *[table.format("") for table in tables])
    with pytest.raises(DatabaseUnfitError, match="Give middles a primary key"):
        loose.delete("heads", 1)
    loose.execute("ALTER TABLE middles ALTER COLUMN code SET NOT NULL")
    assert loose.delete("heads", 1) == {"ends": 1, "middles": 1, "heads": 1}


def test_sqlite_compares_names_without_case(sqlite_url: str):
    mixed = Cascading(
        sqlite_url,
        "CREATE TABLE Heads (Id INTEGER PRIMARY KEY)",
        "CREATE TABLE ENDS (id INTEGER PRIMARY KEY, head INTEGER REFERENCES HEADS)",
        "CREATE TABLE tips (id INTEGER PRIMARY KEY, e INTEGER REFERENCES ends (ID))",
        "INSERT INTO heads VALUES (1)",
        "INSERT INTO ends VALUES (5, 1)",
        "INSERT INTO tips VALUES (5, 5)",
    )
    assert mixed.delete("Heads", 1) == {"tips": 1, "ENDS": 1, "Heads": 1}


def test_sqlite_compares_values_as_the_parent_does(sqlite_url: str):
    texts = Cascading(
        sqlite_url,
        "CREATE TABLE topics (name TEXT COLLATE NOCASE PRIMARY KEY)",
        "CREATE TABLE posts (name TEXT PRIMARY KEY REFERENCES topics (name)) WITHOUT ROWID",
        "CREATE TABLE likes (name TEXT REFERENCES posts (name), rowid INTEGER)",
        "INSERT INTO topics VALUES ('Abc'), ('x')",
        "INSERT INTO posts VALUES ('aBC'), ('abc'), ('x')",
        "INSERT INTO likes VALUES ('abc', 1), ('x', 1), ('abc', 1)",
    )
    assert texts.delete("topics", "Abc") == {"likes": 2, "posts": 2, "topics": 1}


def test_sqlite_compares_with_a_key_that_is_the_table_as_the_key_does(sqlite_url: str):
    texts = Cascading(
        sqlite_url,
        "CREATE TABLE topics (name TEXT COLLATE NOCASE PRIMARY KEY) WITHOUT ROWID",
        "CREATE TABLE posts (id INTEGER PRIMARY KEY, name TEXT REFERENCES topics (name))",
        "INSERT INTO topics VALUES ('Abc'), ('x')",
        "INSERT INTO posts VALUES (1, 'aBC'), (2, 'abc'), (3, 'x')",
    )
    assert texts.delete("topics", "Abc") == {"posts": 2, "topics": 1}


def test_sqlite_deletes_rows_whose_key_is_null_and_of_tables_without_one(sqlite_url: str):
    loose = Cascading(
        sqlite_url,
        "CREATE TABLE heads (id INTEGER PRIMARY KEY)",
        "CREATE TABLE middles (id TEXT PRIMARY KEY, head INTEGER REFERENCES heads, code UNIQUE)",
        "CREATE TABLE ends (code REFERENCES middles (code), up UNIQUE REFERENCES ends (up))",
        "INSERT INTO heads VALUES (1), (2)",
        "INSERT INTO middles VALUES (NULL, 1, 5), (NULL, 2, 6), (NULL, 1, NULL)",
        "INSERT INTO ends VALUES (5, 1), (6, 2), (NULL, NULL)",
    )
    assert loose.delete("heads", 1) == {"ends": 1, "middles": 2, "heads": 1}


def test_sqlite_judges_foreign_keys_at_once_again_after_a_cycle(sqlite_url: str):
    staff = _staff(sqlite_url, "NO ACTION")
    with staff.database.writing() as connection:
        cascade, roots = staff.staged(connection, "staff", [3])
        cascade.delete(connection, roots)
        with pytest.raises(DBAPIError, match="FOREIGN KEY"):
            execute(connection, "INSERT INTO desks VALUES (99, 99)")


# MySQL and MariaDB


def test_a_tree_goes_on_mariadb(mariadb_url: str):
    family = Cascading(mariadb_url, *[_plain_references(statement) for statement in TREE])
    assert family.delete("parents", 1) == {"parts": 2, "toys": 2, "children": 2, "parents": 1}
    assert family.ids("parts") == [2000, 3000]


def _plain_references(statement: str) -> str:
    """MySQL reads past REFERENCES that stand with a column."""
    column, found, parent = statement.partition(" REFERENCES ")
    if not found:
        return statement
    name = column.rsplit(", ", 1)[1].split()[0]
    return f"{column}, FOREIGN KEY ({name}) REFERENCES {parent}"


@pytest.mark.parametrize("null", ["NULL", "NOT NULL"])
def test_rows_that_refer_to_rows_of_their_table_go_on_mariadb(mariadb_url: str, null: str):
    """By NULL where the column takes it, else from their ends."""
    first = "NULL" if null == "NULL" else "1"
    staff = Cascading(
        mariadb_url,
        f"CREATE TABLE staff (id INTEGER PRIMARY KEY, boss INTEGER {null},"
        " FOREIGN KEY (boss) REFERENCES staff (id))",
        f"INSERT INTO staff VALUES (1, {first}), (2, 1), (3, 2), (4, 3), (5, 4), (6, 1)",
    )
    assert staff.delete("staff", 5, 3, 99) == {"staff+": 1, "staff": 2}
    assert staff.ids("staff") == [1, 2, 6]


def test_a_cycle_of_tables_is_opened_by_null_on_mariadb(mariadb_url: str):
    cycle = Cascading(
        mariadb_url,
        "CREATE TABLE a (id INTEGER PRIMARY KEY, b INTEGER)",
        "CREATE TABLE b (id INTEGER PRIMARY KEY, a INTEGER NOT NULL,"
        " FOREIGN KEY (a) REFERENCES a (id))",
        "INSERT INTO a VALUES (1, 1), (2, 2), (3, NULL)",
        "INSERT INTO b VALUES (1, 2), (2, 1), (3, 3)",
        "ALTER TABLE a ADD FOREIGN KEY (b) REFERENCES b (id)",
    )
    assert cycle.delete("a", 1) == {"b": 2, "a+": 1, "a": 1}
    assert (cycle.ids("a"), cycle.ids("b")) == ([3], [3])


def test_a_circle_of_rows_that_cannot_be_opened_is_refused_on_mariadb(mariadb_url: str):
    """Nothing has gone; the message names the tables and the columns that could take NULL."""
    cycle = Cascading(
        mariadb_url,
        "CREATE TABLE a (id INTEGER PRIMARY KEY, b INTEGER NOT NULL)",
        "CREATE TABLE b (id INTEGER PRIMARY KEY, a INTEGER NOT NULL,"
        " FOREIGN KEY (a) REFERENCES a (id))",
        "CREATE TABLE c (id INTEGER PRIMARY KEY, a INTEGER, FOREIGN KEY (a) REFERENCES a (id))",
        "INSERT INTO a VALUES (1, 1), (2, 2)",
        "INSERT INTO b VALUES (1, 2), (2, 1)",
        "INSERT INTO c VALUES (1, 1)",
        "ALTER TABLE a ADD FOREIGN KEY (b) REFERENCES b (id)",
    )
    with cycle.database.writing() as connection:
        cascade, roots = cycle.staged(connection, "a", [1])
        with pytest.raises(DatabaseUnfitError, match=r"Rows of b, a refer to each other") as told:
            cascade.delete(connection, roots)
        assert "take NULL, then repeat it: a (b); b (a)." in told.value.todo
        assert as_dict(cascade.plan(connection, roots)) == {"c": 1, "b": 2, "a+": 1, "a": 1}
    assert cycle.ids("c") == [1]


# any tables, any rows


def _made(url: str, graph: Graph) -> Cascading:
    inline = url.startswith("sqlite")
    made = Cascading(url)
    deferred = ["PRAGMA defer_foreign_keys = ON"] if inline else []
    later = [] if inline else graph.foreign_keys()
    made.execute(*deferred, *graph.tables(with_keys=inline), *graph.inserts(), *later)
    return made


def _check(made: Cascading, graph: Graph) -> None:
    """What has gone is what plain reasoning says, and is counted so."""
    roots = graph.roots()
    gone, doomed = made.delete("t0", *roots), graph.doomed(roots)
    assert {name: made.ids(name) for name in graph.rows} == graph.left(roots)
    assert gone.pop("t0") == len(roots) - 1
    told = {name: sum(table == name for table, _ in doomed) for name in graph.rows}
    told["t0+"] = told.pop("t0") - len(roots) + 1
    assert gone == {name: rows for name, rows in told.items() if rows}


@pytest.mark.parametrize("seed", range(60))
def test_what_goes_is_the_closure_of_any_references(sqlite_url: str, seed: int):
    graph = Graph(seed)
    made = _made(sqlite_url, graph)
    _check(made, graph)
    with made.database.reading() as connection:
        assert connection.execute(sa.text("PRAGMA foreign_key_check")).all() == []


@pytest.mark.parametrize("seed", range(60, 70))
def test_sqlite_deletes_the_same_where_foreign_keys_are_off(sqlite_url: str, seed: int):
    graph = Graph(seed)
    made = _made(sqlite_url, graph)
    made.database.dispose()
    sa.event.listen(
        made.database.engine, "connect", lambda driver, _: driver.execute("PRAGMA foreign_keys=OFF")
    )
    _check(made, graph)


@pytest.mark.parametrize("seed", range(100, 112))
def test_what_goes_is_the_closure_on_postgresql(postgresql_url: str, seed: int):
    graph = Graph(seed)
    _check(_made(postgresql_url, graph), graph)


@pytest.mark.parametrize("seed", range(100, 112))
def test_what_goes_is_the_closure_on_mariadb(mariadb_url: str, seed: int):
    graph = Graph(seed)
    _check(_made(mariadb_url, graph), graph)
