"""Judging many records at once by PostgreSQL's own constraints, where that is surely what an
INSERT would say: checks, keys that are taken, foreign keys without a parent.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from batch_ops.database.faults import CHECK, FOREIGN_KEY, UNIQUE
from batch_ops.database.wording import marked

if TYPE_CHECKING:
    from collections.abc import Sequence

    import psycopg

    from batch_ops.database.dialect import Dialect
    from batch_ops.database.load import Layout, Records
    from batch_ops.database.tables import Table

_CONSTRAINTS = """
SELECT c.conname, c.contype, pg_get_expr(c.conbin, c.conrelid),
       ARRAY(SELECT a.attname FROM unnest(c.conkey) WITH ORDINALITY AS k(n, o)
             JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = k.n ORDER BY k.o),
       c.confrelid::regclass::text,
       ARRAY(SELECT quote_ident(a.attname) FROM unnest(c.confkey) WITH ORDINALITY AS k(n, o)
             JOIN pg_attribute a ON a.attrelid = c.confrelid AND a.attnum = k.n ORDER BY k.o),
       c.confrelid = c.conrelid
FROM pg_constraint c WHERE c.conrelid = to_regclass(%s) AND c.contype IN ('c', 'u', 'p', 'f')
ORDER BY array_position(ARRAY['c', 'p', 'u', 'f'], c.contype::text), c.conindid, c.conname
"""
OWN_WAY = """
SELECT EXISTS (SELECT 1 FROM pg_trigger t WHERE t.tgrelid = r.oid AND NOT t.tgisinternal)
       OR r.relkind <> 'r' OR r.relrowsecurity OR r.relhasrules
FROM pg_class r WHERE r.oid = to_regclass(%s)
"""
Refused = dict[int, tuple[str, str, "str | None"]]
"""By ordinal: SQLSTATE, message, column."""


@dataclass(frozen=True)
class _Rule:
    """A constraint: which columns it reads, and which of the rows `k` break it."""

    code: str
    message: str
    columns: tuple[str, ...]
    broken: str

    @property
    def blamed(self) -> str | None:
        """The column that is to blame; of a check only where it reads just one."""
        return self.columns[0] if self.code != CHECK or len(self.columns) == 1 else None


class Judge:
    """The constraints of one table. Says nothing where triggers or rules have a word, too."""

    def __init__(self, dialect: Dialect, table: Table, layout: Layout) -> None:
        self._dialect, self._table = dialect, table
        self._targets = layout.targets
        self._rules: list[_Rule] | None = None

    def refused(
        self, cursor: psycopg.Cursor[Any], records: Records, ordinals: Sequence[int]
    ) -> Refused:
        """Those of the records that an INSERT would refuse now, by the first reason it has."""
        return self._judged(cursor, records, ordinals, self._known(cursor))

    def broken(
        self, cursor: psycopg.Cursor[Any], records: Records, ordinals: Sequence[int]
    ) -> Refused:
        """Those of the records that break a check, which is what an INSERT looks at first."""
        checks = [rule for rule in self._known(cursor) if rule.code == CHECK]
        return self._judged(cursor, records, ordinals, checks)

    def _judged(
        self,
        cursor: psycopg.Cursor[Any],
        records: Records,
        ordinals: Sequence[int],
        rules: Sequence[_Rule],
    ) -> Refused:
        found: Refused = {}
        for rule in rules:
            left = [ordinal for ordinal in ordinals if ordinal not in found]
            if left:
                told = (rule.code, rule.message, rule.blamed)
                places = self._breaking(cursor, rule, records, left)
                found |= dict.fromkeys([left[place] for place in places], told)
        return found

    def _breaking(
        self,
        cursor: psycopg.Cursor[Any],
        rule: _Rule,
        records: Records,
        ordinals: Sequence[int],
    ) -> list[int]:
        given = records.columns(ordinals, [self._targets.index(name) for name in rule.columns])
        columns = [self._table.column(name) for name in rule.columns]
        arrays = ", ".join(f"CAST(\0::text[] AS {column.cast_type}[])" for column in columns)
        names = ", ".join(self._dialect.quote(name) for name in rule.columns)
        query = (
            f"SELECT bo_place - 1 FROM unnest({arrays}) WITH ORDINALITY"
            f" AS k({names}, bo_place) WHERE {rule.broken}"
        )
        return [int(place) for (place,) in cursor.execute(marked(query, "%s"), list(given))]

    def _known(self, cursor: psycopg.Cursor[Any]) -> list[_Rule]:
        if self._rules is None:
            self._rules = self._read(cursor)
        return self._rules

    def _read(self, cursor: psycopg.Cursor[Any]) -> list[_Rule]:
        name = self._dialect.table_sql(self._table.name, self._table.schema)
        own_way = cursor.execute(OWN_WAY, [name]).fetchone()
        if own_way is None or own_way[0]:
            return []
        found = cursor.execute(_CONSTRAINTS, [name]).fetchall()
        given = [row for row in found if row[3] and set(row[3]) <= set(self._targets)]
        rules = [self._rule(name, *row) for row in given]
        return [rule for rule in rules if rule is not None]

    def _rule(
        self,
        table: str,
        name: str,
        kind: str,
        condition: str | None,
        columns: list[str],
        parent: str,
        parent_columns: list[str],
        own: bool,
    ) -> _Rule | None:
        names = tuple(columns)
        quoted = [self._dialect.quote(column) for column in columns]
        short = self._table.name
        if kind == "c":
            told = f'new row for relation "{short}" violates check constraint "{name}"'
            return _Rule(CHECK, told, names, f"NOT ({condition or ''})")
        if kind == "f":
            if own:  # a row of this batch may become the parent
                return None
            told = f'insert or update on table "{short}" violates foreign key constraint "{name}"'
            same = _same(parent_columns, quoted)
            given = " AND ".join(f"k.{column} IS NOT NULL" for column in quoted)
            absent = f"NOT EXISTS (SELECT 1 FROM {parent} AS t WHERE {same})"
            return _Rule(FOREIGN_KEY, told, names, f"{given} AND {absent}")
        told = f'duplicate key value violates unique constraint "{name}"'
        taken = f"EXISTS (SELECT 1 FROM {table} AS t WHERE {_same(quoted, quoted)})"
        return _Rule(UNIQUE, told, names, taken)


def _same(theirs: Sequence[str], ours: Sequence[str]) -> str:
    pairs = zip(theirs, ours, strict=True)
    return " AND ".join(f"t.{their} = k.{our}" for their, our in pairs)
