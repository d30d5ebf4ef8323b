"""A project whose file has bad rows, and what tests of retries ask of it."""

from __future__ import annotations

import csv
from collections import Counter
from typing import TYPE_CHECKING, Any

from sqlalchemy import text

from batch_ops.cli import rejects_told
from batch_ops.engine import kept_rejects, result_of, retry, run, verify
from batch_ops.journal.rejects import Choice
from batch_ops.results import Counts
from batch_ops_tests.support import accounts

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from batch_ops.journal.rejects import KeptReject
    from batch_ops.results import Result, RetryResult

PEOPLE = """
name: people
key: [id]
hidden: [secret]
fields:
  id: integer
  name: {type: string(20), nullable: false}
  age: integer
  secret: text
  marks: integer
patterns:
  - name: batch_operations
    operation: load
    batch_size: 3
    OPTIONS
    steps:
      - name: create
        operation_type: insert
        data_source: csv_file
        source_path: people.csv
        validation_rules: ["age > 0"]
      - name: mark
        operation_type: update
        update_data: {marks: {sql: "COALESCE(marks, 0) + 1"}}
        where_condition: "id IN (:created_ids)"
      - name: tidy
        operation_type: delete
        where_condition: "age > 100"
"""
TABLE = (
    "CREATE TABLE people (id INTEGER PRIMARY KEY, name VARCHAR(20) NOT NULL, age INTEGER,"
    " secret TEXT, marks INTEGER)"
)
FILE = """id,name,age,secret
1,ann,1,s1
2,bob,-2,s2
3,,3,s3
4,dan,4,s4
x,eve,5,s5
6,fay,6,s6
4,gus,8,s7
"""
"""Rows 2 (a rule), 3 (no name), 5 (no number) and 7 (its key is taken) are bad."""
BAD = (2, 3, 5, 7)


class Letters:
    """The project on a database, with its table and file."""

    def __init__(
        self, folder: Path, url: str, declaration: str = PEOPLE, file: str = FILE, **options: str
    ) -> None:
        self.folder = folder
        lines = "\n    ".join(f"{name}: {value}" for name, value in options.items())
        declared = declaration.replace("OPTIONS", lines)
        self.project = accounts.project(folder, url, declared)
        (folder / "people.csv").write_text(file)
        accounts.execute(self.project.database(), [TABLE])

    def run(self, operation: str = "load", **more: Any) -> Result:
        return run(self.project, operation, **more)

    def retry(self, result: Result, **more: Any) -> RetryResult:
        return retry(self.project, result.execution_id, **more)

    def rows(self, query: str = "SELECT id, name, age, secret, marks FROM people ORDER BY id"):
        return accounts.query(self.project.database(), query)

    def execute(self, *statements: str) -> None:
        accounts.execute(self.project.database(), statements)

    def kept(self, result: Result, states: Iterable[str] | None = ("open",)) -> list[KeptReject]:
        choice = Choice(None if states is None else tuple(states))
        return list(kept_rejects(self.project, result.execution_id, choice))

    def open_rows(self, result: Result) -> list[int | None]:
        return [kept.reject.row for kept in self.kept(result)]

    def corrected(
        self,
        result: Result,
        values: Mapping[int, Mapping[str, str]],
        name: str = "corrected.csv",
        by: str = "reject_row",
    ) -> Path:
        """The file of open rejects as the shell writes it, with other values by row number (or by
        another column); rows without an entry are taken out.
        """
        rows = self.exported(result)
        chosen = [row | values[int(row[by])] for row in rows if int(row[by]) in values]
        return self.written(chosen, list(rows[0]), name)

    def exported(self, result: Result) -> list[dict[str, str]]:
        file = self.folder / "exported.csv"
        with file.open("w", newline="") as stream:
            some = rejects_told.Some(
                self.project, result_of(self.project, result.execution_id), Choice(), [], None
            )
            rejects_told.as_csv(some, stream)
        with file.open(newline="") as stream:
            return list(csv.DictReader(stream))

    def written(
        self, rows: list[dict[str, str]], header: list[str], name: str = "corrected.csv"
    ) -> Path:
        file = self.folder / name
        with file.open("w", newline="") as stream:
            writer = csv.DictWriter(stream, header)
            writer.writeheader()
            writer.writerows(rows)
        return file

    def recounted(self, result: Result) -> dict[str, Counts]:
        """The counters of each step, counted from the log's rows."""
        names = ", ".join(f"SUM({name})" for name in Counts().to_dict())
        query = (
            f"SELECT step, {names} FROM batch_operation_logs"
            f" WHERE operation_id = '{result.execution_id}' GROUP BY step"
        )
        return {step: Counts(*map(int, numbers)) for step, *numbers in self.rows(query)}

    def judge_counters(self, result: Result) -> Result:
        """Counters, journal and rejects say the same at any moment; the execution as it is now."""
        now = result_of(self.project, result.execution_id)
        recounted = self.recounted(result)
        assert {s.name: s.counts for s in now.steps if s.counts != Counts()} == {
            name: counts for name, counts in recounted.items() if counts != Counts()
        }
        assert all(step.counts.reconciled for step in now.steps)
        states = Counter(kept.state for kept in self.kept(result, None))
        assert now.counts.rejects == states["open"] + states["discarded"]
        assert now.discarded == states["discarded"]
        found = verify(self.project, result.execution_id).disagreements
        assert [str(each) for each in found] == []
        return now

    def judge(self, result: Result) -> Result:
        """The same, and so does the execution's own row, when nobody works on it."""
        now = self.judge_counters(result)
        with self.project.database().reading() as connection:
            stored = connection.execute(
                text(
                    "SELECT total_records, processed_records, error_count FROM batch_operations"
                    " WHERE operation_id = :id"
                ),
                {"id": result.execution_id},
            ).one()
        if now.status.finished:
            counts = now.counts
            assert tuple(stored) == (counts.total, counts.processed, counts.rejects)
        return now

    def leftovers(self) -> set[str]:
        """Tables beside outputs, workers and owned tables that nobody needs any more."""
        from sqlalchemy import inspect

        with self.project.database().reading() as connection:
            names = {n for n in inspect(connection).get_table_names() if "_r" in n[-4:]}
        owned = self.rows("SELECT table_name FROM batch_ownership")
        workers = self.rows("SELECT worker FROM batch_workers")
        return {*names, *(str(name) for (name,) in [*owned, *workers])}

    def close(self) -> None:
        self.project.dispose()
