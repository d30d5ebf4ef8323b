"""The works: what each side is given, on which tables, and what must have come of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from benchmarks.bulk import rows
from benchmarks.bulk.rows import Row, account, accounts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

PLAIN = (rows.ACCOUNTS,)
LOOKED_UP = 100_000
"""A lookup is of so many keys at most."""
SUMMED = "SELECT COUNT(*), SUM(id) FROM {}"


@dataclass(frozen=True, slots=True)
class Case:
    """One work at one size.

    Attributes:
        rows: how many it creates, changes, deletes or looks up.
        given: what each side is given.
        before: the numbers of the accounts that are there.
        after: the sums of the accounts that must be there afterwards.
        stats: the counters `BatchTable` must tell.
        tables: the statements that make them.
        also: further queries, with what they must give.
        found: of a lookup: how many rows, and the cents of their balances.
    """

    rows: int
    given: Any
    before: range
    after: dict[str, int]
    stats: dict[str, int]
    tables: tuple[str, ...] = PLAIN
    also: dict[str, tuple[int, int]] = field(default_factory=dict)
    found: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class Work:
    """What can be done in several ways.

    Attributes:
        method: of the sides that do it.
        title: as the report calls it.
        case: makes it at a size.
        limits: the fastest way by hand, per kind of database.
        alike: peers send the very statement of the limit: they are told, but are no bar.
    """

    method: str
    title: str
    case: Callable[[int], Case]
    limits: dict[str, str]
    alike: bool = False


def _limits(postgresql: str, sqlite: str | None = None) -> dict[str, str]:
    return {"PostgreSQL": postgresql, "SQLite": sqlite or postgresql}


def _create(size: int) -> Case:
    given = list(accounts(range(1, size + 1)))
    return Case(size, given, range(0), rows.sums(given), {"created": size})


def _create_frame(size: int) -> Case:
    given = list(accounts(range(1, size + 1)))
    return Case(size, rows.frame(given), range(0), rows.sums(given), {"created": size})


def _update(size: int) -> Case:
    """Every second row of the table, each with a balance of its own."""
    before, keys = _every_second(size)
    given = [{"key": key, "data": _richer(account(key))} for key in keys]
    changed = (row | (_richer(row) if row["id"] % 2 == 0 else {}) for row in accounts(before))
    return Case(size, given, before, rows.sums(changed), {"updated": size})


def _touch(size: int) -> Case:
    before, keys = _every_second(size)
    changed = (_closed(row, when=row["id"] % 2 == 0) for row in accounts(before))
    return Case(size, list(keys), before, rows.sums(changed), {"updated": size})


def _touch_records(size: int) -> Case:
    """The same, said once per key."""
    case = _touch(size)
    given = [{"key": key, "data": {"status": "closed"}} for key in case.given]
    return Case(size, given, case.before, case.after, case.stats)


def _update_where(size: int) -> Case:
    before, _ = _every_second(size)
    count = sum(map(_dormant, accounts(before)))
    changed = (_closed(row, when=_dormant(row)) for row in accounts(before))
    return Case(count, None, before, rows.sums(changed), {"updated": count})


def _delete_where(size: int) -> Case:
    before, _ = _every_second(size)
    left = rows.sums(row for row in accounts(before) if not _dormant(row))
    count = len(before) - left["rows"]
    return Case(count, None, before, left, {"deleted": count})


def _upsert(size: int) -> Case:
    """In the order of their keys: every third row of the table, one of two changed; then new."""
    before, third = range(1, 2 * size + 1), size // 3
    changed = {3 * place: account(3 * place) for place in range(1, 2 * third + 1)}
    for number in range(3, 6 * third, 6):
        changed[number] |= _richer(changed[number])
    new = list(accounts(range(len(before) + 1, len(before) + 1 + size - 2 * third)))
    after = rows.sums([*(changed.get(row["id"], row) for row in accounts(before)), *new])
    stats = {"created": len(new), "updated": third, "unchanged": third}
    return Case(size, [*changed.values(), *new], before, after, stats)


def _delete_cascade(size: int) -> Case:
    """Every second account; one account is ten rows, with its orders and their items."""
    owners = max(1, size // (1 + rows.ORDERS_EACH * (1 + rows.ITEMS_EACH)))
    before, keys = _every_second(owners)
    left = range(1, 2 * owners + 1, 2)
    also = {
        SUMMED.format("orders"): _ids(rows.orders(left)),
        SUMMED.format("items"): _ids(rows.items(left)),
    }
    after, count = rows.sums(accounts(left)), 10 * owners
    return Case(count, list(keys), before, after, {"deleted": owners}, rows.SHOP, also)


def _lookup(size: int) -> Case:
    """Half of the keys are there, scattered over the table; in no order."""
    before, count = range(1, 2 * size + 1), min(size, LOOKED_UP)
    step = len(before) // count
    there = [step * place for place in range(1, count // 2 + 1)]
    missing = [len(before) + place for place in range(1, count - len(there) + 1)]
    cents = sum(int(row["balance"] * 100) for row in accounts(there))
    given = [key for pair in zip(there, missing, strict=False) for key in pair]
    given += missing[len(there) :]
    after = rows.sums(accounts(before))
    stats = {"not_found": len(missing)}
    return Case(count, given, before, after, stats, found=(len(there), cents))


COPY, MANY = "COPY, row by row", "executemany"
ANY, JSON = "UPDATE … = ANY, 10,000 keys", "UPDATE … IN json_each"
WORKS = (
    Work("create", "create from dicts", _create, _limits(COPY, MANY)),
    Work("create_frame", "create from a DataFrame", _create_frame, _limits(COPY, MANY)),
    Work("update", "update, values differ", _update, _limits("stage, UPDATE … FROM", MANY)),
    Work("touch", "the same value, list of keys", _touch, _limits(ANY, JSON)),
    Work("touch_records", "the same value, said per key", _touch_records, _limits(ANY, JSON)),
    Work("update_where", "update by predicate", _update_where, _limits("one UPDATE"), alike=True),
    Work("delete_where", "delete by predicate", _delete_where, _limits("one DELETE"), alike=True),
    Work(
        "upsert",
        "upsert, ⅓ new, ⅓ changed, ⅓ equal",
        _upsert,
        _limits("stage, INSERT … ON CONFLICT", "executemany, ON CONFLICT"),
    ),
    Work("delete_cascade", "delete by keys, cascade", _delete_cascade, _limits("three DELETEs")),
    Work("lookup", "lookup, half found", _lookup, _limits("= ANY", "IN json_each")),
)


def _every_second(size: int) -> tuple[range, range]:
    return range(1, 2 * size + 1), range(2, 2 * size + 1, 2)


def _richer(row: Row) -> Row:
    return {"balance": row["balance"] + 1, "status": "closed"}


def _closed(row: Row, *, when: bool) -> Row:
    return row | {"status": "closed"} if when else row


def _dormant(row: Row) -> bool:
    return bool(row["status"] == "dormant")


def _ids(given: Iterator[Row] | Iterable[Row]) -> tuple[int, int]:
    numbers = [row["id"] for row in given]
    return len(numbers), sum(numbers)
