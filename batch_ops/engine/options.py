"""How an execution is started: overrides of the declaration's limits, and who started it."""

from __future__ import annotations

import getpass
import os
from dataclasses import asdict, dataclass, field, replace
from datetime import timedelta
from typing import Any

from batch_ops.spec.model import ErrorLimit, Settings

ACTOR_VARIABLE = "BATCH_OPS_ACTOR"


def default_actor() -> str:
    """Who acts: BATCH_OPS_ACTOR, else the operating system's user."""
    return os.environ.get(ACTOR_VARIABLE) or getpass.getuser()


@dataclass(frozen=True, slots=True)
class RunOptions:
    """What the caller wants other than the declaration says; None leaves the declaration's.

    Attributes:
        again: run what was completed before.
        confirm: the person's yes to an operation that requires it.
        take_over: resume: the person's word that the process that holds it is gone.
        source_path: resume: the file stands elsewhere now.
        use_new: resume: take sizes and limits of today's declaration.
        skip_rejects: resume: rows that were rejected before do not stop it again.
    """

    batch_size: int | None = None
    max_workers: int | None = None
    max_records: int | None = None
    max_errors: ErrorLimit | None = None
    timeout: timedelta | None = None
    again: bool = False
    confirm: bool = False
    take_over: bool = False
    source_path: str | None = None
    use_new: bool = False
    skip_rejects: bool = False

    def settings(self, declared: Settings) -> Settings:
        """The settings that hold."""
        names = ("batch_size", "max_workers", "max_records", "max_errors", "timeout")
        given = {name: getattr(self, name) for name in names if getattr(self, name) is not None}
        return replace(declared, **given)

    def stored(self) -> dict[str, Any]:
        """The overrides as JSON, for the journal."""
        kept = {
            "batch_size": self.batch_size,
            "max_workers": self.max_workers,
            "max_records": self.max_records,
            "max_errors": asdict(self.max_errors) if self.max_errors else None,
            "timeout": self.timeout.total_seconds() if self.timeout else None,
        }
        return {name: value for name, value in kept.items() if value is not None}

    def over(self, stored: dict[str, Any]) -> RunOptions:
        """These options, with what was stored before where they say nothing."""
        known = dict(stored)
        if "max_errors" in known:
            known["max_errors"] = ErrorLimit(**known["max_errors"])
        if "timeout" in known:
            known["timeout"] = timedelta(seconds=known["timeout"])
        missing = {name: value for name, value in known.items() if getattr(self, name) is None}
        return replace(self, **missing)


@dataclass(frozen=True, slots=True)
class Launch:
    """Who started an execution, and from where. run_id: the root Dagster run."""

    actor: str = field(default_factory=default_actor)
    via: str = "python"
    run_id: str | None = None
