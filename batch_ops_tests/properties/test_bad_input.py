"""Ten thousand inputs that nobody would want: each gives a result, or an error in its one form.

None gives a traceback, takes over ten seconds, or leaves something half done. One of forty is in
the quick run. The n-th input of a kind is always the same: `Ways(seed).yaml(n)` does it again.
"""

from __future__ import annotations

import contextlib
import io
import json
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from batch_ops.cli import run as shell_run
from batch_ops.cli.app import execute
from batch_ops.engine import RunOptions, run
from batch_ops.errors import BatchOpsError, EngineFault, UsageError
from batch_ops.spec.catalog import Catalog
from batch_ops_tests.support.fuzz.commands import command
from batch_ops_tests.support.fuzz.declarations import declaration
from batch_ops_tests.support.fuzz.expressions import expression
from batch_ops_tests.support.fuzz.files import csv_file
from batch_ops_tests.support.fuzz.goods import Goods
from batch_ops_tests.support.fuzz.values import arguments, parameters, records

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from batch_ops.results import Result

NUMBERS = {
    "yaml": 3_500,
    "expression": 2_500,
    "file": 1_500,
    "value": 1_000,
    "argument": 500,
    "command": 1_200,
}
"""How many of each kind: over 10,000."""
AT_MOST_S = 10.0
ALONE = "--no-dagster"
FUZZ = """
  - name: batch_operations
    operation: fuzz
    operation_type: update
"""
CONDITION = FUZZ + "    update_data: {note: x}\n    where_condition: %s\n"
VALUE = FUZZ + "    update_data: {note: {sql: %s}}\n"
GIVEN = {"number": 1, "word": "x", "list": [1, 2], "nobody": 3, "rows": [{"id": 1}]}


@dataclass
class Ways:
    """How an input of each kind gets in; each yields what is wrong with what came of it."""

    seed: int
    goods: Goods
    taken: int = 0
    """How many were no error."""

    def yaml(self, number: int) -> Iterator[str]:
        """An entity file is read; one that loads can be kept in a journal and read again."""
        with contextlib.suppress(UsageError):
            catalog = Catalog.from_texts(declaration(self.seed, number))
            for operation in catalog.operations:
                Catalog.from_texts(catalog.declaration(operation))
            self.taken += 1
        yield from ()

    def expression(self, number: int) -> Iterator[str]:
        """An expression is the condition, or a value, of an update that is run."""
        text = json.dumps(expression(self.seed, number))
        with contextlib.suppress(UsageError):
            project = self.goods.with_operation((CONDITION, VALUE)[number % 2] % text)
            known = {each.name for each in project.catalog.operation("fuzz").parameters}
            given = {name: value for name, value in GIVEN.items() if name in known}
            yield from self._run(project, "fuzz", given)

    def file(self, number: int) -> Iterator[str]:
        """Bytes are read as a file of records."""
        name, data = csv_file(self.seed, number)
        path = self.goods.project.folder / name
        path.write_bytes(data)
        operation = "merge_file" if number % 3 == 0 else "read_file"
        yield from self._run(self.goods.project, operation, {"source_path": str(path)})

    def value(self, number: int) -> Iterator[str]:
        """Anything Python can hold is a parameter, or a record."""
        if number % 2:
            yield from self._run(self.goods.project, "find", parameters(self.seed, number))
        else:
            rows = {"rows": records(self.seed, number)}
            yield from self._run(self.goods.project, "merge_rows", rows)

    def argument(self, number: int) -> Iterator[str]:
        """The same from the shell, as texts."""
        how = "plan" if number % 2 else "run"
        more = [ALONE] if how == "run" else []
        yield from self._shell([how, "find", *more, *arguments(self.seed, number)])

    def command(self, number: int) -> Iterator[str]:
        """A command line with some wrong words."""
        yield from self._shell(command(self.seed, number))

    def _run(self, project: Any, operation: str, given: dict[str, Any]) -> Iterator[str]:
        result: Result | None = None
        try:
            result = run(project, operation, given, options=RunOptions(again=True))
            self.taken += 1
        except EngineFault as fault:
            yield f"a fault: {fault}"
        except BatchOpsError as error:
            yield from _unclear(error)
        yield from self.goods.half_done(result)

    def _shell(self, words: list[str]) -> Iterator[str]:
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = execute(words)
        told = out.getvalue() + err.getvalue()
        self.taken += code < 2
        if code not in range(5):
            yield f"exit code {code}: {told[-500:]}"
        if ("Traceback" in told and "--debug" not in words) or "bug in batch_ops" in told:
            yield told[-3000:]
        if code >= 2 and "error: " not in told and '"error":' not in told:
            yield f"exit code {code} and no error: {told[-500:]}"


def _unclear(error: BatchOpsError) -> Iterator[str]:
    """What an error lacks: the three things it is to say."""
    if not error.what.strip() or "Traceback" in str(error):
        yield f"says nothing: {error!r}"


@pytest.fixture
def goods(
    kind: str,
    database: str,
    request: pytest.FixtureRequest,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Goods]:
    monkeypatch.chdir(tmp_path)
    made = Goods.made(tmp_path, request.getfixturevalue(f"{database}_url"))
    monkeypatch.setattr(shell_run, "_run_with", lambda **_: run)
    yield made
    made.project.dispose()


def _parts() -> Iterator[pytest.ParameterSet]:
    """One of forty of each kind is quick; a quarter of what a database sees, PostgreSQL sees."""
    for kind, number in NUMBERS.items():
        for database in ("sqlite",) if kind == "yaml" else ("sqlite", "postgresql"):
            mine = [n for n in range(number) if kind == "yaml" or _database(n) == database]
            for name, few in (("a few", True), ("the rest", False)):
                marks = () if few else (pytest.mark.slow,)
                some = [n for n in mine if (n % 80 in (0, 30)) == few]
                place = f"{kind}-{database}-{name}"
                yield pytest.param(kind, database, some, marks=marks, id=place)


def _database(number: int) -> str:
    return "postgresql" if number // 10 % 4 == 3 else "sqlite"


PARTS = list(_parts())


def test_there_are_ten_thousand_of_them_and_some_are_quick():
    numbers = dict.fromkeys(("all", "quick"), 0)
    for part in PARTS:
        numbers["all"] += len(part.values[2])
        numbers["quick"] += 0 if part.marks else len(part.values[2])
    assert numbers["all"] >= 10_000
    assert 50 * numbers["quick"] >= numbers["all"]


@pytest.mark.timeout(600)
@pytest.mark.parametrize(("kind", "database", "numbers"), PARTS)
def test_an_input_gives_a_result_or_an_error_of_ours(
    goods: Goods, kind: str, numbers: list[int], seed: int
):
    ways = Ways(seed, goods)
    way: Callable[[int], Iterator[str]] = getattr(ways, kind)
    wrong, began = [], time.monotonic()
    for number in numbers:
        try:
            wrong += [f"{kind} {number}: {told}" for told in way(number)]
        except Exception as error:
            wrong.append(f"{kind} {number}: {error!r}")
        took, began = time.monotonic() - began, time.monotonic()
        if took > AT_MOST_S:
            wrong.append(f"{kind} {number} took {took:.1f} s")
    assert wrong[:5] == []
    assert 0.05 < ways.taken / len(numbers) < 0.95, "all of them are the same to it"
