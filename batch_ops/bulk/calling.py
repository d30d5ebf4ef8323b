"""What all calls of `BatchTable` on one table share, and how they are run."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from batch_ops.bulk.blocks import Input, Listed, Spooled
from batch_ops.bulk.columnar import Adapting
from batch_ops.bulk.ground import Ground
from batch_ops.bulk.keys import Keys
from batch_ops.bulk.options import Options, moment_in
from batch_ops.bulk.predicate import Choosing
from batch_ops.bulk.preparing import Preparer, Preparing
from batch_ops.bulk.repeats import Keep, Keyed, repeated
from batch_ops.bulk.running import Call, Running
from batch_ops.bulk.validation import Validator
from batch_ops.errors import DatabaseUnfitError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from pydantic import BaseModel

    from batch_ops.bulk.parts import Part
    from batch_ops.bulk.place import Place
    from batch_ops.bulk.result import BatchResult
    from batch_ops.bulk.shape import Shape
    from batch_ops.bulk.writers import Writer

T = TypeVar("T")


@dataclass
class Calling(Generic[T]):
    """What all calls on one table share."""

    place: Place
    shape: Shape
    schema: type[BaseModel] | None
    hidden: frozenset[str]
    row: Callable[[dict[str, Any]], T]
    version: str | None
    expires: str | None

    def __post_init__(self) -> None:
        table = self.shape.table
        self.adapting = Adapting(self.place.dialect, self.shape, self.hidden)
        if self.version is not None:
            self.adapting.expect(self.version)
        others = [name for name in table.column_names if name not in table.key]
        self.keys = Keys(table.key, others)
        self.choosing = Choosing(self.place.dialect, self.shape)

    def key(self) -> tuple[str, ...]:
        """The table's key columns.

        Raises:
            DatabaseUnfitError: it has none.
        """
        if not self.shape.table.key:
            raise DatabaseUnfitError(
                f"The table {self.shape.table.full_name!r} has no key.",
                todo='Give it a primary key, or say BatchTable(…, key=["column"]).',
            )
        return self.shape.table.key

    def ground(self, options: Options | None) -> Ground:
        """What the writers of a call share."""
        returning = options is not None and options.return_rows
        return Ground(
            self.place.dialect,
            self.shape,
            self.adapting,
            self.hidden,
            returning=returning,
            version=self.version,
        )

    def preparing(self, options: Options | None) -> Preparing:
        """What the preparers of a call share."""
        validator = None
        constants: dict[str, Any] = {}
        if options is not None and self.schema is not None and options.validate:
            validator = Validator(self.schema, self.shape.table.column_names, self.hidden)
        if options is not None and options.expires_in is not None and self.expires:
            constants[self.expires] = moment_in("expires_in", options.expires_in)
        return Preparing(self.shape, self.adapting, self.keys, validator, set(), constants)

    def without_repeats(
        self,
        given: Input,
        prepare: Preparer,
        preparing: Preparing,
        options: Options,
        keep: Keep,
    ) -> Input:
        """See to it that of items with one key one counts, over all batches."""
        if not given.repeatable:
            given = Spooled(given, options.size)

        def keyed() -> Iterable[Keyed]:
            return ((block.places, prepare.keys(block)) for block in given.blocks(options.size))

        preparing.skipped = repeated(keyed, keep)
        return given

    def run(
        self,
        name: str,
        given: Input,
        prepare: Preparer,
        make: Callable[[Part], Writer],
        options: Options,
    ) -> BatchResult[T]:
        call = Call(
            name, self.place, options, prepare, make, self.row, self.hidden, self.shape.indexes
        )
        result = Running(call, given).run()
        result.again = lambda items: Running(self._alone(call), Listed(list(items))).run()
        return result

    def _alone(self, call: Call[T]) -> Call[T]:
        """The same call for rows that are tried again: failures are told, and end nothing."""
        options = replace(
            call.options, atomic=False, continue_on_error=True, on_progress=None, on_error=None
        )
        call.prepare.forget()
        return replace(call, options=options)
