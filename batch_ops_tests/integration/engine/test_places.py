"""Settings that belong to a place: where the journal stands, which database an entity means."""

from __future__ import annotations

from typing import TYPE_CHECKING

from batch_ops.engine import history, run
from batch_ops.results import Counts, Status
from batch_ops_tests.support import accounts, kills

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_the_journal_and_the_outputs_stand_in_the_schema_that_is_named(
    tmp_path: Path, postgresql_url: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("BATCH_OPS_DATABASE_URL", postgresql_url)
    monkeypatch.setenv("BATCH_OPS_JOURNAL_SCHEMA", "ops")
    project = accounts.project(tmp_path, postgresql_url)
    accounts.make_accounts(project.database(), 2000)
    assert run(project, "sweep").status is Status.COMPLETED
    query = "SELECT DISTINCT schemaname FROM pg_tables WHERE tablename LIKE 'batch_%'"
    assert accounts.query(project.database(), query) == [("ops",)]
    project.dispose()


def test_an_entity_that_names_a_connection_lives_in_that_database(
    tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("BATCH_OPS_DATABASE_URL", f"sqlite:///{tmp_path / 'other.db'}")
    monkeypatch.setenv("BATCH_OPS_DATABASE_URL_SHOP", database_url)
    text = accounts.ACCOUNTS.replace("name: accounts\n", "name: accounts\nconnection: shop\n", 1)
    other = f"sqlite:///{tmp_path / 'other.db'}"
    project = accounts.project(tmp_path, other, text)
    accounts.make_accounts(project.database("shop"), 100)
    assert run(project, "remove").counts == Counts(total=100, deleted=100)
    assert [result.operation for result in history(project)] == ["remove"]
    assert not (tmp_path / "other.db").exists()
    project.dispose()


def test_skipped_invalid_rows_do_not_use_up_the_error_limit(
    tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("BATCH_OPS_DATABASE_URL", database_url)
    kills.write_project(tmp_path)
    file = tmp_path / "defs" / "imported.yaml"
    strict = kills.IMPORTED + "    max_errors: 0\n"
    file.write_text(strict)
    stopped = run(kills.open_project(tmp_path, database_url), "import_accounts")
    assert (stopped.status, stopped.stopped_reason) == (Status.STOPPED, "max_errors")
    accounts.execute(
        kills.open_project(tmp_path, database_url).database(),
        ["DELETE FROM batch_operations", "DELETE FROM imported"],
    )
    file.write_text(strict + "    skip_invalid_rows: true\n")
    done = run(kills.open_project(tmp_path, database_url), "import_accounts")
    assert done.counts == Counts(total=4000, created=3958, invalid=42)
