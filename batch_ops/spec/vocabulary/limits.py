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
        "A pause between two batches; the most rows a second of all lanes together; the most"
        " sessions at work in the database: while there are more, no batch is begun. Not in an"
        " atomic operation.",
        'throttle: {pause: "100 ms", rows_per_second: 5000, max_active: 20}',
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
    Option(
        "statement_timeout",
        (_O, _S),
        forms.DURATION,
        "How long a statement of a batch may take. Its batch is rolled back then and done with half"
        " the rows, down to one; then the execution stops. Not on MySQL; MariaDB does it.",
        'statement_timeout: "30 seconds"',
        otherwise="what the database allows",
    ),
    Option(
        "lock_timeout",
        (_O, _S),
        forms.DURATION,
        "How long it may wait for a lock of others. The batch is rolled back and tried again by"
        " `retry`, then with fewer rows; then the execution stops. Whole seconds on MySQL and"
        " MariaDB.",
        'lock_timeout: "2 seconds"',
        otherwise="what the database allows",
    ),
    Option(
        "max_memory",
        (_O,),
        forms.AMOUNT,
        "The operation stops between two batches when its process uses more.",
        'max_memory: "512 MB"',
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
        "circuit_breaker",
        (_O,),
        forms.CIRCUIT_BREAKER,
        "The execution stops when so many batches in a row failed or were refused whole; with"
        " `share` also when more of the rows of the last so many batches were refused.",
        'circuit_breaker: {batches: 5, share: "50%"}',
        otherwise="only `max_errors` stops it",
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
    Option(
        "undo",
        (_O,),
        forms.BOOLEAN,
        "Images of changed rows are kept, before and after, so that `batch-ops undo` can put them"
        " back. Not with custom functions; not on MySQL and MariaDB.",
        "undo: true",
        default=False,
    ),
)
