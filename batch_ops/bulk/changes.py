"""Keys, alone or with what is to be set on their rows, as parts that can be written."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from batch_ops.bulk.columnar import EXPECTED, in_columns
from batch_ops.bulk.options import moment_in
from batch_ops.bulk.parts import Prepared
from batch_ops.bulk.preparing import Preparer, Preparing

if TYPE_CHECKING:
    from collections.abc import Sequence

    from batch_ops.bulk.blocks import Block, Record
    from batch_ops.bulk.keys import Item
    from batch_ops.database.values import Key


class ChangePreparer(Preparer):
    """Keys with what is to be set on their rows.

    Args:
        fields: the columns that are set, of all that are given; None: all.
        version: the column that counts a row's changes.
        expected: the version every row must have; items may say another.
        expires: the column that says when a row expires.
    """

    def __init__(
        self,
        common: Preparing,
        *,
        fields: Sequence[str] | None = None,
        version: str | None = None,
        expected: Any = None,
        expires: str | None = None,
    ) -> None:
        super().__init__(common)
        self._fields, self._version = fields, version
        self._expected, self._expires = expected, expires
        self._allowed = [
            name
            for name, there in (("expected_version", version), ("expires_in", expires))
            if there
        ]

    def __call__(self, block: Block) -> Prepared:
        prepared = Prepared(len(block.items))
        block, prepared.skipped = self._left(block)
        keys, changes, expected = self._split(block)
        key_names, places = self._common.keys.names, block.places
        for names, rows, data in in_columns(changes):
            whole = isinstance(rows, range)
            columns = keys if whole else [[column[row] for row in rows] for column in keys]
            versions = [expected[row] for row in rows] if expected else []
            with_versions = any(version is not None for version in versions)
            more = ([EXPECTED], [versions]) if with_versions else ([], [])
            self._adapt(
                prepared,
                ((*key_names, *names, *more[0]), rows, [*map(list, columns), *data, *more[1]]),
                places,
            )
        if self._common.validator is not None:
            by_place = dict(zip(places, changes, strict=True))
            for part in prepared.parts:
                part.records = [by_place[place] for place in part.places]
        return prepared

    def _split(
        self, block: Block
    ) -> tuple[Sequence[Sequence[Any]], Sequence[Record], Sequence[Any]]:
        """A block's keys by column, what is set, and the versions that are expected."""
        plain = self._common.keys.plain_changes(block)
        if plain is not None:
            versions = [] if self._expected is None else [self._expected] * len(block.items)
            changed = self._fields is not None or self._common.constants
            data = [self._changed(one) for one in plain[1]] if changed else plain[1]
            return plain[0], data, versions
        items = self._items(block)
        keys = [item.key for item in items]
        columns = [[key[n] for key in keys] for n in range(len(self._common.keys.names))]
        expected = [item.options.get("expected_version", self._expected) for item in items]
        return columns, [self._change(item) for item in items], expected

    def _items(self, block: Block) -> list[Item]:
        read, start = self._common.keys.change, block.places
        return [read(i, start[n], self._allowed) for n, i in enumerate(block.items)]

    def _changed(self, given: Record) -> dict[str, Any]:
        data = dict(given)
        if self._fields is not None:
            data = {name: data[name] for name in self._fields if name in data}
        data.update(self._common.constants)
        return data

    def _change(self, item: Item) -> Record:
        data = self._changed(item.data)
        if "expires_in" in item.options and self._expires:
            data[self._expires] = moment_in("expires_in", item.options["expires_in"])
        return data

    def keys(self, block: Block) -> Sequence[Key | None]:
        plain = self._common.keys.plain_changes(block)
        given = plain[0] if plain else _by_column([i.key for i in self._items(block)])
        return self._common.adapted_keys(given, self._common.keys.names) if given else []

    def told(self, item: Any, place: int) -> tuple[Any, dict[str, Any]]:
        change = self._common.keys.change(item, place, self._allowed)
        named = dict(zip(self._common.keys.names, change.key, strict=True))
        return self._common.keys.shown(change.key), {**named, **change.data}


class KeyPreparer(Preparer):
    """Keys alone; the rows get what every row gets. options: those an item may have."""

    def __init__(self, common: Preparing, *, cascade: bool = False, options: bool = False) -> None:
        super().__init__(common)
        self._cascade = cascade
        self._allowed = ["cascade"] if options else []

    def __call__(self, block: Block) -> Prepared:
        block, gone = self._left(block)
        prepared = Prepared(len(block.items))
        del gone  # a key that is asked for twice is one
        for cascade, rows, keys in self._grouped(block):
            names = (*self._common.keys.names, *self._common.constants)
            data: list[Any] = list(keys)
            data += [[value] * len(rows) for value in self._common.constants.values()]
            before = len(prepared.parts)
            self._adapt(prepared, (names, rows, data), block.places)
            for part in prepared.parts[before:]:  # none where no key is one
                part.cascade = cascade
        return prepared

    def _grouped(self, block: Block) -> list[tuple[bool, Sequence[int], Sequence[Any]]]:
        """Whether what refers to rows goes, too; places; and keys by column."""
        plain = self._common.keys.plain(block)
        if plain is not None:
            return [(self._cascade, range(len(block.items)), plain)] if block.items else []
        groups: dict[bool, tuple[list[int], list[Key]]] = {}
        for row, item in enumerate(self._items(block)):
            cascade = bool(item.options.get("cascade", self._cascade))
            rows, keys = groups.setdefault(cascade, ([], []))
            rows.append(row)
            keys.append(item.key)
        found = sorted(groups.items())
        return [(cascade, rows, _by_column(keys)) for cascade, (rows, keys) in found]

    def _items(self, block: Block) -> list[Item]:
        places = block.places
        return [
            self._common.keys.item(item, places[n], self._allowed)
            for n, item in enumerate(block.items)
        ]

    def keys(self, block: Block) -> Sequence[Key | None]:
        plain = self._common.keys.plain(block)
        given = plain or _by_column([item.key for item in self._items(block)])
        return self._common.adapted_keys(given, self._common.keys.names) if given else []

    def plain_keys(self, items: Sequence[Any]) -> Sequence[Any] | None:
        return self._common.keys.alone(items)

    def told(self, item: Any, place: int) -> tuple[Any, dict[str, Any]]:
        key = self._common.keys.item(item, place, self._allowed).key
        return self._common.keys.shown(key), dict(zip(self._common.keys.names, key, strict=True))


def _by_column(keys: Sequence[Key]) -> list[list[Any]]:
    return [list(column) for column in zip(*keys, strict=True)]
