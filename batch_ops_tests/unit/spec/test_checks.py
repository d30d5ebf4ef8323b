"""Preconditions in their three forms."""

from __future__ import annotations

import pytest

from batch_ops.errors import DeclarationError, UnknownNameError
from batch_ops.spec.model import Check, CheckKind
from batch_ops_tests.unit.spec.declare import declared


def checks_of(*forms: str) -> tuple[Check, ...]:
    listed = "".join(f"  - {form}\n" for form in forms)
    return declared("preconditions:\n" + listed).preconditions


def test_an_expectation_keeps_its_arguments():
    (check,) = checks_of(
        "{type: expect_column_values_to_be_between, column: price, min_value: 1, max_value: 9.5}"
    )
    assert (check.kind, check.text) == (
        CheckKind.EXPECTATION,
        "expect_column_values_to_be_between",
    )
    assert check.arguments == {"column": "price", "min_value": 1, "max_value": 9.5}
    assert check.name == "expect_column_values_to_be_between_price"


def test_a_row_rule_is_an_expression_over_one_row():
    (check,) = checks_of('{row: "price > 0"}')
    assert (check.kind, check.text, check.name) == (CheckKind.ROW, "price > 0", "price_gt_0")
    assert check.expression.columns == {"price"}


def test_a_text_is_a_condition_over_all_rows():
    (check,) = checks_of("\"COUNT(*) FILTER (WHERE status = 'pending') > 0\"")
    assert check.kind is CheckKind.CONDITION
    assert check.name == "count_filter_where_status_eq_pending_gt_0"
    assert check.expression.columns == {"status"}


def test_names_and_descriptions_may_be_given():
    checks = checks_of(
        '{row: "price > 0", name: positive, description: Prices are positive}',
        "{type: expect_table_row_count_to_be_between, min_value: 1, name: filled, description: D}",
    )
    assert [(c.name, c.description) for c in checks] == [
        ("positive", "Prices are positive"),
        ("filled", "D"),
    ]
    assert checks[1].arguments == {"min_value": 1}


def test_every_check_has_a_name_of_its_own():
    checks = checks_of('{row: "price > 0"}', '{row: "price>0"}', '"COUNT(*) <> 5"')
    assert [check.name for check in checks] == ["price_gt_0", "price_gt_0_2", "count_ne_5"]


def test_long_names_are_cut_at_a_word():
    (check,) = checks_of('{row: "' + " AND ".join(["price IS NOT NULL"] * 9) + '"}')
    assert len(check.name) <= 60
    assert check.name.endswith("_is_not")


@pytest.mark.parametrize(
    ("form", "word"),
    [
        ("{type: expect column values}", "the type of an expectation"),
        ("{type: column_values_to_be_between}", "the type of an expectation"),
        ("{type: expect_column_values_to_be_unique, column: prise}", "'price'"),
        ("{type: expect_column_pair_values_to_be_equal, column_A: pric, column_B: id}", "'price'"),
        ("{type: expect_table_columns_to_match_set, column_set: [id, pric]}", "'price'"),
        ("{rows: price > 0}", "a check"),
        ("{row: price > 0, nam: x}", "'name'"),
        ("{row: COUNT(*) > 0}", "aggregate"),
        ("{row: price > 0, name: Wrong Name}", "small letters"),
        ("price > 0", "outside of an aggregate"),
        ("'COUNT(*) > 0; DROP TABLE orders'", "semicolon"),
        ('"CURRENT_USER_HAS_PERMISSION(status)"', "literals and parameters only"),
        ("'validate_batch_data(:input_data)'", "no function 'validate_batch_data'"),
        ("3", "a mapping"),
    ],
)
def test_wrong_checks_are_refused_in_their_line(form, word):
    with pytest.raises((DeclarationError, UnknownNameError), match=word) as caught:
        checks_of(form)
    assert caught.value.location.line == 21


def test_one_name_is_given_once():
    with pytest.raises(DeclarationError, match="twice"):
        checks_of('{row: "price > 0", name: a}', '{row: "price > 1", name: a}')
