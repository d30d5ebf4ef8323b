"""Looking up which records PostgreSQL would refuse for their keys, before COPY meets them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from batch_ops.database.wording import marked

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import psycopg

    from batch_ops.database.dialect import Dialect
    from batch_ops.database.load import Layout, Records
    from batch_ops.database.tables import Column, ForeignKey, Table

UNIQUE, FOREIGN_KEY = "23505", "23503"
PATIENCE = 20
"""Batches without a finding after which nothing is looked up any more."""

Keys = dict[tuple[str, ...], list[int]]


class Lookup:
    """Off until `expect` says that such refusals occur; off again after a quiet time."""

    def __init__(self, dialect: Dialect, table: Table, layout: Layout) -> None:
        self._dialect = dialect
        self._table = table
        self._targets = layout.targets
        self._expected: dict[str, int] = {}
        given = set(layout.targets)
        self._unique = [group for group in table.unique if given.issuperset(group)]
        self._foreign = [key for key in table.foreign_keys if given.issuperset(key.columns)]

    def expect(self, state: str) -> None:
        """From now on, look up what an SQLSTATE is about."""
        self._expected[state] = PATIENCE

    def refused(
        self, cursor: psycopg.Cursor[Any], records: Records, ordinals: Sequence[int]
    ) -> set[int]:
        """The records whose unique key is taken, or whose foreign key finds no row."""
        if not self._expected or not ordinals:
            return set()
        rows = list(records.texts(ordinals))
        found: set[int] = set()
        for state in list(self._expected):
            some = self._of_state(cursor, state, rows, ordinals)
            self._expected[state] = PATIENCE if some else self._expected[state] - 1
            if not self._expected[state]:
                del self._expected[state]
            found |= some
        return found

    def taken(
        self, cursor: psycopg.Cursor[Any], records: Records, ordinals: Sequence[int]
    ) -> set[int]:
        """Those of the records whose unique key is in the table."""
        return self._of_state(cursor, UNIQUE, list(records.texts(ordinals)), ordinals)

    def _of_state(
        self,
        cursor: psycopg.Cursor[Any],
        state: str,
        rows: Sequence[Sequence[str | None]],
        ordinals: Sequence[int],
    ) -> set[int]:
        found: set[int] = set()
        if state == UNIQUE:
            for group in self._unique:
                keys = self._keys(group, rows, ordinals)
                found |= self._matching(cursor, keys, self._taken_sql(group))
        else:
            for key in self._foreign:
                keys = self._keys(key.columns, rows, ordinals)
                found |= self._matching(cursor, keys, self._absent_sql(key))
        return found

    def _keys(
        self,
        columns: Sequence[str],
        rows: Sequence[Sequence[str | None]],
        ordinals: Sequence[int],
    ) -> Keys:
        """The ordinals by key; keys with a NULL are never in conflict."""
        places = [self._targets.index(name) for name in columns]
        keys: Keys = {}
        for ordinal, row in zip(ordinals, rows, strict=True):
            key = [text for place in places if (text := row[place]) is not None]
            if len(key) == len(places):
                keys.setdefault(tuple(key), []).append(ordinal)
        return keys

    def _matching(self, cursor: psycopg.Cursor[Any], keys: Keys, query: str) -> set[int]:
        if not keys:
            return set()
        wanted = list(keys)
        parts: list[list[str]] = [list(part) for part in zip(*wanted, strict=True)]
        found: Iterable[tuple[int]] = cursor.execute(query, parts)
        return {ordinal for (place,) in found for ordinal in keys[wanted[place - 1]]}

    def _taken_sql(self, group: Sequence[str]) -> str:
        """The places of keys that are in the table: one index probe per key."""
        columns = [self._table.column(name) for name in group]
        into = self._dialect.table_sql(self._table.name, self._table.schema)
        where = self._where(group)
        probe = f"LATERAL (SELECT 1 FROM {into} AS t WHERE {where} LIMIT 1) AS p"
        return marked(f"SELECT k.o FROM {self._unnest(columns)}, {probe}", "%s")

    def _absent_sql(self, key: ForeignKey) -> str:
        """The places of keys that no row of the referred table has."""
        columns = [self._table.column(name) for name in key.columns]
        target = self._dialect.table_sql(key.table, key.schema)
        where = self._where(key.target_columns)
        probe = f"LATERAL (SELECT 1 FROM {target} AS t WHERE {where} LIMIT 1) AS p"
        keys = self._unnest(columns)
        query = f"SELECT k.o FROM {keys} LEFT JOIN {probe} ON TRUE WHERE p IS NULL"
        return marked(query, "%s")

    def _where(self, names: Sequence[str]) -> str:
        quoted = [self._dialect.quote(name) for name in names]
        return " AND ".join(f"t.{name} = k.k{place}" for place, name in enumerate(quoted))

    def _unnest(self, columns: Sequence[Column]) -> str:
        arrays = ", ".join(f"CAST(\0::text[] AS {column.cast_type}[])" for column in columns)
        names = ", ".join(f"k{place}" for place in range(len(columns)))
        return f"unnest({arrays}) WITH ORDINALITY AS k({names}, o)"
