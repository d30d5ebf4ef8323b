"""The calls of `BatchTable` as tasks of the model, one for each item."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from batch_ops_tests.support.bulk_model import (
    EXPECTED,
    RefusedError,
    Task,
    adapted,
    error,
    read_by_schema,
    repeats,
    validated,
)
from batch_ops_tests.support.bulk_values import KEY, NULL, key_of, same

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from batch_ops_tests.support.bulk_model import Done, Kept, Model
    from batch_ops_tests.support.bulk_values import Key, KeyValues, Row, Value


@dataclass(frozen=True)
class Change:
    """What update_many is to do with a row. expected: the version it must have; NULL: any."""

    key: KeyValues
    data: Row
    expected: Value = NULL

    def adapted(self) -> Kept:
        """All values as they are kept, those of the key apart."""
        named = dict(zip(KEY, self.key, strict=True))
        kept = adapted({**named, **self.data, f"{EXPECTED}version": self.expected}, ())
        return {name: kept[name] for name in self.data}


def creating(
    model: Model, rows: Sequence[Row], mode: str, target: Sequence[str], *, by_schema: bool
) -> list[Task]:
    """create_many, with on_conflict "error" or "skip"."""
    if mode == "skip":
        put: Callable[[Kept], Done] = partial(model.create_or_skip, target=target)
    else:
        put = model.create
    return [_putting(row, put, by_schema=by_schema) for row in rows]


def merging(
    model: Model,
    rows: Sequence[Row],
    target: Sequence[str],
    *,
    replace: bool,
    by_schema: bool,
    counting: bool,
) -> list[Task]:
    """upsert_many, and create_many with on_conflict "update" or "replace"."""
    put = partial(model.upsert, target=target, replace=replace, counting=counting)
    superseded = repeats([target_key(row, target) for row in rows], keep_last=True)
    return [
        _putting(row, put, by_schema=by_schema, superseded=again)
        for row, again in zip(rows, superseded, strict=True)
    ]


def target_key(row: Row, target: Sequence[str]) -> tuple[Any, ...] | None:
    """What makes a row the same as another one; None: nothing."""
    values = [row.get(name, NULL) for name in target]
    key = tuple(value.kept for value in values)
    return None if None in key or any(value.code for value in values) else key


def _putting(
    row: Row, put: Callable[[Kept], Done], *, by_schema: bool, superseded: bool = False
) -> Task:
    def look() -> Kept:
        return adapted(read_by_schema(row) if by_schema else row)

    return Task(lambda: put(look()), look, superseded=superseded)


def updating(
    model: Model, changes: Sequence[Change], *, by_schema: bool, counting: bool
) -> list[Task]:
    """update_many."""
    superseded = repeats([key_of(change.key) for change in changes], keep_last=True)
    do = partial(_update, model, by_schema=by_schema, counting=counting)
    return [
        Task(partial(do, change), change.adapted, superseded=again)
        for change, again in zip(changes, superseded, strict=True)
    ]


def _update(model: Model, change: Change, *, by_schema: bool, counting: bool) -> Done:
    settings, key = change.adapted(), key_of(change.key)
    if key not in model.rows:
        return "not_found", None
    there = model.rows[key]
    if change.expected.kept not in (None, there["version"]):
        raise RefusedError(error("version_conflict", "version"))
    if by_schema:
        validated({**there, **{name: value.given for name, value in change.data.items()}})
    return model.update(key, settings, counting=counting)


def marking(
    model: Model, keys: Sequence[KeyValues], data: Row, *, counting: bool, deletes: bool = False
) -> list[Task]:
    """touch_many, and soft_delete_many."""

    def do(change: Change) -> Done:
        settings, key = change.adapted(), key_of(change.key)
        if key not in model.rows or (deletes and model.rows[key]["gone"] is not None):
            return "not_found", None
        done, row = model.update(key, settings, counting=counting)
        return ("deleted" if deletes else done), row

    return _by_key(keys, [partial(do, Change(key, data)) for key in keys])


def deleting(model: Model, keys: Sequence[KeyValues], cascades: Sequence[bool]) -> list[Task]:
    """delete_many."""

    def do(values: KeyValues, cascade: bool) -> Done:
        Change(values, {}).adapted()
        key = key_of(values)
        if key not in model.rows:
            return "not_found", None
        return model.delete(key, cascade=cascade)

    pairs = zip(keys, cascades, strict=True)
    return _by_key(keys, [partial(do, *pair) for pair in pairs])


def getting(model: Model, keys: Sequence[KeyValues]) -> list[Task]:
    """get_many."""

    def do(values: KeyValues) -> Done:
        Change(values, {}).adapted()
        return "selected" if key_of(values) in model.rows else "not_found", None

    return _by_key(keys, [partial(do, key) for key in keys])


def _by_key(keys: Sequence[KeyValues], does: Sequence[Callable[[], Done]]) -> list[Task]:
    superseded = repeats([key_of(key) for key in keys], keep_last=False)
    return [
        Task(do, superseded=again, counted=False)
        for do, again in zip(does, superseded, strict=True)
    ]


def chosen(model: Model, condition: Callable[[Kept], bool]) -> list[Key]:
    """The keys of the rows a condition chooses, in order."""
    return sorted(key for key, row in model.rows.items() if condition(row))


def updating_chosen(
    model: Model,
    keys: Sequence[Key],
    settings: Callable[[Kept], Row],
    *,
    by_schema: bool,
    counting: bool,
) -> list[Task]:
    """update_many(where(…))."""

    def change(key: Key) -> Change:
        return Change((same(key[0]), same(key[1])), settings(model.rows[key]))

    def do(key: Key) -> Done:
        return _update(model, change(key), by_schema=by_schema, counting=counting)

    def look(key: Key) -> Kept:
        return change(key).adapted()

    return [Task(partial(do, key), partial(look, key)) for key in keys]


def deleting_chosen(model: Model, keys: Sequence[Key]) -> list[Task]:
    """delete_many(where(…))."""
    return [Task(partial(model.delete, key, cascade=False)) for key in keys]
