"""What the shell shows of an operation that says how much is to be told, and what `check` finds."""

from __future__ import annotations

import pytest

from batch_ops_tests.integration.cli.conftest import PEOPLE, Shell

ALONE = "--no-dagster"


def declare(shell: Shell, *options: str) -> None:
    """`rename` with these options besides."""
    more = "".join(f"    {option}\n" for option in options)
    shell.declare(PEOPLE.replace("    operation: rename\n", f"    operation: rename\n{more}"))


@pytest.mark.parametrize("how", [(ALONE,), ()])
def test_a_detailed_log_is_shown_batch_by_batch(shell: Shell, how: tuple[str, ...]):
    declare(shell, "logging_level: detailed")
    done = shell("run", "rename", *how)
    assert done.code == 0
    assert sum(" INFO batch_committed " in line for line in done.err.splitlines()) == 40


def test_a_detailed_log_is_not_shown_where_all_is_to_be_quiet(shell: Shell):
    declare(shell, "logging_level: detailed")
    assert shell("run", "rename", ALONE, "--quiet").err == ""


def test_a_normal_log_is_shown_with_debug_alone(shell: Shell):
    assert "batch_committed" not in shell("run", "rename", ALONE).err


def test_progress_is_shown_whenever_so_many_rows_are_done(shell: Shell):
    declare(shell, "progress_notification_interval: 100")
    lines = [line for line in shell("run", "rename", ALONE).err.splitlines() if " of 400 " in line]
    assert [line.partition(" of")[0] for line in lines] == [
        *("update: 100", "update: 200", "update: 300", "update: 400"),
    ]


def test_collected_errors_are_in_the_json(shell: Shell):
    declare(shell, "error_handling: collect_errors", "max_errors: 5")
    found = shell("run", "rename", ALONE, "--json").json
    assert found["errors"] == []
    assert "errors" not in shell("run", "mark", "-p", "ids=[1]", ALONE, "--json").json


def test_check_finds_a_channel_without_an_address(shell: Shell, monkeypatch: pytest.MonkeyPatch):
    declare(shell, "notification_channels: [email, pager]")
    (shell.folder / "batch_ops.toml").write_text('[notify]\nemail = "mailto://x.example.org"\n')
    found = shell("check", "--json")
    told = (
        "The channel 'pager' of rename has no address; give it one in [notify] of batch_ops.toml,"
        " or set BATCH_OPS_NOTIFY_PAGER."
    )
    assert found.code == 0
    assert [line for line in found.json["warnings"] if "channel" in line] == [told]
    monkeypatch.setenv("BATCH_OPS_NOTIFY_PAGER", "json://pager.example.org")
    assert "channel" not in str(shell("check", "--json").json["warnings"])


def test_check_finds_a_table_that_holds_something_else(shell: Shell):
    declare(shell, "log_table: people")
    found = shell("check", "--json")
    assert found.code == 2
    assert [error["what"] for error in found.json["errors"]] == [
        "The log_table 'people' of 'rename' is the table of the entity 'people'."
    ]


def test_a_wrong_place_is_told_with_its_line(shell: Shell):
    (shell.folder / "batch_ops.toml").write_text('[notify]\nemail = "hunter2"\n')
    refused = shell("list")
    assert refused.code == 2
    assert refused.error == "notify.email is no URL."
    assert "batch_ops.toml:2:1" in refused.err
    assert "hunter2" not in refused.err


@pytest.mark.parametrize("command", [("list",), ("check",)])
def test_a_module_of_the_project_that_fails_is_named(shell: Shell, command: tuple[str, ...]):
    (shell.folder / "batch_ops.toml").write_text('[python]\nmodules = ["not_there_at_all"]\n')
    refused = shell(*command)
    assert refused.code == 2
    assert "'not_there_at_all'" in refused.error
