"""`batch-ops undo`: what it asks, tells and leaves alone."""

from __future__ import annotations

import pytest

from batch_ops_tests.integration.cli.conftest import PEOPLE, ROWS

ALONE = "--no-dagster"


@pytest.fixture
def renamed(shell):
    """All people are renamed by an operation that keeps images."""
    shell.declare(PEOPLE.replace("operation: rename", "operation: rename\n    undo: true"))
    shell.execution = shell("run", "rename", ALONE, "--json").json["execution_id"]
    return shell


def names(shell) -> list[tuple[str | None, int]]:
    return shell.query("SELECT status, count(*) FROM people GROUP BY status")


def test_what_was_done_is_taken_back(renamed):
    said = renamed("undo", renamed.execution[:8], "--yes", "--by", "ada")
    assert said.code == 0, said.err
    short = renamed.execution[:8]
    assert said.out == f"Undo 1 of rename ({short}) (keep_newer): {ROWS} rows put back.\n"
    assert names(renamed) == [(None, ROWS)]
    told = renamed("status", short).out
    assert "Undo 1 (keep_newer) by ada on " in told
    assert f"{ROWS} rows put back." in told
    assert renamed("status", short, "--json").json["undone_at"] is not None


def test_a_dry_run_changes_nothing_and_tells_how_many(renamed):
    said = renamed("undo", renamed.execution, "--dry-run")
    assert said.code == 0
    assert f"only tried (keep_newer): {ROWS} rows put back." in said.out
    assert names(renamed) == [("renamed", ROWS)]
    assert "Undo" not in renamed("status", renamed.execution).out


def test_without_a_yes_it_is_refused_and_says_how(renamed):
    said = renamed("undo", renamed.execution)
    assert said.code == 3
    assert "requires a confirmation" in said.error
    assert f"batch-ops undo {renamed.execution[:8]} --dry-run" in said.err
    assert names(renamed) == [("renamed", ROWS)]


def test_what_was_left_alone_is_told_by_key_and_put_back_by_another_policy(renamed):
    renamed.change("UPDATE people SET status = 'mine' WHERE id IN (7, 8)")
    renamed.change("DELETE FROM people WHERE id = 9")
    said = renamed("undo", renamed.execution, "--yes")
    assert said.code == 1
    assert f"{ROWS - 3} rows put back, 3 left alone as they were changed since" in said.out
    for number in (7, 8, 9):
        assert f"id={number}" in said.out
    said = renamed("undo", renamed.execution, "--yes", "--policy", "full_overwrite", "--json")
    assert said.code == 0
    assert said.json["undo"] == {
        "number": 2,
        "dry_run": False,
        "policy": "full_overwrite",
        "restored": 3,
        "as_before": 0,
        "kept": 0,
        "refused": 0,
        "left": [],
    }
    assert names(renamed) == [(None, ROWS)]


def test_left_rows_stand_in_the_json(renamed):
    renamed.change("UPDATE people SET status = 'mine' WHERE id = 7")
    said = renamed("undo", renamed.execution, "--yes", "--json")
    assert said.json["undo"]["left"] == [{"step": "update", "key": {"id": 7}, "why": "kept"}]


def test_twice_it_says_that_nothing_is_left(renamed):
    renamed("undo", renamed.execution, "--yes")
    said = renamed("undo", renamed.execution, "--yes")
    assert said.code == 0
    assert "was undone on" in said.out
    assert "nothing is left to be put back" in said.out


def test_a_policy_nobody_knows_is_told_with_those_there_are(renamed):
    said = renamed("undo", renamed.execution, "--yes", "--policy", "newest")
    assert said.code == 2
    assert "keep_newer" in said.err
    assert names(renamed) == [("renamed", ROWS)]


def test_what_kept_no_images_is_refused(shell):
    execution = shell("run", "rename", ALONE, "--json").json["execution_id"]
    said = shell("undo", execution, "--yes")
    assert said.code == 2
    assert "kept no images" in said.error
    assert shell("undo", "nothing", "--yes").code == 2
    assert shell("undo").code == 2


def test_check_says_what_a_run_would_refuse(renamed):
    renamed.change("CREATE TRIGGER t AFTER UPDATE ON people BEGIN SELECT 1; END")
    said = renamed("check")
    assert said.code == 3
    assert "has triggers" in said.out + said.err


def test_a_hidden_column_is_in_no_output(shell):
    """Its values are in the images: they are put back, and told nowhere."""
    text = PEOPLE.replace("operation: rename", "operation: rename\n    undo: true")
    shell.declare(text.replace("status: renamed", "password: sesame"))
    execution = shell("run", "rename", ALONE, "--json").json["execution_id"]
    shell.change("UPDATE people SET password = 'openup' WHERE id = 7")
    said = [shell("undo", execution, *more) for more in (["--dry-run"], ["--yes"], ["--yes"])]
    said += [shell("undo", execution, "--yes", "--json"), shell("status", execution)]
    told = "".join(each.out + each.err for each in said)
    for secret in ("sesame", "openup", "s3cret"):
        assert secret not in told
    assert shell.query("SELECT password FROM people WHERE id IN (7, 8) ORDER BY id") == [
        ("openup",),
        ("s3cret8",),
    ]
