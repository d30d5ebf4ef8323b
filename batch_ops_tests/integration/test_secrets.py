"""Secrets are planted everywhere, and everything that comes out is searched for them.

They are the password of a URL, the values of hidden columns, the values of parameters that stand in
the environment, the addresses of notifications. The journal's rejects and positions may hold hidden
values, where they are needed; nobody prints them.
"""

from __future__ import annotations

import json
import logging
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from batch_ops.cli.app import execute
from batch_ops.engine import Project, history, preview, rejects_of, result_of, run, verify
from batch_ops_tests.support import vault
from batch_ops_tests.support.receivers import Received, web_hook

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

JOURNAL = {
    "batch_operations": "operation, status, stopped_reason, message, options, source, checks",
    "batch_steps": "*",
    "batch_performance_metrics": "*",
    "batch_notifications": "*",
    "batch_ownership": "*",
    "batch_workers": "*",
}
"""What of the journal needs no value of a row: others need parameters, rejects, positions."""


FEW = ("import_vault", "where_cast", "number_by_token")
ALL = tuple(name for name, _ in vault.OPERATIONS)
SOME_OR_ALL = pytest.mark.parametrize(
    "names", [pytest.param(FEW, id="few"), pytest.param(ALL, id="all", marks=pytest.mark.slow)]
)


@pytest.fixture
def place(
    tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[Path, Received]]:
    """A project full of secrets, and who receives its notifications."""
    password = "s3cretURL"
    url = sa.make_url(database_url)
    if url.get_backend_name() != "sqlite":
        url = url.set(password=password)
    monkeypatch.setenv("BATCH_OPS_DATABASE_URL", url.render_as_string(hide_password=False))
    monkeypatch.setenv("BATCH_OPS_DEFS", str(tmp_path / "defs"))
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
    for name, value in vault.ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    with web_hook() as hook:
        vault.make(tmp_path, database_url, hook.address)
        yield tmp_path, hook


def journal(database_url: str) -> dict[str, str]:
    """What stands in the journal's tables that need no value of a row."""
    engine = sa.create_engine(database_url)
    with engine.connect() as connection:
        there = set(sa.inspect(connection).get_table_names())
        found = {
            table: repr(connection.execute(sa.text(f"SELECT {columns} FROM {table}")).all())
            for table, columns in JOURNAL.items()
            if table in there
        }
    engine.dispose()
    return found


@SOME_OR_ALL
def test_the_engine_keeps_them(
    place: tuple[Path, Received],
    database_url: str,
    names: tuple[str, ...],
    caplog: pytest.LogCaptureFixture,
):
    """Results, events, rejects, errors with their tracebacks, previews, log, messages, journal."""
    _folder, hook = place
    caplog.set_level(logging.DEBUG, "batch_ops")
    project = Project.find()
    told: dict[str, str] = {}
    for name in names:
        parameters = dict(vault.OPERATIONS)[name]
        events: list[Any] = []
        for door, call in (("plan", preview), ("run", partial(run, listen=events.append))):
            try:
                told[f"{name} {door}"] = repr(call(project, name, parameters))
            except Exception as error:
                told[f"{name} {door} error"] = f"{error!r} {error}"
        told[f"{name} events"] = repr(events)
    for result in history(project):
        told[f"{result.operation} result"] = repr(result_of(project, result.execution_id).to_dict())
        told[f"{result.operation} verified"] = repr(verify(project, result.execution_id))
        rejects = [reject.to_dict() for reject in rejects_of(project, result.execution_id)]
        told[f"{result.operation} rejects"] = repr(rejects)
    told["log"] = caplog.text
    told["messages"] = str(hook)
    told |= journal(database_url)
    project.dispose()
    assert len(hook.letters) > 1
    assert not vault.leaks(told), "\n".join(vault.leaks(told))


class Shell:
    """The shell, and all it said."""

    def __init__(self, folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
        self._capfd, self.told = capfd, dict[str, str]()
        (folder / "rows.json").write_text(json.dumps(dict(vault.OPERATIONS)["add_cards"]["new"]))
        (folder / "more.json").write_text(json.dumps(dict(vault.OPERATIONS)["add_token"]["more"]))

    def __call__(self, *command: str) -> str:
        self._capfd.readouterr()
        code = execute(command)
        out, err = self._capfd.readouterr()
        self.told[f"{' '.join(command)} ({code})"] = out + err
        return out


GIVEN = {"add_cards": ("-p", "new=@rows.json"), "add_token": ("-p", "more=@more.json")}


@SOME_OR_ALL
@pytest.mark.quick("sqlite-few")
def test_the_shell_keeps_them(
    place: tuple[Path, Received], names: tuple[str, ...], capfd: pytest.CaptureFixture[str]
):
    """Every command, also with --debug, --json and --csv; files of generated tests."""
    folder, _ = place
    shell = Shell(folder, capfd)
    for name in names:
        given = GIVEN.get(name, ())
        shell("plan", name, *given, "--debug")
        shell("run", name, "--no-dagster", "--debug", *given)
        shell("errors", "--json", "--debug")
        shell("errors", "--csv")
    for result in json.loads(shell("status", "--json"))["executions"]:
        identifier = result["execution_id"]
        shell("status", identifier)
        shell("status", identifier, "--verify")
        shell("errors", identifier)
        shell("resume", identifier, "--no-dagster", "--json", "--debug")
    (folder / "defs" / "old.yaml").write_text(vault.ARCHIVED)
    for command in (["list"], ["check"], ["doctor"]):
        shell(*command, "--debug")
        shell(*command, "--json")
    shell("status", "--debug")
    shell("generate-tests", "defs/vault.yaml", "-o", "made")
    made = {str(file): file.read_text() for file in (folder / "made").rglob("*.py")}
    assert len(made) > 10
    told = shell.told | made
    assert not vault.leaks(told), "\n".join(vault.leaks(told))


def test_a_secret_that_is_given_is_refused_without_being_repeated(
    place: tuple[Path, Received], capfd: pytest.CaptureFixture[str]
):
    shell = Shell(place[0], capfd)
    shell("run", "with_token", "-p", "token=s3cretGIVEN", "--no-dagster", "--debug")
    ((command, said),) = shell.told.items()
    assert command.endswith("(2)")
    assert vault.SECRET not in said


@SOME_OR_ALL
@pytest.mark.quick("postgresql-few")
def test_dagster_keeps_them(
    place: tuple[Path, Received], names: tuple[str, ...], capfd: pytest.CaptureFixture[str]
):
    """All that Dagster stores of the runs: config, events, metadata, checks, failures."""
    folder, hook = place
    shell = Shell(folder, capfd)
    for name in names:
        shell("run", name, *GIVEN.get(name, ()), "--debug")
    stored = {
        str(file): file.read_bytes().decode("utf-8", "replace")
        for part in ("history", "schedules", "storage", "logs")
        for file in (folder / part).rglob("*")
        if file.is_file()
    }
    assert any("import_vault" in text for text in stored.values())
    told = shell.told | stored | {"messages": str(hook)}
    assert not vault.leaks(told), "\n".join(vault.leaks(told))
