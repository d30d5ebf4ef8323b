"""Interval literals: of some of them the parser keeps one part and loses the others."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import TYPE_CHECKING

import sqlglot
from sqlglot import TokenType, exp

from batch_ops.spec.sqltokens import DIALECT

if TYPE_CHECKING:
    from batch_ops.spec.nodes import Node

_NUMBER = re.compile(r"-?\d+(\.\d+)?")
_WRITE = "Write its parts with their units: INTERVAL '1 year 2 months', INTERVAL '1 day 02:30'."


def with_whole_intervals(node: Node) -> str:
    """The text of an expression, with intervals of several parts as casts of their texts.

    Of `INTERVAL '1 day 02:00'` the parser would lose the hours, of `'1 day ago'` the direction.
    """
    text = node.text
    tokens = sqlglot.tokenize(text, read=DIALECT)
    for before, token in reversed(list(pairwise(tokens))):
        told = before.token_type is TokenType.INTERVAL and token.token_type is TokenType.STRING
        if told and not _simple(token.text):
            literal, rest = text[token.start : token.end + 1], text[token.end + 1 :]
            text = f"{text[: before.start]}CAST({literal} AS INTERVAL){rest}"
    return text


def judge_interval(part: exp.Interval, node: Node) -> None:
    """Refuse an interval that is no text.

    Raises:
        DeclarationError: its amount is a parameter or column, or it spans units.
    """
    if not isinstance(part.args.get("unit"), exp.Var):
        raise node.error("An interval from one unit to another is not allowed.", _WRITE)
    if not part.this.is_string:
        what = "The amount of an INTERVAL is no text."
        raise node.error(what, "Multiply one: :days * INTERVAL '1 day'.")


def _simple(text: str) -> bool:
    """Whether it is one number, with or without its unit."""
    whole = text.strip().removeprefix("+")
    return bool(exp.INTERVAL_STRING_RE.fullmatch(whole) or _NUMBER.fullmatch(whole))
