"""A scratch database with the tables of one operation, and the operation run on it."""

from __future__ import annotations

import itertools
import os
import random
import shutil
import tempfile
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from sqlalchemy import inspect, text

from batch_ops import registry
from batch_ops.database.connect import URL_VARIABLE, open_database, own_url
from batch_ops.engine import Project, RunOptions, result_of
from batch_ops.engine import resume as resume_alone
from batch_ops.engine import run as run_alone
from batch_ops.events import BatchCommitted
from batch_ops.journal.images import IMAGES_PREFIX
from batch_ops.journal.outputs import OUTPUT_PREFIX
from batch_ops.journal.tables import LOGS
from batch_ops.journal.tables import Tables as JournalTables
from batch_ops.spec.model import ErrorLimit
from batch_ops.testing.catalogs import catalog_of, operation_in, resized
from batch_ops.testing.expected import Expected, arranged, expected_rows
from batch_ops.testing.filling import Filling
from batch_ops.testing.given import secrets
from batch_ops.testing.model import OUTCOMES, Model
from batch_ops.testing.tables import CHILD

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from batch_ops.events import Event
    from batch_ops.results import Result
    from batch_ops.testing.expected import State

URL = "BATCH_OPS_TEST_URL"
ACTOR = "tester"
SEED = 20_130_101


class Scratch:
    """A database of its own for one operation of an entity file.

    It is an SQLite file in a temporary folder; BATCH_OPS_TEST_URL names another, empty one. No
    custom function of the project is called: stand-ins give what later steps read.

    Attributes:
        events: what the last run told.
        parameters: the values the operation is run with.
    """

    def __init__(self, file: str | Path, operation: str) -> None:
        self.file = Path(file)
        self.catalog = catalog_of(self.file)
        self.operation, self.entities = operation_in(self.catalog, self.file, operation)
        self.events: list[Event] = []
        self._open = ExitStack()

    def __enter__(self) -> Self:
        self.folder = Path(tempfile.mkdtemp(prefix="batch-ops-test-"))
        self._open.callback(shutil.rmtree, self.folder, ignore_errors=True)
        url = os.environ.get(URL) or own_url(self.folder)
        self.database = open_database(url)
        self._open.callback(self.database.dispose)
        self._set_environment(url)
        self.filling = Filling(self.database, self.operation, self.entities, self.folder, ACTOR)
        self._open.callback(self._forget)
        self.filling.tables.make()
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    def _set_environment(self, url: str) -> None:
        names = {entity.connection for entity in self.entities.values() if entity.connection}
        told = {f"{URL_VARIABLE}_{name.upper()}": url for name in names}
        told |= {URL_VARIABLE: url, "BATCH_OPS_ACTOR": ACTOR, **secrets(self.operation)}
        told["BATCH_OPS_PERMISSIONS"] = ",".join(Filling.permissions(self.operation))
        before = {name: os.environ.get(name) for name in told}
        os.environ.update(told)
        self._open.callback(_restore, before)

    # what is there

    def fill(
        self,
        rows: int = 60,
        chance: random.Random | None = None,
        *,
        bad: bool = True,
        spoiled: int = 0,
    ) -> Self:
        """Put rows into the tables, some of them what the operation means, and choose parameters.

        Args:
            rows: how many of each entity; up to 300.
            chance: what decides; None: always the same rows, enough of which are meant.
            bad: whether a source has records in it that cannot be taken.
            spoiled: so many of the rows that are meant will be refused by the database.
        """
        for attempt in range(1 if chance else 25):
            self._empty()
            self.filling.fill(min(rows, 300), chance or random.Random(SEED + attempt))
            if chance or (self.ready and self.filling.enough()):
                break
        if not bad:
            self.filling.keep_good(self._modelled)
        if spoiled:
            self._spoil(spoiled)
        return self

    def _empty(self) -> None:
        self.filling.tables.drop()
        self.filling.tables.make()

    def _spoil(self, number: int) -> None:
        chosen = self.filling.choose_spoiled(self._modelled(), number)
        self.filling.tables.drop()
        self.filling.tables.make(chosen)
        self.filling.put_again()
        self.filling.tables.hold(chosen)

    @property
    def parameters(self) -> dict[str, Any]:
        return self.filling.parameters

    @property
    def ready(self) -> bool:
        """Whether the preconditions hold, as far as plain SQL can tell."""
        return self.filling.ready()

    def tables(self) -> State:
        """The rows of all tables as they are now."""
        with self.database.reading() as connection:
            found = self.filling.read(connection)
        return {name: self._arranged(name, rows) for name, rows in found.items()}

    def _arranged(self, name: str, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        filling = self.filling
        return arranged(rows, filling.tables.counted.get(name), filling.volatile[name])

    def expected(self) -> Expected:
        """What a correct run will do, by plain SQL and one row after the other."""
        return self._modelled()

    def _modelled(self) -> Expected:
        with self.database.engine.connect() as opened:
            connection = opened.execution_options(batch_ops_writes=True)
            transaction = connection.begin()
            try:
                before = self.filling.read(connection)
                model = Model(self.filling.world(), connection)
                steps = {step.name: model.step(step) for step in self.operation.steps}
                after = self.filling.read(connection)
            finally:
                transaction.rollback()
        told = {
            name: self._arranged(
                name,
                expected_rows(
                    before[name], rows, self.entities[name].key, self.filling.volatile[name]
                ),
            )
            for name, rows in after.items()
        }
        return Expected(told, steps)

    # running it

    def run(
        self,
        parameters: Mapping[str, Any] | None = None,
        *,
        chunk_rows: int | None = None,
        stop_after: int | None = None,
        **options: Any,
    ) -> Result:
        """Run the operation.

        Args:
            parameters: instead of those that were chosen.
            chunk_rows: the size of a chunk.
            stop_after: interrupt it after so many batches; KeyboardInterrupt is raised.
            options: as `RunOptions` takes them; more errors are allowed than are declared.
        """
        given = self.parameters if parameters is None else dict(parameters)
        chosen = {"confirm": True, "max_errors": ErrorLimit(rows=10**9), **options}
        sizes = {"chunk_rows": chunk_rows} if chunk_rows else {}
        with ExitStack() as opened:
            project = self._project(opened, **sizes)
            listen = self._listener(stop_after)
            return run_alone(
                project, self.operation.name, given, options=RunOptions(**chosen), listen=listen
            )

    def resume(self, **options: Any) -> Result:
        """Go on with what was begun."""
        chosen = {"max_errors": ErrorLimit(rows=10**9), **options}
        with ExitStack() as opened:
            project = self._project(opened)
            found = self._newest()
            return resume_alone(
                project, found, options=RunOptions(**chosen), listen=self._listener(None)
            )

    def result(self) -> Result:
        """The newest execution as the journal tells it."""
        with ExitStack() as opened:
            return result_of(self._project(opened), self._newest())

    def _project(self, opened: ExitStack, **sizes: Any) -> Project:
        sizes |= {"max_errors_per_worker": None, "throttle": None}
        catalog = resized(self.catalog, self.operation, self.entities, **sizes)
        project = Project(self.folder, catalog)
        opened.callback(project.dispose)
        functions = {str(each.step.function): each for each in self.filling.stand_ins.values()}
        opened.enter_context(registry.replaced(functions))
        return project

    def _listener(self, stop_after: int | None) -> Any:
        self.events = []

        def listen(event: Event) -> None:
            self.events.append(event)
            done = sum(isinstance(each, BatchCommitted) for each in self.events)
            if isinstance(event, BatchCommitted) and done == stop_after:
                raise KeyboardInterrupt

        return listen

    # what was done

    def counts(self, result: Result) -> dict[str, dict[str, int]]:
        """By step and outcome, as `Expected.counts`."""
        return {
            step.name: {
                name: step.counts.rejects if name == "rejects" else getattr(step.counts, name)
                for name in OUTCOMES
            }
            for step in result.steps
        }

    def logged(self, step: str | None = None) -> list[dict[str, Any]]:
        """The journal's rows about committed batches of the newest execution, in order."""
        log = self.database.dialect.quote(self.operation.telling.log_table or LOGS)
        query = f"SELECT * FROM {log} WHERE operation_id = :id ORDER BY step, chunk, batch_number"
        with self.database.reading() as connection:
            rows = connection.execute(text(query), {"id": self._newest()}).mappings()
            found = [dict(row) for row in rows]
        return [row for row in found if step in (None, row["step"])]

    def batches(self, step: str) -> list[int]:
        """The sizes of a step's batches, in order."""
        return [row["total"] for row in self.logged(step) if row["total"]]

    def follow_each_other(self, step: str) -> bool:
        """Whether each batch begins where the one before it ended."""
        rows = self.logged(step)
        return all(
            after["batch_number"] == before["batch_number"] + 1
            and after["cursor_from"] == before["cursor_to"]
            for before, after in itertools.pairwise(rows)
            if after["chunk"] == before["chunk"]
        )

    def _newest(self) -> str:
        query = "SELECT operation_id FROM batch_operations ORDER BY started_at DESC"
        with self.database.reading() as connection:
            return str(connection.execute(text(query)).scalars().first())

    def _forget(self) -> None:
        """Drop all tables of the test: its own, the journal's, and outputs."""
        with suppress(Exception):
            self.filling.tables.drop()
        telling = self.operation.telling
        journal = JournalTables(
            logs=telling.log_table or LOGS,
            **({"metrics": telling.metrics_table} if telling.metrics_table else {}),
        )
        with suppress(Exception), self.database.writing() as connection:
            journal.metadata.drop_all(connection)
            for name in self._left(inspect(connection).get_table_names()):
                connection.exec_driver_sql(f"DROP TABLE {self.database.dialect.quote(name)}")

    def _left(self, names: list[str]) -> Iterator[str]:
        own = (OUTPUT_PREFIX, IMAGES_PREFIX)
        return (n for n in names if n.startswith(own) or n == CHILD)


def _restore(before: Mapping[str, str | None]) -> None:
    for name, value in before.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value
