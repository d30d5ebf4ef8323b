"""Rejects are tried again: as they are, corrected in a file, and what becomes of the execution."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from batch_ops.engine import (
    Launch,
    Project,
    RunOptions,
    discard,
    reject_states,
    result_of,
    resume,
    retries_of,
    retry,
)
from batch_ops.errors import (
    OwnershipError,
    SourceError,
    StoppedError,
    UnfinishedExecutionError,
    UsageError,
)
from batch_ops.results import Counts, Status
from batch_ops.spec.model import ErrorLimit
from batch_ops_tests.support.letters import BAD, FILE, PEOPLE, Letters

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MENDED = {2: {"age": "2"}, 3: {"name": "cat"}, 5: {"id": "5"}, 7: {"id": "7"}}


@pytest.fixture
def letters(
    tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Letters]:
    monkeypatch.setenv("BATCH_OPS_DATABASE_URL", database_url)
    made = Letters(tmp_path, database_url)
    yield made
    made.close()


@pytest.fixture
def on_sqlite(
    tmp_path: Path, sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Letters]:
    """For what no database has a say in."""
    monkeypatch.setenv("BATCH_OPS_DATABASE_URL", sqlite_url)
    made = Letters(tmp_path, sqlite_url)
    yield made
    made.close()


def test_what_was_mended_elsewhere_is_recovered_as_it_was(letters: Letters) -> None:
    """The one key that was taken is free now; the counters say that its row was created."""
    first = letters.run()
    assert letters.open_rows(first) == list(BAD)
    letters.execute("DELETE FROM people WHERE id = 4")
    done = letters.retry(first, launch=Launch(actor="ada"))
    assert (done.number, done.tried, done.recovered, done.refused_again) == (1, 4, 1, 3)
    created = done.result.step("create").counts
    assert created == Counts(total=7, created=4, invalid=1, failed=2)
    assert letters.open_rows(first) == [2, 3, 5]
    (ended,) = letters.kept(first, ["recovered"])
    assert (ended.reject.row, ended.retry, ended.ended_by) == (7, 1, "ada")
    assert ended.ended_at is not None
    assert letters.judge(first).status is Status.COMPLETED_WITH_ERRORS
    assert letters.leftovers() == set()


def test_one_that_fails_again_has_its_new_reason_and_its_history(letters: Letters) -> None:
    first = letters.run()
    letters.execute("INSERT INTO people (id, name) VALUES (3, 'other')")
    file = letters.corrected(first, {3: {"name": "cat"}})
    letters.retry(first, corrected=file)
    codes = {kept.reject.row: kept.reject.code for kept in letters.kept(first)}
    assert codes[3] == "23505"
    before = next(k for k in letters.kept(first, ["refused_again"]))
    now = next(k for k in letters.kept(first) if k.reject.row == 3)
    assert before.reject.code == "23502"
    assert now.reject.retry_of == before.id
    assert now.reject.data == {"id": "3", "name": "cat", "age": "3"}
    letters.judge(first)


def test_a_corrected_file_recovers_its_rows_and_later_steps_are_done_for_them(
    letters: Letters,
) -> None:
    """`mark` takes `:created_ids`: each recovered row is marked once, the others not again. `tidy`
    has a condition of its own: it is not done again, and that is said.
    """
    first = letters.run()
    done = letters.retry(first, corrected=letters.corrected(first, MENDED))
    assert (done.tried, done.recovered) == (4, 4)
    assert done.not_again == {"tidy": "it chooses its rows itself"}
    assert done.result.status is Status.COMPLETED
    assert [
        (s.name, s.counts.total, s.counts.created, s.counts.updated) for s in done.result.steps
    ] == [("create", 7, 7, 0), ("mark", 7, 0, 7), ("tidy", 0, 0, 0)]
    assert letters.rows() == [
        (1, "ann", 1, "s1", 1),
        (2, "bob", 2, "s2", 1),
        (3, "cat", 3, "s3", 1),
        (4, "dan", 4, "s4", 1),
        (5, "eve", 5, "s5", 1),
        (6, "fay", 6, "s6", 1),
        (7, "gus", 8, "s7", 1),
    ]
    assert letters.open_rows(first) == []
    letters.judge(first)
    assert letters.leftovers() == set()


def test_hidden_columns_are_not_in_the_file_and_keep_what_they_had(letters: Letters) -> None:
    first = letters.run()
    assert "secret" not in letters.exported(first)[0]
    letters.retry(first, corrected=letters.corrected(first, {3: MENDED[3]}))
    assert letters.rows("SELECT name, secret FROM people WHERE id = 3") == [("cat", "s3")]


def test_a_hidden_column_may_be_given_anew(on_sqlite: Letters) -> None:
    first = on_sqlite.run()
    rows = [row | {"name": "cat", "secret": "new"} for row in on_sqlite.exported(first)]
    chosen = [row for row in rows if row["reject_row"] == "3"]
    on_sqlite.retry(first, corrected=on_sqlite.written(chosen, list(chosen[0])))
    assert on_sqlite.rows("SELECT name, secret FROM people WHERE id = 3") == [("cat", "new")]


def test_rows_that_are_not_in_the_file_are_not_tried(on_sqlite: Letters) -> None:
    first = on_sqlite.run()
    done = on_sqlite.retry(first, corrected=on_sqlite.corrected(first, {2: MENDED[2]}))
    assert done.tried == 1
    assert on_sqlite.open_rows(first) == [3, 5, 7]
    assert on_sqlite.kept(first, ["refused_again"]) == []


def test_an_emptied_cell_is_null_and_one_left_alone_keeps_what_it_was(letters: Letters) -> None:
    first = letters.run()
    letters.retry(first, corrected=letters.corrected(first, {7: {"id": "7", "name": ""}}))
    (kept,) = [k for k in letters.kept(first) if k.reject.row == 7]
    assert (kept.reject.code, kept.reject.column) == ("23502", "name")
    letters.retry(first, corrected=letters.corrected(first, {7: {"name": "gus"}}))
    assert letters.rows("SELECT name, age FROM people WHERE id = 7") == [("gus", 8)]


@pytest.mark.quick("sqlite")
def test_a_retry_may_be_retried_until_nothing_is_left(letters: Letters) -> None:
    """Each attempt is kept; nothing is written twice, and nothing is left to do at the end."""
    first = letters.run()
    for row in BAD:
        letters.retry(first)
        letters.retry(first, corrected=letters.corrected(first, {row: MENDED[row]}))
        letters.judge(first)
    assert [row[0] for row in letters.rows()] == [1, 2, 3, 4, 5, 6, 7]
    assert [row[4] for row in letters.rows()] == [1] * 7
    states = reject_states(letters.project, first.execution_id)
    assert states == {"open": 0, "recovered": 4, "refused_again": 10, "discarded": 0}
    assert [(r.number, r.how) for r in retries_of(letters.project, first.execution_id)][:2] == [
        (1, "as it was"),
        (2, "from corrected.csv"),
    ]
    idle = letters.retry(first)
    assert (idle.number, idle.tried, idle.result.status) == (None, 0, Status.COMPLETED)


def test_the_same_file_again_writes_nothing_again(letters: Letters) -> None:
    """As somebody does whose first attempt was killed: what it recovered is passed over."""
    first = letters.run()
    file = letters.corrected(first, MENDED)
    letters.retry(first, corrected=file)
    before = letters.rows()
    done = letters.retry(first, corrected=file)
    assert (done.number, done.tried) == (None, 0)
    assert letters.rows() == before


def test_only_rejects_of_one_reason_are_tried(on_sqlite: Letters) -> None:
    first = on_sqlite.run()
    on_sqlite.execute("DELETE FROM people WHERE id = 4")
    assert on_sqlite.retry(first, reason="rule").tried == 1
    assert on_sqlite.retry(first, reason="name").tried == 1
    assert on_sqlite.retry(first, reason="23505").recovered == 1


def test_a_file_and_a_reason_exclude_each_other(on_sqlite: Letters) -> None:
    first = on_sqlite.run()
    with pytest.raises(UsageError, match="itself which rejects are meant"):
        on_sqlite.retry(first, corrected=on_sqlite.corrected(first, MENDED), reason="rule")


WRONG_FILES = {
    "": "is empty",
    "id;name;age;reject_row\n2;b;2;2\n": "are not separated by commas",
    "id,nam,age,reject_row\n2,b,2,2\n": "There is no column of the rejects 'nam'",
    "id,id,reject_row\n2,2,2\n": "has 'id' twice",
    "id,name,age,reject_row\n2,b,2,2\n9,z,9,9\n": "line 3 (row 9)",
    "id,name,age,reject_row\n1,a,1,1\n": "line 2 (row 1)",
    "id,name,age,reject_row\n2,b,2,2\n2,b,3,2\n": "Row 2 stands twice in corrected.csv",
    "id,name,age,reject_row\n2,b,2\n": "Line 2 of corrected.csv has 3 fields",
    "id,name,age,reject_row\n2,b,2,two\n": "'two' as its reject_row",
    "id,name,age,reject_row\n2,b,2,99999999999999999999\n": "as its reject_row",
    "id,name,age\n2,b,2\n": "no column reject_row",
    'id,name,age,reject_row\n2,"b"c,2,2\n': "cannot be read",
    "id,name,age,reject_row\n2,b\udcff,2,2\n": "it is not UTF-8",
}


def test_files_that_do_not_fit_are_refused_by_name_and_nothing_is_written(
    on_sqlite: Letters,
) -> None:
    first = on_sqlite.run()
    before, state = on_sqlite.rows(), reject_states(on_sqlite.project, first.execution_id)
    file = on_sqlite.folder / "corrected.csv"
    for text, told in WRONG_FILES.items():
        file.write_bytes(text.encode("utf-8", "surrogateescape"))
        with pytest.raises(UsageError, match=re.escape(told)) as refused:
            on_sqlite.retry(first, corrected=file)
        assert refused.value.exit_code == 2
    assert on_sqlite.rows() == before
    assert reject_states(on_sqlite.project, first.execution_id) == state
    assert retries_of(on_sqlite.project, first.execution_id) == []
    assert on_sqlite.leftovers() == set()


def test_a_file_that_is_not_there_or_a_folder_is_told(on_sqlite: Letters) -> None:
    first = on_sqlite.run()
    for name in ("nothing.csv", "."):
        with pytest.raises(SourceError, match="cannot be read"):
            on_sqlite.retry(first, corrected=on_sqlite.folder / name)


def test_a_discarded_row_in_the_file_is_refused(on_sqlite: Letters) -> None:
    first = on_sqlite.run()
    file = on_sqlite.corrected(first, MENDED)
    discard(on_sqlite.project, first.execution_id, because="not ours", reason="rule")
    with pytest.raises(UsageError, match=r"line 2 \(row 2\), which was discarded"):
        on_sqlite.retry(first, corrected=file)


def test_so_many_may_be_refused_again_and_the_next_one_stops(letters: Letters) -> None:
    """What was done before stays; the command that goes on is told."""
    first = letters.run()
    letters.execute("DELETE FROM people WHERE id = 4")
    options = RunOptions(batch_size=1, max_errors=ErrorLimit(rows=1))
    with pytest.raises(StoppedError, match=r"batch-ops retry .* --max-errors"):
        letters.retry(first, options=options)
    states = reject_states(letters.project, first.execution_id)
    assert (states["refused_again"], states["recovered"]) == (2, 0)
    letters.judge(first)
    done = letters.retry(first, options=RunOptions(max_errors=ErrorLimit(rows=3)))
    assert (done.recovered, done.refused_again) == (1, 3)


def test_batches_are_as_large_as_asked(on_sqlite: Letters) -> None:
    first = on_sqlite.run()
    on_sqlite.retry(first, options=RunOptions(batch_size=2))
    query = (
        "SELECT l.batch_number FROM batch_operation_logs l JOIN batch_chunks c"
        " ON c.operation_id = l.operation_id AND c.step = l.step AND c.chunk = l.chunk"
        " WHERE c.retry = 1 ORDER BY 1"
    )
    assert on_sqlite.rows(query) == [(1,), (2,)]


def test_a_retry_has_its_own_time(on_sqlite: Letters) -> None:
    from datetime import timedelta

    first = on_sqlite.run()
    options = RunOptions(timeout=timedelta(microseconds=1), batch_size=1)
    with pytest.raises(StoppedError, match="time is over") as stopped:
        on_sqlite.retry(first, options=options)
    assert "batch-ops retry" in stopped.value.todo
    assert len(on_sqlite.kept(first, ["refused_again"])) == 1


def test_postconditions_are_judged_again(
    tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An execution that missed one because of its rejects is completed once they are recovered."""
    monkeypatch.setenv("BATCH_OPS_DATABASE_URL", database_url)
    letters = Letters(tmp_path, database_url, postconditions='["COUNT(*) = 7"]')
    first = letters.run()
    assert first.status is Status.COMPLETED_WITH_FAILED_CHECKS
    done = letters.retry(first, corrected=letters.corrected(first, {2: MENDED[2]}))
    assert done.result.status is Status.COMPLETED_WITH_FAILED_CHECKS
    rest = {row: MENDED[row] for row in (3, 5, 7)}
    done = letters.retry(first, corrected=letters.corrected(first, rest))
    assert (done.result.status, done.result.message) == (Status.COMPLETED, None)
    assert [check.success for check in done.result.checks] == [True]
    letters.close()


def test_an_execution_that_stopped_is_retried_and_then_resumed(
    tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The recovered rows are among those that later steps find when they are planned."""
    monkeypatch.setenv("BATCH_OPS_DATABASE_URL", database_url)
    letters = Letters(tmp_path, database_url, max_errors="1")
    first = letters.run()
    assert (first.status, first.stopped_reason) == (Status.STOPPED, "max_errors")
    assert letters.open_rows(first) == [2, 3]
    rows = {row: MENDED[row] for row in (2, 3)}
    done = letters.retry(first, corrected=letters.corrected(first, rows))
    assert (done.recovered, done.result.status) == (2, Status.STOPPED)
    assert done.result.stopped_reason == "max_errors"
    letters.judge(first)
    again = resume(
        letters.project, first.execution_id, options=RunOptions(max_errors=ErrorLimit(9))
    )
    assert again.status is Status.COMPLETED_WITH_ERRORS
    assert [(row[0], row[4]) for row in letters.rows()] == [(n, 1) for n in (1, 2, 3, 4, 6)]
    assert again.step("mark").counts == Counts(total=5, updated=5)
    letters.judge(first)
    letters.close()


def test_rejects_of_a_batch_that_was_rolled_back_are_left_to_resume(
    tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else their rows would be written twice."""
    monkeypatch.setenv("BATCH_OPS_DATABASE_URL", database_url)
    letters = Letters(tmp_path, database_url, error_handling="stop_on_error")
    first = letters.run()
    assert letters.open_rows(first) == [2, 3]
    assert letters.retry(first).number is None
    with pytest.raises(UsageError, match="whose batch `resume` does again"):
        letters.retry(first, corrected=letters.corrected(first, {2: MENDED[2]}))
    given_up = discard(letters.project, first.execution_id, because="no")
    assert (given_up.discarded, given_up.open) == (0, 2)
    letters.close()


def test_an_atomic_operation_has_no_reject_to_retry(
    tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BATCH_OPS_DATABASE_URL", database_url)
    letters = Letters(tmp_path, database_url, atomic="true")
    first = letters.run()
    assert first.status is Status.STOPPED
    assert letters.open_rows(first) == list(BAD)
    assert letters.retry(first).number is None
    assert letters.rows() == []
    letters.close()


def test_nobody_retries_beside_somebody_else(letters: Letters) -> None:
    """Nor gives rejects up while they are retried."""
    first = letters.run()
    other = Project(letters.folder, letters.project.catalog)
    seen: list[str] = []

    def also(event: object) -> None:
        if type(event).__name__ != "ExecutionStarted":
            return
        for attempt in (
            lambda: retry(other, first.execution_id),
            lambda: discard(other, first.execution_id, because="no"),
        ):
            with pytest.raises(OwnershipError, match="is worked on by process") as refused:
                attempt()
            seen.append(refused.value.todo)

    letters.retry(first, listen=also)
    assert len(seen) == 2
    other.dispose()


def test_another_execution_that_holds_the_table_is_waited_for(letters: Letters) -> None:
    from batch_ops.engine import begin

    first = letters.run()
    (letters.folder / "people.csv").write_text(FILE + "8,hal,8,s8\n")
    execution = begin(letters.project, "load")
    other = Project(letters.folder, letters.project.catalog)
    with pytest.raises(OwnershipError, match="'people' is held by execution"):
        retry(other, first.execution_id)
    execution.abort(KeyboardInterrupt())
    other.dispose()


def test_a_step_that_takes_the_rows_and_is_half_done_comes_first(
    tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BATCH_OPS_DATABASE_URL", database_url)
    from batch_ops.engine import begin

    letters = Letters(tmp_path, database_url)
    execution = begin(letters.project, "load")
    execution.plan_step("create")
    execution.run_step("create")
    execution.finish_step("create")
    execution.plan_step("mark")
    result = execution.abort(KeyboardInterrupt())
    with pytest.raises(UnfinishedExecutionError, match="'mark', which takes the rows"):
        letters.retry(result)
    assert resume(letters.project, result.execution_id).status is Status.COMPLETED_WITH_ERRORS
    assert letters.retry(result).tried == 4
    letters.close()


NOT_AMONG = PEOPLE.replace('"age > 100"', '"id NOT IN (:created_ids)"')


def test_a_step_that_takes_all_others_is_not_done_for_recovered_rows(
    tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`NOT IN (:created_ids)` would remove what was created before."""
    monkeypatch.setenv("BATCH_OPS_DATABASE_URL", database_url)
    letters = Letters(tmp_path, database_url, NOT_AMONG)
    first = letters.run()
    done = letters.retry(first, corrected=letters.corrected(first, MENDED))
    assert len(letters.rows()) == 7
    assert "says more of these rows" in done.not_again["tidy"]
    letters.close()


def test_discarded_rejects_stay_in_the_counters_and_wait_for_nobody(letters: Letters) -> None:
    first = letters.run()
    done = discard(
        letters.project, first.execution_id, because=" not ours ", reason="rule", actor="ada"
    )
    assert (done.discarded, done.open) == (1, 3)
    (kept,) = letters.kept(first, ["discarded"])
    assert (kept.reject.row, kept.ended_by, kept.because) == (2, "ada", "not ours")
    now = letters.judge(first)
    assert (now.counts.rejects, now.open_rejects, now.discarded) == (4, 3, 1)
    assert letters.retry(first).tried == 3
    discard(letters.project, first.execution_id, because="nor these")
    now = letters.judge(first)
    assert (now.open_rejects, now.status) == (0, Status.COMPLETED_WITH_ERRORS)
    assert discard(letters.project, first.execution_id, because="nothing left").discarded == 0


def test_nobody_discards_without_saying_why(letters: Letters) -> None:
    first = letters.run()
    with pytest.raises(UsageError, match="Nobody says why"):
        discard(letters.project, first.execution_id, because="  ")
    assert result_of(letters.project, first.execution_id).discarded == 0
