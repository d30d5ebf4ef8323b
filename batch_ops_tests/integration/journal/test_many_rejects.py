"""Rejects come back from the journal as they were written, whatever their texts hold."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from batch_ops.journal import rejects
from batch_ops.journal.rejects import BatchId
from batch_ops.results import Reject
from batch_ops_tests.support import accounts

if TYPE_CHECKING:
    from pathlib import Path

ID = "11111111-2222-3333-4444-555555555555"


def told(number: int, text: str | None) -> Reject:
    return Reject(
        code="23514",
        message="it is broken",
        row=number,
        key={"id": number, "name": text},
        column="name",
        value=text,
        data={"id": str(number), "name": text, "more": "the same"},
        damaged=("more",),
        place=f'[{number},"x"]',
    )


GROUPS = {
    "of one kind": [told(n, f"text {n}") for n in range(1, 40)],
    "all alike": [told(7, "text")] * 3,
    "a single one": [told(7, None)],
    "signs of all kinds": [
        told(n, text)
        for n, text in enumerate(['"', "'", "\\", "ü€😀", "\x01", ":x %s ?", "[1]", "", None], 1)
    ],
    "of several kinds": [told(1, "a"), Reject("rule", "no", "invalid"), told(2**62, "b")],
}


@pytest.mark.parametrize("group", GROUPS.values(), ids=GROUPS)
def test_what_is_written_is_read(tmp_path: Path, database_url: str, group: list[Reject]) -> None:
    project = accounts.project(tmp_path, database_url)
    journal = project.journal()
    journal.ensure()
    with journal.database.writing() as connection:
        rejects.add(journal, connection, ID, BatchId("step", 1, 1), group)
    with journal.database.reading() as connection:
        found = [kept.reject for kept in rejects.kept(journal, connection, ID)]
    assert found == group
    project.dispose()


def test_a_text_with_nul_is_kept_where_the_database_can(tmp_path: Path, sqlite_url: str) -> None:
    test_what_is_written_is_read(tmp_path, sqlite_url, [told(1, "a\0b"), told(2, "c")])
