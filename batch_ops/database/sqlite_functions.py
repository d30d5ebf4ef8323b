"""SQL functions that SQLite lacks or has otherwise, given to each connection.

Their names begin with `bo_`. All but those in `_OF_NULL` give NULL where an argument is NULL, as in
PostgreSQL. One that fails for a row's value fails the row: SQLite tells only that a function
raised an exception, so that the reason is kept here for who reads the error.
"""

from __future__ import annotations

import threading
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from batch_ops.database import moments, numbers, parts, texts

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable

PREFIX = "bo_"
RAISED = "user-defined "
"""How SQLite's error begins when a function raised an exception."""

DATA_EXCEPTION, DIVISION_BY_ZERO = "22000", "22012"
_STATES: dict[type[Exception], str] = {texts.TooLongError: "22001", OverflowError: "22003"}

_told = threading.local()


def _greatest(*values: Any) -> Any:
    return max((value for value in values if value is not None), default=None)


def _least(*values: Any) -> Any:
    return min((value for value in values if value is not None), default=None)


_STRICT: tuple[Callable[..., Any], ...] = (
    *(numbers.add, numbers.subtract, numbers.multiply, numbers.divide, numbers.divide_whole),
    *(numbers.divide_float, numbers.remainder, numbers.round_to, numbers.round_float),
    *(numbers.cut_to, numbers.ceiling, numbers.floor, numbers.sign, numbers.root),
    *(numbers.root_float, numbers.power, numbers.power_float, numbers.whole),
    *(numbers.whole_of_float, numbers.within, numbers.fit, numbers.decimal_of_float),
    *(texts.upper, texts.lower, texts.left, texts.right, texts.lpad, texts.rpad),
    *(texts.substring, texts.split_part, texts.starts_with, texts.like, texts.ilike),
    *(texts.read_whole, texts.read_decimal, texts.read_float, texts.read_boolean),
    *(texts.read_uuid, texts.boolean_text, texts.fit_text),
    *(moments.read_date, moments.read_time, moments.read_timestamp, moments.read_interval),
    *(moments.read_local_timestamp, moments.later, moments.earlier, moments.later_time),
    *(
        moments.earlier_time,
        moments.later_date,
        moments.earlier_date,
        moments.days_between,
        moments.between,
    ),
    *(moments.time_between, moments.joined, moments.longer, moments.shorter, moments.times),
    *(
        moments.time_of,
        moments.time_text,
        moments.divided,
        moments.negated,
        moments.length,
        moments.cut,
    ),
    *(parts.of_moment, parts.of_time, parts.of_interval),
)
_OF_NULL = {"greatest": _greatest, "least": _least}


class _Sum:
    """The exact sum of decimals; NULL of none."""

    def __init__(self) -> None:
        self.sum, self.count = Decimal(0), 0

    def step(self, value: float | None) -> None:
        if value is not None:
            self.sum, self.count = self.sum + numbers.exact(value), self.count + 1

    def finalize(self) -> int | float | None:
        return numbers.stored(self.sum) if self.count else None


class _Average(_Sum):
    """The exact average of decimals or whole numbers; NULL of none."""

    def finalize(self) -> int | float | None:
        if not self.count:
            return None
        return numbers.stored(numbers.quotient(self.sum, Decimal(self.count)))


def register(connection: sqlite3.Connection) -> None:
    """Make the functions known to a connection."""
    for function in _STRICT:
        name = PREFIX + function.__name__
        connection.create_function(name, -1, _strict(function), deterministic=True)
    for name, function in _OF_NULL.items():
        connection.create_function(PREFIX + name, -1, function, deterministic=True)
    connection.create_aggregate(f"{PREFIX}sum", 1, _Sum)  # type: ignore[arg-type]
    connection.create_aggregate(f"{PREFIX}avg", 1, _Average)  # type: ignore[arg-type]


def reason() -> tuple[str, str]:
    """Why the last function of this thread failed: SQLSTATE, and in words."""
    error: Exception | None = getattr(_told, "error", None)
    told = "" if error is None else str(error)
    if "division by zero" in told:
        return DIVISION_BY_ZERO, told
    found = (state for kind, state in _STATES.items() if isinstance(error, kind))
    return next(found, DATA_EXCEPTION), told


def _strict(function: Callable[..., Any]) -> Callable[..., Any]:
    def call(*arguments: Any) -> Any:
        if None in arguments:
            return None
        try:
            return function(*arguments)
        except (ArithmeticError, ValueError) as error:
            _told.error = error
            # of an OverflowError SQLite would say that a text is too big
            raise ValueError(str(error)) from error
        except (TypeError, AttributeError) as error:
            given = ", ".join(map(repr, arguments))
            _told.error = ValueError(f"{function.__name__.upper()} cannot take ({given})")
            raise ValueError from error

    return call
