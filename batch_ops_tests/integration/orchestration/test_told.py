"""Whoever is to be told of an execution is told once, whichever door it came through."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from batch_ops.engine import Project, run
from batch_ops.orchestration.launch import launch_run
from batch_ops.results import Status
from batch_ops_tests.support import receivers
from batch_ops_tests.support.things import DECLARATION

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from batch_ops_tests.support.receivers import Received
    from batch_ops_tests.support.things import Things

SETTLE = '    description: "Settle the things"\n'
MORE = """    notify_on_completion: true
    notification_message: "Settled {updated}, removed {deleted}"
    collect_metrics: true
    log_table: settle_log
"""
DOORS: dict[str, Callable[[Things], Any]] = {
    "engine": lambda things: run(things.project, "settle_things"),
    "shell": lambda things: launch_run(things.project, "settle_things"),
    "dagster": lambda things: things.execute("settle_things"),
}


@pytest.fixture(params=list(DOORS))
def settle(request: pytest.FixtureRequest, told: Things) -> Callable[[], Any]:
    """Settles the things through one door after the other."""
    return lambda: DOORS[request.param](told)


@pytest.fixture
def hook() -> Iterator[Received]:
    with receivers.web_hook() as received:
        yield received


@pytest.fixture
def told(imported: Things, hook: Received, monkeypatch: pytest.MonkeyPatch) -> Things:
    """The things, with somebody who is to be told."""
    monkeypatch.setenv("BATCH_OPS_NOTIFY_TIMEOUT", "30")
    (imported.folder / "batch_ops.toml").write_text(f'[notify]\nwebhook = "{hook.address}"\n')
    text = DECLARATION.replace(SETTLE, SETTLE + MORE)
    (imported.folder / "defs" / "things.yaml").write_text(text)
    imported.project.dispose()
    imported.project = Project.find()
    return imported


@pytest.mark.quick("shell")
def test_a_good_end_is_told_once(told: Things, hook: Received, settle):
    settle()
    assert hook.titles == ["Settled 990, removed 100"]
    assert told.query("SELECT event, channel, success FROM batch_notifications") == [
        ("completed", "webhook", 1)
    ]


@pytest.mark.quick("engine")
def test_a_failure_is_told_once(told: Things, hook: Received, settle):
    told.break_update()
    settle()
    assert told.newest().status is Status.STOPPED
    assert hook.titles == ["settle_things stopped"]


@pytest.mark.quick("dagster")
def test_every_step_is_measured_and_the_log_stands_where_it_should(told: Things, settle):
    settle()
    steps = told.query("SELECT DISTINCT step FROM batch_performance_metrics ORDER BY step")
    assert steps == [(None,), ("cleanup",), ("update",), ("validate",)]
    rows = told.query("SELECT step, sum(total) FROM settle_log GROUP BY step ORDER BY step")
    assert rows == [("cleanup", 100), ("update", 990), ("validate", 990)]
