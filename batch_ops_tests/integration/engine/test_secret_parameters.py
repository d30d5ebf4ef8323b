"""A parameter whose value stands in the environment: used, never stored, never shown."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from batch_ops.engine import RunOptions, cancel, resume, run
from batch_ops.errors import DeclarationError, ParameterError
from batch_ops.results import Counts, Status
from batch_ops.spec.catalog import Catalog
from batch_ops_tests.support import accounts

if TYPE_CHECKING:
    from pathlib import Path

    from batch_ops.engine import Project

TOKEN = "s3cretTOKEN"
MARK = (
    accounts.ENTITY
    + """  - name: batch_operations
    operation: mark
    operation_type: update
    parameters: {token: {type: string(20), env: MARK_TOKEN}, least: {type: integer, default: 0}}
    update_data: {status: ":token"}
    where_condition: "balance >= :least AND status <> :token"
    batch_size: 10
"""
)


@pytest.fixture
def marking(tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("BATCH_OPS_DATABASE_URL", database_url)
    monkeypatch.setenv("MARK_TOKEN", TOKEN)
    project = accounts.project(tmp_path, database_url, MARK)
    accounts.make_accounts(project.database(), 30)
    yield project
    project.dispose()


def test_it_is_used_and_the_journal_does_not_have_it(marking: Project):
    assert run(marking, "mark").counts == Counts(total=30, updated=30)
    marked = "SELECT DISTINCT status FROM accounts"
    assert accounts.query(marking.database(), marked) == [(TOKEN,)]
    (row,) = accounts.query(marking.database(), "SELECT * FROM batch_operations")
    assert TOKEN not in repr(row)
    assert '"least":0' in repr(row)


def test_a_resume_takes_what_the_variable_holds_now_and_needs_it(
    marking: Project, monkeypatch: pytest.MonkeyPatch
):
    """Another value is not another execution: a token may have been renewed meanwhile."""
    stopped = run(marking, "mark", options=RunOptions(timeout=timedelta(seconds=0)))
    assert stopped.status is Status.STOPPED
    monkeypatch.delenv("MARK_TOKEN")
    with pytest.raises(ParameterError, match="MARK_TOKEN, which is not set"):
        resume(marking, stopped.execution_id)
    monkeypatch.setenv("MARK_TOKEN", "renewed")
    done = resume(marking, stopped.execution_id, options=RunOptions(timeout=timedelta(minutes=1)))
    assert done.counts == Counts(total=30, updated=30)
    renewed = "SELECT COUNT(*) FROM accounts WHERE status = 'renewed'"
    assert accounts.query(marking.database(), renewed)[0][0] == 30 - stopped.counts.total > 0


def test_what_is_to_be_ended_does_not_need_it(marking: Project, monkeypatch: pytest.MonkeyPatch):
    stopped = run(marking, "mark", options=RunOptions(timeout=timedelta(seconds=0)))
    monkeypatch.delenv("MARK_TOKEN")
    assert cancel(marking, stopped.execution_id).status is Status.CANCELLED


def test_nobody_gives_it_otherwise(marking: Project, monkeypatch: pytest.MonkeyPatch):
    with pytest.raises(ParameterError, match="is a secret: it takes no value"):
        run(marking, "mark", {"token": "x"})
    monkeypatch.delenv("MARK_TOKEN")
    with pytest.raises(ParameterError, match="MARK_TOKEN, which is not set"):
        run(marking, "mark")


def test_one_of_another_type_is_told_without_its_value(
    marking: Project, monkeypatch: pytest.MonkeyPatch
):
    text = MARK.replace("type: string(20), env", "type: integer, env").replace(
        "status <> :token", "balance <> :token"
    )
    project = accounts.project(marking.folder, "", text.replace('":token"', "x"))
    project._databases[None] = marking.database()
    with pytest.raises(ParameterError) as told:
        run(project, "mark")
    assert "What stands in the variable MARK_TOKEN is no integer." in str(told.value)
    assert TOKEN not in str(told.value)


@pytest.mark.parametrize(
    ("declared", "told"),
    [
        ("{env: 'no name'}", "the name of a variable"),
        ("{env: A, default: 1}", "has no default"),
        ("{type: 'integer[]', env: A}", "is one value"),
        ("{env: A, identifying: true}", "no part of what makes executions the same"),
    ],
)
def test_what_a_secret_cannot_be_is_refused(declared: str, told: str):
    text = MARK.replace("{type: string(20), env: MARK_TOKEN}", declared)
    with pytest.raises(DeclarationError, match=told):
        Catalog.from_texts({"accounts.yaml": text})
