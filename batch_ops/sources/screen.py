"""The screen: judges a batch's records all at once, in DuckDB. It never changes a value."""

from __future__ import annotations

import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from batch_ops.errors import EngineFault
from batch_ops.sources.judge import judged

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import duckdb
    from numpy.typing import NDArray

    from batch_ops.database.dialect import Dialect
    from batch_ops.database.load import Layout
    from batch_ops.database.tables import Table
    from batch_ops.sources.normal import Normal
    from batch_ops.sources.rules import RowRule

MEMORY_LIMIT = "256MB"
GOOD, SUSPECT, FIRST_RULE = 0, 1, 2
_NO_NULL = "\x01"
_LONG_LINE = 1 << 20


@dataclass(frozen=True, slots=True)
class Verdict:
    """Per record of a batch.

    Attributes:
        state: GOOD, SUSPECT, or FIRST_RULE + the place of the first rule it breaks.
        nulls: bit n is set when a field is the n-th NULL text.
        duplicates: places of records that repeat a unique key of an earlier one.
    """

    state: NDArray[np.uint8]
    nulls: NDArray[np.uint64]
    duplicates: NDArray[np.int64]


class Screen:
    """Judges batches of one source for one table. Belongs to one thread."""

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        file: Path,
        question: tuple[str, str],
        layout: Layout,
        groups: int,
    ) -> None:
        self._connection = connection
        self._file = file
        self._question = question
        self._layout = layout
        self._groups = groups

    def judge(self, normal: Normal) -> Verdict:
        """Judge the records."""
        rows = int(normal.ordinals.size)
        if not rows:
            none = np.zeros(0)
            return Verdict(none.astype(np.uint8), none.astype(np.uint64), none.astype(np.int64))
        self._file.write_bytes(normal.data)
        longest = int(np.diff(normal.offsets).max())
        source = _read_csv(self._file, self._layout, longest)
        answer = self._connection.execute(source.join(self._question)).fetchnumpy()
        state = np.asarray(answer["state"], dtype=np.uint8)
        if state.size != rows:
            raise EngineFault(
                f"The screen read {state.size} records where {rows} were cut.",
                todo="Please report it, with the file if you may.",
            )
        keys = [np.ma.asarray(answer[f"key_{place}"]) for place in range(self._groups)]
        repeated = _repeated(keys, state)
        state[repeated] = SUSPECT
        return Verdict(state, np.asarray(answer["nulls"], dtype=np.uint64), repeated)


def _repeated(
    keys: Sequence[np.ma.MaskedArray[Any, Any]], state: NDArray[np.uint8]
) -> NDArray[np.int64]:
    """The records whose key an earlier record of the batch has; refused ones have no say."""
    found = np.zeros(state.size, dtype=np.bool_)
    for hashes in keys:
        there = ~np.ma.getmaskarray(hashes) & (state < FIRST_RULE)
        places = np.flatnonzero(there)
        values = np.ma.getdata(hashes)[there]
        order = np.argsort(values, kind="stable")
        equal = values[order][1:] == values[order][:-1]
        found[places[order[1:][equal]]] = True
    return np.flatnonzero(found)


def _read_csv(file: Path, layout: Layout, longest: int) -> str:
    columns = ", ".join(f"'f{place}': 'VARCHAR'" for place in range(len(layout.targets)))
    line = max(_LONG_LINE, longest + 16)
    return (
        f"read_csv({_text(str(file))}, columns={{{columns}}}, header=false, auto_detect=false,"
        f" delim={_text(layout.delimiter)}, quote={_text(layout.quote)},"
        f" escape={_text(layout.quote)}, nullstr={_text(_NO_NULL)}, new_line='\\n',"
        f" parallel=false, max_line_size={line}, buffer_size={2 * line})"
    )


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def _name(value: str) -> str:
    return '"' + value.replace('"', '""') + '"'


@contextmanager
def open_screen(
    table: Table, layout: Layout, rules: Sequence[RowRule], dialect: Dialect
) -> Iterator[Screen]:
    """A screen with a connection and a private file of its own."""
    with tempfile.TemporaryDirectory(prefix="batch_ops_") as folder, connect(folder) as connection:
        groups = usable_groups(table, layout)
        question = _question(table, layout, rules, dialect, groups)
        yield Screen(connection, Path(folder) / "batch.csv", question, layout, len(groups))


@contextmanager
def connect(folder: str) -> Iterator[duckdb.DuckDBPyConnection]:
    """A DuckDB in memory with one thread, in UTC, that asks nobody for extensions."""
    import duckdb

    settings: dict[str, str | bool | int | float | list[str]] = {
        "threads": 1,
        "memory_limit": MEMORY_LIMIT,
        "temp_directory": folder,
        "autoinstall_known_extensions": False,
    }
    with duckdb.connect(":memory:", config=settings) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        yield connection


def usable_groups(table: Table, layout: Layout) -> list[tuple[str, ...]]:
    """The unique groups the source gives whole."""
    given = set(layout.targets)
    return [group for group in table.unique if given.issuperset(group)]


def _question(
    table: Table,
    layout: Layout,
    rules: Sequence[RowRule],
    dialect: Dialect,
    groups: Sequence[tuple[str, ...]],
) -> tuple[str, str]:
    """One SELECT that judges every record: what stands before the records, and what behind."""
    texts = [_null_or_text(f"f{place}", layout) for place in range(len(layout.targets))]
    columns = [table.column(name) for name in layout.targets]
    found = [judged(dialect, column, f"t{place}") for place, column in enumerate(columns)]
    as_text = ", ".join(f"{text} AS t{place}" for place, text in enumerate(texts))
    as_value = ", ".join(
        f"{one.typed} AS {_name(column.name)}" for one, column in zip(found, columns, strict=True)
    )
    sure = " AND ".join(
        f"CASE WHEN t{place} IS NULL THEN {column.nullable} ELSE COALESCE({one.sure}, FALSE) END"
        for place, (one, column) in enumerate(zip(found, columns, strict=True))
    )
    parts = [f"{_state(sure, rules)} AS state", f"{_null_bits(layout)} AS nulls"]
    parts += [f"{_hash(group)} AS key_{place}" for place, group in enumerate(groups)]
    head = f"SELECT {', '.join(parts)} FROM (SELECT *, {as_value} FROM (SELECT *, {as_text} FROM "
    return head, "))"


def _null_or_text(name: str, layout: Layout) -> str:
    if not layout.null_values:
        return name
    nulls = ", ".join(_text(value) for value in layout.null_values)
    return f"CASE WHEN {name} IN ({nulls}) THEN NULL ELSE {name} END"


def _null_bits(layout: Layout) -> str:
    fields = [f"f{place}" for place in range(len(layout.targets))]
    bits = [
        f"CASE WHEN {_text(value)} IN ({', '.join(fields)}) THEN {1 << place} ELSE 0 END"
        for place, value in enumerate(layout.null_values)
    ]
    return f"({' + '.join(bits)})::UBIGINT" if bits else "0::UBIGINT"


def _state(sure: str, rules: Sequence[RowRule]) -> str:
    if any(rule.screen is None for rule in rules):
        return f"{SUSPECT}::UTINYINT"
    broken = "".join(
        f" WHEN TRY({rule.screen}) IS NOT TRUE THEN {FIRST_RULE + place}"
        for place, rule in enumerate(rules)
    )
    return f"(CASE WHEN NOT ({sure}) THEN {SUSPECT}{broken} ELSE {GOOD} END)::UTINYINT"


def _hash(group: tuple[str, ...]) -> str:
    names = [_name(name) for name in group]
    missing = " OR ".join(f"{name} IS NULL" for name in names)
    return f"CASE WHEN {missing} THEN NULL ELSE hash({', '.join(names)}) END"
