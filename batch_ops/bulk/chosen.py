"""Calls on rows that a condition chooses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from batch_ops.bulk.changing import Change
from batch_ops.bulk.lanes import Lane
from batch_ops.bulk.predicate import is_expression, read_span, spans
from batch_ops.bulk.setting import setting_of
from batch_ops.errors import DatabaseUnfitError, ParameterError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from batch_ops.bulk.calls import Calls
    from batch_ops.bulk.options import Options
    from batch_ops.bulk.parts import Part
    from batch_ops.bulk.predicate import Rows
    from batch_ops.bulk.result import BatchResult
    from batch_ops.bulk.writers import Writer
    from batch_ops.database.values import Key

T = TypeVar("T")


@dataclass
class Chosen(Generic[T]):
    """The calls on rows that a condition chooses, beside those by key."""

    calls: Calls[T]

    def update(self, rows: Rows[T], values: Mapping[str, Any], options: Options) -> BatchResult[T]:
        """The same on all rows of a condition."""
        key = self.calls.key()
        preparing = self.calls.preparing(options)
        preparing.known(list(values))
        for name in values:
            if name in key:
                what = f"update_many would change the key column {name!r}."
                raise ParameterError(what, todo="Create the rows anew, and delete the old ones.")
        if preparing.validator is not None:
            if any(map(is_expression, values.values())):
                raise ParameterError(
                    'A schema cannot judge what {"sql": …} will give.',
                    todo="Say validate=False, or give values.",
                )
            return self._update_each(rows, values, options)
        if self._nobody_judges(values):
            self._refuse_expressions(values)
            return self._update_each(rows, values, options)
        constants = {**values, **preparing.constants}
        if self.calls.version is not None and self.calls.version not in constants:
            quoted = '"' + self.calls.version.replace('"', '""') + '"'
            constants[self.calls.version] = {"sql": f"COALESCE({quoted}, 0) + 1"}
        return self._change("update_many", rows, constants, options)

    def delete(self, rows: Rows[T], options: Options) -> BatchResult[T]:
        """All rows of a condition go."""
        self.calls.key()
        if self._nobody_judges(self.calls.shape.table.key):
            return self.calls.delete(self.keys_of(rows), False, options)
        return self._change("delete_many", rows, None, options)

    def _update_each(
        self, rows: Rows[T], values: Mapping[str, Any], options: Options
    ) -> BatchResult[T]:
        items = ({"key": key, "data": values} for key in self.keys_of(rows))
        return self.calls.update(items, None, None, None, options)

    def _nobody_judges(self, names: Collection[str]) -> bool:
        """Whether columns are of foreign keys, or the key, and the caller's connection judges none:
        then rows are changed by key.
        """
        table = self.calls.shape.table
        touched = any(not set(key.columns).isdisjoint(names) for key in table.foreign_keys)
        dialect, deletes = self.calls.place.dialect, set(table.key) <= set(names)
        if not dialect.may_not_judge or not (touched or deletes):
            return False
        with self.calls.place.lane() as connection:
            return not dialect.judges_parents(connection, None if deletes else table)

    def _refuse_expressions(self, values: Mapping[str, Any]) -> None:
        if any(map(is_expression, values.values())):
            raise DatabaseUnfitError(
                'The connection judges no foreign keys, and what {"sql": …} gives is not known'
                " before.",
                todo="Turn foreign keys on where the connection is made, or give values.",
            )

    def _change(
        self, name: str, rows: Rows[T], values: Mapping[str, Any] | None, options: Options
    ) -> BatchResult[T]:
        if options.on_error is not None or options.max_concurrency > 1:
            raise ParameterError(
                f"{name}(where(…)) takes neither on_error nor max_concurrency.",
                todo="Leave them out, or give the keys.",
            )
        ground, place = self.calls.ground(options), self.calls.place
        target = self.calls.choosing.target(rows)
        new = None
        if values is not None:
            new = setting_of(
                values, self.calls.shape.table, self.calls.adapting, self.calls.choosing
            )
        change = Change(name, place, options, target, new, ground, self.calls.row)
        return change.run(Lane(place, _no_writer, options.retry, strict=False))

    def rows_of(self, rows: Rows[T], size: int) -> Iterator[T]:
        """The chosen rows in key order."""
        for found in self._spans_read(rows, size):
            yield from map(self.calls.row, found)

    def keys_of(self, rows: Rows[T]) -> Iterator[Key]:
        """The keys of the chosen rows, in order."""
        names = self.calls.key()
        for found in self._spans_read(rows, rows.batch_size):
            yield from (
                tuple(row[name] for name in names) for row in map(self.calls.shape.read, found)
            )

    def _spans_read(self, rows: Rows[T], size: int) -> Iterator[list[dict[str, Any]]]:
        self.calls.key()
        target = self.calls.choosing.target(rows)
        with self.calls.place.reader() as connection:
            with self.calls.place.looking(connection):
                ranges = spans(connection, target, size)
            for span in ranges:
                with self.calls.place.looking(connection):
                    found = read_span(connection, target, self.calls.shape.table, span)
                yield found


def _no_writer(_: Part) -> Writer:
    raise AssertionError("a change of chosen rows has no parts")
