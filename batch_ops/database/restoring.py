"""Putting rows back from their images, a batch's at once: what was created goes, what was changed
gets its values before, what was deleted comes again.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from batch_ops.database.images import AFTER, BEFORE, IMAGE, SIDE, STATE, bound_key, counts_itself
from batch_ops.database.verdict import MEANT, State, Verdict
from batch_ops.database.wording import plainly, text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import Connection

    from batch_ops.database.dialect import Dialect
    from batch_ops.database.images import Images
    from batch_ops.database.values import Key
    from batch_ops.results import UndoPolicy


_ENDS = ("lo", "hi")


@dataclass(frozen=True)
class Restoring:
    """Puts back the rows of one batch; all within a transaction.

    Attributes:
        image: the batch's number among the images.
        columns: those that the batch changed in rows that were there and stayed.
        span: only rows with a key greater than the first and up to the second.
    """

    images: Images
    image: int
    policy: UndoPolicy
    columns: tuple[str, ...]
    span: tuple[Key | None, Key | None] = (None, None)

    @classmethod
    def of(
        cls, connection: Connection, images: Images, image: int, policy: UndoPolicy
    ) -> Restoring:
        """Take a batch up: its rows are locked in key order, and those that an earlier undo left
        alone are looked at again.
        """
        again = f"UPDATE {images.name} SET {STATE} = NULL WHERE {IMAGE} = {image:d} AND {STATE} IN"
        plainly(connection, f"{again} ({State.KEPT:d}, {State.REFUSED:d})")
        if images.dialect.lock_rows:
            keys = images.list(images.target.key, "i")
            mine = f"SELECT {keys} FROM {images.name} AS i WHERE i.{IMAGE} = {image:d}"
            plainly(
                connection,
                f"SELECT count(*) FROM (SELECT 1 FROM {images.of} AS t"
                f" WHERE {images.tuple(images.target.key, 't')} IN ({mine})"
                f" ORDER BY {images.list(images.target.key, 't')}{images.dialect.lock_rows}) AS l",
            )
        return cls(images, image, policy, _changed_columns(connection, images, image))

    def run(self, connection: Connection, lower: Key | None, upper: Key | None) -> None:
        """Judge the rows with a key in `(lower, upper]` that are not judged yet, and put back what
        is to be.
        """
        part = replace(self, span=(lower, upper))
        for statement in part.statements():
            connection.execute(text(statement), part.bound)

    def statements(self) -> list[str]:
        """What judges the rows and puts them back, in order."""
        found = [self._judge(), self._delete(), self._update(), self._rewrite(), self._insert()]
        return [statement for statement in found if statement]

    def keys(self, connection: Connection) -> list[Key]:
        """The keys of the rows that are not judged yet, in order."""
        keys = self.images.list(self.images.target.key, "i")
        query = f"SELECT {keys} FROM {self._heads} ORDER BY {keys}"
        return [tuple(row) for row in plainly(connection, query)]

    def refuse(self, connection: Connection, key: Key) -> None:
        """The database refuses to have this row put back."""
        statement = (
            f"UPDATE {self.images.name} AS i SET {STATE} = {State.REFUSED:d}"
            f" WHERE {IMAGE} = {self.image:d} AND {self.images.at_key('i')}"
            f" AND ({SIDE} = {BEFORE} OR {self._only('i', BEFORE)})"
        )
        connection.execute(text(statement), bound_key(key))

    def settle(self, connection: Connection) -> dict[State, int]:
        """What was put back counts as such from now on; how many rows there are in each state."""
        plainly(
            connection,
            f"UPDATE {self.images.name} SET {STATE} = {State.RESTORED:d}"
            f" WHERE {IMAGE} = {self.image:d} AND {STATE} = {MEANT}",
        )
        return self.states(connection)

    def states(self, connection: Connection) -> dict[State, int]:
        """How many rows of the batch that were judged there are in each state."""
        query = (
            f"SELECT {STATE}, count(*) FROM {self.images.name} WHERE {IMAGE} = {self.image:d}"
            f" AND {STATE} IS NOT NULL GROUP BY {STATE}"
        )
        found = {int(row[0]): int(row[1]) for row in connection.execute(text(query))}
        return {state: found.get(state, 0) for state in State}

    @property
    def bound(self) -> dict[str, Any]:
        """What its span binds."""
        pairs = zip(_ENDS, self.span, strict=True)
        return {f"{end}_{n}": v for end, key in pairs for n, v in enumerate(key or ())}

    @property
    def _between(self) -> list[str]:
        ends = zip((">", "<="), _ENDS, self.span, strict=True)
        key = self.images.target.key_columns
        return [self._dialect.compare(key, sign, p) for sign, p, at in ends if at is not None]

    # judging

    def _judge(self) -> str:
        names = self.images.list(self.images.target.key, "i")
        verdict = Verdict(self.images, self.policy, self.columns)
        judged = (
            f"(SELECT i.{SIDE}, {names}, {verdict.sql} AS bo_verdict"
            f" FROM {self._heads} LEFT JOIN {self.images.name} AS a"
            f" ON a.{IMAGE} = {self.image:d} AND a.{SIDE} = {AFTER} AND i.{SIDE} = {BEFORE}"
            f" AND {self.images.same('a', 'i')}"
            f" LEFT JOIN {self.images.of} AS t ON {self.images.same('t', 'i')})"
        )
        where = (
            f"t.{IMAGE} = {self.image:d} AND t.{SIDE} = s.{SIDE} AND {self.images.same('t', 's')}"
        )
        return self._dialect.update_joined(self.images.name, judged, {STATE: "s.bo_verdict"}, where)

    @property
    def _heads(self) -> str:
        """The batch's rows that are not judged yet, each once, as a FROM item `i`: as they were
        before, or as they were created.
        """
        conditions = [f"{IMAGE} = {self.image:d}", f"{STATE} IS NULL"]
        conditions += self._between
        rows = f"SELECT * FROM {self.images.name} AS h WHERE {' AND '.join(conditions)}"
        return f"({rows} AND ({SIDE} = {BEFORE} OR {self._only('h', BEFORE)})) AS i"

    def _only(self, of: str, side: int) -> str:
        """Whether a row has no image on another side."""
        key = self.images.tuple(self.images.target.key, of)
        return f"{key} NOT IN ({self.images.keys(self.image, side)})"

    # writing

    def _delete(self) -> str:
        """Of rows that were created."""
        key = self.images.target.key
        rows = f"SELECT {self.images.list(key)} FROM {self._meant(AFTER)}"
        return f"DELETE FROM {self.images.of} WHERE {self.images.tuple(key)} IN ({rows})"

    def _update(self) -> str:
        """Of rows that were changed and are there: the columns the batch changed in each; where
        they are to be overwritten, all.
        """
        if self.policy.overwrites:
            return self._overwrite(self._meant(BEFORE))
        quote = self._dialect.quote
        set_there = [n for n in self._settable if n in self.columns]
        flags = {name: f"bo_changed_{number}" for number, name in enumerate(set_there)}
        taken = [self.images.list((*self.images.target.key, *set_there), "i")]
        taken += [f"{self.images.differs(n, 'i', 'a')} AS {flag}" for n, flag in flags.items()]
        rows = (
            f"(SELECT {', '.join(taken)} FROM {self._meant(BEFORE)} JOIN {self.images.name} AS a"
            f" ON a.{IMAGE} = {self.image:d} AND a.{SIDE} = {AFTER} AND"
            f" {self.images.same('a', 'i')})"
        )
        settings = {
            name: f"CASE WHEN s.{flag} THEN s.{quote(name)} ELSE t.{quote(name)} END"
            for name, flag in flags.items()
        }
        return self._joined(rows, settings)

    def _rewrite(self) -> str:
        """Of rows that were deleted and are there again: all columns."""
        if self.policy.overwrites or self.policy.keeps_newer:
            return ""
        rows = f"SELECT * FROM {self._meant(BEFORE)} WHERE {self._only('i', AFTER)}"
        return self._overwrite(f"({rows}) AS i")

    def _overwrite(self, rows: str) -> str:
        settings = {name: f"s.{self._dialect.quote(name)}" for name in self._settable}
        return self._joined(f"(SELECT * FROM {rows})", settings)

    def _joined(self, rows: str, settings: Mapping[str, str]) -> str:
        if not settings:
            return ""
        same = self.images.same("t", "s")
        return self._dialect.update_joined(self.images.of, rows, settings, same)

    def _insert(self) -> str:
        """Of rows that are gone."""
        names = self.images.list(self.images.columns)
        there = f"SELECT 1 FROM {self.images.of} AS t WHERE {self.images.same('t', 'i')}"
        return (
            f"INSERT INTO {self.images.of} ({names}) {self._dialect.with_own_numbers}"
            f"SELECT {self.images.list(self.images.columns, 'i')} FROM {self._meant(BEFORE)}"
            f" WHERE NOT EXISTS ({there}) ORDER BY {self.images.list(self.images.target.key, 'i')}"
        )

    def _meant(self, side: int) -> str:
        """The images on a side of the rows that are being put back, as a FROM item `i`."""
        conditions = [f"{IMAGE} = {self.image:d}", f"{SIDE} = {side}", f"{STATE} = {MEANT}"]
        conditions += self._between
        return f"(SELECT * FROM {self.images.name} WHERE {' AND '.join(conditions)}) AS i"

    @property
    def _settable(self) -> list[str]:
        target = self.images.target
        names = [name for name in self.images.columns if name not in target.key]
        return [name for name in names if not counts_itself(target, name)]

    @property
    def _dialect(self) -> Dialect:
        return self.images.dialect


def left_rows(connection: Connection, images: Images, limit: int) -> list[tuple[State, Key]]:
    """The first rows that were left alone, of the last batches first: why, and the key."""
    keys = images.list(images.target.key)
    query = (
        f"SELECT {STATE}, {keys} FROM {images.name} WHERE {STATE} >= {State.KEPT:d}"
        f" ORDER BY {IMAGE} DESC, {keys} LIMIT {limit:d}"
    )
    return [(State(row[0]), tuple(row[1:])) for row in plainly(connection, query)]


def _changed_columns(connection: Connection, images: Images, image: int) -> tuple[str, ...]:
    """The columns a batch changed in rows that were there and stayed."""
    found = [
        f"MAX(CASE WHEN {images.differs(name, 'b', 'a')} THEN 1 ELSE 0 END)"
        for name in images.columns
    ]
    query = (
        f"SELECT {', '.join(found)} FROM {images.name} AS b JOIN {images.name} AS a"
        f" ON {images.same('b', 'a')} WHERE b.{IMAGE} = {image:d} AND b.{SIDE} = {BEFORE}"
        f" AND a.{IMAGE} = {image:d} AND a.{SIDE} = {AFTER}"
    )
    row = plainly(connection, query).one()
    return tuple(name for name, changed in zip(images.columns, row, strict=True) if changed)
