from __future__ import annotations

import pytest

from batch_ops.observers import words
from batch_ops.results import Counts


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0, "0.0 s"),
        (12.34, "12.3 s"),
        (59.94, "59.9 s"),
        (59.96, "1 min 00 s"),
        (185, "3 min 05 s"),
        (3_600, "1 h 00 min"),
        (7_620, "2 h 07 min"),
        (4 * 86_400 + 3 * 3_600, "4 d 03 h"),
    ],
)
def test_a_duration_is_said_in_its_two_largest_units(seconds, said):
    assert words.duration(seconds) == said


def test_progress_tells_the_share_only_where_the_plan_is_known_and_holds():
    assert words.progress(3, 10) == "3 of 10 rows (30 %)"
    assert words.progress(12, 10) == "12 rows (10 were planned)"
    assert words.progress(12, 0) == "12 rows"


def test_a_hundred_percent_is_said_only_when_all_is_done():
    assert words.share(999_999, 1_000_000) == "99 %"
    assert words.share(1_000_000, 1_000_000) == "100 %"


def test_every_outcome_that_occurred_is_named_and_no_other():
    assert words.outcomes(Counts()) == "no rows"
    counts = Counts(total=5, created=2, not_found=3, cascaded=1)
    assert words.outcomes(counts) == "2 created, 3 not found, 1 deleted by cascade"


def test_an_outcome_of_the_vocabulary_is_never_left_out():
    for name in Counts().to_dict():
        if name != "total":
            assert words.outcomes(Counts(**{name: 7})).startswith("7 "), name


def test_rates_are_readable_at_both_ends():
    assert words.rate(81_204.4) == "81,204 rows/s"
    assert words.rate(0.24) == "0.2 rows/s"
    assert [words.compact(n) for n in (7, 950, 1_400, 81_000, 1_400_000)] == [
        "7", "950", "1.4k", "81k", "1.4M",
    ]  # fmt: skip
