"""What becomes of a row that is to be put back, judged by its images and as it is now."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING

from batch_ops.database.images import AFTER, IMAGE, SIDE

if TYPE_CHECKING:
    from batch_ops.database.images import Images
    from batch_ops.results import UndoPolicy


class State(IntEnum):
    """What became of a row whose image was looked at."""

    RESTORED = 1
    AS_BEFORE = 2
    """It was as before the batch already."""
    KEPT = 3
    """Somebody changed it since; it was left alone."""
    REFUSED = 4
    """The database refused it."""


LEFT = (State.KEPT, State.REFUSED)
MEANT = 0
"""The state of a row that is being put back."""


@dataclass(frozen=True)
class Verdict:
    """The states of rows as SQL. `columns`: those that the batch changed in rows that were there
    and stayed.
    """

    images: Images
    policy: UndoPolicy
    columns: tuple[str, ...]

    @property
    def sql(self) -> str:
        """What becomes of a row `i`, of which `a` is the image after, as it now is `t`."""
        return (
            f"CASE WHEN i.{SIDE} = {AFTER} THEN {self._of_created()}"
            f" WHEN a.{IMAGE} IS NULL THEN {self._of_deleted()} ELSE {self._of_updated()} END"
        )

    def _of_created(self) -> str:
        newer = self.images.differ(self.images.columns, "t", "i")
        kept = f" WHEN {newer} THEN {State.KEPT:d}" if self.policy.keeps_newer else ""
        return f"CASE WHEN {self._gone} THEN {State.AS_BEFORE:d}{kept} ELSE {MEANT} END"

    def _of_deleted(self) -> str:
        differs = self.images.differ(self.images.columns, "t", "i")
        there = State.KEPT if self.policy.keeps_newer else MEANT
        return (
            f"CASE WHEN {self._gone} THEN {MEANT}"
            f" WHEN {differs} THEN {there:d} ELSE {State.AS_BEFORE:d} END"
        )

    def _of_updated(self) -> str:
        gone = MEANT if self.policy.overwrites else State.KEPT
        newer = (
            f" WHEN {self._ours('t', 'a')} THEN {State.KEPT:d}" if self.policy.keeps_newer else ""
        )
        wanted = self.images.columns if self.policy.overwrites else ()
        differs = self.images.differ(wanted, "t", "i") if wanted else self._ours("t", "i")
        return (
            f"CASE WHEN {self._gone} THEN {gone:d} WHEN NOT ({differs}) THEN {State.AS_BEFORE:d}"
            f"{newer} ELSE {MEANT} END"
        )

    def _ours(self, one: str, other: str) -> str:
        """Whether rows differ in a column that the batch changed in the row `i`."""
        pairs = [
            f"({self.images.differs(name, 'i', 'a')} AND {self.images.differs(name, one, other)})"
            for name in self.columns
        ]
        return f"({' OR '.join(pairs) or '1 = 0'})"

    @property
    def _gone(self) -> str:
        return f"t.{self.images.dialect.quote(self.images.target.key[0])} IS NULL"
