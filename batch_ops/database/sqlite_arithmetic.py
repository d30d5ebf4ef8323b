"""Numbers and moments in SQLite's expressions: reckoned as PostgreSQL does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlglot import exp

from batch_ops.database import moments, numbers, parts
from batch_ops.database.kinds import (
    DATE,
    DECIMAL,
    FLOAT,
    INTEGER,
    INTERVAL,
    NUMBERS,
    TIME,
    TIMESTAMP,
    arithmetic,
    kind_of,
    marked,
)
from batch_ops.database.portable import refusal
from batch_ops.database.sqlite_values import as_kind, call

if TYPE_CHECKING:
    from collections.abc import Callable

    from batch_ops.database.kinds import Kind

_SIGNS: dict[type[exp.Expr], str] = {
    exp.Add: "+",
    exp.Sub: "-",
    exp.Mul: "*",
    exp.Div: "/",
    exp.Mod: "%",
}
_EXACT: dict[type[exp.Expr], Callable[..., Any]] = {
    exp.Add: numbers.add,
    exp.Sub: numbers.subtract,
    exp.Mul: numbers.multiply,
    exp.Div: numbers.divide,
    exp.Mod: numbers.remainder,
}
_MOMENTS: dict[tuple[type[exp.Expr], Kind, Kind], Callable[..., Any]] = {
    (exp.Add, DATE, INTEGER): moments.later_date,
    (exp.Add, DATE, INTERVAL): moments.later,
    (exp.Add, TIMESTAMP, INTERVAL): moments.later,
    (exp.Add, TIME, INTERVAL): moments.later_time,
    (exp.Add, DATE, TIME): moments.joined,
    (exp.Add, INTERVAL, INTERVAL): moments.longer,
    (exp.Sub, DATE, DATE): moments.days_between,
    (exp.Sub, DATE, INTEGER): moments.earlier_date,
    (exp.Sub, DATE, TIMESTAMP): moments.between,
    (exp.Sub, TIMESTAMP, DATE): moments.between,
    (exp.Sub, TIMESTAMP, TIMESTAMP): moments.between,
    (exp.Sub, TIME, TIME): moments.time_between,
    (exp.Sub, DATE, INTERVAL): moments.earlier,
    (exp.Sub, TIMESTAMP, INTERVAL): moments.earlier,
    (exp.Sub, TIME, INTERVAL): moments.earlier_time,
    (exp.Sub, INTERVAL, INTERVAL): moments.shorter,
    **{(exp.Mul, INTERVAL, number): moments.times for number in NUMBERS},
    **{(exp.Div, INTERVAL, number): moments.divided for number in NUMBERS},
}


def _binary(node: exp.Expression) -> exp.Expression:
    kind = arithmetic(node)
    left, right = node.this, node.expression
    if kind_of(left) is None and kind_of(right) is None:
        raise _unknown(node)
    left = as_kind(left, kind_of(right))
    right = as_kind(right, kind_of(left))
    if kind in NUMBERS and kind_of(left) in NUMBERS:
        return _numeric(node, left, right, kind)
    function = _MOMENTS.get((type(node), kind_of(left), kind_of(right)))
    if function is None and isinstance(node, (exp.Add, exp.Mul)):
        left, right = right, left
        function = _MOMENTS.get((type(node), kind_of(left), kind_of(right)))
    if function is None:
        raise _senseless(node, node.this, node.expression)
    return call(function, kind, left, right)


def _numeric(
    node: exp.Expression, left: exp.Expression, right: exp.Expression, kind: Kind
) -> exp.Expression:
    if kind is FLOAT and isinstance(node, exp.Mod):
        raise _senseless(node, left, right)
    if kind is DECIMAL:
        return call(_EXACT[type(node)], DECIMAL, left, right)
    if isinstance(node, (exp.Div, exp.Mod)) and not (kind is INTEGER and _not_zero(right)):
        return call(_CAREFUL[type(node), kind], kind, left, right)
    node.set("this", left)
    node.set("expression", right)
    return node


_CAREFUL: dict[tuple[type[exp.Expr], Kind], Callable[..., Any]] = {
    (exp.Div, INTEGER): numbers.divide_whole,
    (exp.Mod, INTEGER): numbers.remainder,
    (exp.Div, FLOAT): numbers.divide_float,
}


def _not_zero(node: exp.Expression) -> bool:
    return isinstance(node, exp.Literal) and node.name.strip("0") != ""


def _unknown(node: exp.Expression) -> Exception:
    what = f"Of neither side of `{_SIGNS[type(node)]}` a type is known."
    return refusal(what, "CAST one of them.")


def _senseless(node: exp.Expression, left: exp.Expr, right: exp.Expr) -> Exception:
    sides = f"a value of type {kind_of(left)} and one of type {kind_of(right)}"
    what = f"`{_SIGNS[type(node)]}` of {sides} is not possible on SQLite."
    return refusal(what, "CAST one of them to a type that goes with the other.")


def _negative(node: exp.Expression) -> exp.Expression:
    kind = kind_of(node.this)
    if kind is INTERVAL:
        return call(moments.negated, INTERVAL, node.this)
    return marked(node, _number(node.this, "-"))


def _number(node: exp.Expression, name: str) -> Kind:
    kind = kind_of(node)
    if kind not in NUMBERS:
        raise refusal(f"{name} is called with a value of type {kind}.", "CAST it to a number.")
    return kind


def _rounding(
    name: str, exact: Callable[..., Any], floating: Callable[..., Any] | None = None
) -> Callable[[exp.Expression], exp.Expression]:
    """ROUND and TRUNC: exact with digits and of decimals, else as floating numbers are."""

    def made(node: exp.Expression) -> exp.Expression:
        this, digits = as_kind(node.this, FLOAT), node.args.get("decimals")
        kind = _number(this, name)
        if digits is None and floating is not None and kind is FLOAT:
            return call(floating, FLOAT, this)
        if digits is None:
            return call(exact, kind_of(node), this, 0)
        if kind is FLOAT:
            what = f"{name} to digits is not possible for a value of type {kind}."
            raise refusal(what, "CAST it to DECIMAL.")
        return call(exact, DECIMAL, this, as_kind(digits, INTEGER))

    return made


def _of_number(
    name: str, exact: Callable[..., Any], floating: Callable[..., Any] | None = None
) -> Callable[[exp.Expression], exp.Expression]:
    """A function of one or two numbers; another one where PostgreSQL reckons in floating ones."""

    def made(node: exp.Expression) -> exp.Expression:
        given = [node.this, node.expression] if node.expression else [node.this]
        values = [as_kind(each, FLOAT) for each in given]
        for value in values:
            _number(value, name)
        kind = kind_of(node)
        return call(floating if floating and kind is FLOAT else exact, kind, *values)

    return made


# parts of moments


def _interval(node: exp.Expression) -> exp.Expression:
    text = f"{node.this.name} {node.args['unit'].name}"
    return as_kind(marked(exp.Literal.string(text), None), INTERVAL)


def _extract(node: exp.Expression) -> exp.Expression:
    part, kind = node.this.name.lower(), kind_of(node.expression)
    part = _OTHER_NAMES.get(part, part)
    known = parts.parts_of(kind)
    if part not in known:
        what = f"EXTRACT of {node.this.name.upper()} from a value of type {kind or 'unknown'}"
        shown = ", ".join(sorted(known)) or "a value that is CAST to DATE or TIMESTAMP"
        raise refusal(f"{what} is not possible on SQLite.", f"Take one of: {shown}.")
    return call(_EXTRACTS.get(kind, parts.of_moment), DECIMAL, part, node.expression)


_OTHER_NAMES = {"seconds": "second", "minutes": "minute", "hours": "hour", "days": "day"} | {
    "months": "month",
    "years": "year",
    "weeks": "week",
}
_EXTRACTS: dict[Kind, Callable[..., Any]] = {TIME: parts.of_time, INTERVAL: parts.of_interval}


def _cut(node: exp.Expression) -> exp.Expression:
    unit, kind = node.args["unit"].name.lower(), kind_of(node.this)
    if unit not in moments.TRUNCATED or kind not in (DATE, TIMESTAMP) or node.args.get("zone"):
        what = f"DATE_TRUNC to {unit!r} of a value of type {kind or 'unknown'}"
        shown = ", ".join(sorted(moments.TRUNCATED))
        todo = f"Take a date or timestamp, no zone, and one of: {shown}."
        raise refusal(f"{what} is not possible on SQLite.", todo)
    return call(moments.cut, TIMESTAMP, unit, node.this)


HANDLERS: dict[type[exp.Expr], Callable[[exp.Expression], exp.Expression]] = {
    **dict.fromkeys(_SIGNS, _binary),
    exp.Ceil: _of_number("CEIL", numbers.ceiling),
    exp.Extract: _extract,
    exp.Floor: _of_number("FLOOR", numbers.floor),
    exp.Interval: _interval,
    exp.Neg: _negative,
    exp.Pow: _of_number("POWER", numbers.power, numbers.power_float),
    exp.Round: _rounding("ROUND", numbers.round_to, numbers.round_float),
    exp.Sign: _of_number("SIGN", numbers.sign),
    exp.Sqrt: _of_number("SQRT", numbers.root, numbers.root_float),
    exp.TimestampTrunc: _cut,
    exp.Trunc: _rounding("TRUNC", numbers.cut_to),
}
