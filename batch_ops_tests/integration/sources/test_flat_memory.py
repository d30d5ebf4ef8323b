"""Reading a file takes the same memory whatever its size, and a million records no long time."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import duckdb
import pytest

if TYPE_CHECKING:
    from pathlib import Path

FEW, MANY = 40_000, 400_000
GROWTH_MB = 25
SLOWEST = 10_000
"""Records a second; about 140,000 on an idle machine, of Parquet 800,000."""

READ = """
import sys, time, re, pathlib
from batch_ops.database.choice import dialect_for
from batch_ops.database.tables import Column, Table
from batch_ops.sources import open_source
from batch_ops.spec.model import CsvSource, Entity, FieldType, FileFormat, RecordFile
from batch_ops_tests.support.loading import value

kind, name, composed = sys.argv[1:]
names = ("id", "name", "note")
columns = tuple(Column(n, "TEXT", FieldType.TEXT) for n in names)
values = {n: value(f":r.{n}") for n in names} if composed == "composed" else {}
begun = time.perf_counter()
path = pathlib.Path(name)
declared = CsvSource(path.name) if kind == "csv" else RecordFile(FileFormat(kind), path.name)
source = open_source(
    declared, Table("t", None, columns, ()), Entity("t", "t", ()),
    [], folder=path.parent, parameters={}, dialect=dialect_for("postgresql"), values=values,
)
plan, rows = source.scan(50_000), 0
with source.batches(plan.ranges[0].start, plan.ranges[-1].end, 10_000) as batches:
    for batch in batches:
        rows += len(b"".join(batch.records.raw(batch.records.good))) and len(batch.records.good)
status = pathlib.Path("/proc/self/status").read_text()
peak = int(re.search(r"VmHWM:\\s+(\\d+) kB", status)[1]) / 1024
print(rows, peak, time.perf_counter() - begun)
"""


def write(path: Path, kind: str, records: int) -> None:
    record = {"name": "a name, as they are", "note": "x" * 60}
    if kind == "parquet":
        chosen = (
            f"SELECT range AS id, 'a name' AS name, repeat('x', 60) AS note FROM range({records})"
        )
        with duckdb.connect() as connection:
            connection.execute(f"COPY ({chosen}) TO '{path}' (FORMAT parquet)")
        return
    if kind == "csv":
        with path.open("w") as file:
            file.write("id,name,note\n")
            file.writelines(f'{n},"a name, as they are",{"x" * 60}\n' for n in range(records))
        return
    with path.open("w") as file:
        file.write("[" if kind == "json" else "")
        for number in range(records):
            separator = "," if kind == "json" and number else ""
            file.write(separator + json.dumps({"id": number, **record}) + "\n")
        file.write("]" if kind == "json" else "")


def read(path: Path, kind: str, composed: str) -> tuple[int, float, float]:
    """Rows, peak in MB, seconds."""
    command = [sys.executable, "-c", READ, kind, str(path), composed]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    rows, peak, seconds = done.stdout.split()
    return int(rows), float(peak), float(seconds)


@pytest.mark.skipif(sys.platform != "linux", reason="the peak is asked of Linux")
@pytest.mark.parametrize(
    ("kind", "composed"),
    [
        ("csv", "plain"),
        ("jsonl", "composed"),
        ("jsonl", "plain"),
        ("json", "plain"),
        ("parquet", "plain"),
    ],
)
@pytest.mark.quick("parquet")
def test_ten_times_the_records_take_no_more_memory(tmp_path, kind, composed):
    write(tmp_path / "few", kind, FEW)
    write(tmp_path / "many", kind, MANY)
    few_rows, few_peak, _ = read(tmp_path / "few", kind, composed)
    rows, peak, seconds = read(tmp_path / "many", kind, composed)
    assert (few_rows, rows) == (FEW, MANY)
    assert peak - few_peak < GROWTH_MB
    assert rows / seconds > SLOWEST
    print(f"{kind} {composed}: {few_peak:.0f} MB, {peak:.0f} MB, {rows / seconds:,.0f} records/s")
