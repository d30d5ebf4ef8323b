"""delete_many: by key, with or without what refers to the rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy.exc import DBAPIError

from batch_ops.bulk.parts import Failure, Part, Written
from batch_ops.bulk.staged import Staged
from batch_ops.bulk.writers import Writer
from batch_ops.database.cascade import Cascade
from batch_ops.database.faults import FOREIGN_KEY, Fault, FaultKind
from batch_ops.database.parents import Children
from batch_ops.database.savepoints import undone
from batch_ops.results import Counts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection

    from batch_ops.bulk.ground import Ground
    from batch_ops.database.cascade_graph import Reference


_HELD = Fault(FaultKind.ROW, FOREIGN_KEY, "FOREIGN KEY constraint failed: other rows refer to it")


class Deleter(Writer):
    """Deletes the rows of the staged keys. cascade: with all rows that refer to them."""

    def __init__(self, ground: Ground, *, cascade: bool) -> None:
        super().__init__(ground)
        self._staged = Staged(ground, ground.table.key)
        self._with_children = cascade
        self._cascade: Cascade | None = None

    def write(self, connection: Connection, part: Part) -> Written:
        staged, keyed = self._staged, self._staged.keyed
        numbers, failures = staged.take(connection, part.data, part.places)
        numbers, skipped = staged.without_repeats(connection, numbers, last=False)
        rows = self._rows(connection, keyed) if self._ground.returning else []
        references = self._unjudged(connection)
        if not (self._with_children or references) and self._all_at_once(connection, numbers):
            counts = Counts(
                total=len(part.places),
                deleted=len(numbers),
                failed=len(failures),
                skipped=skipped,
            )
            return Written(counts, failures, deleted=[row for _, row in rows])
        missing = keyed.missing(connection)
        staged.stage.remove(connection, missing)
        gone = set(missing)
        numbers = [number for number in numbers if number not in gone]
        cascaded: dict[str, int] = {}

        def delete(span: tuple[int, int]) -> int:
            if self._with_children:
                return self._with_all(connection, span, cascaded)
            return keyed.delete(connection, span)

        numbers, held = self._held(connection, numbers, part, references)
        _, refused = staged.isolated(connection, numbers, delete, part)
        failures += [*held, *map(self._by_key, refused)]
        counts = Counts(
            total=len(part.places),
            deleted=len(numbers) - len(refused),
            not_found=len(missing),
            failed=len(failures),
            skipped=skipped,
            cascaded=sum(cascaded.values()),
        )
        bad = {failure.place for failure in failures}
        return Written(
            counts,
            failures,
            [part.places[number - 1] for number in missing],
            deleted=[row for number, row in rows if part.places[number - 1] not in bad],
            cascaded=cascaded,
        )

    def _unjudged(self, connection: Connection) -> Sequence[Reference]:
        """The foreign keys that lead to the rows, where neither the connection judges them nor a
        cascade follows them.
        """
        ground = self._ground
        if ground.dialect.judges_parents(connection):
            return ()
        found = ground.dialect.references_to(connection, ground.table)
        followed = self._cascading(connection).graph.references if self._with_children else ()
        return [reference for reference in found if reference not in followed]

    def _held(
        self,
        connection: Connection,
        numbers: list[int],
        part: Part,
        references: Sequence[Reference],
    ) -> tuple[list[int], list[Failure]]:
        """The numbers of rows without those that others refer to: these fail, and are taken out;
        then those that they refer to.
        """
        staged, failures = self._staged, []
        children = Children(self._ground.dialect, self._ground.table, staged.stage.table)
        while references and (held := children.held(connection, references)):
            staged.stage.remove(connection, held)
            key = self._ground.table.key[0]
            failures += [staged.refused(part, number, _HELD, key) for number in held]
            numbers = [number for number in numbers if number not in held]
        return numbers, failures

    def _by_key(self, failure: Failure) -> Failure:
        """Where a database does not tell, the key is what other rows refer to."""
        error = failure.errors[0]
        if error.code != FOREIGN_KEY or error.field is not None:
            return failure
        return failure._replace(errors=(error._replace(field=self._ground.table.key[0]),))

    def _all_at_once(self, connection: Connection, numbers: Sequence[int]) -> bool:
        """Delete the staged rows; False, and none deleted, where one is not there or refused."""
        if not numbers:
            return True
        savepoint = connection.begin_nested()
        try:
            done = self._staged.keyed.delete(connection, (numbers[0] - 1, numbers[-1]))
            self._ground.dialect.immediate_constraints(connection)
        except DBAPIError as error:
            fault = self._ground.dialect.fault(error)
            if not undone(savepoint) or fault.kind is not FaultKind.ROW:
                raise
            return False
        if done == len(numbers):
            savepoint.commit()
            return True
        savepoint.rollback()
        return False

    def _with_all(
        self, connection: Connection, span: tuple[int, int], cascaded: dict[str, int]
    ) -> int:
        """Delete staged rows with all that refer to them; a failed attempt counts nothing."""
        cascade = self._cascading(connection)
        gone = cascade.delete(connection, self._staged.stage.table, span)
        for one in gone:
            if one.cascaded:
                cascaded[one.table] = cascaded.get(one.table, 0) + one.cascaded
        return sum(one.asked for one in gone)

    def _cascading(self, connection: Connection) -> Cascade:
        if self._cascade is None:
            ground = self._ground
            self._cascade = Cascade.of(connection, ground.dialect, ground.table)
        return self._cascade

    def plan(self, connection: Connection, part: Part) -> dict[str, int]:
        """How many rows of which table would go; nothing is deleted."""
        self._staged.take(connection, part.data, part.places)
        cascade = Cascade.of(connection, self._ground.dialect, self._ground.table)
        found = cascade.plan(connection, self._staged.stage.table)
        return {one.table: one.rows for one in found if one.rows}

    def close(self, connection: Connection) -> None:
        self._staged.drop(connection)
