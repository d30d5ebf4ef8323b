"""The schema for editors takes every entity file that loads, and refuses what is plainly wrong."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from batch_ops.errors import UsageError
from batch_ops.spec.catalog import Catalog, declaration_files
from batch_ops.spec.fields import FIELD_PARTS, TYPES
from batch_ops.spec.option import Option, Place
from batch_ops.spec.options import OPTIONS
from batch_ops.spec.parameters import PARAMETER_PARTS
from batch_ops.spec.schema import FILE, schema, text
from batch_ops.spec.vocabulary import SECTIONS
from batch_ops_tests.support import accounts, things
from batch_ops_tests.support.document import blocks, entity_file
from batch_ops_tests.support.examples import CUSTOMERS, ORDERS, with_example
from batch_ops_tests.support.mutate import definition_folders
from batch_ops_tests.support.schema import complaints
from batch_ops_tests.unit.spec.declare import IMPORT, text_of

if TYPE_CHECKING:
    from pathlib import Path


def files() -> list[Path]:
    """Every entity file of the repository."""
    return [path for folder in definition_folders() for path in declaration_files(folder)]


def test_the_file_in_the_package_is_the_schema_of_today():
    """Stale? `make reference` writes it anew."""
    assert FILE.read_text() == text()


@pytest.mark.parametrize("path", files(), ids=lambda path: path.name)
def test_every_entity_file_of_the_repository_fits(path):
    assert complaints(path.read_text()) == []


USER = "name: user\nfields: {id: uuid, status: string}\n"
BASE = "operation: extend\noperation_type: update\nupdate_data: {status: seen}\n"
BLOCKS = [entity_file(block, USER, BASE) for block in blocks()]


@pytest.mark.parametrize("block", range(len(BLOCKS)))
def test_every_block_of_the_specql_document_fits(block):
    assert complaints(BLOCKS[block]) == []


@pytest.mark.parametrize("text", [accounts.ACCOUNTS, things.DECLARATION])
def test_what_the_tests_declare_fits(text):
    assert complaints(text) == []


WRONG = [
    ("bach_size: 10", ""),
    ("batch_size: many", ""),
    ("batch_size: 0", ""),
    ("batch_size: 1.5", ""),
    ("batch_size: true", ""),
    ("max_workers: 65", ""),
    ("parallel: 1", ""),
    ("depends_on: a", ""),
    ("output: a", ""),
    ("key: id", ""),
    ("description: 3", ""),
    ("error_handling: continue", ""),
    ("max_errors: many", ""),
    ("timeout: 30", ""),
    ("retry: {max_retry: 3}", ""),
    ("retry: {max_retries: -1}", ""),
    ("throttle: {}", ""),
    ("schedule: {timezone: UTC}", ""),
    ("sensor: {pattern: '*.csv'}", ""),
    ("parameters: {a: strng}", ""),
    ("parameters: {a: {typ: text}}", ""),
    ("parameters: {a-b: text}", ""),
    ("preconditions: [{rows: 'a > 0'}]", ""),
    ("preconditions: [{type: expectation}]", ""),
    ("preconditions: 'COUNT(*) > 0'", ""),
    ("where_condition: 3", ""),
    ("where_condition: ''", ""),
    ("insert_data: {id: 1}", ""),
    ("select_fields: [id]", ""),
    ("function: f", ""),
    ("csv_delimiter: ';'", ""),
    ("steps: [{name: a, operation_type: delete}]", ""),
    ("csv_delimiter: ab", IMPORT),
    ("update_data: {status: x}", IMPORT),
    ("validation_rules: 'price > 0'", IMPORT),
    ("field_mapping: [id]", IMPORT),
    ("on_conflict: ignore", IMPORT),
    ("", "operation_type: update\n"),
    ("", "operation_type: updat\nupdate_data: {status: x}\n"),
    ("", "operation_type: insert\n"),
    ("", "operation_type: custom_function\n"),
    ("", "data_source: cvs_file\n"),
    ("", 'data_source: table\nsource_path: customers\ncsv_quote: "\'"\n'),
    ("", "steps: []\n"),
    ("", "steps: [{operation_type: delete}]\n"),
    ("", "steps: [{name: a, operation_type: delete, timeout: 1h}]\n"),
    ("", "steps: [{name: a, operation_type: delete, once: true}]\n"),
    ("", "steps: [{name: class, operation_type: delete}]\n"),
    ("batch_size: 10", "description: x\n"),
]


@pytest.mark.parametrize(("options", "work"), WRONG)
def test_what_is_plainly_wrong_is_refused_by_schema_and_loader_alike(options, work):
    declared = text_of(options, work) if work else text_of(options)
    assert complaints(declared)
    with pytest.raises(UsageError):
        Catalog.from_texts({"customers.yaml": CUSTOMERS, "orders.yaml": declared})


@pytest.mark.parametrize(
    "text",
    [
        "fields: {id: integer}\n",
        "name: a\n",
        "name: a\nfields: {}\n",
        "name: a\nfields: {id: interger}\n",
        "name: a\nfields: {id: {nullable: true}}\n",
        "name: a\nfields: {id: {type: integer, null: true}}\n",
        "name: a\nfields: {i-d: integer}\n",
        "name: a b\nfields: {id: integer}\n",
        "name: a\nfields: {id: integer}\nbatch_size: 3\n",
        "name: a\nfields: {id: integer}\npatterns: {name: batch_operations}\n",
        "name: a\nfields: {id: integer}\nexpires: {column: id}\n",
        "name: a\nfields: {id: 'string(a)'}\n",
        "name: a\nfields: {id: 'integer(4)'}\n",
        "- name: a\n",
    ],
)
def test_wrong_entities_are_refused_by_schema_and_loader_alike(text):
    assert complaints(text)
    with pytest.raises(UsageError):
        Catalog.from_texts({"a.yaml": text})


@pytest.mark.parametrize("spelled", [*TYPES, "VARCHAR(20)", " Decimal ( 10 , 2 ) ", "money(8)"])
def test_every_way_to_write_a_type_fits(spelled):
    declared = f"name: a\nfields: {{id: '{spelled}'}}\n"
    assert complaints(declared) == []
    assert Catalog.from_texts({"a.yaml": declared}).entity("a").columns == ("id",)


def test_the_parts_of_fields_and_parameters_are_those_the_loader_knows():
    definitions = schema()["definitions"]
    assert tuple(definitions["field"]["anyOf"][1]["properties"]) == FIELD_PARTS
    shape = definitions["parameters"]["additionalProperties"]["anyOf"][1]
    assert tuple(shape["properties"]) == PARAMETER_PARTS


EXISTING = [option for option in OPTIONS.values() if option.form is not None]


@pytest.mark.parametrize("option", EXISTING, ids=lambda option: option.name)
def test_every_option_is_told_with_an_example_that_loads_and_fits(option: Option):
    assert 20 <= len(option.meaning) <= 190, option.meaning
    assert option.meaning.endswith(".")
    assert (option.default is None) == bool(option.otherwise)
    declared = with_example(option)
    assert complaints(declared) == []
    catalog = Catalog.from_texts({"customers.yaml": CUSTOMERS, "orders.yaml": declared})
    assert catalog.entity("orders")


DEFAULTS = [option for option in EXISTING if option.default is not None]


@pytest.mark.parametrize("option", DEFAULTS, ids=lambda option: option.name)
def test_a_default_says_the_same_as_leaving_the_option_out(option: Option):
    written = json.dumps(option.default)
    catalogs = [
        Catalog.from_texts({"customers.yaml": CUSTOMERS, "orders.yaml": declared})
        for declared in (
            with_example(option, f"{option.name}: {written}"),
            with_example(option, ""),
        )
    ]
    one, other = (catalog.entities["orders"] for catalog in catalogs)
    named = {"log_table", "metrics_table"}  # left out is None: the journal's own, of that name
    assert one == other or option.name in named


def test_every_option_stands_in_one_section_and_one_time():
    named = [option.name for section in SECTIONS.values() for option in section]
    assert len(named) == len(set(named)) == len(OPTIONS)
    assert {place for option in OPTIONS.values() for place in option.places} == set(Place)


def test_the_entity_of_the_examples_fits():
    assert complaints(ORDERS) == []
