"""What the screen cannot judge exactly as the database would, the database judges."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from batch_ops.spec.model import CsvSource, Entity, Field, FieldType
from batch_ops_tests.support.loading import database_with, load, opened, rows

if TYPE_CHECKING:
    from pathlib import Path

    from batch_ops_tests.support.loading import Loaded

FIELDS = (
    Field("id", FieldType.INTEGER, nullable=False),
    Field("bo_f0", FieldType.TEXT),
    Field("day", FieldType.DATE),
    Field("seen", FieldType.TIMESTAMP),
)
DAYS = Entity("days", "days", FIELDS, ("id",))
COLUMNS = "id INTEGER NOT NULL PRIMARY KEY, bo_f0 TEXT, day DATE, seen TIMESTAMP"
TABLE = f"CREATE TABLE days ({COLUMNS})"
HEADER = b"id,bo_f0,day,seen\n"


def loaded(url: str, folder: Path, data: bytes, *tables: str, **more: Any) -> Loaded:
    (folder / "in.csv").write_bytes(HEADER + data)
    database = database_with(url, *tables)
    source = opened(database, CsvSource("in.csv"), DAYS, folder=folder, **more)
    try:
        return load(database, source, DAYS)
    finally:
        database.dispose()


@pytest.mark.parametrize(
    "rule",
    [
        "LOWER(bo_f0) = 'a'",
        "bo_f0 > 'A' AND bo_f0 < 'b'",
        "id / 2 < 1",
        "bo_f0 IN (SELECT word FROM allowed)",
    ],
)
def test_a_rule_only_the_database_understands(database_url, tmp_path, rule):
    data = b"1,a,,\n2,c,,\n3,c,,\n"
    allowed = "CREATE TABLE allowed AS SELECT 'a' AS word"
    found = loaded(database_url, tmp_path, data, TABLE, allowed, rules=[rule])
    assert found.created == 1
    assert found.good == 0
    assert {code for code, _ in found.reasons.values()} <= {"rule"}


def test_now_is_one_moment_for_all_rows(database_url, tmp_path):
    data = b"1,a,,2020-01-01 00:00:00\n2,a,,2999-01-01 00:00:00\n 3 ,a,,2999-01-01 00:00:00\n"
    found = loaded(database_url, tmp_path, data, TABLE, rules=["seen < NOW()"])
    assert found.reasons == {2: ("rule", "seen"), 3: ("rule", "seen")}


def test_parameters_of_rules_are_values_and_never_sql(database_url, tmp_path):
    data = b"1,a,,\n2,x' OR 'a' = 'a,,\n"
    found = loaded(
        database_url,
        tmp_path,
        data,
        TABLE,
        rules=["bo_f0 = :word", "id IN (:ids)"],
        parameters={"word": "x' OR 'a' = 'a", "ids": [1, 2]},
    )
    assert found.reasons == {1: ("rule", "bo_f0")}


def test_the_first_in_file_order_wins_also_when_only_the_server_knows_the_keys_are_equal(
    postgresql_url, tmp_path
):
    table = f"{TABLE.removesuffix(')')}, UNIQUE (day))"
    data = b'1,a,"January 5, 2020",\n2,a,2020-01-05,\n3,a,2020-01-06,\n'
    found = loaded(postgresql_url, tmp_path, data, table)
    assert found.reasons == {2: ("23505", "day")}


def test_keys_that_differ_only_for_the_screen(postgresql_url, tmp_path):
    index = "CREATE UNIQUE INDEX folded ON days (lower(bo_f0))"
    lines = b"".join(b"%d,%s,,\n" % (n, (b"a%d", b"A%d")[n % 2] % (n // 2)) for n in range(40))
    found = loaded(postgresql_url, tmp_path, lines, TABLE, index)
    assert found.created == 20
    assert set(found.reasons) == set(range(2, 41, 2))


def test_an_offset_is_not_dropped_where_the_column_has_no_zone(database_url, tmp_path):
    data = b"1,a,,2020-01-01T10:00:00+02:00\n2,a,,2020-01-01T10:00:00Z\n"
    assert loaded(database_url, tmp_path, data, TABLE).created == 2
    database = database_with(database_url)
    found = [str(row[0])[:19] for row in rows(database, "SELECT seen FROM days ORDER BY id")]
    assert found == ["2020-01-01 08:00:00", "2020-01-01 10:00:00"]
    database.dispose()


def test_deferred_constraints_cost_their_own_row_only(postgresql_url, tmp_path):
    parents = "CREATE TABLE parents (code TEXT PRIMARY KEY)"
    foreign = "REFERENCES parents (code) DEFERRABLE INITIALLY DEFERRED"
    table = TABLE.replace("bo_f0 TEXT", f"bo_f0 TEXT {foreign}")
    data = b"1,a,,\n2,zz,,\n3,a,,\n"
    fill = "INSERT INTO parents VALUES ('a')"
    found = loaded(postgresql_url, tmp_path, data, parents, fill, table)
    assert found.reasons == {2: ("23503", "bo_f0")}


def test_checks_and_triggers_of_the_server_cost_their_own_row_only(database_url, tmp_path):
    table = TABLE.replace("bo_f0 TEXT", "bo_f0 TEXT CHECK (bo_f0 <> 'bad')")
    lines = [b"%d,%s,,\n" % (n, b"bad" if n % 3 == 0 else b"good") for n in range(30)]
    found = loaded(database_url, tmp_path, b"".join(lines), table)
    assert found.created == 20
    assert {code for code, _ in found.reasons.values()} == {"23514"}


def test_a_type_the_library_has_no_word_for_is_the_servers_to_judge(postgresql_url, tmp_path):
    kind = "CREATE TYPE mood AS ENUM ('sad', 'ok')"
    table = TABLE.replace("bo_f0 TEXT", "bo_f0 mood")
    (tmp_path / "in.csv").write_bytes(HEADER + b"1,ok,,\n2,angry,,\n3,sad,,\n")
    database = database_with(postgresql_url, kind, table)
    bare = Entity("days", "days", (), ("id",))
    found = load(database, opened(database, CsvSource("in.csv"), bare, folder=tmp_path), bare)
    assert found.reasons == {2: ("22P02", "bo_f0")}
    database.dispose()
