"""Bulk loading into PostgreSQL: COPY of the records' own bytes; a stage for what it refuses."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from batch_ops.database.faults import CHECK, FOREIGN_KEY, UNIQUE, FaultKind, understood
from batch_ops.database.load import InputBatch, Layout, LoadOutcome, Records
from batch_ops.database.postgresql_judge import Judge, Refused
from batch_ops.database.postgresql_lookup import PATIENCE, Lookup
from batch_ops.database.postgresql_merge import Merge
from batch_ops.database.postgresql_stage import Stage
from batch_ops.database.seen import Seen
from batch_ops.faultpoints import Point, reached

if TYPE_CHECKING:
    from collections.abc import Sequence

    import psycopg
    from sqlalchemy import Connection

    from batch_ops.database.dialect import Dialect
    from batch_ops.database.tables import Table
    from batch_ops.results import Reject

MAX_SURPRISES = 3
"""From so many records on that COPY refused, the whole batch is judged on the stage."""
ONE_BY_ONE = 8
"""Fewer suspects than that the server tries one by one."""
_LINE = re.compile(r"^COPY .*?, line (\d+)", re.DOTALL | re.MULTILINE)
_SAVEPOINT = "batch_ops_load"


class CopyLoader:
    """COPY inside a savepoint. A record it refuses is held back as a suspect and COPY tried again;
    suspects are then inserted one by one, in file order, by the server itself.
    """

    def __init__(self, dialect: Dialect, table: Table, layout: Layout) -> None:
        self._dialect = dialect
        self._layout = layout
        self._stage = Stage(dialect, table, layout)
        self._lookup = Lookup(dialect, table, layout)
        self._merge = Merge(dialect, table, layout)
        self._judge = Judge(dialect, table, layout)
        self._merging = self._checking = 0
        self._seen = Seen()
        names = ", ".join(dialect.quote(name) for name in layout.targets)
        self._into = f"{dialect.table_sql(table.name, table.schema)} ({names})"
        self._forced = names

    def load(self, connection: Connection, batch: InputBatch) -> LoadOutcome:
        """Write the batch inside the connection's open transaction."""
        driver: psycopg.Connection[Any] = connection.connection.driver_connection  # type: ignore[assignment]
        with understood(connection), driver.cursor() as cursor:
            cursor.execute(f"SAVEPOINT {_SAVEPOINT}")
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
            outcome = _Load(self, cursor, batch).run()
            cursor.execute(f"RELEASE SAVEPOINT {_SAVEPOINT}")
        return outcome

    def write(
        self, cursor: psycopg.Cursor[Any], batch: InputBatch, good: Sequence[int]
    ) -> tuple[set[int], int]:
        """Write these records, as they stand; those that were refused or left out, where it is
        expected that keys are taken, else how many a trigger has left out.
        """
        if not self._merging:
            return set(), len(good) - self._copy(cursor, batch, good, self._into)
        self._merge.prepare(cursor)
        self._copy(cursor, batch, good, self._merge.copy_into)
        refused = {good[place] for place in self._merge.insert(cursor)}
        self._merging = PATIENCE if refused else self._merging - 1
        return refused, 0

    def repeated(
        self, cursor: psycopg.Cursor[Any], records: Records, good: Sequence[int]
    ) -> set[int]:
        """Those of the good records whose key an earlier batch has brought into the table.

        Only keys that may have been met are looked for there. Others can be taken too, by rows
        this loader knows nothing of: these COPY will refuse.
        """
        met: set[int] = set()
        for group, (ordinals, hashes) in enumerate(records.key_hashes):
            met.update(ordinals[self._seen.add(hashes, group)].tolist())
        if not met or self._merging:
            return set()
        return self._lookup.taken(cursor, records, sorted(met.intersection(good)))

    def expect(self, state: str) -> None:
        """From now on be prepared for refusals of this SQLSTATE."""
        if state == CHECK:
            self._checking = PATIENCE
        elif state == UNIQUE and self._merge.possible:
            self._merging = PATIENCE
        else:
            self._lookup.expect(state)

    def _copy(
        self, cursor: psycopg.Cursor[Any], batch: InputBatch, good: Sequence[int], into: str
    ) -> int:
        """How many rows were put in."""
        records = batch.records
        statement = (
            f"COPY {into} FROM STDIN (FORMAT csv, ENCODING 'UTF8',"
            f" DELIMITER {_text(self._layout.delimiter)}, QUOTE {_text(self._layout.quote)},"
            f" ESCAPE {_text(self._layout.quote)}, NULL {_text(records.null_text)},"
            f" FORCE_NULL ({self._forced}))"
        )
        with cursor.copy(statement) as copy:
            for piece in records.raw(good):
                copy.write(piece)
        return cursor.rowcount

    def is_row_fault(self, error: BaseException) -> bool:
        """Whether an error is a row's own fault."""
        return self._dialect.fault(error).kind is FaultKind.ROW

    @property
    def stage(self) -> Stage:
        """Judges suspects."""
        return self._stage

    @property
    def lookup(self) -> Lookup:
        """Finds keys that are taken, or missing, beforehand."""
        return self._lookup

    @property
    def judge(self) -> Judge:
        """Says of many records at once why they are refused."""
        return self._judge

    def broken(self, cursor: psycopg.Cursor[Any], records: Records, good: Sequence[int]) -> Refused:
        """The records that break a check, where that is expected."""
        if not self._checking:
            return {}
        found = self._judge.broken(cursor, records, good)
        self._checking = PATIENCE if found else self._checking - 1
        return found


class _Load:
    """One batch on its way."""

    def __init__(self, loader: CopyLoader, cursor: psycopg.Cursor[Any], batch: InputBatch) -> None:
        self._loader = loader
        self._cursor = cursor
        self._batch = batch
        self._good: Sequence[int] = batch.records.good
        self._suspects = set(batch.records.suspects)
        self._explained = set(batch.records.duplicates)
        self._reasons: Refused = {}
        self._left_out = 0
        self._sure = set(self._good)
        if batch.records.values(()) is not None:
            self._sure |= self._explained

    def run(self) -> LoadOutcome:
        records = self._batch.records
        self._hold_back(self._loader.repeated(self._cursor, records, self._good))
        self._hold_back(self._loader.lookup.refused(self._cursor, records, self._good))
        self._hold_back(self._broken())
        self._copy_what_can_be()
        refused = self._judge_suspects()
        if self._out_of_order(refused):
            self._roll_back()
            self._suspects.update(self._good)
            self._good, self._left_out = (), 0
            refused = self._judge_suspects()
        tried, out = len(self._good) + len(self._suspects), self._left_out
        rejects = tuple(reject for _, reject in refused)
        return LoadOutcome(tried - len(refused) - out, rejects, skipped=out)

    def _copy_what_can_be(self) -> None:
        surprises = 0
        while self._good:
            error = self._try_copy()
            if error is None:
                return
            surprises += 1
            self._hold_back(self._refused_by(error))
            if surprises >= MAX_SURPRISES:
                self._suspects.update(self._good)
                self._good = ()

    def _try_copy(self) -> BaseException | None:
        """COPY; the error, when it is one row's fault."""
        import psycopg

        try:
            refused, self._left_out = self._loader.write(self._cursor, self._batch, self._good)
            self._hold_back(refused)
        except psycopg.Error as error:
            if not self._loader.is_row_fault(error):
                raise
            self._roll_back()
            return error
        return None

    def _refused_by(self, error: BaseException) -> set[int]:
        """The records an error of COPY is about; all, when it does not say."""
        state = getattr(error, "sqlstate", None)
        lookup, records = self._loader.lookup, self._batch.records
        found: set[int] = set()
        if state in (UNIQUE, FOREIGN_KEY):
            self._loader.expect(state)
            found = lookup.refused(self._cursor, records, self._good)
        elif state == CHECK:
            self._loader.expect(state)
            found = self._broken()
        named = self._named_by(error)
        if named is not None:
            found.add(named)
        return found or set(self._good)

    def _broken(self) -> set[int]:
        """The records that break a check, where that is expected; why is kept."""
        found = self._loader.broken(self._cursor, self._batch.records, self._good)
        self._reasons |= found
        return set(found)

    def _named_by(self, error: BaseException) -> int | None:
        context = getattr(getattr(error, "diag", None), "context", None) or ""
        line = _LINE.match(context)
        if line is None:
            return None
        left = int(line[1])
        raw = b"".join(self._batch.records.raw(self._good))
        if raw.count(b"\n") == len(self._good):
            return self._good[left - 1]
        for ordinal in self._good:
            left -= b"".join(self._batch.records.raw([ordinal])).count(b"\n")
            if left <= 0:
                return ordinal
        return None

    def _hold_back(self, ordinals: set[int]) -> None:
        if ordinals:
            self._suspects |= ordinals
            self._explained |= ordinals
            self._good = [ordinal for ordinal in self._good if ordinal not in ordinals]

    def _judge_suspects(self) -> list[tuple[int, Reject]]:
        if not self._suspects:
            return []
        reached(Point.ISOLATING)
        refused = self._surely_refused()
        left = sorted(self._suspects - refused.keys())
        found = list(refused.items())
        if left:
            rejects, left_out = self._loader.stage.insert(self._cursor, self._batch, left)
            self._left_out += left_out
            found += rejects
        return sorted(found, key=lambda one: one[0])

    def _surely_refused(self) -> dict[int, Reject]:
        """Of the records with valid values those that constraints refuse whatever comes."""
        reject, found = self._batch.records.reject, self._reasons
        known = sorted((self._suspects & self._explained & self._sure) - found.keys())
        if len(known) >= ONE_BY_ONE:
            found = found | self._loader.judge.refused(self._cursor, self._batch.records, known)
        return {
            ordinal: reject(ordinal, code, message, column=column)
            for ordinal, (code, message, column) in found.items()
        }

    def _out_of_order(self, refused: list[tuple[int, Reject]]) -> bool:
        """Whether a record may have lost its key to a later one of this batch.

        Keys are compared by the screen, which knows neither every text of a value nor every
        collation. The first in file order is to win, so then the batch is judged in order.
        """
        last = self._good[-1] if self._good else -1
        return any(
            reject.code == UNIQUE and ordinal < last and ordinal not in self._explained
            for ordinal, reject in refused
        )

    def _roll_back(self) -> None:
        self._cursor.execute(f"ROLLBACK TO SAVEPOINT {_SAVEPOINT}")
        self._cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")


def _text(value: str) -> str:
    """A text as an SQL literal."""
    return "'" + value.replace("'", "''") + "'"
