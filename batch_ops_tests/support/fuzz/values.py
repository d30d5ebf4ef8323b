"""Values given to an operation's parameters: from Python, where anything can come, and as texts."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from uuid import UUID

from batch_ops_tests.support.fuzz.corpus import TEXTS, dice_of

if TYPE_CHECKING:
    import random

VALUES: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 2**31, 2**63, -(2**63) - 1, 10**40, 0.1, -0.0, 1e308, math.inf),
    *(math.nan, Decimal("1.5"), Decimal("NaN"), Decimal("1e500"), 1 + 2j, b"", b"\x00\xff", object),
    *(
        date.min,
        date.max,
        datetime(2020, 1, 1, tzinfo=UTC),
        datetime(1, 1, 1, tzinfo=UTC).replace(tzinfo=None),
        datetime(9999, 12, 31, 23, 59, tzinfo=UTC),
        time.max,
    ),
    *(timedelta.max, timedelta(days=-1), UUID(int=0), range(3), {1, 2}, frozenset(), (1, 2), len),
    *([], [None], [1, "a"], [[1], [2]], [{}], {}, {"id": 1}, {"a": {"b": [1]}}, {1: 2}, {None: 1}),
    *(
        [1] * 2_000,
        ["x" * 5_000],
        [{"id": n} for n in range(50)],
        [[[[[[[[1]]]]]]]],
        Exception("x"),
    ),
)
FITTING: dict[str, Any] = {
    "number": 5,
    "big": "7",
    "exact": "1.5",
    "rough": 0.5,
    "yes": "true",
    "day": "2020-01-05",
    "clock": "10:00",
    "moment": "2020-01-05 10:00",
    "span": "1 day",
    "mark": "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11",
    "word": "n5",
    "anything": {"a": [1, None]},
    "list": [1, 2],
    "words": ["n1"],
}
"""A value that each parameter takes."""
UNKNOWN = ("nobody", "Number", "", "number.x", "rows")
COLUMNS: dict[str, Any] = {
    "id": 1,
    "name": "n",
    "amount": 3,
    "price": "2.50",
    "born": "2020-01-01",
    "seen": "2020-01-01 10:00:00",
    "active": True,
    "note": "x",
}


def parameters(seed: int, number: int) -> dict[str, Any]:
    """The n-th set of parameters for Python."""
    dice = dice_of(seed, "parameters", number)
    names = [dice.choice(list(FITTING)) for _ in range(dice.choice((1, 1, 2, 4)))]
    if dice.random() < 0.05:
        names.append(dice.choice(UNKNOWN))
    return {n: FITTING[n] if n in FITTING and dice.random() < 0.5 else _odd(dice) for n in names}


def records(seed: int, number: int) -> Any:
    """The n-th list of records; in each a field or two are odd, or missing, or too many."""
    dice = dice_of(seed, "records", number)
    if dice.random() < 0.1:
        return _odd(dice)
    return [_record(dice, number * 10 + n) for n in range(dice.choice((1, 2, 5)))]


def _record(dice: random.Random, number: int) -> dict[Any, Any]:
    record: dict[Any, Any] = {**COLUMNS, "id": number}
    for _ in range(dice.choice((0, 1, 1, 2))):
        record[dice.choice(list(COLUMNS))] = _odd(dice)
    if dice.random() < 0.1:
        record.pop(dice.choice(list(COLUMNS)), None)
    if dice.random() < 0.05:
        record[dice.choice((*UNKNOWN, 1, None))] = _odd(dice)
    return record


def _odd(dice: random.Random) -> Any:
    match dice.randrange(4):
        case 0 | 1:
            return dice.choice(TEXTS)
        case 2:
            return dice.choice(VALUES)
        case _:
            value, text = dice.choice(VALUES), dice.choice(TEXTS)
            return dice.choice(([value, text], {"id": value, "name": text}, [{"id": value}]))


def arguments(seed: int, number: int) -> list[str]:
    """The n-th set of parameters as they stand in a command line."""
    dice = dice_of(seed, "arguments", number)
    found: list[str] = []
    for _ in range(dice.choice((1, 1, 2, 3))):
        name = dice.choice((*FITTING, *FITTING, *UNKNOWN))
        text = FITTING[name] if name in FITTING and dice.random() < 0.6 else dice.choice(TEXTS)
        form = dice.choice(("{}={}", "{}={}", "{}={}", "{}={}", "{}", "{}=@{}"))
        found += ["-p", form.format(name, text)]
    return found
