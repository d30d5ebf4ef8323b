"""The screen: judges a batch's records all at once, in DuckDB. It never changes a value."""

from __future__ import annotations

import itertools
import queue
import tempfile
import weakref
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from batch_ops.errors import EngineFault
from batch_ops.sources.judge import judged
from batch_ops.sources.spool import OPEN_FILES

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import duckdb
    from numpy.typing import NDArray

    from batch_ops.database.dialect import Dialect
    from batch_ops.database.load import Layout
    from batch_ops.database.tables import Table
    from batch_ops.sources.normal import Normal
    from batch_ops.sources.rules import RowRule

    Hashes = np.ma.MaskedArray[Any, np.dtype[np.uint64]]

MEMORY_LIMIT = "256MB"
GOOD, SUSPECT, FIRST_RULE = 0, 1, 2
_NO_NULL = "\x01"
_LONG_LINE = 1 << 20
_PREPARED = "batch_ops_question"


@dataclass(frozen=True, slots=True)
class Verdict:
    """Per record of a batch.

    Attributes:
        state: GOOD, SUSPECT, or FIRST_RULE + the place of the first rule it breaks.
        nulls: bit n is set when a field is the n-th NULL text.
        duplicates: places of records that repeat a unique key of an earlier one.
        keys: per unique group the hash of its key; masked where a part of it is NULL.
    """

    state: NDArray[np.uint16]
    nulls: NDArray[np.uint64]
    duplicates: NDArray[np.int64]
    keys: Sequence[Hashes] = ()


class Screen:
    """Judges batches of one source for one table. Belongs to one thread."""

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        file: IO[bytes],
        question: tuple[str, str],
        layout: Layout,
        groups: int,
    ) -> None:
        self._connection = connection
        self._file = file
        self._question = question
        self._layout = layout
        self._groups = groups
        self._prepared = False

    def judge(self, normals: Sequence[Normal]) -> list[Verdict]:
        """Judge the records of some batches with one question; a verdict for each batch."""
        ends = np.cumsum([normal.ordinals.size for normal in normals])
        if not ends[-1]:
            return [_nothing() for _ in normals]
        self._file.seek(0)
        self._file.truncate()
        self._file.writelines(normal.data for normal in normals)
        self._file.flush()
        longest = max(int(np.diff(normal.offsets).max(initial=0)) for normal in normals)
        answer = self._connection.execute(self._statement(longest)).fetchnumpy()
        state = np.asarray(answer["state"], dtype=np.uint16)
        if state.size != ends[-1]:
            raise EngineFault(
                f"The screen read {state.size} records where {ends[-1]} were cut.",
                todo="Please report it, with the file if you may.",
            )
        nulls = np.asarray(answer["nulls"], dtype=np.uint64)
        keys = [np.ma.asarray(answer[f"key_{place}"]) for place in range(self._groups)]
        parts = itertools.pairwise([0, *ends.tolist()])
        return [_verdict(state[a:b], nulls[a:b], [key[a:b] for key in keys]) for a, b in parts]

    def _statement(self, longest: int) -> str:
        """What to execute; planned once for records of usual length."""
        usual = longest < _LONG_LINE
        if usual and self._prepared:
            return f"EXECUTE {_PREPARED}"
        source = _read_csv(self._file, self._layout, _LONG_LINE if usual else longest + 16)
        statement = source.join(self._question)
        if usual:
            self._connection.execute(f"PREPARE {_PREPARED} AS {statement}")
            self._prepared = True
        return statement


def _nothing() -> Verdict:
    none = np.zeros(0)
    return Verdict(none.astype(np.uint16), none.astype(np.uint64), none.astype(np.int64))


def _verdict(
    state: NDArray[np.uint16],
    nulls: NDArray[np.uint64],
    keys: Sequence[Hashes],
) -> Verdict:
    repeated = _repeated(keys, state)
    state[repeated] = SUSPECT
    return Verdict(state, nulls, repeated, keys)


def _repeated(keys: Sequence[Hashes], state: NDArray[np.uint16]) -> NDArray[np.int64]:
    """The records whose key an earlier record of the batch has; refused ones have no say."""
    found = np.zeros(state.size, dtype=np.bool_)
    for hashes in keys:
        there = ~np.ma.getmaskarray(hashes) & (state < FIRST_RULE)
        places = np.flatnonzero(there)
        values = np.ma.getdata(hashes)[there]
        ordered = np.sort(values)
        if not (ordered[1:] == ordered[:-1]).any():
            continue
        order = np.argsort(values, kind="stable")
        equal = values[order][1:] == values[order][:-1]
        found[places[order[1:][equal]]] = True
    return np.flatnonzero(found)


def _read_csv(file: IO[bytes], layout: Layout, line: int) -> str:
    columns = ", ".join(f"'bo_f{place}': 'VARCHAR'" for place in range(len(layout.targets)))
    null = layout.null_values[0] if len(layout.null_values) == 1 else _NO_NULL
    return (
        f"read_csv('{OPEN_FILES}/{file.fileno()}', columns={{{columns}}},"
        " header=false, auto_detect=false,"
        f" delim={_text(layout.delimiter)}, quote={_text(layout.quote)},"
        f" escape={_text(layout.quote)}, nullstr={_text(null)}, new_line='\\n',"
        f" parallel=false, max_line_size={line}, buffer_size={2 * line})"
    )


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


class Screens:
    """Screens for one source, each with a connection and a file of its own.

    A screen that was given back is used again: making one takes longer than judging a batch.
    """

    def __init__(
        self, table: Table, layout: Layout, rules: Sequence[RowRule], dialect: Dialect
    ) -> None:
        groups = usable_groups(table, layout)
        self._layout = layout
        self._groups = len(groups)
        screened = [rule.screen for rule in rules]
        self._question = _question(table, layout, screened, dialect, groups)
        self._all_suspect = _question(table, layout, [None], dialect, groups)
        self._idle: queue.SimpleQueue[Screen] = queue.SimpleQueue()

    @contextmanager
    def one(self) -> Iterator[Screen]:
        """A screen for the calling thread alone."""
        try:
            screen = self._idle.get_nowait()
        except queue.Empty:
            screen = self._made()
        yield screen
        self._idle.put(screen)

    def _made(self) -> Screen:
        file = tempfile.TemporaryFile(prefix="batch_ops_")  # noqa: SIM115  (as long as the screen)
        connection = connect()
        question = self._understood(connection, file)
        screen = Screen(connection, file, question, self._layout, self._groups)
        weakref.finalize(screen, file.close)
        return screen

    def _understood(
        self, connection: duckdb.DuckDBPyConnection, file: IO[bytes]
    ) -> tuple[str, str]:
        """The question; where the screen does not understand a rule, the database judges all."""
        import duckdb

        source = _read_csv(file, self._layout, _LONG_LINE)
        try:
            connection.execute(f"EXPLAIN {source.join(self._question)}")
        except duckdb.Error:
            return self._all_suspect
        return self._question


def connect() -> duckdb.DuckDBPyConnection:
    """A DuckDB in memory with one thread, in UTC, that writes no files and asks nobody for
    extensions.
    """
    import duckdb

    settings: dict[str, str | bool | int | float | list[str]] = {
        "threads": 1,
        "memory_limit": MEMORY_LIMIT,
        "temp_directory": "",
        "autoinstall_known_extensions": False,
    }
    connection = duckdb.connect(":memory:", config=settings)
    connection.execute("SET TimeZone = 'UTC'")
    return connection


def usable_groups(table: Table, layout: Layout) -> list[tuple[str, ...]]:
    """The unique groups the source gives whole."""
    given = set(layout.targets)
    return [group for group in table.unique if given.issuperset(group)]


def _question(
    table: Table,
    layout: Layout,
    rules: Sequence[str | None],
    dialect: Dialect,
    groups: Sequence[tuple[str, ...]],
) -> tuple[str, str]:
    """One SELECT that judges every record: what stands before the records, and what behind.

    Of each field there are the field itself (bo_f), its text or NULL (bo_t) and its value (bo_v),
    numbered; the table's own names do not occur.
    """
    places = range(len(layout.targets))
    columns = [table.column(name) for name in layout.targets]
    found = [judged(dialect, column, f"bo_t{place}") for place, column in enumerate(columns)]
    texts = ", ".join(f"{_null_or_text(f'bo_f{n}', layout)} AS bo_t{n}" for n in places)
    values = ", ".join(f"{one.typed} AS bo_v{n}" for n, one in enumerate(found))
    sure = " AND ".join(
        f"CASE WHEN bo_t{n} IS NULL THEN {column.nullable} ELSE COALESCE({one.sure}, FALSE) END"
        for n, (one, column) in enumerate(zip(found, columns, strict=True))
    )
    parts = [f"{_state(sure, rules)} AS state", f"{_null_bits(layout)} AS nulls"]
    for number, group in enumerate(groups):
        parts.append(f"{_hash([layout.targets.index(name) for name in group])} AS key_{number}")
    head = f"SELECT {', '.join(parts)} FROM (SELECT *, {values} FROM (SELECT *, {texts} FROM "
    return head, "))"


def _null_or_text(name: str, layout: Layout) -> str:
    if len(layout.null_values) < 2:  # the screen's own reader knows one NULL text
        return name
    nulls = ", ".join(_text(value) for value in layout.null_values)
    return f"CASE WHEN {name} IN ({nulls}) THEN NULL ELSE {name} END"


def _null_bits(layout: Layout) -> str:
    fields = [f"bo_f{place}" for place in range(len(layout.targets))]
    if len(layout.null_values) == 1:
        return f"({' OR '.join(f'{name} IS NULL' for name in fields)})::UBIGINT"
    bits = [
        f"CASE WHEN {_text(value)} IN ({', '.join(fields)}) THEN {1 << place} ELSE 0 END"
        for place, value in enumerate(layout.null_values)
    ]
    return f"({' + '.join(bits)})::UBIGINT" if bits else "0::UBIGINT"


def _state(sure: str, rules: Sequence[str | None]) -> str:
    if None in rules:
        return f"{SUSPECT}::USMALLINT"
    broken = "".join(
        f" WHEN TRY({rule}) IS NOT TRUE THEN {FIRST_RULE + place}"
        for place, rule in enumerate(rules)
    )
    return f"(CASE WHEN NOT ({sure}) THEN {SUSPECT}{broken} ELSE {GOOD} END)::USMALLINT"


def _hash(places: Sequence[int]) -> str:
    missing = " OR ".join(f"bo_v{place} IS NULL" for place in places)
    values = ", ".join(f"bo_v{place}" for place in places)
    return f"CASE WHEN {missing} THEN NULL ELSE hash({values}) END"
