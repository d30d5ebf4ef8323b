"""What an examination finds: each with what to do."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from batch_ops.errors import BatchOpsError


class Level(StrEnum):
    """OK: it is well. WARNING: worth to know. PROBLEM: it does not work, or waits for a person."""

    OK = "ok"
    WARNING = "warning"
    PROBLEM = "problem"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at: `check` says which."""

    check: str
    level: Level
    what: str
    todo: str = ""

    def to_dict(self) -> dict[str, Any]:
        """One JSON object with stable keys."""
        return {
            "check": self.check,
            "level": str(self.level),
            "what": self.what,
            "todo": self.todo,
        }


@dataclass
class Section:
    """What was found of one database, or of the project itself."""

    name: str
    findings: list[Finding] = field(default_factory=list)

    def to_dict(self) -> dict[str, Any]:
        """One JSON object with stable keys."""
        return {"name": self.name, "findings": [each.to_dict() for each in self.findings]}


def sound(check: str, what: str) -> Finding:
    """It is well."""
    return Finding(check, Level.OK, what)


def warning(check: str, what: str, todo: str = "") -> Finding:
    """It is worth to know."""
    return Finding(check, Level.WARNING, what, todo)


def problem(check: str, what: str, todo: str = "") -> Finding:
    """It does not work, or waits for a person."""
    return Finding(check, Level.PROBLEM, what, todo)


def of_error(check: str, error: BatchOpsError) -> Finding:
    """An error of ours as a problem."""
    place = f" ({error.location})" if error.location and not error.location.secret else ""
    return problem(check, f"{' '.join(error.what.split())}{place}", error.todo)
