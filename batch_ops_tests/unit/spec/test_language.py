"""Options of sources, upserts, functions, limits and telling: read, or refused in their line."""

from __future__ import annotations

from datetime import timedelta
from textwrap import dedent

import pytest

from batch_ops.errors import DeclarationError, UnknownNameError, UsageError
from batch_ops.spec.catalog import Catalog
from batch_ops.spec.model import (
    CheckKind,
    CircuitBreaker,
    EntitySource,
    ErrorHandling,
    Expiry,
    FileFormat,
    FolderSensor,
    Input,
    Literal,
    LoggingLevel,
    Notification,
    OnConflict,
    Parameter,
    QuerySource,
    RecordFile,
    RowsSource,
    Schedule,
    Settings,
    StepKind,
    Telling,
    Throttle,
)
from batch_ops_tests.unit.spec.declare import (
    CUSTOMERS,
    IMPORT,
    ORDERS,
    SELECT,
    UPDATE,
    catalog_of,
    declared,
    stepped,
    text_of,
)

INSERT = "operation_type: insert\ninsert_data: {id: :order.id, price: :order.price}\n"
UPSERT = "operation_type: upsert\nupsert_data: {id: :order.id, price: :order.price}\n"
CALL = "operation_type: custom_function\nfunction: fetch\n"


def refused(text: str, word: str, line: str | None = None) -> UsageError:
    """The error of a file; it says the word, and stands in the line that holds the text `line`."""
    with pytest.raises((DeclarationError, UnknownNameError), match=word) as caught:
        catalog_of(text)
    place = caught.value.location
    assert place.file == "orders.yaml"
    if line is not None:
        numbers = [n for n, one in enumerate(text.splitlines(), 1) if line in one]
        assert place.line in numbers, (place.line, numbers)
    return caught.value


# settings


@pytest.mark.parametrize(
    ("options", "name", "value"),
    [
        ("max_workers: 2\nworker_batch_size: 250", "worker_batch_size", 250),
        ("throttle: 100 ms", "throttle", Throttle(timedelta(milliseconds=100))),
        ("throttle: {rows_per_second: 5000}", "throttle", Throttle(None, 5000.0)),
        ("throttle: {max_active: 20}", "throttle", Throttle(max_active=20)),
        (
            "throttle: {pause: 1s, rows_per_second: 0.5}",
            "throttle",
            Throttle(timedelta(seconds=1), 0.5),
        ),
        ("statement_timeout: 30s", "statement_timeout", timedelta(seconds=30)),
        ("lock_timeout: 2 seconds", "lock_timeout", timedelta(seconds=2)),
        ("max_memory: 512 MB", "max_memory", 512_000_000),
        ("max_memory: 1.5GiB", "max_memory", 1_610_612_736),
        ("circuit_breaker: 5", "circuit_breaker", CircuitBreaker(5)),
        (
            "circuit_breaker: {batches: 3, share: 50%}",
            "circuit_breaker",
            CircuitBreaker(3, 0.5),
        ),
        ("max_errors_per_worker: 0", "max_errors_per_worker", 0),
        ("max_errors_per_worker: 5", "max_errors_per_worker", 5),
    ],
)
def test_sizes_and_limits_are_read(options, name, value):
    operation = declared(options)
    assert getattr(operation.settings, name) == value
    assert getattr(operation.steps[0].settings, name) == value
    assert getattr(Settings(), name) is None


def test_a_step_has_a_throttle_and_a_worker_batch_size_of_its_own():
    operation = stepped(
        "- {name: a, operation_type: delete, throttle: 1s, worker_batch_size: 7, max_workers: 2}\n"
        "- {name: b, operation_type: delete}\n",
        "throttle: 2s\n",
    )
    assert operation.step("a").settings.throttle == Throttle(timedelta(seconds=1))
    assert operation.step("a").settings.worker_batch_size == 7
    assert operation.step("b").settings.throttle == Throttle(timedelta(seconds=2))


@pytest.mark.parametrize(
    ("option", "word"),
    [
        ("throttle: 5", "a mapping"),
        ("throttle: soon", "a duration"),
        ("throttle: {}", "a pause"),
        ("throttle: {pause: 0s}", "longer than nothing"),
        ("throttle: {rows_per_second: 0}", "a number from"),
        ("throttle: {rows_per_second: fast}", "a number from"),
        ("throttle: {max_active: 0}", "a whole number from"),
        ("throttle: {rows_per_sec: 5}", "'rows_per_second'"),
        ("worker_batch_size: 0", "a whole number"),
        ("statement_timeout: 30", "a text"),
        ("lock_timeout: 0s", "longer than nothing"),
        ("max_memory: 512", "a text"),
        ("max_memory: 512 MW", "with its unit"),
        ("max_memory: 1 kB", "from 1 MB on"),
        ("circuit_breaker: 0", "a whole number from"),
        ("circuit_breaker: {share: 50%}", "no number of batches"),
        ("circuit_breaker: {batches: 3, share: 0.5}", "a share"),
        ("circuit_breaker: {batch: 3}", "'batches'"),
        ("max_errors_per_worker: -1", "a whole number"),
        ('max_errors_per_worker: "1%"', "a whole number"),
    ],
)
def test_wrong_sizes_and_limits_are_refused_in_their_line(option, word):
    refused(text_of(option), word, option)


def test_a_worker_batch_size_says_nothing_where_there_is_one_lane():
    text = text_of("parallel: false\nworker_batch_size: 5")
    refused(text, "worker_batch_size is for several", "worker_batch_size")


@pytest.mark.parametrize("option", ["max_errors_per_worker: 3", "error_handling: collect_errors"])
def test_what_belongs_to_the_operation_is_refused_on_a_step(option):
    step = f"steps:\n  - name: a\n    operation_type: delete\n    {option}\n"
    refused(text_of("", step), "belongs to the operation, not to the step", option)


def test_errors_may_be_collected():
    assert declared("error_handling: collect_errors").error_handling is ErrorHandling.COLLECT


# sources


@pytest.mark.parametrize("kind", ["json", "jsonl", "parquet"])
def test_files_of_records(kind):
    work = f"data_source: {kind}\nsource_path: in/orders\nfield_mapping: {{price: cost}}\n"
    (step,) = declared("", work).steps
    assert step.kind is StepKind.INSERT
    assert step.source == RecordFile(FileFormat(kind), "in/orders", {"price": "cost"})
    assert declared("", work).reads_file


def test_without_a_path_a_file_of_records_is_a_parameter():
    operation = declared("", "data_source: jsonl\n")
    assert operation.steps[0].source == RecordFile(FileFormat.JSONL, None)
    assert [p.name for p in operation.parameters] == ["source_path"]


def test_a_table_is_a_source_with_a_condition_on_its_own_columns():
    work = "data_source: table\nsource_path: customers\nwhere_condition: email IS NOT NULL\n"
    (step,) = declared("field_mapping: {note: email}", work).steps
    assert isinstance(step.source, EntitySource)
    assert (step.source.entity, step.source.mapping) == ("customers", {"note": "email"})
    assert step.source.where.columns == {"email"}
    assert step.where is None


def test_a_query_is_a_source_with_named_columns():
    select = "SELECT id AS customer_id, COUNT(*) AS number FROM customers GROUP BY id"
    work = f'data_source: query\nsource_path: "{select}"\nfield_mapping: {{price: number}}\n'
    (step,) = declared("", work).steps
    assert isinstance(step.source, QuerySource)
    assert step.source.columns == ("customer_id", "number")
    assert step.source.select.entities == {"customers"}
    assert step.source.mapping == {"price": "number"}


@pytest.mark.parametrize(
    ("work", "word", "line"),
    [
        ("data_source: table\n", "names the entity", "data_source"),
        ("data_source: query\n", "is the SELECT", "data_source"),
        ("data_source: table\nsource_path: customer\n", "'customers'", "source_path"),
        ("data_source: table\nsource_path: orders\n", "meet its own rows", "source_path"),
        ("data_source: json\nsource_path: :file\n", "a path or package", "source_path"),
        ("data_source: json\ncsv_delimiter: ','\n", "is for CSV files", "csv_delimiter"),
        ("data_source: :rows\ncsv_quote: ','\n", "is for CSV files", "csv_quote"),
        ("data_source: :rows\nsource_path: a\n", "is for files", "source_path"),
        ("data_source: :1x\n", "a parameter", "data_source"),
        ("data_source: excel\n", "no data source 'excel'", "data_source"),
        ("data_source: jsom\ncsv_quote: ','\n", "'json'", "data_source"),
        (
            "data_source: table\nsource_path: customers\nwhere_condition: price > 1\n",
            "no column 'price'",
            "where_condition",
        ),
        (
            "data_source: table\nsource_path: customers\nfield_mapping: {note: e_mail}\n",
            "'email'",
            "field_mapping",
        ),
        (
            "data_source: table\nsource_path: customers\nfield_mapping: {nte: email}\n",
            "'note'",
            "field_mapping",
        ),
        ("data_source: csv_file\nwhere_condition: id > 1\n", "this step reads none", "where_cond"),
        (
            "data_source: csv_file\nfield_mapping: {id: csv_column_1, note: text}\n",
            "by name or by position",
            "field_mapping",
        ),
        ("operation_type: insert\nsource_path: a.csv\n", "there is none", "source_path"),
        ("operation_type: update\ndata_source: csv_file\n", "belongs to insert or up", "data_s"),
        ("operation_type: delete\nvalidation_rules: ['id > 0']\n", "belongs to insert", "valid"),
    ],
)
def test_wrong_sources_are_refused_in_their_line(work, word, line):
    refused(text_of("", work), word, line)


@pytest.mark.parametrize(
    ("select", "word"),
    [
        ("SELECT * FROM customers", "may not read"),
        ("SELECT id, id FROM customers", "Two columns of the query are called 'id'"),
        ("SELECT COUNT(*) FROM customers", "Column 1 of the query has no name"),
        ("SELECT id, email || 'x' FROM customers", "Column 2 of the query has no name"),
        ("SELECT id FROM victims", "no entity 'victims'"),
        ("SELECT number FROM customers", "no column 'number'"),
        ("SELECT id FROM customers WHERE price > 1", "is none of the entities the query reads"),
        ("DELETE FROM customers", "one SELECT"),
        ("customers", "one SELECT"),
        ("SELECT id FROM customers; DROP TABLE customers", "semicolon"),
        ("SELECT id FROM customers FOR UPDATE", "the word UPDATE"),
        ("SELECT pg_sleep(1) AS x FROM customers", "no function 'pg_sleep'"),
    ],
)
def test_wrong_queries_are_refused_in_their_line(select, word):
    refused(text_of("", f'data_source: query\nsource_path: "{select}"\n'), word, "source_path")


# records and upserts


def test_values_are_made_of_the_records_of_a_parameter():
    operation = declared("", INSERT)
    assert operation.steps[0].source == RowsSource("order")
    assert operation.parameters == (Parameter("order", many=True),)
    assert operation.steps[0].values["price"].fields == {("order", "price")}


def test_values_without_records_are_one_row():
    (step,) = declared("", "operation_type: insert\ninsert_data: {id: 1, status: new}\n").steps
    assert step.source == RowsSource(None)
    assert step.values == {"id": Literal(1), "status": Literal("new")}


def test_values_are_made_of_the_records_of_an_earlier_step():
    operation = stepped(
        "- {name: fetch_fresh, operation_type: custom_function, function: fetch}\n"
        "- {name: add, operation_type: insert, insert_data: {id: :fresh.id}}\n"
    )
    step = operation.step("add")
    assert (step.source, step.records) == (None, "fetch_fresh")
    assert operation.parameters == ()


@pytest.mark.parametrize(
    ("options", "work", "expected"),
    [
        ("", INSERT, OnConflict.ERROR),
        ("on_conflict: skip", INSERT, OnConflict.SKIP),
        ("on_conflict: update", INSERT, OnConflict.UPDATE),
        ("on_conflict: replace", IMPORT, OnConflict.REPLACE),
        ("", UPSERT, OnConflict.UPDATE),
        ("on_conflict: skip", UPSERT, OnConflict.SKIP),
        ("on_conflict: replace", UPSERT, OnConflict.REPLACE),
    ],
)
def test_what_becomes_of_a_record_that_is_there(options, work, expected):
    assert declared(options, work).steps[0].on_conflict is expected


def test_the_columns_that_make_two_records_the_same():
    assert declared("", UPSERT).steps[0].conflict_target == ()
    assert declared("conflict_target: id", UPSERT).steps[0].conflict_target == ("id",)
    several = declared("conflict_target: [id, price]\non_conflict: skip", INSERT)
    assert several.steps[0].conflict_target == ("id", "price")


@pytest.mark.parametrize(
    ("options", "work", "word", "line"),
    [
        ("conflict_target: id", INSERT, "says nothing where a conflict is an error", "conflict_t"),
        ("on_conflict: error", UPSERT, "belongs to insert", "on_conflict"),
        ("on_conflict: ignore", UPSERT, "no value of on_conflict", "on_conflict"),
        ("on_conflict: skp", INSERT, "'skip'", "on_conflict"),
        ("on_conflict: skip", UPDATE, "belongs to insert or upsert", "on_conflict"),
        ("conflict_target: idd", UPSERT, "'id'", "conflict_target"),
        ("conflict_target: code", UPSERT, "gets no value in this step", "conflict_target"),
        ("conflict_target: []", UPSERT, "at least one name", "conflict_target"),
        ("conflict_target: [id, id]", UPSERT, "stands here twice", "conflict_target"),
        ("", "operation_type: insert\ninsert_data: {id: price}\n", "a value of type", "insert_d"),
        (
            "",
            'operation_type: insert\ninsert_data: {id: {sql: "price + 1"}}\n',
            "A new row has no column 'price'",
            "insert_data",
        ),
        (
            "",
            "operation_type: insert\ninsert_data: {id: :a.id, price: :b.price}\n",
            "the records of :a and :b",
            "insert_data",
        ),
        ("insert_data: {id: 1}", UPSERT, "belongs to insert, and this is upsert", "insert_data"),
        ("upsert_data: {id: 1}", INSERT, "belongs to upsert, and this is insert", "upsert_data"),
        ("", "operation_type: insert\ninsert_data: {}\n", "at least one column", "insert_data"),
        ("", "operation_type: insert\ninsert_data: {idd: 1}\n", "'id'", "insert_data"),
        ("", "operation_type: update\nupdate_data: {note: :x.y}\n", "not allowed here", "update"),
        ("where_condition: ':x.y = 1'", UPDATE, "not allowed here", "where_condition"),
    ],
)
def test_wrong_values_and_conflicts_are_refused_in_their_line(options, work, word, line):
    refused(text_of(options, work), word, line)


# custom functions


@pytest.mark.parametrize("name", ["fetch", "shop.prices:fetch", "shop:Client.fetch", "_f1"])
def test_a_function_has_a_name_or_stands_in_a_module(name):
    (step,) = declared("", f"operation_type: custom_function\nfunction: {name}\n").steps
    assert (step.kind, step.function, step.input) == (StepKind.FUNCTION, name, Input())


def test_a_function_is_given_a_parameter_or_values_by_name():
    operation = declared("input: :ids", CALL)
    assert operation.steps[0].input == Input("ids")
    assert operation.parameters == (Parameter("ids"),)
    named = declared('input: {month: :month, currency: EUR, at: "NOW()", n: 3}', CALL)
    values = named.steps[0].input.values
    assert (values["currency"], values["n"]) == (Literal("EUR"), Literal(3))
    assert values["at"].volatile
    assert [p.name for p in named.parameters] == ["month"]


def test_a_function_is_given_the_rows_of_an_earlier_step():
    operation = stepped(
        "- {name: identify_stale, operation_type: select}\n"
        "- {name: fetch, operation_type: custom_function, function: f, input: :stale_ids}\n"
        "- {name: tell, operation_type: custom_function, function: f, input: {all: :stale}}\n"
    )
    assert operation.step("fetch").outputs == {"stale_ids": "identify_stale"}
    assert operation.step("tell").outputs == {"stale": "identify_stale"}
    assert operation.parameters == ()


@pytest.mark.parametrize(
    ("options", "work", "word", "line"),
    [
        ("", "operation_type: custom_function\n", "'function' is missing", "- name"),
        ("", "operation_type: custom_function\nfunction: a b\n", "module:function", "function: a"),
        ("", "operation_type: custom_function\nfunction: ''\n", "not empty", "function: ''"),
        ("", "operation_type: custom_function\nfunction: a:b:c\n", "module:function", "a:b:c"),
        ("function: f", UPDATE, "belongs to custom_function", "function: f"),
        ("input: :x", UPDATE, "belongs to custom_function", "input"),
        ("input: 3", CALL, "a mapping of values", "input"),
        ("input: x", CALL, "a mapping of values", "input"),
        ("input: [a]", CALL, "a mapping of values", "input"),
        ("input: {a-b: 1}", CALL, "no name of a value", "input"),
        ("input: {a: {sql: price}}", CALL, "before any row is read", "input"),
        ("where_condition: id > 1", CALL, "belongs to select or update", "where_condition"),
        ("max_records: 5", CALL, "belongs to update or delete", "max_records"),
        ("on_conflict: skip", CALL, "belongs to insert or upsert", "on_conflict"),
    ],
)
def test_wrong_functions_are_refused_in_their_line(options, work, word, line):
    refused(text_of(options, work), word, line)


def test_a_call_has_a_timeout_and_another_step_has_none():
    operation = stepped("- {name: a, operation_type: custom_function, function: f, timeout: 5s}\n")
    assert operation.steps[0].settings.timeout == timedelta(seconds=5)
    for kind in ("delete", "select"):
        step = f"steps:\n  - name: a\n    operation_type: {kind}\n    timeout: 5s\n"
        refused(text_of("", step), f"A {kind} step has no timeout of its own", "timeout")


# outputs


def test_two_steps_may_not_have_one_output():
    steps = "steps:\n  - {name: a, operation_type: select, output: x}\n"
    steps += "  - {name: b, operation_type: select, output: x}\n"
    refused(text_of("", steps), "declared twice", "name: b")


# atomic


def test_an_atomic_operation_is_one_lane_with_functions_around_it():
    operation = stepped(
        "- {name: ask, operation_type: custom_function, function: f}\n"
        "- {name: look, operation_type: select}\n"
        "- {name: change, operation_type: update, update_data: {status: x}}\n"
        "- {name: check, operation_type: select}\n"
        "- {name: remove, operation_type: delete, where_condition: paid}\n"
        "- {name: tell, operation_type: custom_function, function: f}\n",
        "atomic: true",
    )
    assert operation.atomic
    assert not declared("").atomic


@pytest.mark.parametrize(
    ("options", "work", "word", "line"),
    [
        ("atomic: true\nmax_workers: 2", UPDATE, "and so one lane", "max_workers"),
        ("atomic: true\nparallel: true", UPDATE, "and so one lane", "parallel"),
        ("atomic: true\nthrottle: 1s", UPDATE, "would hold the one transaction", "throttle"),
        ("atomic: true", SELECT, "`atomic` says nothing here", "atomic"),
        ("atomic: true", CALL, "`atomic` says nothing here", "atomic"),
        ("atomic: 1", UPDATE, "true or false", "atomic"),
    ],
)
def test_what_cannot_be_all_or_nothing_is_refused(options, work, word, line):
    refused(text_of(options, work), word, line)


def test_a_function_between_two_writing_steps_is_not_atomic():
    steps = """\
    steps:
      - {name: a, operation_type: delete}
      - {name: call, operation_type: custom_function, function: f}
      - {name: b, operation_type: delete}
    """
    text = text_of("atomic: true", dedent(steps))
    refused(text, "'call' stands between two writing steps", "name: call")


# undo


def test_images_are_kept_where_it_is_said():
    assert declared("undo: true").undo
    assert not declared("").undo


@pytest.mark.parametrize(
    ("options", "work", "word", "line"),
    [
        ("undo: true", SELECT, "`undo` says nothing here", "undo"),
        ("undo: true", CALL, "does outside the database stays", "name: batch_operations"),
        ("undo: 1", UPDATE, "true or false", "undo"),
    ],
)
def test_what_cannot_be_undone_is_refused(options, work, word, line):
    refused(text_of(options, work), word, line)


def test_an_operation_that_calls_a_function_is_not_undone():
    steps = """\
    steps:
      - {name: a, operation_type: delete}
      - {name: call, operation_type: custom_function, function: f}
    """
    text = text_of("undo: true", dedent(steps))
    refused(text, "the custom function 'call' does outside", "name: call")


# guards and starters


def test_postconditions_are_checks_with_names_of_their_own():
    operation = declared(
        "preconditions: ['COUNT(*) > 0']\n"
        "postconditions: ['COUNT(*) > 0', {row: 'price > 0', name: positive}]\n"
    )
    assert [check.name for check in operation.postconditions] == ["count_gt_0_2", "positive"]
    kinds = [check.kind for check in operation.postconditions]
    assert kinds == [CheckKind.CONDITION, CheckKind.ROW]


@pytest.mark.parametrize(
    ("option", "word"),
    [
        ("postconditions: 'COUNT(*) > 0'", "a list"),
        ("postconditions: ['prise > 0']", "'price'"),
        ("postconditions: [{rw: 'price > 0'}]", "a check"),
        ("postconditions: [{type: expect_table_row_count_to_equl, value: 1}]", "count_to_equal"),
        ("preconditions: [{type: expect_table_row_count_to_equal, valeu: 1}]", "'value'"),
        ("requires_confirmation: yes", "true or false"),
    ],
)
def test_wrong_guards_are_refused_in_their_line(option, word):
    refused(text_of(option), word, option)


def test_one_name_is_given_once_before_and_after():
    options = "preconditions: [{row: 'paid', name: a}]\npostconditions: [{row: 'paid', name: a}]"
    refused(text_of(options), "stands here twice", "postconditions")


def test_a_confirmation_that_schedule_and_sensor_give():
    operation = declared(
        "requires_confirmation: true\nschedule: {cron: '@daily', confirm: true}\n"
        "sensor: {folder: in, confirm: true}\n",
        IMPORT,
    )
    assert operation.requires_confirmation
    assert operation.schedule == Schedule("@daily", confirm=True)
    assert operation.sensor == FolderSensor("in", confirm=True)
    assert not declared("").requires_confirmation


@pytest.mark.parametrize(
    ("starter", "word"),
    [
        ("schedule: '@daily'", "a schedule can ask nobody"),
        ("schedule: {cron: '@daily', confirm: false}", "a schedule can ask nobody"),
        ("sensor: {folder: in}", "a sensor can ask nobody"),
        ("schedule: {cron: '@daily', confirm: maybe}", "true or false"),
        ("sensor: {folder: in, confirm: 1}", "true or false"),
        ("sensor: {folder: in, confrm: true}", "'confirm'"),
        ("sensor: {folder: ''}", "not empty"),
    ],
)
def test_a_starter_without_a_yes_is_refused_in_its_line(starter, word):
    text = text_of(f"requires_confirmation: true\n{starter}\n", IMPORT)
    refused(text, word, starter)


@pytest.mark.parametrize(
    "work",
    [
        "data_source: :rows\n",
        UPDATE,
        (
            "steps:\n"
            "  - {name: a, data_source: csv_file, source_path: a.csv}\n"
            "  - {name: b, data_source: json, source_path: b.json}\n"
        ),
    ],
)
def test_a_sensor_hands_over_exactly_one_file(work):
    text = text_of("sensor: {folder: in}", work)
    refused(text, "does not read exactly one", "sensor")


@pytest.mark.parametrize("kind", ["csv_file", "json", "parquet"])
def test_a_sensor_may_watch_for_files_of_every_kind(kind):
    operation = declared("sensor: {folder: in}", f"data_source: {kind}\nsource_path: first\n")
    (path,) = operation.parameters
    assert (path.name, path.default, path.required) == ("source_path", "first", False)


# what is told


def test_without_a_word_the_usual_is_told():
    operation = declared("")
    assert operation.telling == Telling()
    assert operation.notification == Notification()


@pytest.mark.parametrize(
    ("option", "name", "value"),
    [
        ("progress_tracking: false", "progress", False),
        ("progress_notification_interval: 1000", "every_rows", 1000),
        ('heartbeat_interval: "10 seconds"', "heartbeat", timedelta(seconds=10)),
        ("heartbeat_interval: 1s", "heartbeat", timedelta(seconds=1)),
        ("heartbeat_interval: 1h", "heartbeat", timedelta(hours=1)),
        ("logging_level: minimal", "level", LoggingLevel.MINIMAL),
        ("logging_level: detailed", "level", LoggingLevel.DETAILED),
        ("log_table: my_logs", "log_table", "my_logs"),
        ("collect_metrics: true", "metrics", True),
        ("metrics_table: my_metrics", "metrics_table", "my_metrics"),
    ],
)
def test_what_is_told_and_where(option, name, value):
    assert getattr(declared(option).telling, name) == value
    assert getattr(Telling(), name) != value


@pytest.mark.parametrize(
    ("option", "name", "value"),
    [
        ("notify_on_completion: true", "completion", True),
        ("notification_channels: email", "channels", ("email",)),
        ("notification_channels: [email, webhook]", "channels", ("email", "webhook")),
        ("notification_message: '{updated} of {total_records}'", "message", None),
    ],
)
def test_who_is_told(option, name, value):
    expected = value or "{updated} of {total_records}"
    assert getattr(declared(option).notification, name) == expected


@pytest.mark.parametrize(
    ("option", "word"),
    [
        ("progress_tracking: 1", "true or false"),
        ("progress_notification_interval: 0", "a whole number"),
        ("progress_notification_interval: 10 rows", "a whole number"),
        ("heartbeat_interval: 10", "a text"),
        ("heartbeat_interval: 500 ms", "1 second to 1 hour"),
        ("heartbeat_interval: 61 minutes", "1 second to 1 hour"),
        ("logging_level: detail", "'detailed'"),
        ("logging_level: 3", "a text"),
        ("log_table: a.b", "a name"),
        ("log_table: 'a; b'", "a name"),
        ("collect_metrics: on", "true or false"),
        ("metrics_table: 1", "a name"),
        ("notify_on_completion: always", "true or false"),
        ("notification_channels: []", "at least one name"),
        ("notification_channels: [email, email]", "stands here twice"),
        ("notification_channels: 'email, webhook'", "a list of names"),
        ("notification_message: 3", "a text"),
        ("notification_message: ''", "not empty"),
        ("notification_message: '{updatd} rows'", "'updated'"),
        ("notification_message: '{0} rows'", "no field of a result '0'"),
        ("notification_message: '{} rows'", "no field of a result ''"),
        ("notification_message: '{total.__class__}'", "no field of a result"),
        ("notification_message: '{updated} { rows'", "a text with"),
    ],
)
def test_wrong_words_about_telling_are_refused_in_their_line(option, word):
    refused(text_of(option), word, option)


@pytest.mark.parametrize(
    ("options", "line"),
    [
        ("progress_tracking: false\nprogress_notification_interval: 5", "interval"),
        ("collect_metrics: false\nmetrics_table: m", "metrics_table"),
    ],
)
def test_an_option_that_says_nothing_beside_another_is_refused(options, line):
    refused(text_of(options), "says nothing beside", line)


@pytest.mark.parametrize("option", ["log_table: x", "notify_on_completion: true", "atomic: true"])
def test_an_entity_takes_no_option_of_an_operation(option):
    refused(text_of("") + f"{option}\n", "belongs to the operation, not to the entity", option)


# entities


def entity(*options: str) -> str:
    """The file of the entity `orders` with these options and no operation."""
    return ORDERS + "".join(f"{option}\n" for option in options)


def test_a_column_may_say_that_a_row_counts_as_deleted():
    assert (
        catalog_of(entity("soft_delete: shipped_at")).entity("orders").soft_delete == "shipped_at"
    )
    assert catalog_of(entity()).entity("orders").soft_delete is None


def test_new_rows_may_expire():
    found = catalog_of(entity('expires: {column: shipped_at, after: "30 days"}')).entity("orders")
    assert found.expires == Expiry("shipped_at", timedelta(days=30))
    assert catalog_of(entity()).entity("orders").expires is None


@pytest.mark.parametrize(
    ("option", "word"),
    [
        ("soft_delete: status", "is no timestamp"),
        ("soft_delete: ordered_on", "is no timestamp"),
        ("soft_delete: shiped_at", "'shipped_at'"),
        ("soft_delete: true", "a name"),
        ("expires: 30 days", "a mapping"),
        ("expires: {column: shipped_at}", "after"),
        ("expires: {after: 30 days}", "column"),
        ("expires: {column: status, after: 1d}", "is no timestamp"),
        ("expires: {column: shiped_at, after: 1d}", "'shipped_at'"),
        ("expires: {column: shipped_at, after: 30}", "a text"),
        ("expires: {column: shipped_at, after: soon}", "a duration"),
        ("expires: {colum: shipped_at, after: 1d}", "'column'"),
    ],
)
def test_wrong_moments_are_refused_in_their_line(option, word):
    refused(entity(option), word, option)


def with_check(check: str) -> str:
    return ORDERS.replace("paid: boolean", f"paid: {{type: boolean, check: {check}}}")


def test_a_field_may_have_a_check_over_its_row():
    found = catalog_of(with_check('"paid OR price > 0"')).entity("orders").field("paid")
    assert found.check.columns == {"paid", "price"}


@pytest.mark.parametrize(
    ("check", "word"),
    [
        ('"price > :least"', "reads its row alone"),
        ('"shipped_at < NOW()"', "always says the same"),
        ('"id IN (SELECT id FROM customers)"', "reads its row alone"),
        ("\"CURRENT_USER_ID() = 'x'\"", "reads its row alone"),
        ('"COUNT(*) > 0"', "aggregate"),
        ('"prise > 0"', "'price'"),
        ('""', "empty"),
        ("true", "a text"),
    ],
)
def test_a_check_of_a_field_that_is_none_is_refused_in_its_line(check, word):
    refused(with_check(check), word, "paid")


def test_a_whole_file_of_the_language_loads():
    """What the tables above take one by one, together."""
    text = text_of(
        """\
        description: "All of it"
        parameters: {since: timestamp, ids: 'integer[]'}
        preconditions: [{type: expect_column_values_to_be_unique, column: id}, "COUNT(*) > 0"]
        postconditions: [{row: "price >= 0"}]
        requires_confirmation: true
        error_handling: collect_errors
        max_errors: "1%"
        batch_size: 500
        throttle: {pause: 10 ms}
        collect_metrics: true
        notify_on_completion: true
        notification_message: "{created} created"
        """,
        """\
        steps:
          - name: find_new
            operation_type: select
            where_condition: "ordered_on > :since OR id = ANY(:ids)"
            select_fields: [price]
          - name: fetch_prices
            operation_type: custom_function
            function: shop:prices
            input: :new_ids
            timeout: 5s
          - name: put_in
            operation_type: upsert
            upsert_data: {id: :prices.id, price: :prices.price, shipped_at: "NOW()"}
            conflict_target: id
            on_conflict: update
        """,
    )
    files = {"customers.yaml": CUSTOMERS, "orders.yaml": text}
    operation = Catalog.from_texts(files).operation("change")
    assert operation.step("fetch_prices").outputs == {"new_ids": "find_new"}
    assert operation.step("put_in").records == "fetch_prices"
