"""The table of things in a database, and whether a call told what it did."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel
from sqlalchemy import create_engine, event, text
from sqlalchemy.orm import Session

from batch_ops import BatchTable
from batch_ops.errors import BatchOperationError, BatchValidationError
from batch_ops_tests.support.bulk_calls import Bind
from batch_ops_tests.support.bulk_model import DONE, Judged
from batch_ops_tests.support.bulk_values import COLLATE, COLUMNS, DATETIME, TABLES
from batch_ops_tests.support.loading import database_with

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from batch_ops.bulk import BatchResult, FailedRow
    from batch_ops_tests.support.bulk_calls import Options
    from batch_ops_tests.support.bulk_model import Kept, Model, RefusedError, Told

CENT = Decimal("0.01")


class World:
    """A database with the tables.

    Attributes:
        lanes: how many connections a call may use.
        mysql: whether it is MySQL or MariaDB, which do not always name the column they blame.
        calls: how many were given something.
    """

    calls = 0

    def __init__(self, url: str) -> None:
        kind = url.partition(":")[0].partition("+")[0]
        words = {"datetime": DATETIME[kind], "collate": COLLATE.get(kind, "")}
        self._database = database_with(url, *(table.format(**words) for table in TABLES))
        self.lanes = 2 if kind == "sqlite" else 3
        self.mysql = kind == "mysql"
        self._engine = create_engine(url)
        if kind == "sqlite":
            event.listen(self._engine, "connect", _judge_parents)
        self._connection, self._session = self._engine.connect(), Session(self._engine)
        binds: tuple[Any, ...] = (url, self._engine, self._connection, self._session)
        self._tables: dict[tuple[Bind, bool, bool], BatchTable[Any]] = {
            (bind, judged, counting): BatchTable(
                given,
                "things",
                schema=Judged if judged else None,
                soft_delete="gone",
                version="version" if counting else None,
            )
            for bind, given in zip(Bind, binds, strict=True)
            for judged in (False, True)
            for counting in (False, True)
        }

    def table(self, options: Options) -> BatchTable[Any]:
        """The table, with a schema or without, with a version or without, by any kind of bind."""
        return self._tables[options.bind, options.judged, options.counting]

    def commit(self) -> None:
        """End the transactions in which calls have taken part."""
        self._connection.commit()
        self._session.commit()

    def empty(self) -> None:
        """Remove all rows but the parents."""
        self._execute("DELETE FROM children")
        self._execute("DELETE FROM things")

    def put(self, model: Model) -> None:
        """Put the model's rows into the table, which is empty."""
        names = ", ".join(COLUMNS)
        values = ", ".join(f":{name}" for name in COLUMNS)
        for row in model.rows.values():
            self._execute(f"INSERT INTO things ({names}) VALUES ({values})", row)

    def add_child(self, child: int, key: tuple[int, str]) -> None:
        """A row that refers to a thing."""
        values = {"id": child, "number": key[0], "word": key[1]}
        self._execute("INSERT INTO children VALUES (:id, :number, :word)", values)

    def holds(self, model: Model) -> None:
        """See to it that the tables hold what the model does."""
        names = ", ".join(COLUMNS)
        with self._database.reading() as connection:
            rows = connection.execute(text(f"SELECT {names} FROM things")).mappings().all()
            children = connection.execute(text("SELECT id, number, word FROM children")).all()
        _same(_sorted(map(plain, rows)), _sorted(map(plain, model.rows.values())))
        _same({one: (number, word) for one, number, word in children}, model.children)

    def dispose(self) -> None:
        """Close all connections."""
        for table in self._tables.values():
            table.close()
        self._connection.close()
        self._session.close()
        self._engine.dispose()
        self._database.dispose()

    def _execute(self, statement: str, values: dict[str, Any] | None = None) -> None:
        with self._database.writing() as connection:
            connection.execute(text(statement), values or {})


def _judge_parents(connection: Any, _record: object) -> None:
    connection.execute("PRAGMA foreign_keys = ON")


def plain(row: Any) -> Kept:
    """A row in a form that is the same whoever gives it. Of a model what was read, for what was
    not has the model's defaults.
    """
    given = row
    if isinstance(row, BaseModel):
        given = {name: getattr(row, name) for name in row.model_fields_set}
    return {name: _plain(name, value) for name, value in given.items()}


def _plain(name: str, value: Any) -> Any:
    if name == "gone":
        return value is not None
    if name == "price" and value is not None:
        return Decimal(str(value)).quantize(CENT)
    if name in ("at", "touched") and value is not None:
        read = value if isinstance(value, datetime) else datetime.fromisoformat(value)
        return read.astimezone(UTC).replace(tzinfo=None) if read.tzinfo else read
    return value


def _sorted(rows: Any) -> list[Kept]:
    return sorted(rows, key=lambda row: (row["number"], row["word"]))


def outcome(call: Callable[[], BatchResult[Any]]) -> tuple[BatchResult[Any], Exception | None]:
    """The result of a call, also where it raises, and what it raised."""
    try:
        return call(), None
    except BatchOperationError as error:
        return error.result, error


def compare(result: BatchResult[Any], raised: Exception | None, told: Told, *, vague: bool) -> None:
    """See to it that a call told what the model does, the rows themselves aside."""
    counts = {name: count for name, count in result.stats.to_dict().items() if count}
    wanted = {**told.counts, "cascaded": told.cascaded}
    _same(counts, {name: count for name, count in wanted.items() if count})
    assert result.stats.reconciled
    assert (raised is not None) == told.raises, raised
    _same(result.committed, not told.undone)
    _same(result.cascaded, {"children": told.cascaded} if told.cascaded else {})
    _same([one.index for one in result.not_found], told.missing)
    _compare_failures(result.failed, told.refused, {None} if vague else set())
    invalid = any(one.outcome == "invalid" for one in told.refused.values())
    assert raised is None or isinstance(raised, BatchValidationError) == invalid


def _compare_failures(
    failed: Sequence[FailedRow], refused: Mapping[int, RefusedError], more: set[None]
) -> None:
    _same([row.index for row in failed], sorted(refused))
    for row in failed:
        wanted = refused[row.index].errors
        _same(sorted(e.code for e in row.errors), sorted(e.code for e in wanted))
        for error in row.errors:
            columns = [w.columns | more for w in wanted if w.code == error.code]
            assert any(error.field in some for some in columns), row


def compare_rows(result: BatchResult[Any], told: Told, options: Options) -> None:
    """See to it that a call gave the rows it changed, where it was asked to."""
    names = set(Judged.model_fields) if options.judged else set(COLUMNS)
    for name in DONE:
        wanted = [plain({n: row[n] for n in names}) for row in told.rows[name]]
        found = [plain(row) for row in getattr(result, name)]
        _same(_sorted(found), _sorted(wanted) if options.return_rows else [])


def _same(found: Any, wanted: Any) -> None:
    assert found == wanted, f"\nfound  {found}\nwanted {wanted}"
