"""Rows that are there are changed, each by its key."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from batch_ops.bulk.columnar import EXPECTED, row_error
from batch_ops.bulk.failures import VERSION_CONFLICT
from batch_ops.bulk.parts import Failure, Part, Written
from batch_ops.bulk.staged import Staged
from batch_ops.bulk.writers import Writer
from batch_ops.results import Counts

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sqlalchemy import Connection

    from batch_ops.bulk.ground import Ground


class Updater(Writer):
    """update_many, touch_many, soft_delete_many: each staged row changes the one of its key.

    Args:
        names: the key columns, then those that are set; `EXPECTED` last where versions are given.
        version: the column that counts a row's changes.
        judge: says what is wrong with rows as they would become.
        only: a condition on the row `t`, without which it counts as not there.
        deletes: whether setting the columns means that a row is deleted.
    """

    def __init__(
        self,
        ground: Ground,
        names: Sequence[str],
        *,
        version: str | None = None,
        judge: Callable[[dict[str, Any], Any], Failure | None] | None = None,
        only: str = "",
        deletes: bool = False,
    ) -> None:
        super().__init__(ground)
        table, key = ground.table, ground.table.key
        self._set = [name for name in names if name not in key and name != EXPECTED]
        self._version = version if EXPECTED in names else None
        more = [replace(table.column(version), name=EXPECTED)] if version and self._version else []
        staged = [name for name in names if name != EXPECTED]
        self._staged = Staged(ground, staged, more, self._set)
        self._judge, self._only, self._deletes = judge, only, deletes
        self._settings = self._settings_of(version)
        self._missing_first = bool(only) or not self._settings

    def _settings_of(self, version: str | None) -> dict[str, str]:
        quote = self._ground.dialect.quote
        settings = {name: f"s.{quote(name)}" for name in self._set}
        if version and version not in settings:
            settings[version] = f"COALESCE(t.{quote(version)}, 0) + 1"
        return settings

    def write(self, connection: Connection, part: Part) -> Written:
        staged, keyed = self._staged, self._staged.keyed
        numbers, failures = staged.take(connection, part.data, part.places)
        numbers, skipped = staged.without_repeats(connection, numbers, last=True)
        failures += self._conflicts(connection, part) + self._invalid(connection, part)
        missing = self._missing(connection) if self._missing_first else []
        gone = {*missing, *self._taken_out}
        numbers = [number for number in numbers if number not in gone]

        def update(span: tuple[int, int]) -> int:
            return keyed.update(connection, self._settings, span) if self._settings else 0

        numbers, orphans = staged.without_orphans(connection, numbers, part)
        failures += orphans
        done, refused = staged.isolated(connection, numbers, update, part)
        failures += refused
        changed = len(numbers) - len(refused)
        if not self._missing_first and sum(done) < changed:
            missing = self._missing(connection)
            changed -= len(missing)
        outcome = {"deleted" if self._deletes else "updated": changed}
        invalid = sum(failure.outcome == "invalid" for failure in failures)
        counts = Counts(
            total=len(part.places),
            not_found=len(missing),
            invalid=invalid,
            failed=len(failures) - invalid,
            skipped=skipped,
            **outcome,
        )
        written = Written(counts, failures, [part.places[number - 1] for number in missing])
        if self._ground.returning:
            told = written.deleted if self._deletes else written.updated
            bad = {failure.place for failure in failures}
            told += [
                row
                for number, row in self._rows(connection, keyed)
                if part.places[number - 1] not in bad
            ]
        return written

    def _missing(self, connection: Connection) -> list[int]:
        """The staged rows that no row is there for; they are taken out."""
        missing = self._staged.keyed.missing(connection, self._only)
        self._staged.stage.remove(connection, missing)
        return missing

    def _conflicts(self, connection: Connection, part: Part) -> list[Failure]:
        """Rows somebody else has changed since their version was read; they are taken out."""
        self._taken_out: set[int] = set()
        if self._version is None:
            return []
        quote = self._ground.dialect.quote
        differs = (
            f"s.{quote(EXPECTED)} IS NOT NULL AND (t.{quote(self._version)} IS NULL"
            f" OR t.{quote(self._version)} <> s.{quote(EXPECTED)})"
        )
        found = self._staged.keyed.where(connection, differs, lock=True)
        self._take_out(connection, found)
        message = "the row has another version than the one expected"
        error = row_error(VERSION_CONFLICT, message, self._version, None, self._ground.hidden)
        return [Failure(part.places[number - 1], (error,)) for number in found]

    def _invalid(self, connection: Connection, part: Part) -> list[Failure]:
        """Rows that the schema would refuse as they would become; they are taken out."""
        if self._judge is None:
            return []
        failures = []
        for number, row in self._rows(connection, self._staged.keyed):
            merged = {**self._ground.shape.read(row), **part.records[number - 1]}
            failure = self._judge(merged, part.places[number - 1])
            if failure is not None:
                failures.append((number, failure))
        self._take_out(connection, [number for number, _ in failures])
        return [failure for _, failure in failures]

    def _take_out(self, connection: Connection, numbers: Sequence[int]) -> None:
        self._taken_out.update(numbers)
        self._staged.stage.remove(connection, numbers)

    def close(self, connection: Connection) -> None:
        self._staged.drop(connection)
