"""Calls with a journal: rows become an execution, which has an id and can be resumed."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

from batch_ops.bulk.failures import FailedRows, RowError
from batch_ops.bulk.inputs import input_of
from batch_ops.bulk.options import Options
from batch_ops.bulk.records import records_of
from batch_ops.bulk.result import BatchResult
from batch_ops.database import open_database
from batch_ops.database.plain import plain_value
from batch_ops.engine import (
    Launch,
    Project,
    RunOptions,
    newest_unfinished,
    rejects_of,
    resume,
    run,
)
from batch_ops.errors import AlreadyCompletedError, ParameterError, UsageError
from batch_ops.events import BatchCommitted
from batch_ops.spec.catalog import Catalog
from batch_ops.spec.model import OnConflict

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from sqlalchemy import URL

    from batch_ops.bulk.shape import Shape
    from batch_ops.database import Column, Database
    from batch_ops.events import Event
    from batch_ops.results import Reject, Result

ROWS = "rows"
_ENTITY = "batch_table"
_OTHERS = ("return_rows", "validate", "retry", "throttle", "on_error", "expires_in")
"""Options that a journaled call does not take."""


class TableProject(Project):
    """A project of one declaration, made of a table and a call on it."""

    def __init__(self, url: URL, declaration: Mapping[str, Any]) -> None:
        text = orjson.dumps(declaration, option=orjson.OPT_INDENT_2).decode()
        super().__init__(Path.cwd(), Catalog.from_texts({f"{_ENTITY}.yaml": text}))
        self._url = url

    def database(self, connection: str | None = None) -> Database:
        """The table's database."""
        if connection not in self._databases:
            url = self._url.render_as_string(hide_password=False)
            self._databases[connection] = open_database(url, application_name=self.application_name)
        return self._databases[connection]


class Journaled:
    """Journaled calls on one table."""

    def __init__(self, url: URL, shape: Shape, hidden: frozenset[str]) -> None:
        self._url, self._shape, self._hidden = url, shape, hidden

    def run(
        self,
        name: str,
        rows: Any,
        columns: Sequence[str] | None,
        mode: OnConflict,
        target: tuple[str, ...],
        options: Options,
    ) -> BatchResult[Any]:
        """Put rows into the table.

        Raises:
            AlreadyCompletedError: the same rows were put in before.
            ParameterError: an option that a journaled call does not take.
        """
        _refuse_others(options)
        project = TableProject(self._url, self._declared(name, mode, target, options))
        given = input_of(rows, columns)
        records = [
            {field: plain_value(value) for field, value in record.items()}
            for block in given.blocks(options.size)
            for record in records_of(block)
        ]
        self._shape.known({field for record in records for field in record})
        told = _progress(options, len(records))
        limits = RunOptions(batch_size=options.batch_size)
        try:
            done = run(
                project,
                self._operation(name),
                {ROWS: records},
                options=limits,
                launch=_LAUNCH,
                listen=told,
            )
            result = self._result(project, name, done, dict(enumerate(records)))
        except AlreadyCompletedError as error:
            error.todo = "If they are meant once more: make the call without journal=True."
            raise
        finally:
            project.dispose()
        if result.failed and not options.goes_on:
            raise result.error()
        return result

    def resume(self, execution_id: str | None) -> BatchResult[Any]:
        """Go on with a call that has not reached its end (None: the newest), by the declaration it
        began with.

        Raises:
            UsageError: there is none.
        """
        project = TableProject(self._url, self._declared("create_many", OnConflict.ERROR, (), _NO))
        try:
            wanted = execution_id or newest_unfinished(project)
            if wanted is None:
                raise UsageError("No journaled call is unfinished here.")
            done = resume(project, wanted, launch=_LAUNCH)
            return self._result(project, "resume", done, {})
        finally:
            project.dispose()

    def _operation(self, name: str) -> str:
        """The same rows may go into several tables: each has operations of its own."""
        return f"{name}_{re.sub(r'[^a-z0-9]+', '_', self._shape.table.full_name.lower())}"

    def _declared(
        self, name: str, mode: OnConflict, target: tuple[str, ...], options: Options
    ) -> dict[str, Any]:
        table = self._shape.table
        operation: dict[str, Any] = {
            "name": "batch_operations",
            "operation": self._operation(name),
            "operation_type": "upsert" if name == "upsert_many" else "insert",
            "data_source": f":{ROWS}",
            "on_conflict": str(mode),
            "conflict_target": list(target),
            "atomic": options.atomic,
        }
        entity: dict[str, Any] = {
            "name": _ENTITY,
            "table": table.full_name,
            "key": list(table.key),
            "hidden": sorted(self._hidden),
            "fields": {c.name: _type(c) for c in table.columns if c.type and not c.generated},
            "patterns": [_without_empty(operation)],
        }
        return _without_empty(entity)

    def _result(
        self, project: Project, name: str, done: Result, records: Mapping[int, Any]
    ) -> BatchResult[Any]:
        result: BatchResult[Any] = BatchResult(name, done.counts, duration=done.duration_s)
        result.execution_id, result.stopped = done.execution_id, done.stopped_reason
        result.indexes = self._shape.indexes
        result.failed = FailedRows()
        for reject in rejects_of(project, done.execution_id):
            index = (reject.row or 1) - 1
            error = RowError(reject.code, reject.message, reject.column, reject.value)
            result.failed.add(index, (error,), records.get(index), _reader(reject))
        result.failed.sort()
        return result


_LAUNCH = Launch(via="python")
_NO = Options()


def _without_empty(options: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in options.items() if value != []}


def _type(column: Column) -> str:
    assert column.type is not None
    if column.length and column.type == "string":
        return f"string({column.length})"
    if column.precision and column.type == "decimal":
        return "decimal({}, {})".format(*column.precision)
    return str(column.type)


def _refuse_others(options: Options) -> None:
    usual = Options()
    changed = [name for name in _OTHERS if getattr(options, name) != getattr(usual, name)]
    if options.max_concurrency > 1:
        changed.append("max_concurrency")
    if changed:
        raise ParameterError(
            f"A call with journal=True does not take {changed[0]}.",
            todo="Leave it out, or declare the operation in an entity file.",
        )


def _progress(options: Options, total: int) -> Callable[[Event], None]:
    done = 0

    def listen(event: Event) -> None:
        nonlocal done
        if isinstance(event, BatchCommitted) and options.on_progress is not None:
            done += event.counts.total
            options.on_progress(done, total)

    return listen


def _reader(reject: Reject) -> Callable[[Any, int], tuple[Any, Mapping[str, Any]]]:
    key = reject.key or {}
    shown = next(iter(key.values())) if len(key) == 1 else tuple(key.values()) or None
    return lambda _given, _place: (shown, reject.data or {})
