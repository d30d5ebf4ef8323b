"""The recomputation is itself right, and sees one wrong cell among hundreds of thousands."""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from batch_ops_tests.support import recompute

if TYPE_CHECKING:
    from pathlib import Path


pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def right() -> recompute.Outcome:
    return recompute.expected()


@pytest.fixture(scope="module")
def settled(right: recompute.Outcome, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A SQLite file that holds exactly what the demo should leave."""
    file: Path = tmp_path_factory.mktemp("settled") / "database.db"
    url = f"sqlite:///{file}"
    flights = right.flights.assign(settled_at="2026-01-01 00:00:00").drop(columns="settled")
    keys = right.rejects[recompute.KEY].assign(
        time_hour=right.rejects["time_hour"].dt.strftime("%Y-%m-%dT%H:%M:%SZ")
    )
    rejects = right.rejects[["row_number"]].assign(
        record_key=[json.dumps(key) for key in keys.to_dict("records")]
    )
    engine = sa.create_engine(url)
    with engine.begin() as connection:
        flights.to_sql("flights", connection, index=False)
        rejects.to_sql("batch_operation_errors", connection, index=False)
        for table, key in recompute.OTHER_TABLES.items():
            recompute.read(f"{table}.csv")[[key]].to_sql(table, connection, index=False)
    engine.dispose()
    return url


def test_the_figures_are_those_of_the_year_2013(right: recompute.Outcome) -> None:
    assert len(right.flights) == 326_670
    assert right.flights["status"].value_counts().to_dict() == {
        "flown": 320_960,
        "cancelled": 5_710,
    }
    assert len(right.rejects) == 2_512
    assert not right.flights.duplicated(recompute.KEY).any()


@pytest.fixture(scope="module")
def found(settled: str) -> recompute.Outcome:
    return recompute.found(settled)


def test_equal_rows_are_found_equal(right: recompute.Outcome, found: recompute.Outcome) -> None:
    assert recompute.differences(right, found) == []


@pytest.mark.parametrize(
    ("table", "column", "wrong"),
    [
        ("flights", "status", "diverted"),
        ("flights", "air_time", 0),
        ("flights", "air_time", None),
        ("flights", "tailnum", "N0"),
        ("flights", "settled", 0),
        ("rejects", "row_number", 1),
        ("rejects", "flight", 0),
    ],
)
def test_one_wrong_cell_is_seen(
    right: recompute.Outcome, found: recompute.Outcome, table: str, column: str, wrong: object
) -> None:
    harmed = getattr(found, table).copy()
    harmed.loc[700, column] = wrong
    told = recompute.differences(right, dataclasses.replace(found, **{table: harmed}))
    assert [line.split(" cell")[0] for line in told] == [f"{table}.{column}: 1"]


def test_a_missing_row_is_seen(right: recompute.Outcome, found: recompute.Outcome) -> None:
    fewer = dataclasses.replace(
        found,
        flights=found.flights.drop(index=5),
        rejects=found.rejects.drop(index=5),
        keys=found.keys | {"planes": found.keys["planes"] - {"N10156"}},
    )
    assert recompute.differences(right, fewer) == [
        "flights: 326,669 rows, expected 326,670",
        "rejects: 2,511 rows, expected 2,512",
        "planes: 1 key(s) missing or too many",
    ]
