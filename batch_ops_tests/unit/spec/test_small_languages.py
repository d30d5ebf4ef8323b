"""Durations and cron texts."""

from __future__ import annotations

from datetime import timedelta

import pytest

from batch_ops.spec.cron import judge_cron
from batch_ops.spec.durations import parse_duration


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("30 minutes", 1800),
        ("15 minutes", 900),
        ("10 seconds", 10),
        ("2 hours", 7200),
        ("2h", 7200),
        ("1h 30m", 5400),
        ("1 hour, 30 minutes", 5400),
        ("1.5 h", 5400),
        ("500 ms", 0.5),
        ("1 Day", 86400),
        ("2w", 1209600),
        ("PT15M", 900),
        ("PT1H30M", 5400),
        ("P1DT2H", 93600),
        ("P2W", 1209600),
        ("PT0.5S", 0.5),
    ],
)
def test_durations(text, seconds):
    assert parse_duration(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    "text",
    ["", "5", "h", "5 parsecs", "2h x", "x 2h", "-2h", "P", "PT", "P1Y", "2h;", "0s", "PT0S"],
)
def test_what_is_no_duration_is_refused(text):
    with pytest.raises(ValueError, match="a duration"):
        parse_duration(text)


@pytest.mark.parametrize(
    "text", ["0 3 * * *", "*/5 0-6 1,15 jan-mar mon-fri", "0 0 * * 7", "@daily", "5/10 * * * *"]
)
def test_cron_texts(text):
    judge_cron(text)


@pytest.mark.parametrize(
    "text",
    [
        *("", "0 3 * *", "0 3 * * * *", "60 3 * * *", "0 24 * * *", "0 0 0 * *", "0 0 * 13 *"),
        *("0 0 * * 8", "*/0 * * * *", "5-1 * * * *", "x * * * *", "@often", "0 3 * * mo"),
    ],
)
def test_what_is_no_cron_text_is_refused(text):
    with pytest.raises(ValueError, match="cron"):
        judge_cron(text)
