"""A small project in a folder of its own, with a Dagster instance: 1,000 things to import (10 of
them without a kind: rejects), to settle in three steps (100 of kind x go), in chunks of 100.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dagster as dg
import sqlalchemy as sa

from batch_ops.engine import Project

if TYPE_CHECKING:
    from collections.abc import Iterator

    from batch_ops.results import Result

ROOT = Path(__file__).parents[2]
STEPS = ("validate", "update", "cleanup")
CHUNKS = {"validate": 10, "update": 10, "cleanup": 1}
DONE = {"total": 2080, "selected": 990, "updated": 990, "deleted": 100}

DECLARATION = """
name: things
create_table: true
key: id
fields:
  id: integer
  name: {type: text, nullable: false}
  kind: string(5)
  status: string(10)
  settled_at: timestamp
patterns:
  - name: batch_operations
    operation: import_things
    description: "Import the things"
    operation_type: insert
    data_source: csv_file
    batch_size: 100
    chunk_rows: 200
    validation_rules: ["kind IS NOT NULL"]
    csv_null_values: ["NA", ""]
    sensor: {folder: incoming, pattern: "*.csv"}
  - name: batch_operations
    operation: settle_things
    description: "Settle the things"
    error_handling: stop_on_error
    batch_size: 50
    chunk_rows: 100
    schedule: "0 3 * * *"
    parameters:
      word: {type: string, default: done}
      least: {type: integer, default: 1}
    preconditions:
      - "COUNT(*) > 0"
      - "COUNT(*) FILTER (WHERE settled_at IS NULL) > 0"
    steps:
      - name: validate
        operation_type: select
        where_condition: "settled_at IS NULL AND id >= :least"
      - name: update
        operation_type: update
        update_data: {status: ":word", settled_at: "NOW()"}
        where_condition: "id IN (:validated_ids)"
      - name: cleanup
        operation_type: delete
        where_condition: "settled_at IS NOT NULL AND kind = 'x'"
"""


def kind(number: int) -> str:
    """What stands in the file: every hundredth has none, every tenth is an x."""
    if number % 100 == 7:
        return "NA"
    return "x" if number % 10 == 0 else "y"


class Things:
    """The project, its Dagster instance, and what a test asks of both."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "defs").mkdir()
        (folder / "defs" / "things.yaml").write_text(DECLARATION)
        shutil.copy(ROOT / "dagster.yaml", folder)
        shutil.copy(ROOT / "workspace.yaml", folder)
        self.csv = folder / "things.csv"
        rows = "".join(f"{n},thing {n},{kind(n)}\n" for n in range(1, 1001))
        self.csv.write_text("id,name,kind\n" + rows)
        self.project = Project.find()

    # Dagster

    @contextmanager
    def instance(self) -> Iterator[dg.DagsterInstance]:
        with dg.DagsterInstance.from_config(str(self.folder)) as instance:
            yield instance

    def definitions(self) -> dg.Definitions:
        from batch_ops.orchestration.code_location import definitions_from

        return definitions_from(self.project)

    def job(self, name: str) -> dg.JobDefinition:
        return self.definitions().resolve_job_def(name)

    def execute(self, name: str, config: dict[str, Any] | None = None) -> dg.ExecuteInProcessResult:
        with self.instance() as instance:
            return self.job(name).execute_in_process(
                instance=instance, run_config=config or {}, raise_on_error=False
            )

    def dagster(self, *arguments: str, expect: int = 0) -> str:
        """Run the `dagster` command in a process of its own; its output."""
        command = [str(Path(sys.executable).parent / "dagster"), *arguments]
        environment = {**os.environ, "DAGSTER_HOME": str(self.folder)}
        done = subprocess.run(
            command,
            cwd=self.folder,
            env=environment,
            capture_output=True,
            text=True,
            timeout=100,
            check=False,
        )
        output = done.stdout + done.stderr
        assert (done.returncode == 0) == (expect == 0), output[-4000:]
        return output

    def green(self, step: str, operation: str = "settle_things") -> set[str]:
        """The chunks of a step that Dagster shows as done."""
        with self.instance() as instance:
            return instance.get_materialized_partitions(dg.AssetKey(["things", operation, step]))

    def keys(self, step: str, operation: str = "settle_things") -> list[str]:
        """The partition keys of a step, in their order."""
        with self.instance() as instance:
            return list(instance.get_dynamic_partitions(f"things/{operation}/{step}"))

    def metadata(self, operation: str = "settle_things") -> dict[str, Any]:
        """The metadata of the operation's newest materialization."""
        with self.instance() as instance:
            event = instance.get_latest_materialization_event(dg.AssetKey(["things", operation]))
        assert event is not None
        assert event.asset_materialization is not None
        return {name: v.value for name, v in event.asset_materialization.metadata.items()}

    def checks(self, operation: str = "settle_things") -> dict[str, Any]:
        """The newest evaluation of each check of the operation, by name."""
        found = {}
        asset = dg.AssetKey(["things", operation])
        specs = self.definitions().resolve_asset_graph().asset_check_keys
        with self.instance() as instance:
            for key in (key for key in specs if key.asset_key == asset):
                record = instance.get_latest_asset_check_evaluation_record(key)
                event = record.event if record else None
                data = event.dagster_event.event_specific_data if event else None
                found[key.name] = data if isinstance(data, dg.AssetCheckEvaluation) else None
        return found

    # the data

    def engine(self) -> sa.Engine:
        """Connections of the test's own, closed after each use."""
        url = os.environ.get("BATCH_OPS_DATABASE_URL", f"sqlite:///{self.folder / 'batch_ops.db'}")
        return sa.create_engine(url, poolclass=sa.NullPool)

    def query(self, statement: str) -> list[tuple[Any, ...]]:
        with self.engine().connect() as connection:
            return [tuple(row) for row in connection.execute(sa.text(statement))]

    def change(self, *statements: str) -> None:
        with self.engine().begin() as connection:
            for statement in statements:
                connection.execute(sa.text(statement))

    def imported(self) -> Result:
        """Import the things by the engine alone."""
        from batch_ops.engine import run

        return run(self.project, "import_things", {"source_path": str(self.csv)})

    def break_update(self, number: int = 555) -> None:
        """From now on the database refuses to settle one thing (SQLite)."""
        self.change(
            "CREATE TRIGGER refuse BEFORE UPDATE ON things WHEN NEW.id = "
            f"{number} BEGIN SELECT RAISE(ABORT, 'not this one'); END"
        )

    def slow_update(self, work: int = 600_000) -> None:
        """From now on the database takes some tenths of a second for each chunk (SQLite)."""
        self.change(
            "CREATE TRIGGER slow BEFORE UPDATE ON things WHEN NEW.id % 100 = 1 BEGIN SELECT ("
            f"WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < {work})"
            " SELECT COUNT(*) FROM c); END"
        )

    def mend(self) -> None:
        self.change("DROP TRIGGER refuse")

    def newest(self, operation: str = "settle_things") -> Result:
        """The newest execution of an operation, with all its steps."""
        from batch_ops.engine import history, result_of

        found = next(r for r in history(self.project) if r.operation == operation)
        return result_of(self.project, found.execution_id)

    def close(self) -> None:
        self.project.dispose()
