"""The expectations a check may name, and the arguments of each.

They are Great Expectations' own, written down here because its import takes seconds; a test
compares both. Those that would read something else than the entity's table are left out: a SELECT
of their own, a table nobody declared.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_ROWS = ("row_condition", "condition_parser")
_COLUMN = ("column", *_ROWS)
_EACH = (*_COLUMN, "mostly")
_PAIR = ("column_A", "column_B", *_ROWS, "ignore_row_if", "mostly")
_SEVERAL = ("column_list", *_ROWS, "ignore_row_if", "mostly")
_RANGE = ("min_value", "max_value")
_BETWEEN = (*_RANGE, "strict_min", "strict_max")

_OF_TABLE = {
    "column_count_to_be_between": _RANGE,
    "column_count_to_equal": ("value",),
    "columns_to_match_ordered_list": ("column_list",),
    "columns_to_match_set": ("column_set", "exact_match"),
    "row_count_to_be_between": (*_ROWS, *_BETWEEN),
    "row_count_to_equal": (*_ROWS, "value"),
}
_OF_COLUMN = {
    **dict.fromkeys(
        (
            *("max", "mean", "median", "min", "stdev", "sum", "unique_value_count"),
            *("proportion_of_non_null_values", "proportion_of_unique_values"),
        ),
        _BETWEEN,
    ),
    "quantile_values": ("quantile_ranges", "allow_relative_error"),
}
_OF_VALUES = {
    **dict.fromkeys(
        (*("be_dateutil_parseable", "be_json_parseable", "be_null", "be_unique", "not_be_null"),),
        (),
    ),
    "be_between": _BETWEEN,
    **dict.fromkeys(("be_decreasing", "be_increasing"), ("strictly",)),
    **dict.fromkeys(("be_in_set", "not_be_in_set"), ("value_set",)),
    "be_in_type_list": ("type_list",),
    "be_of_type": ("type_",),
    "match_json_schema": ("json_schema",),
    "match_like_pattern": ("like_pattern", "escape"),
    "match_like_pattern_list": ("like_pattern_list", "escape", "match_on"),
    "match_regex": ("regex",),
    "match_regex_list": ("regex_list", "match_on"),
    "match_strftime_format": ("strftime_format",),
    "not_be_outliers": ("method", "multiplier"),
    "not_match_like_pattern": ("like_pattern", "escape"),
    "not_match_like_pattern_list": ("like_pattern_list", "escape"),
    "not_match_regex": ("regex",),
    "not_match_regex_list": ("regex_list",),
}
_DISTINCT = ("be_in_set", "contain_set", "equal_set")
_DIVERGENCE = ("partition_object", "threshold", "bucketize_data", "internal_weight_holdout")

EXPECTATIONS: Mapping[str, tuple[str, ...]] = {
    **{f"expect_table_{name}": args for name, args in _OF_TABLE.items()},
    **{f"expect_column_{n}_to_be_between": (*_COLUMN, *a) for n, a in _OF_COLUMN.items()},
    **{f"expect_column_values_to_{n}": (*_EACH, *a) for n, a in _OF_VALUES.items()},
    **{f"expect_column_distinct_values_to_{n}": (*_COLUMN, "value_set") for n in _DISTINCT},
    "expect_column_most_common_value_to_be_in_set": (*_COLUMN, "value_set", "ties_okay"),
    "expect_column_kl_divergence_to_be_less_than": (
        *_COLUMN,
        *_RANGE,
        *_DIVERGENCE,
        "tail_weight_holdout",
    ),
    "expect_column_to_exist": ("column", "column_index"),
    "expect_column_type_to_be": ("column", "type_"),
    "expect_column_value_lengths_to_be_between": (*_EACH, *_BETWEEN),
    "expect_column_value_lengths_to_equal": (*_EACH, "value"),
    "expect_column_value_z_scores_to_be_less_than": (*_EACH, "threshold", "double_sided"),
    "expect_column_pair_values_a_to_be_greater_than_b": (*_PAIR, "or_equal"),
    "expect_column_pair_values_to_be_equal": _PAIR,
    "expect_column_pair_values_to_be_in_set": (*_PAIR, "value_pairs_set"),
    "expect_compound_columns_to_be_unique": _SEVERAL,
    "expect_multicolumn_values_to_be_equal": _SEVERAL,
    "expect_select_column_values_to_be_unique_within_record": _SEVERAL,
    "expect_multicolumn_sum_to_equal": (*_SEVERAL, "sum_total"),
}
