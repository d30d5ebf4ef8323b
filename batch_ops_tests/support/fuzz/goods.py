"""A project with a column and a parameter of every type, and whether it is whole after an input."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from batch_ops.engine import Project
from batch_ops.spec.catalog import Catalog
from batch_ops_tests.support.accounts import execute, query

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from batch_ops.results import Result

FIELDS = """
  id: integer
  name: string(20)
  amount: integer
  price: "decimal(8,2)"
  born: date
  seen: timestamp
  active: boolean
  note: text
  mark: uuid
"""
ENTITY = f"name: goods\nkey: [id]\ncreate_table: true\nfields:{FIELDS}patterns:\n"
OPERATIONS = """
  - name: batch_operations
    operation: read_file
    operation_type: insert
    data_source: csv_file
    validation_rules: ["amount >= 0", "name IS NOT NULL"]
  - name: batch_operations
    operation: merge_file
    operation_type: upsert
    data_source: csv_file
  - name: batch_operations
    operation: merge_rows
    operation_type: upsert
    data_source: :rows
  - name: batch_operations
    operation: mark
    operation_type: update
    update_data: {note: seen}
    where_condition: "amount < 5"
  - name: batch_operations
    operation: find
    operation_type: update
    update_data: {note: ":word", amount: ":number"}
    where_condition: >-
      id = :number OR id = :big OR price = :exact OR price < :rough OR active = :yes OR born = :day
      OR seen < :moment OR seen > NOW() - :span OR mark = :mark OR name = :word OR id IN (:list)
      OR name IN (:words)
    parameters:
      number: {type: integer, required: false}
      big: {type: bigint, required: false}
      exact: {type: decimal, required: false}
      rough: {type: float, required: false}
      yes: {type: boolean, required: false}
      day: {type: date, required: false}
      clock: {type: time, required: false}
      moment: {type: timestamp, required: false}
      span: {type: interval, required: false}
      mark: {type: uuid, required: false}
      word: {type: string, required: false}
      anything: {type: json, required: false}
      list: {type: "integer[]", required: false}
      words: {type: "string[]", required: false}
"""
DECLARATION = ENTITY + OPERATIONS
LEFT = ("batch_ownership", "batch_workers")


@dataclass
class Goods:
    """The project on one database."""

    project: Project
    url: str
    before: int = 0

    @classmethod
    def made(cls, folder: Path, url: str) -> Goods:
        """The project with twenty goods in it."""
        (folder / "defs").mkdir(parents=True)
        (folder / "defs" / "goods.yaml").write_text(DECLARATION)
        os.environ["BATCH_OPS_DATABASE_URL"] = url
        project = Project(folder, Catalog.from_texts({"goods.yaml": DECLARATION}))
        made = cls(project, url)
        project.journal().ensure()
        made.fill()
        return made

    def with_operation(self, text: str) -> Project:
        """The project with one more operation."""
        catalog = Catalog.from_texts({"goods.yaml": DECLARATION + text})
        project = Project(self.project.folder, catalog)
        project._databases = self.project._databases
        return project

    def fill(self) -> None:
        """Twenty goods, and none besides."""
        database = self.project.database()
        stamp = "TIMESTAMP WITH TIME ZONE" if database.dialect.capabilities.zones else "DATETIME"
        mark = "UUID" if database.dialect.capabilities.typed else "CHAR(36)"
        rows = ", ".join(
            f"({-n}, 'n{n}', {n}, {n}.5, '2020-01-{n:02d}', '2020-01-{n:02d} 10:00:00.000000',"
            f" {'true' if n % 2 else 'false'}, 'note', NULL)"
            for n in range(1, 21)
        )
        columns = (
            "id INTEGER PRIMARY KEY, name VARCHAR(20), amount INTEGER, price NUMERIC(8,2),"
            f" born DATE, seen {stamp}, active BOOLEAN, note TEXT, mark {mark}"
        )
        execute(
            database,
            [
                "DROP TABLE IF EXISTS goods",
                f"CREATE TABLE goods ({columns})",
                f"INSERT INTO goods VALUES {rows}",
            ],
        )
        self.before = 20

    def rows(self) -> int:
        [(number,)] = query(self.project.database(), "SELECT count(*) FROM goods")
        return int(number)

    def half_done(self, result: Result | None) -> Iterator[str]:
        """What an input left behind; afterwards the goods are as many as they were, or twenty."""
        for table in LEFT:
            if found := query(self.project.database(), f"SELECT * FROM {table}"):
                yield f"{table} holds {found}"
                execute(self.project.database(), [f"DELETE FROM {table}"])
        changed = result.counts.created - result.counts.deleted if result else 0
        if result is not None and not result.counts.reconciled:
            yield f"counters do not add up: {result.counts}"
        if (now := self.rows()) != self.before + changed:
            yield f"{now} rows after {self.before}; {changed} were told"
        self.before = now
        if now > 300:
            self.fill()
        unfinished = "UPDATE batch_operations SET status = 'cancelled' WHERE status IN ('running',"
        execute(self.project.database(), [f"{unfinished} 'stopped', 'failed', 'paused')"])


def counted(result: Any) -> Result | None:
    """The result, where there is one."""
    return result if hasattr(result, "counts") else None
