"""Values for fields: by type, length, NULL, uniqueness and reference."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

from batch_ops.spec.model import FieldType

if TYPE_CHECKING:
    from random import Random

    from batch_ops.spec.model import Field
    from batch_ops.testing.pools import Pools

_TEXTS = ("plain", "it's", 'say "so"', "a, b", "é", "x" * 12, "007", "Ωmega", "two words")
_LETTERS = "0123456789abcdefghijklmnopqrstuvwxyz"
_WHOLE = (FieldType.INTEGER, FieldType.BIGINT)
_TEXTUAL = (FieldType.STRING, FieldType.TEXT)
_START = datetime(2020, 1, 1, tzinfo=UTC)
_MOST = 1_000


def distinct(field: Field, number: int) -> Any:
    """The value of that number: each number has another one."""
    match field.type:
        case FieldType.INTEGER | FieldType.BIGINT:
            return 2 * number + 1
        case FieldType.DECIMAL:
            return Decimal(number + 1).scaleb(-_scale(field))
        case FieldType.FLOAT:
            return number / 2
        case FieldType.UUID:
            return str(uuid.uuid5(uuid.NAMESPACE_OID, str(number)))
        case FieldType.DATE:
            return _START.date() + timedelta(days=number)
        case FieldType.TIME:
            return (_START + timedelta(seconds=number)).time()
        case FieldType.TIMESTAMP:
            return _START + timedelta(hours=number)
        case FieldType.INTERVAL:
            return timedelta(minutes=number)
        case FieldType.BOOLEAN:
            return number % 2 == 0
        case FieldType.JSON:
            return f'{{"n": {number}}}'
        case FieldType.BINARY:
            return number.to_bytes(4, "big")
        case _:
            return _counted(number, min(field.length or 8, 8))


def _counted(number: int, width: int) -> str:
    signs = ""
    while number or not signs:
        number, digit = divmod(number, len(_LETTERS))
        signs = _LETTERS[digit] + signs
    return signs.rjust(width, "0") if width < 4 else f"k{signs.rjust(width - 1, '0')}"[:width]


def _scale(field: Field) -> int:
    return field.precision[1] if field.precision else 2


@dataclass(frozen=True)
class Values:
    """Makes values, by chance and by what an operation compares them with.

    Attributes:
        now: what rows are as old as.
    """

    pools: Pools
    chance: Random
    now: datetime

    def value(self, field: Field, *, nulls: bool = True) -> Any:
        """A value the field may have."""
        name, chance = field.name, self.chance
        if name in self.pools.only:
            return chance.choice(self.pools.only[name])
        may_lack = nulls and field.nullable and name not in self.pools.filled
        if may_lack and name not in self.pools.between and chance.random() < 0.15:
            return None
        near = [fit for each in self.pools.near.get(name, ()) if (fit := _fitting(each, field))]
        if near and chance.random() < 0.75:
            return self._within(field, near[chance.randrange(len(near))][0])
        return self._within(field, self._any(field))

    def _within(self, field: Field, value: Any) -> Any:
        """In the range a precondition allows."""
        low, high = self.pools.between.get(field.name, (None, None))
        if isinstance(value, int | float | Decimal) and not isinstance(value, bool):
            if low is not None and value < low:
                return type(value)(low)
            if high is not None and value > high:
                return type(value)(high)
        return value

    def _any(self, field: Field) -> Any:
        chance = self.chance
        match field.type:
            case FieldType.INTEGER | FieldType.BIGINT:
                return chance.randint(-5, _MOST)
            case FieldType.DECIMAL:
                return self._decimal(field)
            case FieldType.FLOAT:
                return chance.randint(-10, 2 * _MOST) / 2
            case FieldType.BOOLEAN:
                return chance.random() < 0.5
            case FieldType.UUID:
                return str(uuid.UUID(int=chance.getrandbits(128)))
            case FieldType.DATE:
                return self._moment().date()
            case FieldType.TIME:
                return time(chance.randrange(24), chance.randrange(60), chance.randrange(60))
            case FieldType.TIMESTAMP:
                return self._moment()
            case FieldType.INTERVAL:
                return timedelta(minutes=chance.randrange(10_000))
            case FieldType.JSON:
                return f'{{"a": {chance.randrange(100)}}}'
            case FieldType.BINARY:
                return bytes(chance.randrange(256) for _ in range(4))
            case _:
                return chance.choice(_TEXTS)[: field.length]

    def _decimal(self, field: Field) -> Decimal:
        digits = field.precision[0] if field.precision else 8
        most = min(10**digits - 1, _MOST * 10 ** _scale(field))
        return Decimal(self.chance.randint(-most // 20, most)).scaleb(-_scale(field))

    def _moment(self) -> datetime:
        """Up to three years ago, half of them recent; some lie ahead."""
        part, recent = self.chance.random(), self.chance.random() < 0.5
        seconds = int(10 ** (2 + 6 * part) if recent else 10**8 * part)
        back = self.chance.random() < 0.9
        age = timedelta(seconds=seconds if back else -seconds // 100)
        return (self.now - age).replace(microsecond=0)


def _fitting(value: Any, field: Field) -> tuple[Any] | None:
    """What an expression compares a column with, as a value of the column; None: it is none."""
    kind = field.type
    try:
        if kind in _WHOLE and isinstance(value, Decimal) and value == value.to_integral_value():
            return (int(value),)
        if kind is FieldType.DECIMAL and isinstance(value, Decimal):
            return (round(value, _scale(field)),)
        if kind is FieldType.FLOAT and isinstance(value, Decimal):
            return (float(value),)
        if kind is FieldType.BOOLEAN and isinstance(value, bool):
            return (value,)
        if isinstance(value, str):
            return _read(value, field)
    except (ValueError, InvalidOperation):
        return None
    return None


def _read(text: str, field: Field) -> tuple[Any] | None:
    if field.type in _TEXTUAL:
        return (text,) if len(text) <= (field.length or len(text)) else None
    if field.type is FieldType.DATE:
        return (date.fromisoformat(text),)
    if field.type is FieldType.TIMESTAMP:
        moment = datetime.fromisoformat(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC),)
    return (str(uuid.UUID(text)),) if field.type is FieldType.UUID else None
