"""Each promise is broken on purpose, and a test notices. `make mutants` tries all breaks."""

from __future__ import annotations

from dataclasses import replace

import pytest

from batch_ops_tests.support import breaking
from batch_ops_tests.support.breaks import BREAKS, Break

QUICK = next(broken for broken in BREAKS if broken.name == "password-of-a-url-shown")
PROMISES = range(1, 11)


@pytest.mark.parametrize("broken", BREAKS, ids=lambda broken: broken.name)
def test_what_a_break_replaces_stands_in_the_code_and_its_tests_are_there(broken: Break):
    assert breaking.stands(broken) == 1
    assert broken.old != broken.new
    assert broken.tests
    assert [test for test in broken.tests if not breaking.is_there(test)] == []


def test_every_promise_is_broken_and_no_name_stands_twice():
    assert {broken.promise for broken in BREAKS} == set(PROMISES)
    assert len({broken.name for broken in BREAKS}) == len(BREAKS)


def test_a_break_is_noticed():
    """The engine's batch no longer asks whether its token is still the chunk's."""
    (fencing,) = [broken for broken in BREAKS if broken.name == "fencing-check-removed"]
    (test,) = fencing.tests
    assert breaking.tried(replace(fencing, tests=(f"{test}[sqlite]",))).missed == ""


def test_a_break_that_a_test_does_not_notice_is_told_with_the_test():
    harmless = replace(QUICK, new=f"    text = str(text)\n{QUICK.old}")
    missed = breaking.tried(harmless).missed
    assert missed.startswith(f"not noticed by {QUICK.tests[0]}: 1 passed")


def test_a_break_whose_text_or_test_is_gone_is_told():
    assert "stands 0 times" in breaking.tried(replace(QUICK, old="no such text")).missed
    gone = replace(QUICK, tests=("unit/cli/test_problems.py::test_of_yesterday",))
    assert "could not be run" in breaking.tried(gone).missed
