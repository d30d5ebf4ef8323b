"""Chunks and batches cover every qualifying row exactly once, whatever the key is made of."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from batch_ops.database import ddl
from batch_ops.engine import RunOptions, begin
from batch_ops.planning.chunks import MAX_CHUNKS
from batch_ops.results import Counts, Status
from batch_ops_tests.support import accounts

if TYPE_CHECKING:
    from pathlib import Path

    from batch_ops.engine import Project

TEXTS = st.text(
    alphabet=st.sampled_from(list("aAbB zZ09_'\"\\:;%-éßÅ漢\U0001f600\n\t")), min_size=0, max_size=6
)
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "bigint": st.integers(-(2**62), 2**62),
    "text": TEXTS,
    "decimal(20,4)": st.decimals(-(10**9), 10**9, places=4),
    "timestamp": st.datetimes(datetime(1970, 1, 1), datetime(2200, 1, 1)),  # noqa: DTZ001
    "uuid": st.uuids(),
    "date": st.dates(),
}
KEYS = [
    ("bigint",),
    ("text",),
    ("uuid",),
    ("timestamp",),
    ("decimal(20,4)", "text"),
    ("text", "timestamp"),
    ("date", "bigint", "text"),
]


def declaration(types: tuple[str, ...], chunk_rows: int) -> str:
    names = [f"k{i}" for i in range(len(types))]
    fields = ", ".join(f"{n}: '{t}'" for n, t in zip(names, types, strict=True))
    return f"""
name: things
create_table: true
key: [{", ".join(names)}]
fields: {{{fields}, number: bigint, touched: integer}}
patterns:
  - name: batch_operations
    operation: touch
    operation_type: update
    update_data: {{touched: {{sql: "touched + 1"}}}}
    where_condition: "number % 3 <> 0"
    chunk_rows: {chunk_rows}
"""


def value(project: Project, item: Any) -> Any:
    """The value as the database's driver takes it."""
    if isinstance(item, datetime):
        return project.database().dialect.moment(item.replace(tzinfo=UTC))
    zones = project.database().dialect.capabilities.zones
    if isinstance(item, Decimal):
        return item if zones else float(item)
    return item if zones or isinstance(item, int | str) else str(item)


@pytest.mark.parametrize("types", KEYS, ids="-".join)
@settings(
    max_examples=6,
    deadline=None,
    derandomize=True,
    phases=[Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(data=st.data())
@pytest.mark.quick("postgresql-timestamp", "postgresql-uuid", "sqlite-text")
def test_every_qualifying_row_is_done_exactly_once(
    types: tuple[str, ...],
    data: st.DataObject,
    tmp_path: Path,
    database_url: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("BATCH_OPS_DATABASE_URL", database_url)
    strategy = st.tuples(*(VALUES[name] for name in types))
    keys = data.draw(st.lists(strategy, unique=True, min_size=0, max_size=150))
    size = data.draw(st.integers(1, 60))
    chunk_rows = data.draw(st.integers(1, 60))
    lanes = data.draw(st.integers(1, 3))
    project = accounts.project(tmp_path, database_url, declaration(types, chunk_rows))
    stored = fill(project, keys)
    qualifying = [number for number in stored if number % 3]
    execution = begin(project, "touch", options=RunOptions(batch_size=size, max_workers=lanes))
    chunks = execution.plan_step("update")
    assert 1 <= len(chunks) <= MAX_CHUNKS
    assert sum(chunk.rows for chunk in chunks) == len(qualifying)
    execution.run_step("update")
    execution.finish_step("update")
    result = execution.finish()
    assert result.status is Status.COMPLETED
    assert result.counts == Counts(total=len(qualifying), updated=len(qualifying))
    rows = accounts.query(project.database(), "SELECT number, touched FROM things")
    assert dict(rows) == {number: int(number % 3 != 0) for number in stored}
    batches = accounts.query(
        project.database(), "SELECT max(total) FROM batch_operation_logs WHERE total > 0"
    )
    assert (batches[0][0] or 0) <= size
    drop(project)


def fill(project: Project, keys: list[tuple[Any, ...]]) -> list[int]:
    """A table with these keys; the numbers of the rows the database took as distinct."""
    entity = project.catalog.entity("things")
    ddl.ensure_table(project.database(), entity, project.catalog.entities)
    marks = ", ".join(f":k{i}" for i in range(len(entity.key)))
    insert = text(f"INSERT INTO things VALUES ({marks}, :number, 0) ON CONFLICT DO NOTHING")
    with project.database().writing() as connection:
        for number, key in enumerate(keys):
            bound = {f"k{i}": value(project, item) for i, item in enumerate(key)}
            connection.execute(insert, bound | {"number": number})
    return [n for (n,) in accounts.query(project.database(), "SELECT number FROM things")]


def drop(project: Project) -> None:
    """Back to an empty database, for the next example."""
    tables = itertools.chain(
        ["things"], [t.name for t in project.journal().tables.metadata.tables.values()]
    )
    accounts.execute(project.database(), [f"DROP TABLE IF EXISTS {name}" for name in tables])
    project.dispose()
