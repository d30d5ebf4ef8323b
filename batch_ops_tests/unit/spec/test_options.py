"""Every option that exists has its effect; every other word is refused with its place."""

from __future__ import annotations

from datetime import timedelta

import pytest

from batch_ops.errors import DeclarationError, UnknownNameError
from batch_ops.spec.model import (
    CsvSource,
    ErrorHandling,
    ErrorLimit,
    FieldType,
    FolderSensor,
    Literal,
    Parameter,
    Retry,
    RowsSource,
    Schedule,
    Settings,
    StepKind,
)
from batch_ops.spec.options import OPTIONS
from batch_ops_tests.unit.spec.declare import IMPORT, SELECT, catalog_of, declared, stepped, text_of

TESTED: set[str] = set()


def tests(*options: str) -> None:
    """Note which options the tables of this file test."""
    TESTED.update(options)


SETTINGS = [
    ("batch_size: 100", "batch_size", 100),
    ("chunk_rows: 20000", "chunk_rows", 20000),
    ("max_workers: 4", "max_workers", 4),
    ("parallel: true", "parallel", True),
    ("parallel: true", "max_workers", 2),
    ("parallel: false", "parallel", False),
    ("max_records: 1000", "max_records", 1000),
    ("max_errors: 10", "max_errors", ErrorLimit(rows=10)),
    ("max_errors: 0", "max_errors", ErrorLimit(rows=0)),
    ('max_errors: "1%"', "max_errors", ErrorLimit(share=0.01)),
    ('max_errors: "0.5 %"', "max_errors", ErrorLimit(share=0.005)),
    ('timeout: "30 minutes"', "timeout", timedelta(minutes=30)),
    ("timeout: PT2H", "timeout", timedelta(hours=2)),
    ("retry: {max_retries: 5}", "retry", Retry(max_retries=5)),
    (
        "retry: {max_retries: 0, initial_delay: 1, max_delay: 1m, backoff_factor: 3}",
        "retry",
        Retry(0, 1.0, 60.0, 3.0),
    ),
]
tests(*(option.partition(":")[0] for option, _, _ in SETTINGS))


@pytest.mark.parametrize(("option", "name", "value"), SETTINGS)
def test_settings_of_an_operation_hold_for_it_and_its_step(option, name, value):
    operation = declared(option)
    assert getattr(operation.settings, name) == value
    assert getattr(operation.steps[0].settings, name) == value
    assert getattr(Settings(), name) != value or option == "parallel: false"


@pytest.mark.parametrize(
    ("option", "name", "value"),
    [s for s in SETTINGS if s[0].split(":")[0] not in {"max_errors", "timeout", "retry"}],
)
def test_a_step_overrides_the_settings_of_its_operation(option, name, value):
    operation = stepped(
        f"- {{name: first, operation_type: update, update_data: {{status: x}}, {option}}}\n"
        "- {name: second, operation_type: update, update_data: {status: x}}\n",
        "batch_size: 7\nchunk_rows: 8\nmax_records: 9\n",
    )
    assert getattr(operation.step("first").settings, name) == value
    assert operation.step("second").settings == operation.settings
    assert operation.settings.batch_size == 7


def test_parallel_false_is_one_lane_also_in_a_step_of_a_wider_operation():
    operation = stepped(
        "- {name: a, operation_type: update, update_data: {status: x}, parallel: false}",
        "max_workers: 4",
    )
    assert operation.steps[0].settings.max_workers == 1


tests("description", "error_handling", "skip_invalid_rows", "once", "schedule", "operation", "name")


@pytest.mark.parametrize(
    ("option", "name", "value"),
    [
        ('description: "Set it"', "description", "Set it"),
        ("error_handling: stop_on_error", "error_handling", ErrorHandling.STOP),
        ("skip_invalid_rows: true", "skip_invalid_rows", True),
        ("once: true", "once", True),
        ('schedule: "0 3 * * *"', "schedule", Schedule("0 3 * * *", "UTC")),
        (
            'schedule: {cron: "0 3 * * *", timezone: Europe/Berlin}',
            "schedule",
            Schedule("0 3 * * *", "Europe/Berlin"),
        ),
    ],
)
def test_options_of_an_operation(option, name, value):
    assert getattr(declared(option), name) == value
    assert getattr(declared(""), name) != value


def test_without_options_the_defaults_hold():
    operation = declared("")
    assert operation.settings == Settings()
    assert operation.error_handling is ErrorHandling.CONTINUE
    assert (operation.once, operation.skip_invalid_rows, operation.schedule) == (False, False, None)


SOURCES = [
    ("", CsvSource("orders.csv")),
    ('csv_delimiter: ";"', CsvSource("orders.csv", delimiter=";")),
    ('csv_delimiter: "\\t"', CsvSource("orders.csv", delimiter="\t")),
    ("csv_has_header: false", CsvSource("orders.csv", has_header=False)),
    ('csv_quote: "\'"', CsvSource("orders.csv", quote="'")),
    ("csv_encoding: latin-1", CsvSource("orders.csv", encoding="iso8859-1")),
    ("csv_null_values: NA", CsvSource("orders.csv", null_values=("NA",))),
    ('csv_null_values: ["NA", ""]', CsvSource("orders.csv", null_values=("NA", ""))),
    ("csv_null_values: []", CsvSource("orders.csv", null_values=())),
    ("field_mapping: {price: cost}", CsvSource("orders.csv", mapping={"price": "cost"})),
]
tests("data_source", "source_path", *(s.partition(":")[0] for s, _ in SOURCES if s))


@pytest.mark.parametrize(("option", "source"), SOURCES)
def test_options_of_a_csv_source(option, source):
    operation = declared(option, IMPORT)
    assert operation.steps[0].source == source
    assert operation.steps[0].kind is StepKind.INSERT
    assert operation.reads_file


def test_a_source_path_that_is_left_out_is_a_required_parameter():
    operation = declared("", "data_source: csv_file\n")
    assert operation.steps[0].source == CsvSource(None)
    wanted = Parameter("source_path", FieldType.TEXT, required=True, identifying=False)
    assert operation.parameters == (wanted,)


def test_records_in_memory_come_by_a_parameter_that_is_a_list():
    operation = declared("", "data_source: :products\n")
    assert operation.steps[0].source == RowsSource("products")
    assert operation.parameters == (Parameter("products", many=True),)
    assert not operation.reads_file


tests("sensor")


def test_a_sensor_makes_the_declared_path_the_default_of_a_parameter():
    operation = declared("sensor: {folder: incoming, pattern: 'o*.csv'}", IMPORT)
    assert operation.sensor == FolderSensor("incoming", "o*.csv")
    assert operation.steps[0].source == CsvSource(None)
    wanted = Parameter("source_path", FieldType.TEXT, "orders.csv", False, False)
    assert operation.parameters == (wanted,)
    assert declared("sensor: {folder: incoming}", IMPORT).sensor == FolderSensor("incoming")


tests("operation_type", "update_data", "where_condition", "select_fields", "target_entity")


@pytest.mark.parametrize("kind", ["select", "update", "delete", "insert"])
def test_the_lonely_step_is_named_after_what_it_does(kind):
    more = {"update": "update_data: {status: x}", "insert": "data_source: :rows"}.get(kind, "")
    operation = declared(more, f"operation_type: {kind}\n")
    assert [step.name for step in operation.steps] == [kind]
    assert operation.steps[0].kind is StepKind(kind)


def test_what_a_step_does_is_read():
    step = declared("where_condition: \" status = 'x' \"").steps[0]
    assert step.values == {"status": Literal("done")}
    assert step.where.text == "status = 'x'"
    assert step.entity == "orders"
    assert declared("").steps[0].where is None


def test_select_fields_are_handed_to_later_steps():
    assert declared("select_fields: [status, price]", SELECT).steps[0].select_fields == (
        "status",
        "price",
    )


def test_the_target_may_be_another_entity():
    operation = declared("target_entity: customers\nwhere_condition: email IS NULL", SELECT)
    assert (operation.entity, operation.steps[0].entity) == ("customers", "customers")
    mixed = stepped("- {name: a, operation_type: delete, target_entity: customers}")
    assert (mixed.entity, mixed.steps[0].entity) == ("orders", "customers")


tests("validation_rules")


def test_validation_rules_are_read_for_the_rows_of_a_source():
    step = declared("validation_rules: ['price > 0', 'note IS NOT NULL']", IMPORT).steps[0]
    assert [rule.expression.text for rule in step.rules] == ["price > 0", "note IS NOT NULL"]


tests("parameters")


@pytest.mark.parametrize(
    ("declaration", "parameter"),
    [
        ("p: integer", Parameter("p", FieldType.INTEGER)),
        ("p: 'uuid[]'", Parameter("p", FieldType.UUID, many=True)),
        ("p: list", Parameter("p", None, many=True)),
        ("p: {type: int, default: 3}", Parameter("p", FieldType.INTEGER, 3, required=False)),
        ("p: {type: text, required: false}", Parameter("p", FieldType.TEXT, required=False)),
        ("p: {type: text, identifying: false}", Parameter("p", FieldType.TEXT, identifying=False)),
        ("p: {type: text, description: Why}", Parameter("p", FieldType.TEXT, description="Why")),
        (
            "p: {type: 'int[]', default: [1, 2]}",
            Parameter("p", FieldType.INTEGER, [1, 2], required=False, many=True),
        ),
    ],
)
def test_declared_parameters(declaration, parameter):
    assert declared(f"parameters: {{{declaration}}}").parameters == (parameter,)


WRONG = [
    ('batch_size: "many"', "a whole number from 1 to 1,000,000"),
    ("batch_size: 0", "a whole number"),
    ("batch_size: 1000001", "a whole number"),
    ("batch_size: 1.5", "a whole number"),
    ("batch_size: true", "a whole number"),
    ("batch_size:", "found nothing"),
    ("chunk_rows: -1", "a whole number"),
    ("max_workers: 65", "from 1 to 64"),
    ("max_records: 0", "a whole number"),
    ("parallel: 2", "true or false"),
    ("parallel: yes", "true or false"),
    ("max_errors: -1", "a number of rows"),
    ('max_errors: "101%"', "a number of rows"),
    ("max_errors: 1.5", "a number of rows"),
    ("max_errors: many", "a number of rows"),
    ('timeout: "5"', "a duration"),
    ("timeout: 30", "a text"),
    ("timeout: 0s", "longer than nothing"),
    ("error_handling: continue", "'continue_on_error'"),
    ("error_handling: collect_error", "'collect_errors'"),
    ("skip_invalid_rows: 1", "true or false"),
    ("once: maybe", "true or false"),
    ("retry: 3", "a mapping"),
    ("description: 3", "a text"),
    ("schedule: '0 3 * *'", "five fields"),
    ("schedule: {timezone: UTC}", "no cron text"),
    ("schedule: {cron: '@daily', timezone: Mars/Base}", "a time zone"),
    ("schedule: {crn: '@daily'}", "'cron'"),
    ("parameters: [a]", "a mapping"),
    ("parameters: {a: strng}", "'string'"),
    ("parameters: {a: {typ: text}}", "'type'"),
    ("parameters: {a: {type: int, default: x}}", "a default of type integer"),
    ("parameters: {a: {default: 1, required: true}}", "cannot be required"),
    ("parameters: {a-b: text}", "no name of a parameter"),
    ("where_condition: 3", "a text"),
    ("where_condition: ''", "empty"),
    ("target_entity: custmers", "'customers'"),
    ("preconditions: 'a'", "a list"),
    ("sensor: {pattern: '*.csv'}", "no folder"),
    ("sensor: {folder: incoming}", "does not read exactly one"),
]


@pytest.mark.parametrize(("option", "word"), WRONG)
def test_a_wrong_value_is_refused_in_its_line(option, word):
    """Refused, never clipped or ignored; 23 lines of the file stand before the option."""
    text = text_of(option)
    line = text.splitlines().index("    " + option) + 1
    with pytest.raises((DeclarationError, UnknownNameError), match=word) as caught:
        catalog_of(text)
    place = caught.value.location
    assert (place.file, place.line) == ("orders.yaml", line)
    assert place.column >= 5
    assert caught.value.exit_code == 2


@pytest.mark.parametrize(
    ("option", "word"),
    [
        ("csv_delimiter: ab", "one character"),
        ("csv_delimiter: '\"'", "the same character"),
        ("csv_encoding: utf-9", "'utf-8'"),
        ("csv_null_values: 3", "a list"),
        ("csv_null_values: [~]", "a text"),
        ("field_mapping: {prise: cost}", "'price'"),
        ("field_mapping: {price: csv_column_0}", "The first column is csv_column_1"),
        ("csv_has_header: false\nfield_mapping: {price: cost}", "no header"),
        ("validation_rules: ['prise > 0']", "'price'"),
        ("validation_rules: ['COUNT(*) > 0']", "aggregate"),
        ("where_condition: price > 0", "and this step reads none"),
        ("update_data: {status: x}", "belongs to update"),
    ],
)
def test_wrong_options_of_an_import_are_refused(option, word):
    with pytest.raises((DeclarationError, UnknownNameError), match=word):
        declared(option, IMPORT)


@pytest.mark.parametrize(
    ("work", "word"),
    [
        ("data_source: cvs_file\n", "'csv_file'"),
        ("data_source: jsn\nsource_path: a.json\n", "'json'"),
        ("data_source: :rows\nsource_path: a.csv\n", "is for files"),
        ("data_source: :a.b\n", "a parameter"),
        ("data_source: csv_file\nsource_path: :file\n", "Leave it out"),
        ("operation_type: insert\n", "'insert_data' is missing"),
        ("operation_type: update\n", "'update_data' is missing"),
        ("operation_type: update\nupdate_data: {}\n", "at least one column"),
        ("operation_type: upsert\n", "'upsert_data' is missing"),
        ("operation_type: custom_function\n", "'function' is missing"),
        ("operation_type: updat\n", "'update'"),
        ("batch_size: 10\n", "'operation_type' is missing"),
        ("operation_type: select\nmax_records: 5\n", "belongs to update or delete or insert or"),
        ("operation_type: delete\nselect_fields: [id]\n", "belongs to select"),
        ("operation_type: select\nselect_fields: [pric]\n", "'price'"),
        ("operation_type: select\nselect_fields: []\n", "at least one name"),
        ("operation_type: update\nupdate_data: {statsu: x}\n", "'status'"),
        ("operation_type: update\nupdate_data: {id: 3}\n", "belongs to the key"),
        ("steps: []\n", "at least one step"),
        ("steps: [{name: a, operation_type: delete}]\noperation_type: delete\n", "belongs to a st"),
        ("operation_type: delete\ndepends_on: a\n", "belongs to the step"),
        ("operation_type: delete\noutput: a\n", "belongs to the step"),
    ],
)
def test_work_that_is_wrong_or_incomplete_is_refused(work, word):
    with pytest.raises((DeclarationError, UnknownNameError), match=word):
        declared("", work)


def test_the_pattern_is_named_batch_operations():
    with pytest.raises(DeclarationError, match="no pattern 'batch_operation'"):
        catalog_of(text_of("").replace("name: batch_operations", "name: batch_operation"))


@pytest.mark.parametrize(
    ("typo", "right"),
    [
        ("bach_size: 10", "batch_size"),
        ("Batch_Size: 10", "batch_size"),
        ("error_handlng: stop_on_error", "error_handling"),
        ("max_error: 3", "max_errors"),
        ("precondition: []", "preconditions"),
        ("operationtype: update", "operation_type"),
    ],
)
def test_an_unknown_option_gets_the_nearest_right_word(typo, right):
    with pytest.raises(UnknownNameError) as caught:
        declared(typo)
    assert (caught.value.kind, caught.value.suggestion) == ("option", right)
    assert caught.value.location.line == len(text_of(typo).splitlines())
    assert caught.value.location.column == 5


def test_a_step_without_a_call_has_no_timeout_of_its_own():
    with pytest.raises(DeclarationError, match="A delete step has no timeout of its own"):
        stepped("- name: a\n  operation_type: delete\n  timeout: 1h\n")


@pytest.mark.parametrize("option", ["max_errors: 3", "atomic: true", "once: true"])
def test_what_makes_no_sense_on_a_step_is_refused_by_name(option):
    with pytest.raises(DeclarationError, match="belongs to the operation, not to the step"):
        stepped(f"- name: a\n  operation_type: delete\n  {option}\n")


_LANGUAGE = (
    *("soft_delete", "expires", "insert_data", "upsert_data", "conflict_target", "on_conflict"),
    *("function", "input", "worker_batch_size", "throttle", "max_errors_per_worker", "atomic"),
    *("postconditions", "requires_confirmation", "progress_tracking", "heartbeat_interval"),
    *("progress_notification_interval", "logging_level", "log_table", "collect_metrics"),
    *("metrics_table", "notify_on_completion", "notification_channels", "notification_message"),
    *("statement_timeout", "lock_timeout", "max_memory", "circuit_breaker", "undo"),
)
ELSEWHERE = {
    **dict.fromkeys(_LANGUAGE, "test_language.py"),
    "preconditions": "test_checks.py",
    "steps": "test_steps.py",
    "depends_on": "test_steps.py",
    "output": "test_references.py",
    **dict.fromkeys(("fields", "key", "table", "create_table"), "test_fields.py"),
    **dict.fromkeys(("connection", "hidden", "patterns"), "test_fields.py"),
}


def test_every_option_that_exists_is_tested():
    exist = {option.name for option in OPTIONS.values() if option.read is not None}
    assert exist == TESTED | set(ELSEWHERE)
