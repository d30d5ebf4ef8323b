"""Keeping images of the rows a batch changes, in the batch's own transaction."""

from __future__ import annotations

from typing import TYPE_CHECKING

from batch_ops.database.images import Images
from batch_ops.database.tables import Table
from batch_ops.errors import StoppedError
from batch_ops.faultpoints import Point, reached
from batch_ops.journal import images as journaled
from batch_ops.spec.model import OnConflict

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection

    from batch_ops.database.merge import Merged
    from batch_ops.database.statements import Statement
    from batch_ops.engine.context import Context
    from batch_ops.spec.model import Step


def keeps_images(execution: Context, step: Step) -> bool:
    """Whether images of a step's rows are kept."""
    return execution.operation.undo and step.kind.writes


def images_of(execution: Context, step: Step, target: Table) -> Images:
    """The images of a step's rows."""
    number = execution.operation.number_of(step)
    name = journaled.images_name(execution.row.short_id, number)
    table = Table(name, execution.journal.tables.schema, (), target.key)
    return Images(execution.database.dialect, target, table)


def make_images(execution: Context, step: Step, connection: Connection) -> None:
    """Make the table for the images of a step's rows, where they are kept."""
    if keeps_images(execution, step):
        images_of(execution, step, execution.table(step)).create(connection)


class Imaging:
    """The images of a step's batches, one after the other, in one lane."""

    def __init__(self, execution: Context, step: Step) -> None:
        self._execution, self._step = execution, step
        self.images = images_of(execution, step, execution.table(step))
        self.image = 0

    @classmethod
    def of(cls, execution: Context, step: Step) -> Imaging | None:
        """None where no images are kept."""
        return cls(execution, step) if keeps_images(execution, step) else None

    def begin(self, connection: Connection) -> None:
        """A batch begins: its images follow those of the batches before."""
        journal, execution_id = self._execution.journal, self._execution.id
        self.image = journaled.add(journal, connection, execution_id, self._step.name)

    def judge(self, kept: int, written: int) -> None:
        """Images and data must tell the same.

        Raises:
            StoppedError: they do not; the batch rolls back.
        """
        if kept != written:
            raise StoppedError(
                "changed_meanwhile",
                f"Others changed rows of {self.images.target.full_name!r} as a batch of step"
                f" {self._step.name!r} was written: of {written} rows {kept} have images.",
                state="The batch was rolled back, its images with it; the batches before stay.",
                todo=f"Go on: batch-ops resume {self._execution.row.short_id}",
                execution_id=self._execution.id,
            )


class RangeImages:
    """The images of rows an update or delete finds itself."""

    def __init__(self, imaging: Imaging) -> None:
        self._imaging = imaging

    def before(self, connection: Connection, rows: Statement) -> str:
        """Keep the rows of a sub-select as they are; a condition for the table of images: those of
        this batch.
        """
        self._imaging.begin(connection)
        images, image = self._imaging.images, self._imaging.image
        images.before(connection, image, rows)
        reached(Point.KEEPING_IMAGES)
        return images.mine(image)

    def changed(self, connection: Connection) -> None:
        """Keep them as they are after an update."""
        self._imaging.images.changed(connection, self._imaging.image)

    def deleted(self, connection: Connection, rows: int) -> None:
        """So many rows were deleted."""
        self._imaging.judge(self._imaging.images.deleted(connection, self._imaging.image), rows)


class StageImages:
    """The images of rows that a stage is merged into.

    conflict: what makes a staged row and one of the target the same, where the latter is changed.
    columns: those that are staged.
    """

    def __init__(
        self, imaging: Imaging, stage: Table, step: Step, conflict: tuple[str, ...],
        columns: Sequence[str],
    ) -> None:  # fmt: skip
        self._imaging, self._stage = imaging, stage
        target = imaging.images.target
        self._changes = step.on_conflict in (OnConflict.UPDATE, OnConflict.REPLACE)
        match = conflict if self._changes else target.key
        self._match = match if set(match) <= set(columns) else ()
        sure = self._match and not any(target.column(name).nullable for name in match)
        self.told = () if sure else target.key

    def before(self, connection: Connection) -> None:
        """Keep the rows that are there."""
        self._imaging.begin(connection)
        if self._match:
            self._imaging.images.before_staged(
                connection, self._imaging.image, self._stage, self._match, lock=self._changes
            )
        reached(Point.KEEPING_IMAGES)

    def after(self, connection: Connection, merged: Merged) -> None:
        """Keep what became of them, and the rows that are new."""
        images, image = self._imaging.images, self._imaging.image
        if self.told:
            created = images.created_keys(connection, image, merged.keys)
        else:
            created = images.created(connection, image, self._stage, self._match)
        if self._changes:
            images.changed(connection, image)
        else:
            images.forget(connection, image)
        self._imaging.judge(created, merged.created)
