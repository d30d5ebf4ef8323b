from __future__ import annotations

from datetime import timedelta

import pytest

from batch_ops.cli.options import Common, Limits, error_limit
from batch_ops.errors import ParameterError
from batch_ops.spec.model import ErrorLimit


def test_limits_reach_the_engine_as_its_own_types():
    limits = Limits(
        batch_size=7, max_workers=2, max_records=9, max_errors="1.5%", timeout="30 minutes"
    )
    options = limits.options(again=True)
    assert options.batch_size == 7
    assert options.max_workers == 2
    assert options.max_records == 9
    assert options.max_errors == ErrorLimit(share=0.015)
    assert options.timeout == timedelta(minutes=30)
    assert options.again


def test_what_is_not_given_leaves_the_declaration_alone():
    options = Limits().options()
    assert options.stored() == {}
    assert not options.again


def test_no_reject_at_all_can_be_allowed():
    assert error_limit("0") == ErrorLimit(rows=0)


@pytest.mark.parametrize("text", ["many", "-1", "101%", "1 %%", "", "0.5"])
def test_an_error_limit_that_cannot_be_read_is_refused(text):
    with pytest.raises(ParameterError, match="--max-errors"):
        error_limit(text)


@pytest.mark.parametrize("text", ["soon", "30", "0 s", ""])
def test_a_timeout_that_cannot_be_read_is_refused(text):
    with pytest.raises(ParameterError, match="--timeout"):
        Limits(timeout=text).options()


def test_the_output_options_hold_even_where_the_rest_of_the_line_is_wrong():
    assert Common.of(["lsit", "--json", "--debug"]) == Common(json=True, debug=True)
    assert Common.of(["run", "--", "--json"]) == Common()
