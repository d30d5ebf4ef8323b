"""Moments in MySQL's expressions. There is no type for an interval: one is a constant, a multiple
of a constant, or the difference of two moments, and may be added, compared or told in seconds.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from sqlglot import exp

from batch_ops.database import intervals, moments
from batch_ops.database.intervals import SECOND, Interval
from batch_ops.database.kinds import (
    DATE,
    DECIMAL,
    INTEGER,
    INTERVAL,
    MOMENTS,
    TIME,
    TIMESTAMP,
    Kind,
    kind_of,
    marked,
    value_of,
)
from batch_ops.database.mysql_values import bracketed, called, lacking, typed
from batch_ops.database.portable import read_text, refusal

if TYPE_CHECKING:
    from batch_ops.database.meeting import Handlers

_SPAN = "bo_span"
_NOTHING = Interval()


@dataclass(frozen=True)
class _Span:
    """An interval in an expression: a constant and how often, or a number of microseconds."""

    each: Interval = _NOTHING
    times: exp.Expression | None = None
    micros: exp.Expression | None = None


def _span(span: _Span) -> exp.Expression:
    return marked(exp.Anonymous(this=_SPAN, expressions=[]), INTERVAL, span)


def _constant(each: Interval) -> exp.Expression:
    return _span(_Span(each))


def _span_of(node: exp.Expression) -> _Span:
    found = value_of(node.unnest())
    if isinstance(found, _Span):
        return found
    if isinstance(found, str) and node.unnest().is_string:
        return _Span(intervals.parse(found))
    raise lacking("An interval that is a column or a choice")


def refuse_spans(tree: exp.Expression) -> None:
    """Refuse an interval that is a value itself."""
    if any(call.name == _SPAN for call in tree.find_all(exp.Anonymous)):
        raise lacking("An interval that is no part of a sum or comparison")


def length(node: exp.Expression) -> exp.Expression:
    """An interval in microseconds, months as 30 days: what it is compared by."""
    span = _span_of(node)
    if span.micros is not None:
        return marked(span.micros.copy(), INTEGER)
    each = exp.Literal.number(abs(span.each.length))
    number = exp.Paren(this=exp.Neg(this=each)) if span.each.length < 0 else each
    if span.times is None:
        return marked(number, INTEGER)
    return bracketed(exp.Mul(this=number, expression=exp.Paren(this=span.times.copy())), INTEGER)


def reckon(
    node: exp.Expression, left: exp.Expression, right: exp.Expression, kind: Kind
) -> exp.Expression:
    """A sum, difference, product or quotient with a moment or an interval in it."""
    sign = 1 if isinstance(node, exp.Add) else -1
    if sign > 0 and kind_of(right) in (*MOMENTS, TIME) and kind_of(left) in (INTEGER, INTERVAL):
        left, right = right, left
    sides = (kind_of(left), kind_of(right))
    if isinstance(node, (exp.Mul, exp.Div)) and kind is INTERVAL:
        return _scaled(node, left, right)
    if sides == (INTERVAL, INTERVAL):
        return _joined(left, right, sign)
    known = sides[0] in MOMENTS and sides[1] in (*MOMENTS, INTEGER, INTERVAL)
    if kind is None or not known:
        met = f"A value of type {sides[0]} and one of type {sides[1]}"
        todo = "CAST one of them to a type that goes with the other."
        raise refusal(f"{met} cannot be added or subtracted on MySQL.", todo)
    if sides == (DATE, DATE):
        return called("DATEDIFF", INTEGER, left, right)
    if sides[1] in MOMENTS:
        return _span(_Span(micros=_micros_between(right, left)))
    if sides[1] is INTEGER:
        return _moved(left, right, "DAY", sign, DATE)
    return _later(left, _span_of(right), sign)


def _micros_between(earlier: exp.Expression, later: exp.Expression) -> exp.Expression:
    unit = exp.Var(this="MICROSECOND")
    return exp.Anonymous(this="TIMESTAMPDIFF", expressions=[unit, earlier, later])


def _moved(
    moment: exp.Expression, amount: exp.Expression, unit: str, sign: int, kind: Kind
) -> exp.Expression:
    interval = exp.Interval(this=exp.Paren(this=amount), unit=exp.Var(this=unit))
    name = "DATE_ADD" if sign > 0 else "DATE_SUB"
    return marked(exp.Anonymous(this=name, expressions=[moment, interval]), kind)


def _later(moment: exp.Expression, span: _Span, sign: int) -> exp.Expression:
    moment = typed(moment, "DATETIME(6)", TIMESTAMP)
    if span.micros is not None:
        return _moved(moment, span.micros.copy(), "MICROSECOND", sign, TIMESTAMP)
    parts = ((span.each.months, "MONTH"), (span.each.days, "DAY"))
    for amount, unit in (*parts, (span.each.micros, "MICROSECOND")):
        if amount:
            number: exp.Expression = exp.Literal.number(abs(amount))
            if span.times is not None:
                number = exp.Mul(this=number, expression=exp.Paren(this=span.times.copy()))
            moment = _moved(moment, number, unit, sign if amount > 0 else -sign, TIMESTAMP)
    return moment


def _joined(left: exp.Expression, right: exp.Expression, sign: int) -> exp.Expression:
    one, other = _span_of(left), _span_of(right)
    if one.times or one.micros or other.times or other.micros:
        raise lacking("A sum of intervals that are no constants")
    return _constant(one.each.plus(other.each.times(Decimal(sign))))


def _scaled(node: exp.Expression, left: exp.Expression, right: exp.Expression) -> exp.Expression:
    if kind_of(right) is INTERVAL:
        left, right = right, left
    span, factor = _span_of(left), right.unnest()
    if span.times or span.micros:
        raise lacking("A multiple of an interval that is no constant")
    if isinstance(factor, exp.Literal) and not factor.is_string and Decimal(factor.name):
        by = Decimal(factor.name)
        return _constant(span.each.times(1 / by if isinstance(node, exp.Div) else by))
    if isinstance(node, exp.Div) or kind_of(right) is not INTEGER:
        raise lacking("A part of an interval by a number that is no constant")
    return _span(_Span(span.each, right))


def _interval(node: exp.Expression) -> exp.Expression:
    text = f"{node.this.name} {node.args['unit'].name}"
    read_text(moments.read_interval, text, INTERVAL)
    return _constant(intervals.parse(text))


def _negative(node: exp.Expression) -> exp.Expression:
    if kind_of(node) is not INTERVAL:
        return node
    span = _span_of(node.this)
    if span.times or span.micros:
        raise lacking("The opposite of an interval that is no constant")
    return _constant(span.each.times(Decimal(-1)))


# parts

_AS_THEY_ARE = ("year", "month", "day", "hour", "minute", "quarter")
_EPOCH = "1970-01-01 00:00:00"


def _extract(node: exp.Expression) -> exp.Expression:
    part, moment, kind = node.this.name.lower(), node.expression, kind_of(node.expression)
    if kind is INTERVAL and part == "epoch" and (micros := _span_of(moment).micros) is not None:
        return _seconds(micros.copy())
    dated = part in ("hour", "minute", "second") and kind is not TIMESTAMP
    made = None if kind not in MOMENTS or dated else _part(part, moment)
    if made is None:
        raise lacking(f"EXTRACT of {part.upper()} from a value of type {kind or 'unknown'}")
    return made


def _part(part: str, moment: exp.Expression) -> exp.Expression | None:
    if part in _AS_THEY_ARE:
        return called(part.upper(), INTEGER, moment)
    if part == "epoch":
        return _seconds(_micros_between(exp.Literal.string(_EPOCH), moment))
    if part == "second":
        fraction = _seconds(called("MICROSECOND", INTEGER, moment.copy()))
        return bracketed(
            exp.Add(this=called("SECOND", INTEGER, moment), expression=fraction), DECIMAL
        )
    if part == "dow":
        days = called("DAYOFWEEK", INTEGER, moment)
        return bracketed(exp.Sub(this=days, expression=exp.Literal.number(1)), INTEGER)
    if part == "isodow":
        days = called("WEEKDAY", INTEGER, moment)
        return bracketed(exp.Add(this=days, expression=exp.Literal.number(1)), INTEGER)
    if part == "isoyear":
        week = called("YEARWEEK", INTEGER, moment, 3)
        return bracketed(exp.IntDiv(this=week, expression=exp.Literal.number(100)), INTEGER)
    if part == "week":
        return called("WEEK", INTEGER, moment, 3)
    return called("DAYOFYEAR", INTEGER, moment) if part == "doy" else None


def _seconds(micros: exp.Expression) -> exp.Expression:
    exact = typed(micros, "DECIMAL(38,6)", DECIMAL)
    return bracketed(exp.Div(this=exact, expression=exp.Literal.number(SECOND)), DECIMAL)


_FORMATS = {
    "second": "%Y-%m-%d %H:%i:%s",
    "minute": "%Y-%m-%d %H:%i:00",
    "hour": "%Y-%m-%d %H:00:00",
    "day": "%Y-%m-%d",
    "month": "%Y-%m-01",
    "year": "%Y-01-01",
}


def _cut(node: exp.Expression) -> exp.Expression:
    unit, moment = node.args["unit"].name.lower(), node.this
    if kind_of(moment) not in MOMENTS or node.args.get("zone"):
        raise lacking(f"DATE_TRUNC of a value of type {kind_of(moment) or 'unknown'}")
    if unit in _FORMATS:
        found = called("DATE_FORMAT", TIMESTAMP, moment, _FORMATS[unit])
    elif unit == "week":
        day = called("DATE", DATE, moment)
        found = _moved(day, called("WEEKDAY", INTEGER, moment.copy()), "DAY", -1, DATE)
    elif unit == "quarter":
        year = called("MAKEDATE", DATE, called("YEAR", INTEGER, moment), 1)
        quarter = exp.Sub(
            this=called("QUARTER", INTEGER, moment.copy()), expression=exp.Literal.number(1)
        )
        found = _moved(year, quarter, "QUARTER", 1, DATE)
    else:
        raise lacking(f"DATE_TRUNC to {unit!r}")
    return typed(found, "DATETIME(6)", TIMESTAMP)


HANDLERS: Handlers = {
    exp.Extract: _extract,
    exp.Interval: _interval,
    exp.Neg: _negative,
    exp.TimestampTrunc: _cut,
}
