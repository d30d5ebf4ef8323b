"""What happens to databases, in the midst of the operations that `crashing` describes."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from batch_ops.engine import Project, resume, run
from batch_ops.events import BatchRetried
from batch_ops.spec.catalog import Catalog
from batch_ops_tests.support import crashing
from batch_ops_tests.support.crash_facts import Seen
from batch_ops_tests.support.happenings import happening, once_at

if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from pathlib import Path

    from batch_ops.faultpoints import Point
    from batch_ops.results import Result

OPERATIONS = {
    "import_file": "arrivals",
    "change": "stock",
    "upsert_rows": "stock",
    "remove": "stock",
    "all_or_nothing": "stock",
}
"""What is done, and the table it is done to first."""
PATIENT = (
    "collect_metrics: true\n    lock_timeout: 300 ms\n"
    "    retry: {max_retries: 8, initial_delay: 0.05, max_delay: 0.4}"
)
_undisturbed: dict[tuple[str, str], dict[str, Any]] = {}


def project_of(folder: Path, url: str) -> Project:
    """The project, more patient than usual."""
    texts = {
        f"{name}.yaml": text.replace("collect_metrics: true", PATIENT)
        for name, text in crashing.DECLARATIONS.items()
    }
    made = Project(folder, Catalog.from_texts(texts))
    made.database()
    return made


@dataclass
class Trouble:
    """What happens, once, at a place of an operation's way.

    Attributes:
        do: makes the trouble; called where it happens, in the lane's thread.
        mend: ends it, where it does not pass by itself; None: it does.
        says: what the message of the stopped execution says then.
        number: how often the place is reached before.
        codes: the SQLSTATEs it is met with, among others.
    """

    at: Point
    do: Callable[[], object]
    mend: Callable[[], object] | None = None
    says: str = ""
    number: int = 6
    codes: Collection[str] = frozenset()
    tried_again: list[BatchRetried] = field(default_factory=list)

    def meet(self, project: Project, operation: str) -> Result:
        """Run the operation into the trouble, and go on with it once that is mended."""
        with happening(once_at(self.at, self.number, self.do)):
            result = run(project, operation, _given(operation), listen=self._hear)
        if self.mend is None:
            return result
        assert not result.status.finished, result
        assert result.status.exit_code == 4
        assert self.says in (result.message or ""), result.message
        self.mend()
        return resume(project, result.execution_id)

    def _hear(self, event: object) -> None:
        if isinstance(event, BatchRetried):
            self.tried_again.append(event)


def _given(operation: str) -> dict[str, Any]:
    return crashing.CASES[operation].parameters


def undisturbed(kind: str, operation: str, make: Callable[[], Project]) -> dict[str, Any]:
    """What the operation comes to on a kind of database; found out once.

    make: a project on a database of its own, with the tables in it.
    """
    if (kind, operation) not in _undisturbed:
        project = make()
        assert run(project, operation, _given(operation)).status.finished
        _undisturbed[kind, operation] = Seen(project).facts(same_sizes=False)
    return _undisturbed[kind, operation]


def later(seconds: float, what: Callable[[], object]) -> None:
    """It happens in a while, in another thread."""
    threading.Timer(seconds, what).start()
