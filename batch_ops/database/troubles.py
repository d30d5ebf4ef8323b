"""What keeps a database from going on, in words a person can act on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from batch_ops.database.faults import FaultKind

if TYPE_CHECKING:
    from batch_ops.database.faults import Fault

_LOST = ("The connection to the database was lost", "See that the database answers")
_BUSY = ("The database had no room for it", "See what else is at work there")
_FILES = ("The database cannot read or write its files", "See to its disk")
_WORDS = {
    "08": _LOST,
    "25006": ("The database takes no changes: it is read-only", "Make it writable"),
    "25P": _LOST,
    "28": ("The database does not let the user in", "See to user and password"),
    "40001": ("Others changed the same rows at the same time", "See what else is at work there"),
    "40P01": ("Others held locks in another order: a deadlock", "See what else is at work there"),
    "42501": ("The user may not do that in the database", "Give it the privilege"),
    "42P01": ("A table is not there", "Bring it back"),
    "42703": ("A column is not there", "Bring it back"),
    "42": ("The database does not understand the statement", "See whether its table was changed"),
    "53100": ("The disk of the database is full", "Make room there"),
    "53300": ("The database takes no more connections", "See who has them"),
    "53": _BUSY,
    "55P03": ("Others held a lock for too long", "See what else is at work there"),
    "57014": ("A statement took too long", "Give it more time"),
    "57P04": ("The database was dropped", "Bring it back"),
    "57P": _LOST,
    "58": _FILES,
    "XX001": _FILES,
    "XX002": _FILES,
}
"""By SQLSTATE or how it begins: what happened, and what to do."""


def told(fault: Fault, *, tried_again: bool = False) -> str:
    """What happened, with the database's own words. tried_again: where trouble may pass."""
    happened, passes = _words(fault)[0], fault.kind is FaultKind.TRANSIENT
    again = ", also when it was tried again" if tried_again and passes else ""
    return f"{happened}{again} ({fault.code}): {fault.message}"


def mending(fault: Fault) -> str:
    """What to do before one goes on."""
    return _words(fault)[1]


def _words(fault: Fault) -> tuple[str, str]:
    begins = (fault.code[:length] for length in range(len(fault.code), 1, -1))
    known = (_WORDS[begin] for begin in begins if begin in _WORDS)
    return next(known, ("The database refused to go on", "Mend it"))
