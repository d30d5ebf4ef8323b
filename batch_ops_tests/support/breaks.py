"""Deliberate breaks of the engine: for each promise a change of the code that takes it back, and
the tests that are to notice.
"""

from __future__ import annotations

from dataclasses import dataclass

_ENGINE = "integration/engine"
_STEPS = f"{_ENGINE}/test_steps.py"
_KILLS = f"{_ENGINE}/test_kills.py"
_OWNERSHIP = f"{_ENGINE}/test_ownership.py"
_OPTIONS = f"{_ENGINE}/test_every_option.py"
_ENDS = "integration/orchestration/test_ends_of_processes.py"
_WRONG = "integration/cli/test_wrong_input.py"
_KILLED = (
    "integration/crashes/test_matrix.py::test_killed_there_and_resumed_all_is_as_if_undisturbed"
)
_RESIZED = (
    "integration/crashes/test_variations.py"
    "::test_with_other_sizes_on_resume_all_but_the_batches_is_as_if_undisturbed"
)
_LOST = (
    f"{_ENGINE}/test_lost_answers.py"
    "::test_a_commit_whose_answer_is_lost_is_neither_lost_nor_done_twice"
)
_TOKEN = f"{_OWNERSHIP}::test_a_worker_that_lost_its_token_cannot_write"
_LEFT_OUT = f"{_ENGINE}/test_left_out.py::test_rows_that_are_left_out_are_skipped"
_OUT_OF_RANGE = (
    "integration/engine/test_isolation.py"
    "::test_many_values_out_of_range_of_one_batch_are_found_without_asking_for_each"
)
_BAD_ROW = (
    f"{_STEPS}::TestBadRows"
    "::test_rows_a_check_refuses_become_rejects_and_their_neighbours_are_written"
)


@dataclass(frozen=True)
class Break:
    """A change of one place in the code.

    Attributes:
        promise: the number of the promise it takes back, as in docs/guarantees.md.
        file: of the package `batch_ops`.
        old: stands there exactly once.
        new: what stands there instead.
        tests: each of them fails then; `[…]` chooses one of a test's cases.
    """

    name: str
    promise: int
    file: str
    old: str
    new: str
    tests: tuple[str, ...]


BREAKS = (
    Break(
        "journal-row-in-its-own-transaction",
        1,
        "engine/batch.py",
        "        self._journal(connection, outcome)\n",
        "        connection.connection.driver_connection.commit()\n"
        "        self._journal(connection, outcome)\n",
        (f"{_KILLED}[change-before_commit-postgresql]",),
    ),
    Break(
        "cursor-by-number",
        1,
        "engine/work.py",
        "        start = chunk.position or chunk.lower\n",
        "        behind = chunk.batches * self._batch_size // max(chunk.spacing, 1)\n"
        "        start = [chunk.lower, *chunk.splits][: behind + 1][-1]\n",
        (f"{_RESIZED}[three_steps-one batch-sqlite]",),
    ),
    Break(
        "file-read-from-the-begin-of-its-chunk",
        1,
        "engine/source_work.py",
        "        self._read_from(chunk.position or chunk.lower)\n",
        "        self._read_from(chunk.lower)\n",
        (f"{_KILLED}[import_file-before_commit-postgresql]",),
    ),
    Break(
        "committed-position-not-looked-up-after-a-lost-answer",
        1,
        "engine/lane.py",
        "                claim = again\n",
        "                claim = type(again)(claim.chunk, again.token)\n",
        (f"{_LOST}[debit-never committed]",),
    ),
    Break(
        "preconditions-judged-again-by-a-resume",
        1,
        "engine/checks.py",
        "    if not results and execution.operation.preconditions:\n",
        "    if execution.operation.preconditions:\n",
        (f"{_KILLS}::test_killed_after_its_update_had_finished_it_is_resumable[sqlite]",),
    ),
    Break(
        "predicate-not-evaluated-again",
        1,
        "engine/keyset_work.py",
        "            return self._target.update(self._step.values, utc_now(), lower, upper)\n",
        "            from dataclasses import replace\n\n"
        "            any_row = replace(self._target, where=None)\n"
        "            return any_row.update(self._step.values, utc_now(), lower, upper)\n",
        (f"{_STEPS}::test_a_row_that_stopped_qualifying_since_the_plan_is_not_written",),
    ),
    Break(
        "bound-takes-its-own-key-in",
        1,
        "database/statements.py",
        '("lo", ">", lower)',
        '("lo", ">=", lower)',
        (f"{_STEPS}::test_several_lanes_do_the_same_as_one",),
    ),
    Break(
        "reject-swallowed",
        2,
        "engine/batch.py",
        "        rejects.add(journal, connection, execution_id, self._id, outcome.rejects)\n"
        "        row = self._row(outcome.counts)\n",
        "        row = self._row(outcome.counts)\n",
        (_BAD_ROW,),
    ),
    Break(
        "rejects-in-the-transaction-that-rolls-back",
        2,
        "engine/batch.py",
        "            rejects.add(journal, connection, execution_id, self._id, outcome.rejects)\n"
        "            row = self._row(rolled_back(outcome.counts))\n",
        "            with_the_batch = connection.begin_nested()\n"
        "            rejects.add(journal, connection, execution_id, self._id, outcome.rejects)\n"
        "            with_the_batch.rollback()\n"
        "            row = self._row(rolled_back(outcome.counts))\n",
        (
            (
                f"{_STEPS}::TestBadRows"
                "::test_stop_on_error_rolls_the_batch_back_and_goes_on_once_mended"
            ),
        ),
    ),
    Break(
        "neighbours-go-with-a-bad-row",
        2,
        "database/sqlite_isolate.py",
        "            if stop - start == 1:\n                refused.append((start, fault))\n",
        "            if stop - start <= 8:\n"
        "                refused += [(at, fault) for at in range(start, stop)]\n",
        (_OUT_OF_RANGE,),
    ),
    Break(
        "neighbours-go-with-a-bad-row-on-the-server",
        2,
        "database/postgresql_isolate.py",
        "      ELSIF bo_stop - bo_start = 1 THEN\n",
        "      ELSIF bo_stop - bo_start <= 8 THEN\n",
        (_OUT_OF_RANGE,),
    ),
    Break(
        "rows-counted-with-the-header",
        2,
        "sources/records.py",
        "            row=self._group.start.row + ordinal,\n",
        "            row=self._group.start.row + ordinal + 1,\n",
        (
            (
                "integration/sources/test_csv_options.py"
                "::test_a_reject_tells_row_key_column_value_and_all_fields"
            ),
        ),
    ),
    Break(
        "atomic-commits-each-step",
        3,
        "engine/atomic.py",
        "                self._step(connection, step)\n",
        "                self._step(connection, step)\n"
        "                connection.connection.driver_connection.commit()\n",
        (f"{_OPTIONS}::test_an_atomic_operation_is_all_or_nothing",),
    ),
    Break(
        "atomic-call-keeps-its-good-rows",
        3,
        "bulk/running.py",
        "                if self.result.failed:\n                    raise Undone(Written())",
        "                if not self.result.stats.processed:\n"
        "                    raise Undone(Written())",
        ("integration/bulk/test_modes.py::test_an_atomic_call_writes_nothing_when_a_row_fails",),
    ),
    Break(
        "counters-from-the-plan",
        4,
        "engine/keyset_work.py",
        "        return Outcome(self._counted(self._run(connection, lower, upper)))\n",
        "        self._run(connection, lower, upper)\n"
        "        return Outcome(self._counted(self._batch_size))\n",
        (
            (
                "acceptance/test_mistakes_not_made.py"
                "::test_m2_ids_that_match_nothing_are_not_counted_as_processed"
            ),
        ),
    ),
    Break(
        "created-is-what-was-handed-over",
        4,
        "database/postgresql_load.py",
        "        return cursor.rowcount\n",
        "        return len(good)\n",
        (f"{_LEFT_OUT}[postgresql-load_file-none]",),
    ),
    Break(
        "counters-not-judged",
        4,
        "engine/batch.py",
        "        if not outcome.counts.reconciled:\n",
        "        if outcome.counts.total < 0:\n",
        (f"{_STEPS}::test_counters_that_do_not_add_up_stop_the_execution_and_roll_the_batch_back",),
    ),
    Break(
        "fencing-check-removed",
        5,
        "journal/checkpoints.py",
        "    if connection.execute(statement, mine | values).rowcount != 1:\n"
        "        raise taken_over(execution_id)\n",
        "    connection.execute(statement, mine | values)\n",
        (_TOKEN,),
    ),
    Break(
        "take-over-without-another-token",
        5,
        "journal/chunks.py",
        "        .values(status=PLANNED, worker=None, token=table.c.token + 1)\n",
        "        .values(status=PLANNED, worker=None)\n",
        (_TOKEN,),
    ),
    Break(
        "chunk-claimed-by-two",
        5,
        "journal/chunks.py",
        '            table.c.token == bindparam("old_token"),\n',
        '            table.c.token >= bindparam("old_token"),\n',
        (f"{_OWNERSHIP}::test_two_lanes_that_claim_at_once_have_two_chunks",),
    ),
    Break(
        "held-table-shared",
        5,
        "journal/ownership.py",
        "    workers = living(journal, connection, holder)\n    if workers:\n",
        "    workers = living(journal, connection, holder)\n    if len(workers) > 1:\n",
        (f"{_OWNERSHIP}::test_a_table_that_is_worked_on_is_refused_and_its_holder_told",),
    ),
    Break(
        "keys-locked-in-the-order-of-the-file",
        5,
        "database/postgresql_upsert.py",
        "{self._range()} ORDER BY {self._order()}{self._update()}",
        "{self._range()}{self._update()}",
        (f"{_ENGINE}/test_order_of_locks.py::test_who_waits_for_the_first_key_holds_no_other",),
    ),
    Break(
        "identity-by-path",
        6,
        "engine/opening.py",
        "values.identity(operation, given, digest)",
        "values.identity(operation, given, source.name if source else None)",
        (
            (
                "integration/cli/test_bad_input.py"
                "::test_the_same_file_is_not_imported_twice_under_another_name_either"
            ),
        ),
    ),
    Break(
        "source-imported-again-unasked",
        6,
        "engine/taking.py",
        "        if done and (operation.once or row.source_digest) and not options.again:\n",
        "        if done and operation.once and not options.again:\n",
        ("integration/cli/test_run.py::test_what_was_completed_runs_again_only_with_again",),
    ),
    Break(
        "hidden-value-shown-beside-the-refused-one",
        7,
        "engine/reading.py",
        "    if not hidden:\n        return reject\n",
        "    if reject.column not in hidden:\n        return reject\n",
        (f"{_OPTIONS}::test_a_hidden_column_is_never_shown",),
    ),
    Break(
        "password-of-a-url-shown",
        7,
        "errors.py",
        r'    return _PASSWORD.sub(r"\1\2***", without_secrets(text))' + "\n",
        "    return without_secrets(text)\n",
        ("unit/cli/test_problems.py::test_no_part_of_an_error_shows_a_password",),
    ),
    Break(
        "traceback-shown-unasked",
        8,
        "cli/app.py",
        "    if say.common.debug:\n",
        "    if error:\n",
        (f"{_WRONG}::test_debug_shows_the_traceback_of_an_error_and_nothing_else_does",),
    ),
    Break(
        "unexpected-error-not-caught",
        8,
        "cli/app.py",
        "    except Exception as error:\n        return _fail(say, problems.unexpected(error))\n",
        "",
        (f"{_WRONG}::test_an_error_nobody_expected_is_called_a_bug_and_exit_code_4",),
    ),
    Break(
        "file-read-whole",
        9,
        "sources/reader.py",
        "BLOCK = 1 << 19\n",
        "BLOCK = 1 << 28\n",
        (
            (
                "integration/sources/test_flat_memory.py"
                "::test_ten_times_the_records_take_no_more_memory[csv-plain]"
            ),
        ),
    ),
    Break(
        "batches-read-ahead-without-end",
        9,
        "sources/prefetch.py",
        "AHEAD = 2\n",
        "AHEAD = 1 << 20\n",
        (
            (
                f"{_ENGINE}/test_flat_memory.py"
                "::test_ten_times_the_records_take_an_execution_no_more_memory"
            ),
        ),
    ),
    Break(
        "chunk-keys-known-to-dagster-alone",
        10,
        "orchestration/reconcile.py",
        "    add_keys(instance, name, [chunk.key for chunk in chunks])\n",
        "",
        (f"{_ENDS}::test_without_everything_dagster_wrote_the_partitions_come_back",),
    ),
    Break(
        "chunks-done-known-to-dagster-alone",
        10,
        "orchestration/reconcile.py",
        "        if chunk.completed and chunk.key not in shown:\n",
        "        if chunk.completed and chunk.key in shown:\n",
        (f"{_ENDS}::test_the_sensor_closes_dead_runs_and_shows_what_was_committed",),
    ),
)
