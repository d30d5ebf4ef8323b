"""Keys in whatever form: a value, a tuple in key order, a dict, an object, an item with options."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from operator import itemgetter
from typing import TYPE_CHECKING, Any
from uuid import UUID

from batch_ops.bulk.frames import in_frame
from batch_ops.bulk.records import record_of
from batch_ops.errors import ParameterError, UnknownNameError

if TYPE_CHECKING:
    from collections.abc import Collection

    from batch_ops.bulk.blocks import Block
    from batch_ops.database.values import Key

KEY, DATA, OPTIONS = "key", "data", "options"


@dataclass(frozen=True, slots=True)
class Item:
    """A key, what is to become of its row, and options of its own."""

    key: Key
    data: Mapping[str, Any] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)


class Keys:
    """Reads keys of one table. names: its key columns; others: its other columns."""

    def __init__(self, names: Sequence[str], others: Collection[str]) -> None:
        self.names = tuple(names)
        # a table with columns of these names: an item with them is a row
        self._wrapped = not {KEY, DATA} & {*names, *others}

    def plain(self, block: Block) -> list[Sequence[Any]] | None:
        """Keys by column, where all items are keys of one plain type and have no options."""
        found = in_frame(block, self.names)
        return found if found is not None else self._columns(block.items)

    def alone(self, items: Sequence[Any]) -> Sequence[Any] | None:
        """Items that are keys of one plain type and nothing else, as they are shown."""
        return items if self._columns(items) is not None else None

    def plain_changes(self, block: Block) -> tuple[list[Sequence[Any]], list[Any]] | None:
        """Keys by column and data, where all items are `{"key": …, "data": {…}}` of plain types."""
        items = block.items
        if not self._wrapped or set(map(type, items)) != {dict} or set(map(len, items)) != {2}:
            return None
        try:
            keys, data = list(map(_GET_KEY, items)), list(map(_GET_DATA, items))
        except KeyError:
            return None
        columns = self._columns(keys)
        if columns is None or set(map(type, data)) != {dict} or self._in_data(data):
            return None
        return columns, data

    def _columns(self, keys: Sequence[Any]) -> list[Sequence[Any]] | None:
        kinds = set(map(type, keys))
        if len(self.names) == 1:
            return [keys] if kinds <= _PLAIN else None
        if kinds == {tuple} and set(map(len, keys)) == {len(self.names)}:
            return [list(column) for column in zip(*keys, strict=True)]
        return None

    def _in_data(self, data: Sequence[Any]) -> bool:
        """Whether what is set holds a key column."""
        return any(name in one for name in self.names for one in data)

    def item(self, item: Any, place: int, allowed: Collection[str] = ()) -> Item:
        """A key, alone or with options (those that are allowed)."""
        if len(self.names) == 1 and type(item) in _PLAIN:
            return Item((item,))
        options: Mapping[str, Any] = {}
        if self._is_wrapped(item):
            options = _options(item, place, allowed)
            item = item[KEY]
        return Item(self.key(item, place), options=options)

    def change(self, item: Any, place: int, allowed: Collection[str]) -> Item:
        """A key and data: `{"key": …, "data": …}`, a pair of both, or a row with its key in it."""
        if isinstance(item, tuple) and len(item) == 2 and isinstance(item[1], Mapping):
            item = {KEY: item[0], DATA: item[1]}
        if self._is_wrapped(item):
            key, data = self.key(item[KEY], place), item.get(DATA)
            if not isinstance(data, Mapping):
                what = f"Item {place} has no data to set."
                raise ParameterError(what, todo='Give {"key": …, "data": {"column": value}}.')
            self._refuse_other_key(key, data, place)
            rest = {name: value for name, value in data.items() if name not in self.names}
            return Item(key, rest, _options(item, place, allowed))
        row = record_of(item, place)
        key = self._of_row(row, place)
        return Item(key, {name: value for name, value in row.items() if name not in self.names})

    def key(self, given: Any, place: int) -> Key:
        """A key as a tuple in key order.

        Raises:
            ParameterError: it is none of this table.
        """
        if len(self.names) == 1 and type(given) in _PLAIN:
            return (given,)  # though texts and numbers have attributes, too
        if isinstance(given, Mapping):
            return self._of_row(given, place)
        if isinstance(given, tuple | list) and not hasattr(given, "_fields"):
            if len(given) != len(self.names):
                what = f"The key of item {place} has {len(given)} values, not {len(self.names)}."
                raise ParameterError(what, todo=f"Key columns, in order: {', '.join(self.names)}.")
            return tuple(given)
        if all(hasattr(given, name) for name in self.names):
            return tuple(getattr(given, name) for name in self.names)
        if len(self.names) == 1:
            return (given,)
        what = f"The key of item {place} is a value of type {type(given).__name__}."
        raise ParameterError(what, todo=f"Give a tuple or a dict of {', '.join(self.names)}.")

    def shown(self, key: Sequence[Any]) -> Any:
        """A key as a person gave it: the value of a single key column, else the tuple."""
        return key[0] if len(key) == 1 else tuple(key)

    def _of_row(self, row: Mapping[str, Any], place: int) -> Key:
        missing = [name for name in self.names if name not in row]
        if missing:
            what = f"Item {place} has no value for the key column {missing[0]!r}."
            raise ParameterError(what, todo=f"Key columns: {', '.join(self.names)}.")
        return tuple(row[name] for name in self.names)

    def _refuse_other_key(self, key: Key, data: Mapping[str, Any], place: int) -> None:
        for name, value in zip(self.names, key, strict=True):
            if name in data and data[name] != value:
                raise ParameterError(
                    f"Item {place} would change the key column {name!r}.",
                    todo="A key is not changed by update_many: create the row anew, delete the"
                    " old one.",
                )

    def _is_wrapped(self, item: Any) -> bool:
        return (
            self._wrapped
            and isinstance(item, Mapping)
            and KEY in item
            and item.keys() <= {KEY, DATA, OPTIONS}
        )


_PLAIN = frozenset({int, str, UUID, Decimal, date, datetime, bytes, float})
_GET_KEY, _GET_DATA = itemgetter(KEY), itemgetter(DATA)


def _options(item: Mapping[str, Any], place: int, allowed: Collection[str]) -> Mapping[str, Any]:
    options = item.get(OPTIONS) or {}
    for name in options:
        if name not in allowed:
            raise UnknownNameError(
                "option", name, allowed, state=f"It stands at item {place}. Nothing was written."
            )
    return dict(options)
