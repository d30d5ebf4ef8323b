"""`purge`: how long the journal keeps what has ended, and what it says of what it removed."""

from __future__ import annotations

import pytest


@pytest.mark.parametrize(
    ("said", "variable", "purged"),
    [
        ('[journal]\nretention = "90 days"\n', None, 1),
        ('[journal]\nretention = "100 weeks"\n', "1d", 1),
        ('[journal]\nretention = "1d"\n', "5200 weeks", 0),
        ("", "90d", 1),
    ],
    ids=["file", "variable", "variable_wins", "variable_alone"],
)
def test_the_place_says_how_long_the_journal_keeps_what_has_ended(
    shell, monkeypatch, said, variable, purged
):
    identifier = shell("run", "rename", "--no-dagster", "--json").json["execution_id"]
    shell.query("UPDATE batch_operations SET completed_at = '2020-01-01 10:05:00'")
    (shell.folder / "batch_ops.toml").write_text(said)
    if variable:
        monkeypatch.setenv("BATCH_OPS_RETENTION", variable)
    (told,) = shell("purge", "--json").json["databases"]
    assert [each["execution_id"] for each in told["executions"]] == [identifier] * purged


def test_without_a_word_on_how_long_nothing_is_purged(shell):
    said = shell("purge")
    assert (said.code, said.error) == (
        2,
        "Nothing says how long the journal is to keep what has ended.",
    )
    assert shell("purge", "--older-than", "1d").out.startswith("There is no journal yet")
    assert shell.tables() == {"people"}


@pytest.mark.parametrize("text", ["soon", "0 days", "-3d", "999999999 weeks"])
def test_an_age_that_is_none_is_told(shell, monkeypatch, text):
    told = f"--older-than does not understand {text!r}."
    assert shell("purge", f"--older-than={text}").error == told
    monkeypatch.setenv("BATCH_OPS_RETENTION", text)
    assert shell("purge").error == f"BATCH_OPS_RETENTION holds {text!r}, which is no duration."
    monkeypatch.delenv("BATCH_OPS_RETENTION")
    (shell.folder / "batch_ops.toml").write_text(f'[journal]\nretention = "{text}"\n')
    assert shell("purge").error == f"journal.retention is {text!r}, which is no duration."


def test_longer_ago_than_there_is_a_calendar_is_nothing(shell):
    shell("run", "rename", "--no-dagster")
    assert (
        shell("purge", "--older-than", "900000000 days", "--json").json["databases"][0][
            "executions"
        ]
        == []
    )


def test_what_was_purged_is_told_execution_by_execution(shell):
    shell("run", "rename", "--no-dagster")
    shell.query("UPDATE batch_operations SET completed_at = '2020-01-01 10:05:00'")
    planned = shell("purge", "--older-than", "90d", "--dry-run").out
    assert "would purge 1 execution, " in planned
    done = shell("purge", "--older-than", "90d").out
    for word in ("purged 1 execution, ", "rename", "2020-01-01"):
        assert word in done
