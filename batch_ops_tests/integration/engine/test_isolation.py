"""One bad row costs one row, whatever is wrong with it, whoever finds it, and whatever is done."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from batch_ops.engine import RunOptions, cancel, rejects_of, run
from batch_ops.results import Counts
from batch_ops_tests.support import accounts, badness
from batch_ops_tests.support.badness import BAD, COPY, DELETE, INSERT, KINDS, ROWS, UPDATE, UPSERT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from batch_ops.engine import Project
    from batch_ops.results import Result
    from batch_ops_tests.support.badness import Kind

TABLES = ("children", "items", "parents", "origin")
GOOD = sorted({*range(1, ROWS + 1)} - {*BAD})
EXISTED = [n for n in range(1, ROWS + 1) if n % 2]


@pytest.fixture(params=["sqlite", "postgresql", "mariadb"])
def url(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    found: str = request.getfixturevalue(f"{request.param}_url")
    monkeypatch.setenv("BATCH_OPS_DATABASE_URL", found)
    return found


@pytest.mark.parametrize("operation", [INSERT, UPDATE, DELETE, UPSERT, COPY])
@pytest.mark.quick("sqlite-insert", "postgresql-update")
def test_exactly_the_bad_rows_are_rejects(tmp_path: Path, url: str, operation: str) -> None:
    """Of each kind of badness there is: with row number, key, code, and the column to blame; all
    others are written, and the counters say so.
    """
    database = url.partition(":")[0].partition("+")[0]
    unlike = {}
    for name, kind in KINDS.items():
        if database in kind.databases and operation in kind.operations:
            found = outcome(tmp_path, url, kind, operation)
            wanted = expected(kind, database, operation)
            differing = {fact: (found[fact], wanted[fact]) for fact in found}
            differing = {fact: pair for fact, pair in differing.items() if pair[0] != pair[1]}
            unlike |= {name: differing} if differing else {}
    assert unlike == {}


def outcome(folder: Path, url: str, kind: Kind, operation: str) -> dict[str, Any]:
    """What comes of an operation in which some rows are bad."""
    (folder / "defs").mkdir(exist_ok=True)
    (folder / "defs" / "origin.yaml").write_text(badness.ORIGIN)
    project = accounts.project(folder, url, badness.declared(kind))
    database = project.database()
    for name in TABLES:
        accounts.execute(database, [f"DROP TABLE IF EXISTS {name}"])
    for statement in badness.world(kind, database.dialect.name, operation):
        accounts.execute(database, [statement])
    (folder / "items.csv").write_text(badness.csv(kind))
    result = run(project, operation, options=RunOptions(again=True))
    told = facts(project, result, kind)
    if not result.status.finished:
        cancel(project, result.execution_id)
    project.dispose()
    return told


def facts(project: Project, result: Result, kind: Kind) -> dict[str, Any]:
    column = kind.column or "name"
    found = accounts.query(
        project.database(), f"SELECT id, name, {column} FROM items WHERE id < 1000 ORDER BY id"
    )
    rejects = [
        (r.row, int((r.key or {})["id"]), r.code, r.column)
        for r in rejects_of(project, result.execution_id)
    ]
    return {
        "message": result.message,
        "counts": result.counts,
        "rejects": sorted(rejects, key=lambda told: told[1]),
        "keys": [row[0] for row in found],
        "changed": [row[0] for row in found if row[1] == "after"],
    }


def expected(kind: Kind, database: str, operation: str) -> dict[str, Any]:
    of_file, existed = operation in (INSERT, UPSERT), [n for n in EXISTED if n in GOOD]
    new = Counts(total=ROWS, created=len(GOOD), failed=len(BAD))
    code, blamed = kind.told(database, operation)
    return {
        "message": None,
        "counts": {
            INSERT: new,
            COPY: new,
            UPSERT: Counts(
                total=ROWS,
                created=len(GOOD) - len(existed),
                updated=len(existed),
                failed=len(BAD),
            ),
            UPDATE: Counts(total=ROWS, updated=len(GOOD), failed=len(BAD)),
            DELETE: Counts(total=ROWS, deleted=len(GOOD), failed=len(BAD)),
        }[operation],
        "rejects": [(n if of_file else None, n, code, blamed) for n in BAD],
        "keys": {
            INSERT: GOOD,
            COPY: GOOD,
            UPSERT: sorted({*GOOD, *EXISTED}),
            UPDATE: list(range(1, ROWS + 1)),
            DELETE: list(BAD),
        }[operation],
        "changed": GOOD if operation not in (UPDATE, DELETE) else [],
    }


BAD_BALANCE = """
name: accounts
key: id
fields: {id: integer, balance: integer}
patterns:
  - name: batch_operations
    operation: take
    operation_type: update
    update_data: {balance: {sql: "balance - 10"}}
    batch_size: 1000
"""


OVERFLOWING = """
name: accounts
key: [id]
fields: {id: integer, balance: integer}
patterns:
  - name: batch_operations
    operation: take
    operation_type: update
    update_data:
      balance: {sql: "CASE WHEN id % 2 = 0 THEN balance * 9000000000000000000 ELSE 40 END"}
    batch_size: 1000
"""


def test_many_values_out_of_range_of_one_batch_are_found_without_asking_for_each(
    tmp_path: Path, database_url: str
) -> None:
    """No query tells these: half of 1,000 rows are halved where the data is, and nobody else is
    refused with them.
    """
    project = accounts.project(tmp_path, database_url, OVERFLOWING)
    database = project.database()
    strict = "" if database.dialect.capabilities.zones else "STRICT"
    made = ", ".join(f"({n}, 50)" for n in range(1, 1001))
    accounts.execute(
        database,
        [
            f"CREATE TABLE accounts (id INTEGER PRIMARY KEY, balance INTEGER NOT NULL) {strict}",
            f"INSERT INTO accounts VALUES {made}",
        ],
    )
    sent: list[str] = []
    sa.event.listen(database.engine, "before_cursor_execute", lambda *one: sent.append(one[2]))
    result = run(project, "take")
    assert result.counts == Counts(total=1000, updated=500, failed=500)
    assert len(sent) < 200
    found = [r.key for r in rejects_of(project, result.execution_id)]
    assert found == [{"id": n} for n in range(2, 1001, 2)]
    left = accounts.query(database, "SELECT balance, count(*) FROM accounts GROUP BY balance")
    assert sorted(map(tuple, left)) == [(40, 500), (50, 500)]
    project.dispose()


def test_many_refused_rows_of_one_batch_are_found_without_asking_for_each(
    tmp_path: Path, database_url: str
) -> None:
    """Half of 1,000 rows break a check: they are rejects with their key, code and constraint, and
    no statement of the engine goes to the server for each of them.
    """
    project = accounts.project(tmp_path, database_url, BAD_BALANCE)
    database = project.database()
    check = "CONSTRAINT solvent CHECK (balance >= 0)"
    made = ", ".join(f"({n}, {50 if n % 2 else 5})" for n in range(1, 1001))
    accounts.execute(
        database,
        [
            f"CREATE TABLE accounts (id INTEGER PRIMARY KEY, balance INTEGER NOT NULL {check})",
            f"INSERT INTO accounts VALUES {made}",
        ],
    )
    sent: list[str] = []
    sa.event.listen(database.engine, "before_cursor_execute", lambda *one: sent.append(one[2]))
    result = run(project, "take")
    assert result.counts == Counts(total=1000, updated=500, failed=500)
    assert len(sent) < 200
    found = [(r.key, r.code) for r in rejects_of(project, result.execution_id)]
    assert found == [({"id": n}, "23514") for n in range(2, 1001, 2)]
    assert all("solvent" in r.message for r in rejects_of(project, result.execution_id))
    left = accounts.query(database, "SELECT balance, count(*) FROM accounts GROUP BY balance")
    assert sorted(map(tuple, left)) == [(5, 500), (40, 500)]
    project.dispose()
