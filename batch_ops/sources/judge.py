"""Which texts are surely valid for a column, as SQL of the screen.

What is not surely valid may still be: the database judges it. So every test here may be narrower
than the database's own, and must never be wider.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from batch_ops.database.limits import integer_range, keeps_zone, single_precision
from batch_ops.spec.model import FieldType

if TYPE_CHECKING:
    from batch_ops.database.dialect import Dialect
    from batch_ops.database.tables import Column

TRUE_TEXTS = ("t", "true", "y", "yes", "on", "1")
FALSE_TEXTS = ("f", "false", "n", "no", "off", "0")

_DATE = r"\d{4}-\d\d-\d\d"
_CLOCK = r"\d\d:\d\d:\d\d(?:\.\d{1,6})?"
_OFFSET = r"[+-](?:0\d|1[0-4])(?::?[0-5]\d)?"
_UUID = r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
_INTERVAL = r"-?\d{1,6} (?:second|minute|hour|day|week|month|year)s?|\d{1,4}:[0-5]\d:[0-5]\d"


@dataclass(frozen=True, slots=True)
class Judged:
    """A column in the screen's SQL.

    Attributes:
        sure: over the text: TRUE where it is surely valid.
        typed: over the text: its value, NULL where it has none.
        comparable: whether `typed` means what the database would mean by the value.
    """

    sure: str
    typed: str
    comparable: bool = True


def judged(dialect: Dialect, column: Column, text: str) -> Judged:
    """How the screen judges a column whose text is the SQL expression `text`."""
    if column.type in (FieldType.INTEGER, FieldType.BIGINT):
        return _integer(integer_range(dialect, column), text)
    if column.type is FieldType.DECIMAL:
        return _decimal(column.precision, text)
    if column.type is FieldType.FLOAT:
        return _float(text, single=single_precision(dialect, column))
    if column.type is FieldType.TIMESTAMP:
        return _timestamp(text, zone=keeps_zone(column))
    if column.type in (FieldType.STRING, FieldType.TEXT):
        fits = f"length({text}) <= {column.length}" if column.length else "TRUE"
        return Judged(fits, text)
    return _other(column, text)


def _full(text: str, pattern: str) -> str:
    return f"regexp_full_match({text}, '{pattern}')"


def _either(usual: str, otherwise: str) -> str:
    """Whether one of two tests holds; the second, dearer one is made only where the first fails."""
    return f"CASE WHEN {usual} THEN TRUE ELSE {otherwise} END"


def _integer(limits: tuple[int, int], text: str) -> Judged:
    low, high = limits
    value = f"TRY_CAST({text} AS {'BIGINT' if high < 2**63 else 'HUGEINT'})"
    plain = _either(f"{value}::VARCHAR = {text}", _full(text, "[+-]?[0-9]{1,30}"))
    inside = "" if high == 2**63 - 1 else f" AND {value} BETWEEN {low} AND {high}"
    return Judged(f"({value} IS NOT NULL{inside} AND {plain})", value)


def _decimal(precision: tuple[int, int] | None, text: str) -> Judged:
    digits, scale = precision or (38, 12)
    whole = max(digits - scale, 1)
    pattern = rf"[+-]?[0-9]{{1,{whole}}}(?:\.[0-9]{{0,{max(scale, 0)}}})?"
    if digits - scale < 1 or digits > 38 or scale < 0:
        return Judged("FALSE", f"TRY_CAST({text} AS DOUBLE)", comparable=False)
    if precision and whole > 1:
        pattern += rf"|[+-]?[0-9]{{1,{whole - 1}}}\.[0-9]+"
    return Judged(_full(text, pattern), f"TRY_CAST({text} AS DECIMAL({digits}, {scale}))")


def _float(text: str, *, single: bool) -> Judged:
    value = f"TRY_CAST({text} AS {'REAL' if single else 'DOUBLE'})"
    power = "" if single else "(?:[eE][+-]?[0-9]{1,2})?"
    digits = r"[+-]?[0-9]{1,30}(?:\.[0-9]{0,30})?"
    return Judged(f"({_full(text, digits + power)} AND {value} IS NOT NULL)", value, not single)


def _timestamp(text: str, *, zone: bool) -> Judged:
    value = f"TRY_CAST({text} AS TIMESTAMP)"
    day = f"{value} BETWEEN TIMESTAMP '0001-01-01' AND TIMESTAMP '9999-12-31 23:59:59.999999'"
    plain = f"({value}::VARCHAR = {text} AND {day})"
    pattern = _full(text, f"{_DATE}[ T]{_CLOCK}Z?")
    if not zone:
        return Judged(_either(plain, f"{pattern} AND {day}"), value)
    with_offset = _full(text, f"{_DATE}[ T]{_CLOCK}{_OFFSET}")
    shifted = f"(TRY_CAST({text} AS TIMESTAMPTZ) AT TIME ZONE 'UTC')"
    shifted = (
        f"CASE WHEN length({text}) > 21 AND {text}[-1] <> 'Z' AND {with_offset}"
        f" THEN {shifted} ELSE {value} END"
    )
    either = f"({pattern} OR {with_offset}) AND {day}"
    return Judged(_either(plain, either), shifted)


def _other(column: Column, text: str) -> Judged:
    kind = column.type
    if kind is FieldType.BOOLEAN:
        yes, no = _texts(TRUE_TEXTS), _texts(FALSE_TEXTS)
        known = f"lower({text}) IN ({yes}, {no})"
        return Judged(known, f"CASE WHEN {known} THEN lower({text}) IN ({yes}) END")
    if kind is FieldType.DATE:
        value = f"TRY_CAST({text} AS DATE)"
        return Judged(f"({value}::VARCHAR = {text} AND length({text}) = 10)", value)
    if kind is FieldType.TIME:
        value = f"TRY_CAST({text} AS TIME)"
        return Judged(f"({_full(text, _CLOCK)} AND {value} IS NOT NULL AND {text} < '24')", value)
    if kind is FieldType.UUID:
        return Judged(_full(text, _UUID), f"TRY_CAST({text} AS UUID)")
    if kind is FieldType.JSON:
        lenient = (
            rf"regexp_matches({text}, ',\s*[\]}}]|NaN|Inf|nan|inf|[eE][+-]?[0-9]{{3}}|//|/\*')"
        )
        sure = f"(json_valid({text}) AND NOT {lenient} AND NOT contains({text}, '\\u'))"
        return Judged(sure, text, comparable=False)
    if kind is FieldType.BINARY:
        return Judged(_full(text, r"\\x(?:[0-9a-fA-F]{2})*"), text, comparable=False)
    if kind is FieldType.INTERVAL:
        return Judged(_full(text, _INTERVAL), text, comparable=False)
    return Judged("TRUE", text, comparable=False)


def _texts(values: tuple[str, ...]) -> str:
    return ", ".join(f"'{value}'" for value in values)
