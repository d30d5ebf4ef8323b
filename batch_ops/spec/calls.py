"""Calls of functions that Python answers: what batch_ops knows itself, and a project's own."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from typing import TYPE_CHECKING

import sqlglot
from sqlglot import TokenType, exp

from batch_ops.spec import functions
from batch_ops.spec.sqltokens import DIALECT

if TYPE_CHECKING:
    from batch_ops.spec.nodes import Node

_ARGUMENTS = (exp.Literal, exp.Boolean, exp.Null, exp.Placeholder, exp.Anonymous)


def calls_of(tree: exp.Expression) -> frozenset[str]:
    """The functions of that kind a tree calls, in lower case."""
    return frozenset(call.name.lower() for call in tree.find_all(exp.Anonymous))


def named_by_a_call(tree: exp.Expression, node: Node) -> exp.Expression:
    """The tree, with each call of such a function as a plain call of its name.

    Raises:
        DeclarationError: the parser takes a project's function for one of SQL.
    """
    tree = tree.transform(_plain)
    written = _written(node)
    understood = Counter(call.name.lower() for call in tree.find_all(exp.Anonymous))
    for name in written - understood:
        what = f"The function {name.upper()}() has a name that SQL knows for something else."
        raise node.error(what, "Register it under another name.")
    return tree


def judge_call(call: exp.Anonymous, node: Node) -> None:
    """Refuse what Python cannot be called with.

    Raises:
        DeclarationError: an argument is no literal and no parameter, or there are too many.
    """
    name, arguments = call.name.upper(), call.expressions
    if name.lower() not in functions.called_by_python():
        raise node.error(f"The function {name}() is not allowed in an SQL expression.")
    wanted = functions.OWN.get(name.lower())
    if wanted is not None and len(arguments) != wanted:
        count = f"{wanted} argument{'' if wanted == 1 else 's'}"
        raise node.error(f"The function {name}() takes {count}, and here are {len(arguments)}.")
    for argument in arguments:
        _judge_argument(argument, name, node)


def _judge_argument(argument: exp.Expr, name: str, node: Node) -> None:
    inner = argument.unnest()
    if isinstance(inner, exp.Neg) and not inner.this.is_string:
        inner = inner.this
    if isinstance(inner, _ARGUMENTS):
        return
    why = "it is called once and not for each row, so that it takes literals and parameters only"
    what = f"The function {name}() cannot be called with {_shown(inner)}: {why}."
    raise node.error(what, "Hand over a literal or a parameter.")


def _shown(argument: exp.Expr) -> str:
    if isinstance(argument, exp.Column):
        return f"the column {argument.name!r}"
    if isinstance(argument, exp.Dot):
        return f"a field of a record (:{argument.this.name}.{argument.name})"
    return repr(argument.sql(dialect=DIALECT))


def _plain(part: exp.Expression) -> exp.Expression:
    if isinstance(part, exp.CurrentUserId):
        return exp.Anonymous(this="current_user_id", expressions=[])
    return part


def _written(node: Node) -> Counter[str]:
    """How often each such function is called, as the tokens have it."""
    names, tokens = functions.called_by_python(), sqlglot.tokenize(node.text, read=DIALECT)
    return Counter(
        token.text.lower()
        for token, following in pairwise(tokens)
        if following.token_type is TokenType.L_PAREN
        and token.token_type is not TokenType.STRING
        and token.text.lower() in names
    )
