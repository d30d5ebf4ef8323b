"""The options of sizes, pace and limits, and of what happens when it goes wrong."""

from __future__ import annotations

from batch_ops.spec import forms
from batch_ops.spec.model import StepKind
from batch_ops.spec.option import Option, Place

_E, _O, _S = Place.ENTITY, Place.OPERATION, Place.STEP
_WRITES = (StepKind.UPDATE, StepKind.DELETE, StepKind.INSERT, StepKind.UPSERT)

SIZES = (
    Option(
        "batch_size",
        (_O, _S),
        forms.integer(1, 1_000_000),
        "Rows of one transaction.",
        "batch_size: 500",
        default=10_000,
    ),
    Option(
        "chunk_rows",
        (_O, _S),
        forms.integer(1, 1_000_000_000),
        "Rows of one chunk, a partition in Dagster; raised so that a step has 200 at most.",
        "chunk_rows: 20000",
        default=50_000,
    ),
    Option(
        "parallel",
        (_O, _S),
        forms.BOOLEAN,
        "`true` is two lanes where `max_workers` says nothing, `false` is one.",
        "parallel: true",
        otherwise="what `max_workers` says",
    ),
    Option(
        "max_workers",
        (_O, _S),
        forms.integer(1, 64),
        "Lanes that work at once; on a database with one writer (SQLite) there is one.",
        "max_workers: 4",
        default=1,
    ),
    Option(
        "worker_batch_size",
        (_O, _S),
        forms.integer(1, 1_000_000),
        "Rows of one transaction where several lanes work.",
        "worker_batch_size: 250",
        otherwise="`batch_size`",
    ),
    Option(
        "throttle",
        (_O, _S),
        forms.THROTTLE,
        "A pause between two batches, or the most rows a second of all lanes together. Not in an"
        " atomic operation.",
        'throttle: {pause: "100 ms", rows_per_second: 5000}',
        otherwise="as fast as it goes",
    ),
    Option(
        "max_records",
        (_O, _S),
        forms.integer(1, 10**15),
        "Most rows of each writing step: more in the first one is refused, in a later one stops"
        " before it.",
        "max_records: 10000",
        otherwise="no limit",
        kinds=_WRITES,
    ),
    Option(
        "timeout",
        (_O, _S),
        forms.DURATION,
        "The operation stops between two batches after this time; of a `custom_function` step it is"
        " for each call.",
        'timeout: "30 minutes"',
        otherwise="no limit",
    ),
)

ERRORS = (
    Option(
        "error_handling",
        (_O,),
        forms.ERROR_HANDLING,
        "What a bad row costs: itself (`continue_on_error`), itself and the result tells every one"
        " (`collect_errors`), or its batch and all that follows (`stop_on_error`).",
        "error_handling: stop_on_error",
        default="continue_on_error",
    ),
    Option(
        "max_errors",
        (_O,),
        forms.ERROR_LIMIT,
        "Rejects that are allowed, as a number or a share; more of them stop the execution after"
        " the batch that met them.",
        'max_errors: "1%"',
        otherwise="no limit",
    ),
    Option(
        "max_errors_per_worker",
        (_O,),
        forms.integer(0, 10**15),
        "Rejects that each lane may meet.",
        "max_errors_per_worker: 5",
        otherwise="no limit",
    ),
    Option(
        "skip_invalid_rows",
        (_O,),
        forms.BOOLEAN,
        "Rows that break a rule do not count for `max_errors`; they are rejects all the same.",
        "skip_invalid_rows: true",
        default=False,
    ),
    Option(
        "retry",
        (_O, _S),
        forms.RETRY,
        "How often and with which pauses a passing error (a deadlock, a lost connection) or a"
        " function is tried again.",
        "retry: {max_retries: 5, initial_delay: 1, max_delay: 1 minute, backoff_factor: 2}",
        default={"max_retries": 3, "initial_delay": 0.1, "max_delay": 5, "backoff_factor": 2},
    ),
    Option(
        "atomic",
        (_O,),
        forms.BOOLEAN,
        "All writing steps are one transaction: everything, or nothing.",
        "atomic: true",
        default=False,
    ),
    Option("undo", (_O,)),
)
