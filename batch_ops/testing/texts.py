"""The texts that test modules are made of."""

from __future__ import annotations

HEAD = '''"""Tests of the operation `{name}`, made by `batch-ops generate-tests`.

They run on a scratch database: an SQLite file, or the empty database that BATCH_OPS_TEST_URL names.
What is expected is found out by plain SQL, one row after the other; change what you like.
"""

from __future__ import annotations

{imports}

FILE = {file}
OPERATION = "{name}"


@pytest.fixture
def scratch():
    """A database with the tables of the operation, still empty."""
    with Scratch(FILE, OPERATION) as made:
        yield made
'''
BATCHES = """
# batch processing: sizes and order


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_batches_have_the_size_that_is_asked_for(scratch, size):
    scratch.fill(rows={rows}, bad=False)
    expected = scratch.expected()
    scratch.run(batch_size=size, max_workers=1)
    for step in {stepwise}:
        assert scratch.batches(step) == expected.batches(step, size)


def test_each_batch_begins_where_the_one_before_it_ended(scratch):
    scratch.fill(rows={rows}, bad=False)
    scratch.run(batch_size=5, max_workers=1)
    for step in {stepwise}:
        assert scratch.follow_each_other(step)
"""
DATA = '''
# data consistency


@settings(max_examples=12, deadline=None, phases=[Phase.generate])
@given(chance=st.randoms(use_true_random=False), rows=st.integers(0, 40))
def test_what_is_meant_is_done_and_nothing_else(chance, rows):
    """Whatever rows there are. (Phase.shrink, added above, looks for the smallest that fail.)"""
    with Scratch(FILE, OPERATION) as scratch:
        scratch.fill(rows, chance{clean})
        assume(scratch.ready)
        expected = scratch.expected()
{assume}        result = scratch.run()
        assert result.status == ("completed_with_errors" if expected.rejects else "completed")
        assert scratch.counts(result) == expected.counts
        assert scratch.tables() == expected.tables
'''
INTERRUPTED = '''

def test_an_interrupt_loses_no_row_and_doubles_none(scratch):
    """What was committed stays and is counted; `resume` does the rest."""
    scratch.fill(rows={rows}, bad=False)
    expected = scratch.expected()
    with pytest.raises(KeyboardInterrupt):
        scratch.run(batch_size=3, stop_after={after})
    assert scratch.result().status == "stopped"
    result = scratch.resume()
    assert scratch.counts(result) == expected.counts
    assert scratch.tables() == expected.tables
'''
ALL_OR_NOTHING = '''

def test_it_is_all_or_nothing(scratch):
    """One row the database refuses: no row is changed."""
    scratch.fill(rows={rows}, bad=False, spoiled=1)
    before = scratch.tables()
    result = scratch.run(batch_size=3)
    assert result.status == "stopped"
    assert scratch.tables() == before
'''
REFUSED = """
# error handling


def test_rows_the_database_refuses_cost_themselves_alone(scratch):
    scratch.fill(rows={rows}, bad=False, spoiled=2)
    expected = scratch.expected()
    assert expected.rejects == 2
    result = scratch.run(batch_size=7)
    assert result.status == "completed_with_errors"
    assert scratch.counts(result) == expected.counts
    assert scratch.tables() == expected.tables{collected}
"""
COLLECTED = """
    assert len(result.errors) == 2"""
STOPS = '''
# error handling


def test_the_first_row_the_database_refuses_stops_it(scratch):
    """The batches before it stay; of its own batch nothing does."""
    scratch.fill(rows={rows}, bad=False, spoiled=1)
    before = scratch.tables()
    result = scratch.run(batch_size=1000)
    assert (result.status, result.stopped_reason) == ("stopped", "row_refused")
    assert scratch.tables() == before
'''
RECORDS = """

def test_records_that_cannot_be_taken_are_told_and_the_others_are_written(scratch):
    scratch.fill(rows={rows})
    expected = scratch.expected()
    result = scratch.run(batch_size=7)
    assert scratch.counts(result) == expected.counts
    assert scratch.tables() == expected.tables
"""
MISSING = """

def test_a_parameter_without_a_value_is_told_and_nothing_is_done(scratch):
    scratch.fill(rows={rows})
    before = scratch.tables()
    for name in {needed}:
        others = {{n: value for n, value in scratch.parameters.items() if n != name}}
        with pytest.raises(ParameterError, match=name):
            scratch.run(others)
    assert scratch.tables() == before
"""
ODD = """

def test_a_value_of_another_type_is_told_and_nothing_is_done(scratch):
    scratch.fill(rows={rows})
    before = scratch.tables()
    with pytest.raises(ParameterError):
        scratch.run({{**scratch.parameters, **{odd}}})
    assert scratch.tables() == before
"""
UNCONFIRMED = """

def test_without_a_yes_nothing_is_done(scratch):
    scratch.fill(rows={rows})
    before = scratch.tables()
    with pytest.raises(ConfirmationError):
        scratch.run(confirm=False)
    assert scratch.tables() == before
"""
UNREADY = '''

def test_a_condition_that_does_not_hold_refuses_it(scratch):
    """Empty tables."""
    scratch.fill(rows=0)
    if scratch.ready:
        pytest.skip("the preconditions hold for empty tables, too")
    with pytest.raises(PreconditionFailedError):
        scratch.run()
'''
PROGRESS = """
# progress tracking


def test_every_batch_is_told_and_the_journal_has_the_same_figures(scratch):
    scratch.fill(rows={rows}, bad=False)
    expected = scratch.expected()
    result = scratch.run(batch_size=7)
    told = [event for event in scratch.events if isinstance(event, BatchCommitted)]
    logged = scratch.logged()
    assert len(told) == len(logged)
    assert sum(event.counts.total for event in told) == sum(row["total"] for row in logged)
    assert result.counts.total == sum(row["total"] for row in logged)
    assert result.processed_records == expected.processed
    assert scratch.result().counts == result.counts
"""
JOURNALED = """
# progress tracking


def test_the_journal_has_the_figures_of_the_result(scratch):
    scratch.fill(rows={rows}, bad=False)
    expected = scratch.expected()
    result = scratch.run(batch_size=7)
    assert result.counts.total == sum(row["total"] for row in scratch.logged())
    assert result.processed_records == expected.processed
    assert scratch.result().counts == result.counts
"""
TOLD = """

def test_the_progress_of_a_step_ends_at_what_was_planned(scratch):
    scratch.fill(rows={rows}, bad=False)
    result = scratch.run(batch_size=7)
    progress = {{e.step: e for e in scratch.events if isinstance(e, Progress)}}
    for step in result.steps:
        assert progress[step.name].counts == step.counts
        assert progress[step.name].planned_rows == step.planned_rows
"""
QUIET = """

def test_no_progress_is_told(scratch):
    scratch.fill(rows={rows}, bad=False)
    scratch.run(batch_size=7)
    assert [event for event in scratch.events if isinstance(event, Progress)] == []
"""
PARALLEL = '''
# parallel execution


@pytest.mark.parametrize("workers", [1, 3])
def test_workers_share_the_chunks_and_do_each_row_once(scratch, workers):
    """Where the database takes one writer, chunks are done one after the other."""
    scratch.fill(rows={rows}, bad=False)
    expected = scratch.expected()
    result = scratch.run(max_workers=workers, chunk_rows=10, batch_size=3)
    assert result.chunks.completed == result.chunks.total
    assert result.chunks.total >= sum(-(-expected.steps[step].total // 10) for step in {stepwise})
    assert scratch.counts(result) == expected.counts
    assert scratch.tables() == expected.tables
'''
WHOLE = """
# parallel execution


@pytest.mark.parametrize("workers", [1, 3])
def test_it_does_the_same_with_any_number_of_workers(scratch, workers):
    scratch.fill(rows={rows}, bad=False)
    expected = scratch.expected()
    result = scratch.run(max_workers=workers, batch_size=3)
    assert scratch.counts(result) == expected.counts
    assert scratch.tables() == expected.tables
"""
TIMEOUT = """
# performance: limits


def test_at_the_time_limit_it_stops_and_can_go_on(scratch):
    scratch.fill(rows={rows}, bad=False)
    expected = scratch.expected()
    result = scratch.run(batch_size=3, timeout=timedelta(0))
    assert (result.status, result.stopped_reason) == ("stopped", "timeout")
    in_batches = [step for step in result.steps if step.name in {stepwise}]
    assert sum(step.counts.total for step in in_batches) <= 3
    assert scratch.tables() != expected.tables
    scratch.resume(timeout=timedelta(hours=1))
    assert scratch.tables() == expected.tables
"""
MOST = '''

def test_more_rows_than_max_records_are_refused(scratch):
    """No row is written; with as many as there are it runs."""
    scratch.fill(rows={rows}, bad=False)
    before, expected = scratch.tables(), scratch.expected()
    rows = expected.steps["{first}"].total
    with pytest.raises(LimitExceededError):
        scratch.run(max_records=rows - 1)
    assert scratch.tables() == before
'''
ERRORS = """

def test_it_stops_when_more_rows_are_refused_than_max_errors_allows(scratch):
    scratch.fill(rows={rows}, bad=False, spoiled=2)
    result = scratch.run(batch_size=1, max_workers=1, max_errors=ErrorLimit(rows=1))
    assert (result.status, result.stopped_reason) == ("stopped", "max_errors")
"""
