"""The expectations a declaration may name are those Great Expectations has, save three."""

from __future__ import annotations

import inspect

import pytest

from batch_ops.errors import UsageError
from batch_ops.spec.catalog import Catalog
from batch_ops.spec.expectations import EXPECTATIONS

ELSEWHERE = {
    "expect_query_results_to_match_comparison",
    "expect_table_row_count_to_equal_other_table",
    "unexpected_rows_expectation",
}
OURS = {
    *("batch_id", "catch_exceptions", "id", "meta", "notes", "rendered_content", "result_format"),
    *("severity", "windows", "library_metadata", "description"),
}


def test_every_expectation_and_every_argument_is_known() -> None:
    from great_expectations import expectations

    classes = [c for _, c in inspect.getmembers(expectations, inspect.isclass)]
    theirs = {
        each.expectation_type: set(each.__fields__) - OURS
        for each in classes
        if getattr(each, "expectation_type", "")
    }
    assert len(theirs) > 50
    known = {name: set(arguments) for name, arguments in EXPECTATIONS.items()}
    assert known == {name: args for name, args in theirs.items() if name not in ELSEWHERE}


@pytest.mark.parametrize("name", sorted(ELSEWHERE))
def test_one_that_reads_something_else_is_refused(name: str) -> None:
    """It would run a SELECT nobody judged, or read a table nobody declared."""
    text = (
        "name: a\nfields: {id: integer}\npatterns:\n- name: batch_operations\n  operation: b\n"
        f"  operation_type: delete\n  preconditions:\n  - {{type: {name}}}\n"
    )
    with pytest.raises(UsageError, match=r"no expectation|type of an expectation"):
        Catalog.from_texts({"a.yaml": text})
