"""Finding declarations, and keeping what an execution needs of them."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from batch_ops.errors import DeclarationError, UnknownNameError, UsageError
from batch_ops.spec.catalog import Catalog
from batch_ops_tests.unit.spec.declare import CUSTOMERS, ORDERS, catalog_of, text_of

LOG = "name: log\nfields: {id: int, order_id: {type: int, references: orders.id}}\nkey: id\n"
OTHER = "name: other\nfields: {id: int}\n"


@pytest.fixture
def catalog() -> Catalog:
    patterns = """\
patterns:
  - {name: batch_operations, operation: trim, operation_type: delete,
     where_condition: "order_id NOT IN (SELECT id FROM orders)"}
  - {name: batch_operations, operation: archive, operation_type: select}
"""
    orders = text_of("where_condition: \"status = 'x'\"")
    texts = {"o.yaml": orders, "c.yaml": CUSTOMERS, "l.yaml": LOG + patterns, "x.yaml": OTHER}
    return Catalog.from_texts(texts)


def test_operations_are_found_by_either_name(catalog):
    assert catalog.operation("change") == catalog.operation("orders.change")
    assert catalog.operation("log.trim").name == "trim"
    assert [operation.name for operation in catalog.operations] == ["archive", "change", "trim"]
    assert catalog.entity("log").operations[0].name == "trim"


@pytest.mark.parametrize(("name", "right"), [("chnge", "change"), ("trm", "trim"), ("zzz", None)])
def test_an_unknown_operation_gets_the_nearest_right_word(catalog, name, right):
    with pytest.raises(UnknownNameError) as caught:
        catalog.operation(name)
    assert (caught.value.kind, caught.value.suggestion) == ("operation", right)


def test_an_operation_of_another_entity_is_not_found(catalog):
    with pytest.raises(UnknownNameError):
        catalog.operation("log.change")


def test_an_unknown_entity_gets_the_nearest_right_word(catalog):
    with pytest.raises(UnknownNameError, match="Did you mean 'orders'"):
        catalog.entity("order")


def test_folders_are_searched_below_and_component_files_left_out(tmp_path):
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "customers.yaml").write_text(CUSTOMERS)
    (tmp_path / "a" / "b" / "orders.yml").write_text(ORDERS)
    (tmp_path / "a" / "defs.yaml").write_text("type: batch_ops.BatchOperations\n")
    (tmp_path / "a" / "notes.txt").write_text("no yaml")
    catalog = Catalog.load([tmp_path])
    assert sorted(catalog.entities) == ["customers", "orders"]
    assert sorted(catalog.texts) == [
        str(tmp_path / "a" / "b" / "orders.yml"),
        str(tmp_path / "a" / "customers.yaml"),
    ]


def test_several_folders_are_one_catalog(tmp_path):
    for name, text in (("one", CUSTOMERS), ("two", ORDERS)):
        (tmp_path / name).mkdir()
        (tmp_path / name / f"{name}.yaml").write_text(text)
    assert len(Catalog.load([tmp_path / "one", tmp_path / "two"]).entities) == 2


def test_a_missing_folder_says_what_to_do(tmp_path):
    with pytest.raises(UsageError, match="BATCH_OPS_DEFS") as caught:
        Catalog.load([tmp_path / "nowhere"])
    assert caught.value.exit_code == 2


def test_an_operation_is_named_once_over_all_entities():
    texts = {"o.yaml": text_of(""), "c.yaml": CUSTOMERS + text_of("")[len(ORDERS) :]}
    texts["c.yaml"] = texts["c.yaml"].replace("status: done", "email: x")
    with pytest.raises(DeclarationError, match="'change' is declared twice") as caught:
        Catalog.from_texts(texts)
    assert "o.yaml:17" in caught.value.what
    assert caught.value.location.file == "c.yaml"


def test_the_declaration_holds_just_the_files_that_load_the_operation_again(catalog):
    """`log` refers to orders, orders to customers; nothing needs `other`."""
    kept = catalog.declaration(catalog.operation("archive"))
    assert sorted(kept) == ["c.yaml", "l.yaml", "o.yaml"]
    again = Catalog.from_texts(kept)
    assert again.operation("archive") == catalog.operation("archive")
    assert sorted(catalog.declaration(catalog.operation("change"))) == ["c.yaml", "o.yaml"]


BASE = 'where_condition: "price > 1"\npreconditions: ["COUNT(*) > 0"]\n'


def meaning_of(options: str, orders: str = "") -> str:
    catalog = catalog_of(orders or text_of(options))
    return catalog.meaning(catalog.operation("change"))


@pytest.mark.parametrize(
    "options",
    [
        BASE + "batch_size: 5\nchunk_rows: 7\nmax_workers: 3\nmax_records: 9",
        BASE + "max_errors: 3\ntimeout: 1h\nretry: {max_retries: 1}",
        BASE + "description: other words",
        BASE + 'schedule: "0 3 * * *"',
        BASE.replace("price > 1", "price  >  1"),
        "# a comment\n" + BASE,
    ],
)
def test_sizes_limits_and_words_do_not_change_the_meaning(options):
    assert meaning_of(options) == meaning_of(BASE)


@pytest.mark.parametrize(
    "options",
    [
        BASE.replace("price > 1", "price > 2"),
        BASE.replace("COUNT(*) > 0", "COUNT(*) > 1"),
        'where_condition: "price > 1"',
        BASE + "error_handling: stop_on_error",
        BASE + "once: true",
        BASE + "skip_invalid_rows: true",
        BASE + "parameters: {a: text}",
    ],
)
def test_what_is_done_changes_the_meaning(options):
    assert meaning_of(options) != meaning_of(BASE)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("status: done", "status: gone"),
        ("update_data: {status: done}", "update_data: {note: done}"),
        ("price: decimal(10,2)", "price: decimal(12,2)"),
        ("key: id", "key: [id, status]"),
        ("name: orders", "name: orders\ntable: old_orders"),
    ],
)
def test_other_values_fields_and_keys_change_the_meaning(old, new):
    text = text_of(BASE).replace(old, new).replace("key: [id, status]", "key: [id, code]")
    assert meaning_of("", text) != meaning_of(BASE)


def test_the_meaning_is_json_that_does_not_depend_on_the_order_of_sets():
    said = meaning_of(BASE)
    assert json.loads(said)["operation"]["name"] == "change"
    assert said == meaning_of(BASE)


def test_importing_and_loading_stays_light(tmp_path):
    """Neither pandas nor Great Expectations nor Dagster nor a database library comes along."""
    (tmp_path / "customers.yaml").write_text(CUSTOMERS)
    code = (
        "import sys; from pathlib import Path; from batch_ops.spec.catalog import Catalog;"
        f"Catalog.load([Path({str(tmp_path)!r})]);"
        "print(sorted({'pandas', 'great_expectations', 'dagster', 'sqlalchemy', 'pydantic'}"
        " & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
