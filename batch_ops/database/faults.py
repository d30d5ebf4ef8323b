"""What a database's error means: for one row, for now, or for good."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy.exc import DBAPIError, SQLAlchemyError


class FaultKind(StrEnum):
    """ROW: a row's own fault. TRANSIENT: may pass, try again. SYSTEMIC: will not pass by itself."""

    ROW = "row"
    TRANSIENT = "transient"
    SYSTEMIC = "systemic"


@dataclass(frozen=True, slots=True)
class Fault:
    """A database's error, read.

    Attributes:
        code: SQLSTATE, or the database's own name of the error where it has no SQLSTATE.
        connection_lost: whether the connection is gone with it.
    """

    kind: FaultKind
    code: str
    message: str
    column: str | None = None
    constraint: str | None = None
    connection_lost: bool = False

    @property
    def of_statement(self) -> bool:
        """Whether the database does not understand the statement, or does not allow it."""
        return self.code.startswith(STATEMENT_STATES)


def original(error: BaseException) -> BaseException:
    """The driver's own exception under SQLAlchemy's."""
    return error.orig if isinstance(error, DBAPIError) and error.orig is not None else error


def first_line(error: BaseException) -> str:
    """The error's first line, without SQLAlchemy's statement and parameters (they hold values)."""
    text = str(original(error)) if isinstance(error, SQLAlchemyError) else str(error)
    return text.strip().splitlines()[0] if text.strip() else type(error).__name__


STATEMENT_STATES = "42"
"""The SQLSTATE class of syntax errors, unknown names, wrong types and missing privileges."""
ROW_STATES = ("22", "23")
"""SQLSTATE classes that are a row's own fault: data exceptions and integrity violations."""
ROW_CODES = frozenset({"P0001", "44000"})
"""A trigger's RAISE, and a view's WITH CHECK OPTION."""
TRANSIENT_STATES = ("08", "40", "53", "57P01", "57P02", "57P03", "55P03")
"""Connection, rollback (deadlock, serialization), resources, shutdown, lock not available."""


def kind_of_sqlstate(state: str | None) -> FaultKind:
    """The kind of fault an SQLSTATE means."""
    if not state:
        return FaultKind.SYSTEMIC
    if state == "53100":  # disk full does not pass by waiting
        return FaultKind.SYSTEMIC
    if state.startswith(ROW_STATES) or state in ROW_CODES:
        return FaultKind.ROW
    return FaultKind.TRANSIENT if state.startswith(TRANSIENT_STATES) else FaultKind.SYSTEMIC
