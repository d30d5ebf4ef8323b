"""The same records give the same rows, whatever they stand in: memory, JSON, JSON lines or CSV."""

from __future__ import annotations

import csv
import io
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from batch_ops.database.choice import dialect_for
from batch_ops.database.tables import Column, Table
from batch_ops.sources import open_source
from batch_ops.sources.json_values import Digits, as_json
from batch_ops.spec.model import CsvSource, Entity, FieldType, FileFormat, RecordFile, RowsSource
from batch_ops_tests.support.loading import value

if TYPE_CHECKING:
    from pathlib import Path

    from batch_ops.spec.model import Stream

NULL = "\\N"
NAMES = ("id", "word", "amount", "flag", "more")
TABLE = Table(
    "t",
    None,
    (
        Column("id", "BIGINT", FieldType.BIGINT),
        Column("word", "TEXT", FieldType.TEXT),
        Column("amount", "NUMERIC", FieldType.DECIMAL),
        Column("flag", "BOOLEAN", FieldType.BOOLEAN),
        Column("more", "TEXT", FieldType.TEXT),
    ),
    (),
)
ENTITY = Entity("t", "t", ())
WORDS = st.text(
    st.one_of(
        st.sampled_from(list("a\",\n\r\t \\;'\x01\x1f\x7f\u2028\ufeff")),
        st.characters(exclude_categories=["Cs"], exclude_characters="\0"),
    ),
    max_size=8,
).filter(lambda text: text != NULL)
FIELDS: dict[str, st.SearchStrategy[Any]] = {
    "id": st.integers(),
    "word": WORDS,
    "amount": st.decimals(allow_nan=False, allow_infinity=False),
    "flag": st.booleans(),
    "more": st.recursive(
        st.one_of(st.none(), st.booleans(), st.integers(-(2**63), 2**63 - 1), WORDS),
        lambda inner: st.one_of(
            st.lists(inner, max_size=3), st.dictionaries(WORDS, inner, max_size=3)
        ),
        max_leaves=5,
    ).filter(lambda value: isinstance(value, dict | list)),
}
RECORDS = st.lists(
    st.fixed_dictionaries(
        {}, optional={name: st.one_of(st.none(), field) for name, field in FIELDS.items()}
    ),
    max_size=12,
)


def written(record: Any) -> Any:
    """A record as JSON has it: numbers as they are written."""
    if isinstance(record, dict):
        return {name: written(value) for name, value in record.items()}
    if isinstance(record, list):
        return [written(value) for value in record]
    number = isinstance(record, int | Decimal) and not isinstance(record, bool)
    return Digits(record) if number else record


def as_fields(record: dict[str, Any]) -> list[str]:
    return [NULL if record.get(name) is None else _field(record[name]) for name in NAMES]


def _field(value: Any) -> str:
    return value if isinstance(value, str) else as_json(written(value))


def rows_of(declared: Stream, folder: Path, **more: Any) -> list[list[str | None]]:
    dialect = dialect_for("postgresql")
    given = {"folder": folder, "parameters": {}, "dialect": dialect, **more}
    source = open_source(declared, TABLE, ENTITY, [], **given)
    plan = source.scan(5)
    found: list[list[str | None]] = []
    for part in plan.ranges:
        with source.batches(part.start, part.end, 3) as batches:
            for batch in batches:
                assert batch.rejects == ()
                ordinals = sorted([*batch.records.good, *batch.records.suspects])
                texts = [list(row) for row in batch.records.texts(ordinals)]
                targets = source.layout.targets
                found += [_by_name(targets, row) for row in texts]
    assert len(found) == plan.rows
    return found


def _by_name(targets: tuple[str, ...], row: list[str | None]) -> list[str | None]:
    by_name = dict(zip(targets, row, strict=True))
    return [by_name.get(name) for name in NAMES]


def write_all(folder: Path, records: list[dict[str, Any]]) -> None:
    """The records in files of all forms."""
    lines = [as_json(written(record)) for record in records]
    (folder / "in.jsonl").write_text("\n".join(lines), newline="")
    (folder / "in.json").write_text("[" + ",".join(lines) + "]", newline="")
    stream = io.StringIO(newline="")
    csv.writer(stream, quoting=csv.QUOTE_ALL).writerows([NAMES, *map(as_fields, records)])
    (folder / "in.csv").write_text(stream.getvalue(), newline="")


@pytest.mark.parametrize("composed", [False, True])
@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(records=RECORDS)
@pytest.mark.slow
def test_the_same_records_give_the_same_rows(tmp_path, composed, records):
    records = [dict.fromkeys(NAMES), *records]  # each field is one that some record has
    write_all(tmp_path, records)
    more = {"values": {name: value(f":r.{name}") for name in NAMES}} if composed else {}
    expected = [
        [None if text == NULL else text for text in as_fields(record)] for record in records
    ]
    in_memory = {"parameters": {"items": records}, **more}
    assert rows_of(RowsSource("items"), tmp_path, **in_memory) == expected
    assert rows_of(CsvSource("in.csv", null_values=(NULL,)), tmp_path, **more) == expected
    for kind in (FileFormat.JSON, FileFormat.JSONL):
        assert rows_of(RecordFile(kind, f"in.{kind}"), tmp_path, **more) == expected
