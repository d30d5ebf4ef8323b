from __future__ import annotations

import logging
from datetime import UTC, datetime

import pytest

from batch_ops.events import (
    BatchCommitted,
    ChecksJudged,
    ChunkCompleted,
    ErrorLimitNear,
    ExecutionFinished,
    ExecutionStarted,
    Progress,
    StepFinished,
    StepPlanned,
)
from batch_ops.observers.log import Log, log, pairs
from batch_ops.results import CheckResult, ChunkCounts, Counts, Result, Status, StepResult

WHO = ("e1", "import_rows")
NOW = datetime(2026, 1, 2, tzinfo=UTC)
COUNTS = Counts(total=3, created=2, invalid=1)


def check(**more: object):
    return CheckResult("rows_there", "condition", **more)


def finished(status: Status):
    return ExecutionFinished(*WHO, Result("e1", "import_rows", status, COUNTS, duration_s=1.5))


@pytest.fixture
def logged(caplog):
    def tell(event):
        caplog.clear()
        with caplog.at_level(logging.DEBUG, logger="batch_ops"):
            log(event)
        return [(record.levelname, record.getMessage()) for record in caplog.records]

    return tell


def test_each_event_is_one_line_of_its_name_and_key_value_pairs(logged):
    step = StepResult("insert", "insert", "finished", COUNTS, ChunkCounts(1, 1), 3, duration_s=2.0)
    who = "execution=e1 operation=import_rows"
    counted = "total=3 created=2 invalid=1"
    told = {
        ExecutionStarted(*WHO, resumed=True): f"execution_started {who} resumed=true",
        StepPlanned(*WHO, "insert", ("k-1", "k-2"), 3): (
            f"step_planned {who} step=insert rows=3 chunks=2"
        ),
        Progress(*WHO, "insert", COUNTS, 9, 1.0): (
            f"progress {who} step=insert planned_rows=9 {counted}"
        ),
        ChunkCompleted(*WHO, "insert", "k-1", COUNTS, 4, NOW, NOW): (
            f"chunk_completed {who} step=insert chunk=k-1 batches=4 {counted}"
        ),
        StepFinished(*WHO, step): (
            f"step_finished {who} step=insert status=finished duration_s=2.000 {counted}"
        ),
        finished(Status.COMPLETED): (
            f"execution_finished {who} status=completed duration_s=1.500 {counted}"
        ),
    }
    for event, line in told.items():
        assert [message for _, message in logged(event)] == [line]


def test_progress_an_operation_asks_for_is_more_than_a_debug_line(logged):
    assert logged(Progress(*WHO, "insert", COUNTS, 9, 1.0))[0][0] == "DEBUG"
    assert logged(Progress(*WHO, "insert", COUNTS, 9, 1.0, asked=True))[0][0] == "INFO"


def test_many_errors_are_a_warning(logged):
    told = ("WARNING", "error_limit_near execution=e1 operation=import_rows total=3 created=2")
    assert logged(ErrorLimitNear(*WHO, COUNTS)) == [(told[0], f"{told[1]} invalid=1")]


@pytest.mark.parametrize(
    ("level", "names"),
    [
        ("minimal", ["execution_started", "execution_finished"]),
        ("normal", ["execution_started", "step_planned", "execution_finished"]),
        (
            "detailed",
            ["execution_started", "step_planned", "batch_committed", "execution_finished"],
        ),
    ],
)
def test_the_log_says_as_much_as_the_operation_wants(caplog, level, names):
    listen = Log()
    with caplog.at_level(logging.INFO, logger="batch_ops"):
        listen(ExecutionStarted(*WHO, resumed=False, level=level))
        listen(StepPlanned(*WHO, "insert", ("k-1",), 3))
        listen(BatchCommitted(*WHO, "insert", "k-1", 1, COUNTS, 0.5))
        listen(finished(Status.COMPLETED))
    told = [record.getMessage() for record in caplog.records]
    assert [line.partition(" ")[0] for line in told] == names
    if level == "detailed":
        assert told[2].partition("import_rows ")[2] == (
            "step=insert chunk=k-1 batch=1 duration_s=0.500 total=3 created=2 invalid=1"
        )


def test_an_execution_that_began_elsewhere_is_logged_as_usual(logged):
    log_ = Log()
    log_(ExecutionStarted("e2", "other", resumed=False, level="minimal"))
    assert logged(StepPlanned(*WHO, "insert", ("k-1",), 3))[0][1].startswith("step_planned")


def test_how_an_execution_ended_decides_the_level(logged):
    levels = {
        status: logged(finished(status))[0][0]
        for status in (Status.COMPLETED, Status.COMPLETED_WITH_ERRORS, Status.FAILED)
    }
    assert list(levels.values()) == ["INFO", "WARNING", "ERROR"]


def test_a_check_that_does_not_hold_is_a_warning_with_the_observed_number(logged):
    good, bad = check(success=True, observed_value=5), check(success=False, observed_value=0)
    told = logged(ChecksJudged(*WHO, (good, bad)))
    assert [level for level, _ in told] == ["INFO", "WARNING"]
    assert "success=false" in told[1][1]
    assert "observed_value=0" in told[1][1]


def test_values_of_rows_are_not_logged(logged):
    """Keys and values that break a check may be somebody's secret."""
    broken = check(success=False, failing_keys=[{"email": "ann@x.org"}], observed_value="ann@x.org")
    assert "ann@x.org" not in str(logged(ChecksJudged(*WHO, (broken,))))


def test_a_password_in_a_url_is_not_logged(logged):
    result = Result("e1", "postgresql://me:hunter2@db/x", Status.FAILED, COUNTS)
    event = ExecutionFinished("e1", "postgresql://me:hunter2@db/x", result)
    told = str(logged(event))
    assert "hunter2" not in told
    assert "postgresql://me:***@db/x" in told


def test_a_value_cannot_forge_a_line_or_a_pair():
    assert pairs({"a": "x\ny=1", "b": "", "c": 'say "hi"', "d": None}) == (
        'a="x\\ny=1" b="" c="say \\"hi\\""'
    )
