"""What must be the same whether or not an execution was killed on its way."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from batch_ops.engine.verify import verify
from batch_ops.journal.tables import COUNTERS
from batch_ops_tests.support import accounts

if TYPE_CHECKING:
    from collections.abc import Iterator

    from batch_ops.engine import Project

TARGETS = ("arrivals", "stock", "orders", "lines")
ENDED = "CASE WHEN completed_at IS NULL THEN 'open' ELSE 'ended' END"
_TABLES = {
    "sqlite": "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'",
    "postgresql": "SELECT tablename FROM pg_tables WHERE schemaname = 'public'",
}
Rows = list[tuple[Any, ...]]


class Seen:
    """The data and the journal of the one execution in a database."""

    def __init__(self, project: Project) -> None:
        self._project, self._database = project, project.database()
        [(self.id, self._short)] = self.query("SELECT operation_id, short_id FROM batch_operations")
        self.id = str(self.id)

    def query(self, sql: str) -> Rows:
        """Rows of a query; `{c}` stands for the counters."""
        return accounts.query(self._database, sql.replace("{c}", ", ".join(COUNTERS)))

    def facts(self, *, same_sizes: bool = True) -> dict[str, Any]:
        """Everything that must be equal. same_sizes: batches were cut as by the other one."""
        return {
            "rows": self.data(),
            "execution": self._execution(),
            "steps": self._steps(),
            "chunks": self._chunks(same_sizes=same_sizes),
            "rejects": self._rejects(same_sizes=same_sizes),
            "metrics": self._metrics(),
            "tables": self._tables(),
            "outputs": self._outputs(same_sizes=same_sizes),
            "images": self._images(),
            "log": self._log() if same_sizes else None,
            "left": list(self.leftovers()),
        }

    # the data

    def data(self) -> dict[str, Rows]:
        """The rows of all tables."""
        return data_of(self._project)

    # the journal

    def _execution(self) -> Rows:
        (row,) = self.query(
            "SELECT operation, status, stopped_reason, message, control, total_records,"
            f" processed_records, error_count, {ENDED}, checks FROM batch_operations"
        )
        message = row[3].replace(self._short, "…") if row[3] else row[3]
        judged = json.loads(row[-1] or "[]")
        checks = [(c["name"], c["success"], c["observed_value"]) for c in judged]
        return [(*row[:3], message, *row[4:-1], checks)]

    def _steps(self) -> Rows:
        rows = self.query(
            "SELECT number, step, kind, status, planned_rows, output_table,"
            f" CASE WHEN attempt_at IS NULL THEN 'rests' ELSE 'works' END, {ENDED}"
            " FROM batch_steps ORDER BY number"
        )
        return [(*row[:5], row[5] and row[5].replace(self._short, "…"), *row[6:]) for row in rows]

    def _chunks(self, *, same_sizes: bool) -> Rows:
        """Where batches are cut otherwise, later steps may have other chunks."""
        if not same_sizes:
            sums = ", ".join(f"sum({name})" for name in COUNTERS)
            return self.query(
                f"SELECT step, min(status), max(status), {sums} FROM batch_chunks"
                " GROUP BY step ORDER BY step"
            )
        rows = self.query(
            "SELECT step, chunk, chunk_key, planned_rows, lower_bound, upper_bound, splits,"
            f" spacing, position, status, attempt, batches, {ENDED}, {{c}} FROM batch_chunks"
            " ORDER BY step, chunk"
        )
        return [(*row[:2], row[2].replace(self._short, "…"), *row[3:]) for row in rows]

    def _log(self) -> Rows:
        return self.query(
            "SELECT step, chunk, batch_number, records_processed, cursor_from, cursor_to, crc,"
            " status, {c} FROM batch_operation_logs ORDER BY step, chunk, batch_number"
        )

    def _rejects(self, *, same_sizes: bool) -> Rows:
        place = "chunk, batch_number" if same_sizes else "0"
        rows = self.query(
            f"SELECT step, {place}, row_number, record_key, outcome, code, column_name,"
            " value, error_message, failed_records FROM batch_operation_errors"
        )
        return sorted(rows, key=repr)

    def _metrics(self) -> Rows:
        return self.query(
            "SELECT DISTINCT COALESCE(step, ''), metric_name FROM batch_performance_metrics"
            " ORDER BY 1, 2"
        )

    def _tables(self) -> Rows:
        names = self.query(_TABLES[self._database.dialect.name])
        return sorted((name.replace(self._short, "…"),) for (name,) in names)

    def _outputs(self, *, same_sizes: bool) -> dict[str, Rows]:
        """What steps handed on. Numbers of rows that have no key go by batches."""
        found = {}
        for step, table in self.query("SELECT step, output_table FROM batch_steps"):
            if table is None:
                continue
            with self._database.reading() as connection:
                rows = connection.exec_driver_sql(f"SELECT * FROM {table}").mappings()
                named = [dict(row) for row in rows]
            for row in () if same_sizes else named:
                row.pop("bo_row", None)
            found[step] = sorted((tuple(row.items()) for row in named), key=repr)
        return found

    def _images(self) -> dict[str, Rows]:
        """Rows before and after, whatever lane wrote them first."""
        own = f"batch_images_{self._short}_"
        names = sorted(name for (name,) in self.query(_TABLES[self._database.dialect.name]))
        columns = "bo_side, id, kind, amount, CASE WHEN touched_at IS NULL THEN 0 ELSE 1 END"
        return {
            name.removeprefix(own): self.query(f"SELECT {columns} FROM {name} ORDER BY 1, 2")
            for name in names
            if name.startswith(own)
        }

    def leftovers(self) -> Iterator[str]:
        """What should not be there, or does not add up."""
        for table in ("batch_ownership", "batch_workers"):
            for row in self.query(f"SELECT * FROM {table}"):
                yield f"{table}: {row}"
        yield from map(str, verify(self._project, self.id).disagreements)


def data_of(project: Project) -> dict[str, Rows]:
    """The rows of all tables of a project."""
    return {name: _rows(project, name) for name in TARGETS}


def _rows(project: Project, table: str) -> Rows:
    columns = {
        "orders": "id, kind",
        "lines": "id, order_id",
    }.get(table, "id, kind, amount, CASE WHEN touched_at IS NULL THEN 0 ELSE 1 END")
    return accounts.query(project.database(), f"SELECT {columns} FROM {table} ORDER BY id")
