"""A dirty file, loaded in bulk, ends as it would row by row: rows, refused rows, reasons."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from sqlalchemy import make_url

from batch_ops.database.ddl import create_table_sql, ensure_table
from batch_ops.database.values import plain
from batch_ops.spec.model import CsvSource, RowsSource
from batch_ops_tests.support.dirty import NAMES, NULLS, PARENTS, RULES, THINGS, Oracle, dirty_file
from batch_ops_tests.support.loading import database_with, load, opened, rows

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from batch_ops.database import Database
    from batch_ops_tests.support.dirty import Dirty
    from batch_ops_tests.support.postgresql import PostgreSQL

ENTITIES = {"parents": PARENTS, "things": THINGS}


def prepared(url: str) -> Database:
    """A database with the two tables, and two parents."""
    database = database_with(url)
    for entity in ENTITIES.values():
        with database.writing() as connection:
            connection.exec_driver_sql(create_table_sql(database.dialect, entity, ENTITIES))
    with database.writing() as connection:
        connection.exec_driver_sql("INSERT INTO parents VALUES ('AA'), ('BB')")
    return database


def row_by_row(url: str, dirty: Dirty) -> tuple[list[Any], dict[int, tuple[str, str | None]]]:
    """What single INSERTs make of it."""
    database = prepared(url)
    with psycopg.connect(_plain_url(url)) as connection:
        connection.execute("SET timezone = 'UTC'")
        connection.execute("CREATE TEMP TABLE probe (LIKE things)")
        for name in NAMES:
            connection.execute(f"ALTER TABLE probe ALTER {name} DROP NOT NULL")
        found = {row: (code, column) for row, code, column in Oracle(connection, ()).judge(dirty)}
    stored = things(database)
    database.dispose()
    return stored, found


def _plain_url(url: str) -> str:
    return make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)


def things(database: Database) -> list[Any]:
    """The stored rows, in one form for all databases."""
    table = rows(database, f"SELECT {', '.join(NAMES)} FROM things ORDER BY id")
    return [_alike(row) for row in table]


def _alike(row: tuple[Any, ...]) -> tuple[Any, ...]:
    values = dict(zip(NAMES, (plain(value) for value in row), strict=True))
    if values["amount"] is not None:
        values["amount"] = f"{float(values['amount']):.2f}"
    if values["active"] is not None:
        values["active"] = bool(values["active"])
    if values["seen"] is not None:
        seen = str(values["seen"]).replace("T", " ").removesuffix("+00:00")
        values["seen"] = seen if "." in seen else f"{seen}.000000"
    return tuple(values.values())


@pytest.fixture
def oracle_url(postgresql_server: PostgreSQL) -> Iterator[str]:
    name = postgresql_server.create_database()
    yield postgresql_server.url(name)
    postgresql_server.drop_database(name)


@pytest.mark.parametrize("round_", range(4))
@pytest.mark.quick("postgresql-1", "sqlite-0")
def test_dirty_file_in_bulk_equals_row_by_row(
    database_url: str, oracle_url: str, tmp_path: Path, seed: int, round_: int
) -> None:
    number = seed * 100 + round_
    dirty = dirty_file(number, 600)
    stored, reasons = row_by_row(oracle_url, dirty)
    file = tmp_path / "dirty.csv"
    file.write_bytes(dirty.data)

    database = prepared(database_url)
    source = opened(database, CsvSource(str(file), null_values=NULLS), THINGS, rules=RULES)
    sizes = (7, 100, 1000, 50)
    found = load(
        database, source, THINGS, batch_size=sizes[round_], chunk_rows=(90, 1000, 600, 33)[round_]
    )
    assert found.total == len(dirty.records)
    assert found.reasons == reasons
    assert things(database) == stored
    assert found.good > 300, "the screen is meant to find most records good"
    database.dispose()


def test_rows_in_memory_equal_the_same_rows_in_a_file(database_url: str, seed: int) -> None:
    dirty = dirty_file(seed, 300)
    records = [
        {name: None if text in NULLS else text for name, text in zip(NAMES, record, strict=True)}
        for record in dirty.records
        if not isinstance(record, str)
    ]
    database = prepared(database_url)
    source = opened(
        database, RowsSource("items"), THINGS, rules=RULES, parameters={"items": records}
    )
    from_memory = load(database, source, THINGS, batch_size=100)
    stored = things(database)
    assert from_memory.created == len(stored) > 100

    with database.writing() as connection:
        connection.exec_driver_sql("DELETE FROM things")
    one_by_one = load(database, source, THINGS, batch_size=1)
    assert one_by_one.reasons == from_memory.reasons
    assert things(database) == stored
    database.dispose()


def test_the_table_is_as_the_tests_think(database_url: str) -> None:
    database = prepared(database_url)
    table = ensure_table(database, THINGS, ENTITIES)
    assert table.key == ("id",)
    assert table.foreign_keys[0].columns == ("ref",)
    database.dispose()
