"""A number that no row could keep, or that is none of its type, is refused before the first row, in
words, by `run` and by `plan`.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import text

from batch_ops.engine import Project, history, preview, run
from batch_ops.errors import DatabaseUnfitError
from batch_ops.results import Counts
from batch_ops.spec.catalog import Catalog

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

DECLARED = """
name: items
key: [id]
fields: {{id: integer, small: integer, amount: "decimal(5,2)", big: bigint}}
patterns:
  - name: batch_operations
    operation: change
    operation_type: update
    {more}
"""
TABLE = (
    "CREATE TABLE items (id INTEGER PRIMARY KEY, small SMALLINT, amount DECIMAL(5, 2), big BIGINT)"
)
TOO_LARGE = 5_000_000_000
INTEGER = "the range of an integer here, which is from -2147483648 to 2147483647."
SMALL = "the range of the column 'small' (SMALLINT), which is from -32768 to 32767."


@pytest.fixture
def declared(
    tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., Project]]:
    """Makes a project with two items, whose operation `change` is told more."""
    monkeypatch.setenv("BATCH_OPS_DATABASE_URL", database_url)
    made: list[Project] = []

    def project(*more: str) -> Project:
        declaration = DECLARED.format(more="\n    ".join(more))
        made.append(Project(tmp_path, Catalog.from_texts({"items.yaml": declaration})))
        with made[-1].database().writing() as connection:
            connection.execute(text(TABLE))
            connection.execute(text("INSERT INTO items VALUES (1, 1, 1, 1), (2, 2, 2, 2)"))
        return made[-1]

    yield project
    for each in made:
        each.dispose()


def is_sqlite(project: Project) -> bool:
    return not project.database().dialect.capabilities.typed


def assert_refused(project: Project, given: dict[str, Any], told: str) -> None:
    """By both, before anything was begun, and without the value."""
    for door in (run, preview):
        with pytest.raises(DatabaseUnfitError) as refused:
            door(project, "change", given)
        assert refused.value.exit_code == 3
        assert refused.value.what.endswith(told)
        assert refused.value.location is not None
        assert str(TOO_LARGE) not in str(refused.value)
    assert history(project) == []


@pytest.mark.parametrize(
    ("where", "given", "found"),
    [
        ("id = :n", {"n": TOO_LARGE}, 0),
        ("id > :n + 1 OR small < :n", {"n": -TOO_LARGE}, 2),
        ("id IN (:n)", {"n": [1, TOO_LARGE]}, 1),
    ],
)
def test_in_a_condition_it_is_refused_where_an_integer_has_32_bits(declared, where, given, found):
    """On SQLite it has 64: there it is a number like others."""
    project = declared(f"where_condition: {where}", "update_data: {small: 7}")
    if is_sqlite(project):
        assert run(project, "change", given).counts.updated == found
    else:
        assert_refused(project, given, f"A value of the parameter 'n' is out of {INTEGER}")


@pytest.mark.parametrize("number", [32_768, -32_769])
def test_as_a_columns_new_value_it_is_refused_by_the_columns_own_type(declared, number):
    """What SQLite calls a SMALLINT takes 64 bits."""
    project = declared("where_condition: id > 0", "update_data: {small: :n}")
    if is_sqlite(project):
        assert run(project, "change", {"n": number}).counts == Counts(total=2, updated=2)
    else:
        told = f"The value of the parameter 'n' is out of {SMALL}"
        assert_refused(project, {"n": number}, told)


@pytest.mark.parametrize("number", [32_767, -32_768, None])
def test_what_the_column_just_takes_is_written(declared, number):
    project = declared("where_condition: id > 0", "update_data: {small: :n}")
    assert run(project, "change", {"n": number}).counts == Counts(total=2, updated=2)


@pytest.mark.parametrize("number", [Decimal("999.995"), Decimal("-12345.678"), 1000])
def test_a_decimal_is_refused_by_the_digits_its_column_declares(declared, number):
    """On SQLite as elsewhere: rounded to the column's scale it has too many."""
    project = declared("where_condition: id > 0", "update_data: {amount: :n}")
    with pytest.raises(DatabaseUnfitError, match="out of the range of the column 'amount'"):
        run(project, "change", {"n": number})
    assert history(project) == []


def test_a_decimal_that_is_rounded_to_one_the_column_takes_is_written(declared):
    project = declared("where_condition: id > 0", "update_data: {amount: :n}")
    given = {"n": Decimal("999.994")}
    assert run(project, "change", given).counts == Counts(total=2, updated=2)


def test_a_value_of_the_declaration_is_refused_alike(declared):
    project = declared("where_condition: id > 0", "update_data: {amount: 1000}")
    with pytest.raises(DatabaseUnfitError, match="The value 1000 of step 'update' is out of"):
        run(project, "change")


def test_a_condition_of_the_end_is_judged_before_the_first_row(declared):
    project = declared(
        "parameters: {n: integer}",
        "where_condition: id > 0",
        "update_data: {small: 7}",
        'postconditions: ["COUNT(*) < :n"]',
    )
    if is_sqlite(project):
        assert run(project, "change", {"n": TOO_LARGE}).counts.updated == 2
        return
    with pytest.raises(DatabaseUnfitError, match="the parameter 'n' is out of the range"):
        run(project, "change", {"n": TOO_LARGE})
    assert history(project) == []


def test_a_bigint_takes_it(declared):
    project = declared("where_condition: big < :n", "update_data: {big: :n}")
    assert run(project, "change", {"n": TOO_LARGE}).counts == Counts(total=2, updated=2)
