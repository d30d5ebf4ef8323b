"""The first look of the SQL gate: at the tokens, as the person wrote them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlglot
from sqlglot import TokenType
from sqlglot.errors import SqlglotError

from batch_ops.errors import DeclarationError, UnknownNameError
from batch_ops.spec import functions

if TYPE_CHECKING:
    from collections.abc import Collection

    from sqlglot import Token

    from batch_ops.spec.nodes import Node

DIALECT = "postgres"
MAX_LENGTH = 10_000
MAX_DEPTH = 60
ONE_EXPRESSION = "Write one expression that only reads, for example: status = 'pending'."

_STATEMENTS = frozenset(
    [
        "alter",
        "analyze",
        "attach",
        "begin",
        "call",
        "comment",
        "commit",
        "copy",
        "create",
        "deallocate",
        "declare",
        "delete",
        "describe",
        "detach",
        "do",
        "drop",
        "execute",
        "explain",
        "grant",
        "insert",
        "into",
        "kill",
        "listen",
        "load",
        "lock",
        "merge",
        "notify",
        "pragma",
        "refresh",
        "reindex",
        "replace",
        "reset",
        "returning",
        "revoke",
        "rollback",
        "savepoint",
        "set",
        "show",
        "truncate",
        "update",
        "use",
        "vacuum",
        "with",
    ]
)


def _tokens(node: Node) -> list[Token]:
    if not node.text.strip():
        raise node.error("The SQL expression is empty.", "Leave the option out, or write one.")
    if len(node.text) > MAX_LENGTH:
        size = f"{len(node.text):,} characters; {MAX_LENGTH:,} are allowed"
        raise node.error(f"The SQL expression has {size}.", "Hand long lists over as a parameter.")
    try:
        tokens = sqlglot.tokenize(node.text, read=DIALECT)
    except SqlglotError as error:
        raise node.error("The SQL expression has an open quote or comment.") from error
    if not tokens:
        raise node.error("The SQL expression holds nothing but a comment.")
    return tokens


def judge(node: Node, columns: Collection[str]) -> None:
    """Refuse comments, semicolons, statements and unknown functions.

    Args:
        node: the text.
        columns: names that are columns, also where SQL knows them as a word of a statement.

    Raises:
        DeclarationError, UnknownNameError: it does not pass.
    """
    depth, tokens = 0, _tokens(node)
    names = {name.lower() for name in columns}
    for index, token in enumerate(tokens):
        following = tokens[index + 1] if index + 1 < len(tokens) else None
        before = tokens[index - 1] if index else None
        _judge_words(token, node, before, following, names)
        depth += (token.token_type is TokenType.L_PAREN) - (token.token_type is TokenType.R_PAREN)
        if depth > MAX_DEPTH:
            raise too_deep(node)


def _judge_words(
    token: Token, node: Node, before: Token | None, following: Token | None, names: set[str]
) -> None:
    _judge_marks(token, node)
    word = token.text.lower()
    called = following is not None and following.token_type is TokenType.L_PAREN
    named = before is not None and before.token_type in (TokenType.COLON, TokenType.DOT)
    if token.token_type is TokenType.STRING or ((named or word in names) and not called):
        return
    quoted = token.token_type is TokenType.IDENTIFIER
    if word in _STATEMENTS and not quoted and not (called and word in functions.FUNCTIONS):
        raise _refused(f"the word {token.text.upper()}", token, node)
    if called and (quoted or word[:1].isalpha() or word[:1] == "_"):
        _judge_call(word, token, node)


def _judge_marks(token: Token, node: Node) -> None:
    if token.comments or token.token_type is TokenType.HINT:
        raise node.error("A comment is not allowed in an SQL expression.", ONE_EXPRESSION)
    if token.token_type is TokenType.SEMICOLON:
        raise _refused("a semicolon", token, node)


def _refused(what: str, token: Token, node: Node) -> DeclarationError:
    return node.error(f"An SQL expression may not hold {what}.", ONE_EXPRESSION, token.start)


def _judge_call(word: str, token: Token, node: Node) -> None:
    known = functions.known()
    if word not in known | functions.TYPES | functions.WORDS:
        place = node.at(token.start)
        raise UnknownNameError("function", token.text, sorted(known), location=place)


def too_deep(node: Node) -> DeclarationError:
    """The error for an expression that is nested too deeply, to be raised by the caller."""
    what = f"The SQL expression is nested deeper than {MAX_DEPTH} levels."
    return node.error(what, "Hand long lists over as a parameter.")
