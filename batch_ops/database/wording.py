"""Statements in which names may hold any character: `:`, `%` and quotes among them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

if TYPE_CHECKING:
    from sqlalchemy import Connection, CursorResult, TextClause

_QUOTED = re.compile(r"""'(?:[^']|'')*'|"(?:[^"]|"")*"|`(?:[^`]|``)*`""")
_COLON = re.compile(r"(?<!\\):")


def text(statement: str) -> TextClause:
    """A statement with bound parameters `:name`; what stands in quotes is none."""
    return sa.text(_QUOTED.sub(lambda found: _COLON.sub(r"\:", found[0]), statement))


def plainly(connection: Connection, statement: str) -> CursorResult[Any]:
    """Execute a statement without parameters: `%` and `:` stand for themselves."""
    return connection.exec_driver_sql(statement, execution_options={"no_parameters": True})


def marked(statement: str, mark: str) -> str:
    """A statement in which NUL stands for a value, for a driver whose placeholder is `mark`."""
    plain = statement.replace("%", "%%") if "%" in mark else statement
    return plain.replace("\0", mark)
