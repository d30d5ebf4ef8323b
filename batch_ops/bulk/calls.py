"""What each call of `BatchTable` is made of: how its input is prepared, and what writes it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeVar

from batch_ops.bulk.blocks import Block
from batch_ops.bulk.calling import Calling
from batch_ops.bulk.changes import ChangePreparer, KeyPreparer
from batch_ops.bulk.deleters import Deleter
from batch_ops.bulk.inputs import input_of
from batch_ops.bulk.lookup import Lookup
from batch_ops.bulk.mergers import Merger
from batch_ops.bulk.options import Options
from batch_ops.bulk.result import BatchResult
from batch_ops.bulk.rows import RowPreparer
from batch_ops.bulk.updaters import Updater
from batch_ops.bulk.writers import Creator, Writer
from batch_ops.database.seen import Seen
from batch_ops.errors import DatabaseUnfitError, ParameterError
from batch_ops.spec.model import OnConflict

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from batch_ops.bulk.parts import Part
    from batch_ops.database.values import Key

T = TypeVar("T")


@dataclass
class Calls(Calling[T]):
    """The calls on one table."""

    # rows

    def create(
        self,
        name: str,
        rows: Any,
        columns: Sequence[str] | None,
        mode: OnConflict,
        target: tuple[str, ...],
        options: Options,
    ) -> BatchResult[T]:
        """Rows that are new; with another mode than ERROR, what is there already is no failure."""
        if mode in (OnConflict.UPDATE, OnConflict.REPLACE):
            return self._merge(name, rows, columns, mode, target, options)
        given = input_of(rows, columns)
        ground = self.ground(options)
        seen = Seen() if options.max_concurrency > 1 else None
        prepare = RowPreparer(self.preparing(options), seen=seen)
        several = given.size is None or given.size > options.size

        def make(part: Part) -> Writer:
            told = not ground.returning or set(self.shape.table.key) <= set(part.names)
            if mode is OnConflict.ERROR and told:
                return Creator(ground, part.names, hashing=several and seen is None)
            return Merger(ground, part, target, mode)

        return self.run(name, given, prepare, make, options)

    def upsert(
        self,
        rows: Any,
        columns: Sequence[str] | None,
        mode: OnConflict,
        target: tuple[str, ...],
        options: Options,
    ) -> BatchResult[T]:
        """Rows that may be there."""
        return self._merge("upsert_many", rows, columns, mode, target, options)

    def _merge(
        self,
        name: str,
        rows: Any,
        columns: Sequence[str] | None,
        mode: OnConflict,
        target: tuple[str, ...],
        options: Options,
    ) -> BatchResult[T]:
        conflict = self._conflict(target)
        given, ground = input_of(rows, columns), self.ground(options)
        preparing = self.preparing(options)
        prepare = RowPreparer(preparing, conflict, fill=False)
        given = self.without_repeats(given, prepare, preparing, options, "last")
        return self.run(
            name, given, prepare, lambda part: Merger(ground, part, conflict, mode), options
        )

    def _conflict(self, target: tuple[str, ...]) -> tuple[str, ...]:
        wanted = target or self.key()
        self.shape.known(wanted)
        if set(wanted) not in [set(group) for group in self.shape.table.unique]:
            raise DatabaseUnfitError(
                f"No unique constraint of {self.shape.table.full_name!r} is on"
                f" {', '.join(wanted)}.",
                todo="Name the columns of one as conflict_target, or make one.",
            )
        return wanted

    # changes by key

    def update(
        self,
        items: Any,
        columns: Sequence[str] | None,
        fields: Sequence[str] | None,
        expected: Any,
        options: Options,
    ) -> BatchResult[T]:
        """Keys with what is to be set."""
        self.key()
        if isinstance(fields, str):
            raise ParameterError("fields= is a list of columns.", todo="Put the name into a list.")
        self.shape.known(fields or ())
        if expected is not None and self.version is None:
            raise ParameterError(
                "expected_version needs a version column.", todo='Say BatchTable(…, version="…").'
            )
        preparing = self.preparing(options)
        prepare = ChangePreparer(
            preparing,
            fields=fields,
            version=self.version,
            expected=expected,
            expires=self.expires,
        )
        given = input_of(items, columns, "items")
        given = self.without_repeats(given, prepare, preparing, options, "last")
        ground, validator = self.ground(options), preparing.validator

        def make(part: Part) -> Writer:
            judge = validator.wrong if validator is not None else None
            return Updater(ground, part.names, version=self.version, judge=judge)

        return self.run("update_many", given, prepare, make, options)

    def mark(
        self,
        name: str,
        keys: Any,
        values: Mapping[str, Any],
        options: Options,
        unmarked: str | None = None,
    ) -> BatchResult[T]:
        """Keys whose rows all get the same values. unmarked: a column that must be NULL before."""
        self.key()
        preparing = self.preparing(replace(options, validate=False))
        preparing.constants = {**preparing.constants, **values}
        preparing.known(list(values))
        prepare = KeyPreparer(preparing)
        given = input_of(keys, what="keys")
        given = self.without_repeats(given, prepare, preparing, options, "first")
        quoted = self.place.dialect.quote(unmarked) if unmarked else ""
        only = f" AND t.{quoted} IS NULL" if unmarked else ""
        ground = self.ground(options)

        def make(part: Part) -> Writer:
            return Updater(
                ground, part.names, version=self.version, only=only, deletes=unmarked is not None
            )

        return self.run(name, given, prepare, make, options)

    def delete(self, keys: Any, cascade: bool, options: Options) -> BatchResult[T]:
        """Keys whose rows go."""
        self.key()
        preparing = self.preparing(replace(options, validate=False, expires_in=None))
        prepare = KeyPreparer(preparing, cascade=cascade, options=True)
        given = input_of(keys, what="keys")
        given = self.without_repeats(given, prepare, preparing, options, "first")
        ground = self.ground(options)
        return self.run(
            "delete_many",
            given,
            prepare,
            lambda part: Deleter(ground, cascade=part.cascade),
            options,
        )

    def plan_delete(self, keys: Any, options: Options) -> BatchResult[T]:
        """What a delete with cascade would remove, by table."""
        self.key()
        prepare = KeyPreparer(self.preparing(options), cascade=True, options=True)
        blocks = input_of(keys, what="keys").blocks(options.size)
        prepared = prepare(Block(0, [item for block in blocks for item in block.items]))
        result: BatchResult[T] = BatchResult("delete_many", committed=False)
        with self.place.lane() as connection, self.place.looking(connection):
            for part in prepared.parts:
                found = Deleter(self.ground(options), cascade=True).plan(connection, part)
                result.cascaded.update(found)
        return result

    # looking up, and both at once

    def get(self, keys: Any, columns: Sequence[str] | None, size: int) -> BatchResult[T]:
        """Rows by key, each distinct key once."""
        lookup = self.lookup(columns, size)
        given = input_of(keys, what="keys")
        preparing = self.preparing(None)
        prepare = KeyPreparer(preparing)
        lookup.prepare = prepare
        options = Options(batch_size=size)
        return lookup.result(self.without_repeats(given, prepare, preparing, options, "first"))

    def lookup(self, columns: Sequence[str] | None, size: int) -> Lookup[T]:
        """Looks keys up."""
        self.key()
        if isinstance(columns, str):
            raise ParameterError("columns= is a list.", todo="Put the name into a list.")
        self.shape.known(columns or ())
        chosen = [
            self.shape.table.column(name) for name in columns or self.shape.table.column_names
        ]
        prepare = KeyPreparer(self.preparing(None))
        return Lookup(self.place, self.ground(None), prepare, chosen, self.row, size)

    def write(self, puts: Any, deletes: Any, options: Options) -> BatchResult[T]:
        """Puts, then deletes."""
        from batch_ops.bulk.both import write_both

        return write_both(self, puts, deletes, options)

    def keys_put(self, rows: Sequence[Any]) -> Sequence[Key | None]:
        """The keys of rows as they are written; None where one leaves it to the database."""
        return RowPreparer(self.preparing(None), self.key()).keys(Block(0, rows))

    def keys_deleted(self, items: Sequence[Any]) -> Sequence[Key | None]:
        """The keys of items of a delete as they are written; None where one is none."""
        return KeyPreparer(self.preparing(None), options=True).keys(Block(0, items))
