"""The limits: the fastest a person would type with psycopg or sqlite3, without any check."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING, Any

import psycopg

from benchmarks.bulk.figures import LIMIT
from benchmarks.bulk.rows import COLUMNS, texts
from benchmarks.bulk.sides import Side, chunks
from benchmarks.server import libpq

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import pandas as pd

    from benchmarks.bulk.rows import Row

SET = ", ".join(f"{name} = excluded.{name}" for name in COLUMNS[1:])
OURS = ", ".join(f"accounts.{name}" for name in COLUMNS)
GIVEN = ", ".join(f"excluded.{name}" for name in COLUMNS)
CLOSE = "UPDATE accounts SET status = 'closed' WHERE status = 'dormant'"
KEYS = 10_000
"""Of one array."""
REMOVE = "DELETE FROM accounts WHERE status = 'dormant'"


class ByPsycopg(Side):
    """COPY, stages and arrays."""

    name = LIMIT

    def __init__(self, url: str) -> None:
        self.connection = psycopg.connect(libpq(url))

    def close(self) -> None:
        self.connection.close()

    def create(self, given: list[Row]) -> None:
        self._copy("accounts", (tuple(row.values()) for row in given))

    def create_frame(self, given: pd.DataFrame) -> None:
        columns = (given[name].tolist() for name in given)
        self._copy("accounts", zip(*columns, strict=True))

    def update(self, given: list[Row]) -> None:
        self._stage("id integer, balance numeric, status varchar")
        self._copy("given", ((one["key"], *one["data"].values()) for one in given), commit=False)
        self._commit(
            "ANALYZE given",
            "UPDATE accounts SET balance = sorted.balance, status = sorted.status"
            " FROM (SELECT * FROM given ORDER BY id) AS sorted WHERE accounts.id = sorted.id",
        )

    def touch(self, given: Sequence[int]) -> None:
        for keys in chunks(given, KEYS):
            sql = "UPDATE accounts SET status = 'closed' WHERE id = ANY(%s)"
            self.connection.execute(sql, [list(keys)])
        self.connection.commit()

    def touch_records(self, given: list[Row]) -> None:
        self.touch([one["key"] for one in given])

    def update_where(self, given: None) -> None:
        self._commit(CLOSE)

    def delete_where(self, given: None) -> None:
        self._commit(REMOVE)

    def upsert(self, given: list[Row]) -> None:
        self._stage("LIKE accounts")
        self._copy("given", (tuple(row.values()) for row in given), commit=False)
        self._commit(
            "INSERT INTO accounts SELECT * FROM given ORDER BY id ON CONFLICT (id) DO UPDATE"
            f" SET {SET} WHERE ({OURS}) IS DISTINCT FROM ({GIVEN})"
        )

    def delete_cascade(self, given: Sequence[int]) -> None:
        joined = "items.order_id = orders.id AND orders.account_id = ANY(%s)"
        for statement in (
            f"DELETE FROM items USING orders WHERE {joined}",
            "DELETE FROM orders WHERE account_id = ANY(%s)",
            "DELETE FROM accounts WHERE id = ANY(%s)",
        ):
            self.connection.execute(statement, [list(given)])
        self.connection.commit()

    def lookup(self, given: Sequence[int]) -> list[Any]:
        query = "SELECT * FROM accounts WHERE id = ANY(%s)"
        return self.connection.execute(query, [list(given)]).fetchall()

    def _stage(self, columns: str) -> None:
        self.connection.execute(f"CREATE TEMPORARY TABLE given ({columns}) ON COMMIT DROP")

    def _copy(self, table: str, given: Iterable[tuple[Any, ...]], *, commit: bool = True) -> None:
        with self.connection.cursor() as cursor, cursor.copy(f"COPY {table} FROM STDIN") as copy:
            for row in given:
                copy.write_row(row)
        if commit:
            self.connection.commit()

    def _commit(self, *statements: str) -> None:
        for statement in statements:
            self.connection.execute(statement)
        self.connection.commit()


class BySQLite3(Side):
    """executemany in one transaction."""

    name = LIMIT
    INSERT = f"INSERT INTO accounts VALUES ({', '.join('?' * len(COLUMNS))})"
    LISTED = "IN (SELECT value FROM json_each(?))"

    def __init__(self, url: str) -> None:
        self.connection = sqlite3.connect(url.removeprefix("sqlite:///"))
        self.connection.execute("PRAGMA synchronous = NORMAL")

    def close(self) -> None:
        self.connection.close()

    def create(self, given: list[Row]) -> None:
        self._many(self.INSERT, map(texts, given))

    def create_frame(self, given: pd.DataFrame) -> None:
        moments = given["created_at"].dt.strftime("%Y-%m-%d %H:%M:%S.%f")
        columns = (given.assign(created_at=moments)[name].tolist() for name in given)
        self._many(self.INSERT, zip(*columns, strict=True))

    def update(self, given: list[Row]) -> None:
        self._many(
            "UPDATE accounts SET balance = ?, status = ? WHERE id = ?",
            ((str(one["data"]["balance"]), one["data"]["status"], one["key"]) for one in given),
        )

    def touch(self, given: Sequence[int]) -> None:
        sql = f"UPDATE accounts SET status = 'closed' WHERE id {self.LISTED}"
        self._many(sql, [(str(list(given)),)])

    def touch_records(self, given: list[Row]) -> None:
        self.touch([one["key"] for one in given])

    def update_where(self, given: None) -> None:
        self._many(CLOSE, [()])

    def delete_where(self, given: None) -> None:
        self._many(REMOVE, [()])

    def upsert(self, given: list[Row]) -> None:
        rule = f"ON CONFLICT (id) DO UPDATE SET {SET} WHERE ({OURS}) IS NOT ({GIVEN})"
        self._many(f"{self.INSERT} {rule}", map(texts, given))

    def delete_cascade(self, given: Sequence[int]) -> None:
        keys = str(list(given))
        orders = f"SELECT id FROM orders WHERE account_id {self.LISTED}"
        with self.connection as connection:
            connection.execute(f"DELETE FROM items WHERE order_id IN ({orders})", [keys])
            connection.execute(f"DELETE FROM orders WHERE account_id {self.LISTED}", [keys])
            connection.execute(f"DELETE FROM accounts WHERE id {self.LISTED}", [keys])

    def lookup(self, given: Sequence[int]) -> list[Any]:
        query = f"SELECT * FROM accounts WHERE id {self.LISTED}"
        return self.connection.execute(query, [str(list(given))]).fetchall()

    def _many(self, sql: str, given: Iterable[tuple[Any, ...]]) -> None:
        with self.connection as connection:
            connection.executemany(sql, given)
