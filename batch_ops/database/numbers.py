"""Numbers as PostgreSQL reckons: exact decimals, halves away from zero, no division by zero.

SQLite keeps a decimal as a whole number or as eight bytes of floating point, which are exact for
15 digits: what comes in is read as the shortest decimal that means it, and what goes out is the
nearest such number.
"""

from __future__ import annotations

import math
from decimal import (
    ROUND_CEILING,
    ROUND_DOWN,
    ROUND_FLOOR,
    ROUND_HALF_EVEN,
    ROUND_HALF_UP,
    Context,
    Decimal,
)
from typing import TypeVar

Number = int | float
_N = TypeVar("_N", int, float, Decimal)

_DIGITS = 4  # PostgreSQL keeps a decimal's digits in fours
_SIGNIFICANT = 16
_CONTEXT = Context(prec=80, rounding=ROUND_HALF_UP)


def exact(number: Number) -> Decimal:
    """The decimal that a number of SQLite stands for."""
    return Decimal(number) if isinstance(number, int) else Decimal(repr(number))


def stored(number: Decimal) -> Number:
    """A decimal as SQLite keeps it.

    Raises:
        OverflowError: it has no place there.
    """
    if number == number.to_integral_value() and -(2**63) <= number < 2**63:
        return int(number)
    found = float(number)
    if math.isinf(found):
        raise OverflowError("value overflows")
    return found


def add(one: Number, other: Number) -> Number:
    """The exact sum of decimals."""
    return stored(_CONTEXT.add(exact(one), exact(other)))


def subtract(one: Number, other: Number) -> Number:
    """The exact difference of decimals."""
    return stored(_CONTEXT.subtract(exact(one), exact(other)))


def multiply(one: Number, other: Number) -> Number:
    """The exact product of decimals."""
    return stored(_CONTEXT.multiply(exact(one), exact(other)))


def divide(one: Number, other: Number) -> Number:
    """The quotient of decimals, to at least 16 significant digits."""
    return stored(quotient(exact(one), exact(other)))


def quotient(one: Decimal, other: Decimal) -> Decimal:
    """The quotient of decimals, with as many digits as PostgreSQL gives it."""
    (weight, first), (by, first_of_it) = _weight(one), _weight(_divisor(other))
    weight -= by + (first <= first_of_it)
    scale = max(_SIGNIFICANT - weight * _DIGITS, _scale(one), _scale(other), 0)
    return _rounded(_CONTEXT.divide(one, other), scale, ROUND_HALF_UP)


def divide_whole(one: int, other: int) -> int:
    """The quotient of whole numbers, towards zero."""
    found = abs(one) // abs(_divisor(other))
    return found if (one < 0) == (other < 0) else -found


def divide_float(one: Number, other: Number) -> float:
    """The quotient of floating numbers."""
    return float(one) / _divisor(float(other))


def remainder(one: Number, other: Number) -> Number:
    """What a division leaves; it has the dividend's sign."""
    if isinstance(one, int) and isinstance(other, int):
        return one - divide_whole(one, other) * other
    return stored(_CONTEXT.remainder(exact(one), _divisor(exact(other))))


def round_to(number: Number, digits: int) -> Number:
    """Halves away from zero; negative digits count before the point."""
    return stored(_rounded(exact(number), digits, ROUND_HALF_UP))


def round_float(number: Number) -> float:
    """Halves to the even number, as floating numbers are rounded."""
    return float(round(float(number)))


def cut_to(number: Number, digits: int) -> Number:
    """Digits left out."""
    return stored(_rounded(exact(number), digits, ROUND_DOWN))


def ceiling(number: Number) -> Number:
    """The next whole number up."""
    return stored(_rounded(exact(number), 0, ROUND_CEILING))


def floor(number: Number) -> Number:
    """The next whole number down."""
    return stored(_rounded(exact(number), 0, ROUND_FLOOR))


def sign(number: Number) -> int:
    """-1, 0 or 1."""
    return (number > 0) - (number < 0)


def root(number: Number) -> Number:
    """The square root of a decimal."""
    value = exact(number)
    if value < 0:
        raise ValueError("cannot take square root of a negative number")
    scale = max(_SIGNIFICANT - (_weight(value)[0] + 1) * _DIGITS // 2 + 1, _scale(value), 0)
    return stored(_rounded(_CONTEXT.sqrt(value), scale, ROUND_HALF_UP))


def root_float(number: Number) -> float:
    """The square root of a floating number."""
    if number < 0:
        raise ValueError("cannot take square root of a negative number")
    return math.sqrt(number)


def power(base: Number, exponent: Number) -> Number:
    """A power of decimals."""
    _judge_power(base, exponent)
    return stored(_CONTEXT.power(exact(base), exact(exponent)))


def power_float(base: Number, exponent: Number) -> float:
    """A power of floating numbers."""
    _judge_power(base, exponent)
    return math.pow(base, exponent)


def _judge_power(base: Number, exponent: Number) -> None:
    if base == 0 and exponent < 0:
        raise ZeroDivisionError("zero raised to a negative power is undefined")
    if base < 0 and exponent != int(exponent):
        raise ValueError("a negative number raised to a non-integer power yields a complex result")


def whole(number: Number, bits: int) -> int:
    """A decimal as a whole number of so many bits; halves away from zero."""
    return within(int(_rounded(exact(number), 0, ROUND_HALF_UP)), bits)


def whole_of_float(number: Number, bits: int) -> int:
    """A floating number as a whole number; halves to the even one."""
    return within(int(_rounded(Decimal(number), 0, ROUND_HALF_EVEN)), bits)


def within(number: int, bits: int) -> int:
    """The number itself.

    Raises:
        OverflowError: it has more bits.
    """
    if not -(2 ** (bits - 1)) <= number < 2 ** (bits - 1):
        raise OverflowError(f"{number} is out of range of {bits} bits")
    return number


def fit(number: Number, precision: int, scale: int) -> Number:
    """A number as `DECIMAL(precision, scale)` keeps it.

    Raises:
        OverflowError: it has more digits before the point.
    """
    found = _rounded(exact(number), scale, ROUND_HALF_UP)
    if abs(found) >= Decimal(10) ** (precision - scale):
        raise OverflowError(f"{number} overflows DECIMAL({precision},{scale})")
    return stored(found)


def decimal_of_float(number: Number) -> Number:
    """A floating number as a decimal: 15 digits of it are meant."""
    return stored(Decimal(f"{number:.15g}"))


def _divisor(number: _N) -> _N:
    if not number:
        raise ZeroDivisionError("division by zero")
    return number


def _rounded(number: Decimal, digits: int, rounding: str) -> Decimal:
    if digits >= _scale(number):
        return number
    return number.quantize(Decimal(1).scaleb(-digits), rounding, _CONTEXT).normalize(_CONTEXT)


def _scale(number: Decimal) -> int:
    exponent = number.normalize(_CONTEXT).as_tuple().exponent
    return max(-exponent, 0) if isinstance(exponent, int) else 0


def _weight(number: Decimal) -> tuple[int, int]:
    """The place of the first digit in the base 10,000, and that digit."""
    if not number:
        return 0, 0
    weight = number.adjusted() // _DIGITS
    return weight, int(abs(number).scaleb(-weight * _DIGITS))
