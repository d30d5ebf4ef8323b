from __future__ import annotations

import logging

import pytest

from batch_ops.events import ExecutionStarted
from batch_ops.observers import combine

EVENT = ExecutionStarted("e1", "import_rows", resumed=False)


def test_every_listener_hears_every_event_in_order():
    heard = []
    listen = combine(lambda e: heard.append(("a", e)), lambda e: heard.append(("b", e)))
    listen(EVENT)
    assert heard == [("a", EVENT), ("b", EVENT)]


def test_a_failing_listener_fails_neither_the_run_nor_the_others_and_is_logged_once(caplog):
    heard = []

    def broken(_event):
        raise ValueError("disk full")

    listen = combine(broken, heard.append)
    with caplog.at_level(logging.WARNING, logger="batch_ops"):
        listen(EVENT)
        listen(EVENT)
    assert heard == [EVENT, EVENT]
    told = [record.getMessage() for record in caplog.records]
    assert len(told) == 1
    assert "listener_failed" in told[0]
    assert "disk full" in told[0]


def test_each_failing_listener_is_logged_for_itself(caplog):
    def one(_event):
        raise ValueError("one")

    def two(_event):
        raise ValueError("two")

    with caplog.at_level(logging.WARNING, logger="batch_ops"):
        combine(one, two)(EVENT)
    assert len(caplog.records) == 2


def test_an_interrupt_in_a_listener_is_not_swallowed():
    def interrupted(_event):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        combine(interrupted)(EVENT)
