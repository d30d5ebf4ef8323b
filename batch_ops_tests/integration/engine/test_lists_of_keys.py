"""A list of composite keys is handed over as a parameter."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from batch_ops.engine import Project, preview, run
from batch_ops.errors import ParameterError
from batch_ops.results import Counts
from batch_ops_tests.support import accounts

if TYPE_CHECKING:
    from collections.abc import Callable

MARK = """{entity}  - name: batch_operations
    operation: mark
    operation_type: update
    update_data: {{status: marked}}
    where_condition: "{where}"
"""


@pytest.fixture
def marking(tmp_path, database_url, monkeypatch):
    """Makes a project of 30 accounts with an operation that marks what a condition says."""
    monkeypatch.setenv("BATCH_OPS_DATABASE_URL", database_url)
    made: list[Project] = []

    def project(where: str) -> Project:
        text = MARK.format(entity=accounts.ENTITY, where=where)
        made.append(accounts.project(tmp_path, database_url, text))
        accounts.make_accounts(made[-1].database(), 30)
        return made[-1]

    yield project
    for each in made:
        each.dispose()


@pytest.mark.parametrize(
    "where",
    ["(region, number) IN (:keys)", "(region, number) = ANY(:keys) AND balance >= 0"],
    ids=["in", "any"],
)
def test_exactly_the_rows_of_the_keys_are_meant(marking: Callable[[str], Project], where: str):
    project = marking(where)
    keys = [["n", 0], ["s", 1], ["n", 1], ["w", 29]]
    assert preview(project, "mark", {"keys": keys}).steps[0].rows == 3
    assert run(project, "mark", {"keys": keys}).counts == Counts(total=3, updated=3)
    marked = "SELECT region, number FROM accounts WHERE status = 'marked' ORDER BY number"
    assert accounts.query(project.database(), marked) == [("n", 0), ("s", 1), ("w", 29)]


def test_no_keys_are_no_rows(marking: Callable[[str], Project]):
    project = marking("(region, number) IN (:keys)")
    assert run(project, "mark", {"keys": []}).counts == Counts()


@pytest.mark.parametrize("keys", [[["n"]], ["n", "s"], [["n", 0, 1]]], ids=["few", "flat", "many"])
def test_keys_of_another_number_of_columns_are_refused(
    marking: Callable[[str], Project], keys: list[object]
):
    project = marking("(region, number) IN (:keys)")
    with pytest.raises(ParameterError, match="is compared with 2 columns"):
        run(project, "mark", {"keys": keys})
