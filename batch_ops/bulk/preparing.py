"""From what was given to parts that can be written: what all kinds of calls share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from batch_ops.bulk.columnar import EXPECTED
from batch_ops.bulk.failures import HIDDEN, Missing, masked
from batch_ops.errors import ParameterError

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from batch_ops.bulk.blocks import Block
    from batch_ops.bulk.columnar import Adapting, Columns
    from batch_ops.bulk.keys import Keys
    from batch_ops.bulk.parts import Prepared
    from batch_ops.bulk.shape import Shape
    from batch_ops.bulk.validation import Validator
    from batch_ops.database.values import Key


@dataclass
class Preparing:
    """What all preparers of a call share.

    Attributes:
        keys: reads the table's keys.
        validator: the schema's word; None: nobody is asked.
        skipped: places that another one of the same key supersedes.
        constants: columns every row gets, whatever it says.
    """

    shape: Shape
    adapting: Adapting
    keys: Keys
    validator: Validator | None
    skipped: set[int]
    constants: Mapping[str, Any]

    def known(self, names: Sequence[str], found_by: Sequence[str] = ()) -> None:
        """See to it that columns exist and can be written, apart from those rows are found by."""
        self.shape.known(names)
        for name in names:
            if name not in found_by and self.shape.table.column(name).generated:
                what = f"The column {name!r} is computed by the database."
                raise ParameterError(what, todo="Leave it out of the rows.")

    def adapted_keys(
        self, given: Sequence[Sequence[Any]], names: Sequence[str]
    ) -> Sequence[Key | None]:
        """Keys, given by column, as they are written; None where one is none of the table's, or is
        the same as no other since it holds NULL. A key of one column is its value.
        """
        columns: list[Sequence[Any]] = []
        wrong: set[int] = set()
        for name, values in zip(names, given, strict=True):
            adapted, refused = self.adapting.key_column(name, values)
            columns.append(adapted)
            wrong |= refused.keys()
            if None in adapted:
                wrong.update(row for row, value in enumerate(adapted) if value is None)
        found = columns[0] if len(columns) == 1 else list(zip(*columns, strict=True))
        if not wrong:
            return found
        return [None if row in wrong else key for row, key in enumerate(found)]


class Preparer:
    """Prepares the blocks of one kind of call."""

    def __init__(self, common: Preparing) -> None:
        self._common = common
        self._names_known: set[tuple[str, ...]] = set()

    def __call__(self, block: Block) -> Prepared:
        """A block as a batch that can be written."""
        raise NotImplementedError

    def at_last(self, block: Block) -> Prepared:
        """The same for items that are tried again, or come behind all others."""
        skipped, self._common.skipped = self._common.skipped, set()
        try:
            return self(block)
        finally:
            self._common.skipped = skipped

    def forget(self) -> None:
        """No item is superseded any more."""
        self._common.skipped = set()

    @property
    def validates(self) -> bool:
        """Whether a schema looks at the rows before they are written."""
        return self._common.validator is not None

    @property
    def key_names(self) -> tuple[str, ...]:
        """The table's key columns."""
        return self._common.keys.names

    @property
    def found_by(self) -> Sequence[str]:
        """The columns by which rows are found that are there."""
        return self.key_names

    def keys(self, block: Block) -> Sequence[Key | None]:
        """The keys of a block's items, as they are written; one of a single column is its value."""
        raise NotImplementedError

    def plain_keys(self, items: Sequence[Any]) -> Sequence[Any] | None:
        """Items as keys that may be shown, where they are nothing else; else None."""
        return None

    def told(self, item: Any, place: int) -> tuple[Any, dict[str, Any]]:
        """An item's key, as far as it is known, and its columns."""
        raise NotImplementedError

    def _left(self, block: Block) -> tuple[Block, int]:
        """A block without its superseded items, and how many these are."""
        skipped = self._common.skipped
        if not skipped:
            return block, 0
        rows = [row for row, place in enumerate(block.places) if place not in skipped]
        gone = len(block.items) - len(rows)
        return (block.some(rows), gone) if gone else (block, 0)

    def _adapt(self, prepared: Prepared, columns: Columns, places: Sequence[int]) -> None:
        names, rows, data = columns
        if names not in self._names_known:
            self._common.known([name for name in names if name != EXPECTED], self.found_by)
            self._names_known.add(names)
        whole = isinstance(rows, range) and len(rows) == len(places)
        mine = places if whole else [places[row] for row in rows]
        part, failures = self._common.adapting.part(names, data, mine)
        prepared.failures += failures
        if part.places:
            prepared.parts.append(part)


def missing_of(
    prepare: Preparer, block: Block, places: Sequence[int], hidden: Collection[str]
) -> list[Missing]:
    """The items at these places of a block, as keys no row has."""
    if not places:
        return []
    items = dict(zip(block.places, block.items, strict=True))
    given = [items[place] for place in places]
    keys = prepare.plain_keys(given)
    if keys is None or not set(hidden).isdisjoint(prepare.key_names):
        keys = [shown(prepare, items[place], place, hidden)[0] for place in places]
    return list(map(Missing, keys, places))


def shown(
    prepare: Preparer, item: Any, place: int, hidden: Collection[str]
) -> tuple[Any, Mapping[str, Any]]:
    """An item's key and columns as they may be shown."""
    key, data = prepare.told(item, place)
    secret = not set(hidden).isdisjoint(prepare.key_names)
    return (HIDDEN if secret else key), masked(data, hidden)
