"""Inserting into PostgreSQL where some keys are taken already: those are passed over, and named."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import psycopg

    from batch_ops.database.dialect import Dialect
    from batch_ops.database.load import Layout
    from batch_ops.database.tables import Table

FRESH = "pg_temp.batch_ops_fresh"


class Merge:
    """COPY goes to a temporary table without constraints, and from there one INSERT takes what no
    unique constraint refuses. Dearer than COPY by about a third, and never tried twice.
    """

    def __init__(self, dialect: Dialect, table: Table, layout: Layout) -> None:
        self._into = dialect.table_sql(table.name, table.schema)
        self._names = ", ".join(dialect.quote(name) for name in layout.targets)
        key = _sure_key(table, layout)
        self._key = [dialect.quote(name) for name in key]

    @property
    def possible(self) -> bool:
        """Whether records can be told apart afterwards: by a unique key that has no NULL."""
        return bool(self._key)

    @property
    def copy_into(self) -> str:
        """Where COPY is to go."""
        return f"{FRESH} ({self._names})"

    def prepare(self, cursor: psycopg.Cursor[Any]) -> None:
        """Make the temporary table."""
        name = FRESH.removeprefix("pg_temp.")
        cursor.execute(
            f"CREATE TEMP TABLE {name} ON COMMIT DROP AS"
            f" SELECT {self._names} FROM {self._into} WITH NO DATA"
        )
        cursor.execute(f"ALTER TABLE {FRESH} ADD bo_place int GENERATED ALWAYS AS IDENTITY")

    def insert(self, cursor: psycopg.Cursor[Any]) -> list[int]:
        """Insert what was copied; the places (from 0) of records whose key is taken."""
        keys = ", ".join(self._key)
        same = " AND ".join(f"d.{name} = f.{name}" for name in self._key)
        # a table just written is read in the order it was written: no ORDER BY is needed
        found = cursor.execute(
            f"WITH d AS (INSERT INTO {self._into} ({self._names})"
            f" SELECT {self._names} FROM {FRESH}"
            f" ON CONFLICT DO NOTHING RETURNING {keys})"
            f" SELECT bo_place - 1 FROM {FRESH} AS f"
            f" WHERE NOT EXISTS (SELECT 1 FROM d WHERE {same})"
        ).fetchall()
        cursor.execute(f"DROP TABLE {FRESH}")
        return [place for (place,) in found]


def _sure_key(table: Table, layout: Layout) -> tuple[str, ...]:
    """A unique group that the source gives whole and that has no NULL; else nothing."""
    given = set(layout.targets)
    for group in table.unique:
        if given.issuperset(group) and not any(table.column(name).nullable for name in group):
            return group
    return ()
