"""What a database's error means: for one row, for now, or for good."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from sqlalchemy.exc import DBAPIError, SQLAlchemyError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Connection


class FaultKind(StrEnum):
    """ROW: a row's own fault. TRANSIENT: may pass, try again. SYSTEMIC: will not pass by itself."""

    ROW = "row"
    TRANSIENT = "transient"
    SYSTEMIC = "systemic"


@dataclass(frozen=True, slots=True)
class Fault:
    """A database's error, read.

    Attributes:
        code: SQLSTATE; the database's own name of an error that has none.
        connection_lost: whether the connection is of no use any more.
    """

    kind: FaultKind
    code: str
    message: str
    column: str | None = None
    constraint: str | None = None
    connection_lost: bool = False

    @property
    def of_statement(self) -> bool:
        """Whether the statement itself is wrong: a name it does not know, types that do not fit, a
        privilege that is missing. To write the same again never helps, unless somebody acts.
        """
        return self.code.startswith(STATEMENT_STATES)

    @property
    def timed_out(self) -> bool:
        """Whether a statement took longer than it may: the same one would again."""
        return self.code in TIMED_OUT

    @property
    def contended(self) -> bool:
        """Whether fewer rows in one transaction may get through: fewer locks, less memory."""
        return self.code in CONTENDED


def original(error: BaseException) -> BaseException:
    """The driver's own exception under SQLAlchemy's."""
    return error.orig if isinstance(error, DBAPIError) and error.orig is not None else error


def first_line(error: BaseException) -> str:
    """The error's first line, without SQLAlchemy's statement and parameters (they hold values)."""
    text = str(original(error)) if isinstance(error, SQLAlchemyError) else str(error)
    return text.strip().splitlines()[0] if text.strip() else type(error).__name__


@contextmanager
def understood(connection: Connection) -> Iterator[None]:
    """Within it an error of the driver, with which bulk loads speak, is one of SQLAlchemy's; it
    shows no values.
    """
    try:
        yield
    except connection.dialect.loaded_dbapi.Error as error:
        raise as_told(connection, error) from error


def as_told(connection: Connection, error: Exception) -> BaseException:
    """An error of the driver as SQLAlchemy would tell it; it shows no values."""
    driver, dialect = connection.dialect.loaded_dbapi.Error, connection.dialect
    return DBAPIError.instance(None, None, error, driver, hide_parameters=True, dialect=dialect)


NOT_NULL, FOREIGN_KEY, UNIQUE = "23502", "23503", "23505"
CHECK, EXCLUSION = "23514", "23P01"
OTHER_ROW_STATE = "23000"
"""A row's own fault of a kind a database does not tell."""
STATEMENT_STATES = "42"
"""The SQLSTATE class of syntax errors, unknown names, wrong types and missing privileges."""
ROW_STATES = ("21", "22", "23", "27", "38", "39", "P0")
"""SQLSTATE classes that are a row's own fault: data exceptions and integrity violations, what a
trigger's own code raises, and rows that one statement would change twice.
"""
ROW_CODES = frozenset({"44000", "54000", "54001", "54023"})
"""A view's WITH CHECK OPTION; a value too large for its index, a trigger that calls itself."""
TRANSIENT_STATES = ("08", "40", "53", "57P", "55P03", "25P03", "25P04", "57014", "25006")
"""Connection, rollback (deadlock, serialization), resources, shutdown, lock not available, sessions
and statements that took too long, a server that only reads for now.
"""
SYSTEMIC_CODES = frozenset({"53100", "57P04"})
"""A full disk, and a database that was dropped, do not pass by waiting."""
TIMED_OUT = frozenset({"57014", "25P04"})
LOCKED = "55P03"
UNREACHABLE = "08001"
READ_ONLY, DISK_FULL, NO_PRIVILEGE = "25006", "53100", "42501"
CONTENDED = TIMED_OUT | {"40001", "40P01", LOCKED, "53200", "53400"}
ENDED_STATES = ("08", "57P", "25P03", "25P04", READ_ONLY)
"""Of these the connection is gone, or leads to a server that will not write."""
_CLASSES = (
    "00 01 02 03 08 09 0A 0B 0F 0L 0P 0Z 10 20 21 22 23 24 25 26 27 28 2B 2D 2F 34 38 39 3B 3D 3F"
    " 40 42 44 53 54 55 57 58 72 F0 HV P0 XX"
)
KNOWN_CLASSES = frozenset(_CLASSES.split())
"""Classes a server uses itself. A code of another one was raised by a trigger's author."""


def kind_of_sqlstate(state: str | None) -> FaultKind:
    """The kind of fault an SQLSTATE means."""
    if not state or state in SYSTEMIC_CODES:
        return FaultKind.SYSTEMIC
    if is_of_row(state):
        return FaultKind.ROW
    return FaultKind.TRANSIENT if state.startswith(TRANSIENT_STATES) else FaultKind.SYSTEMIC


def is_of_row(state: str) -> bool:
    """Whether an SQLSTATE is a row's own fault, whoever raised it."""
    own = state[:2] not in KNOWN_CLASSES
    return own or state.startswith(ROW_STATES) or state in ROW_CODES
