"""Parquet files, read by DuckDB: their columns, and their records written down as CSV."""

from __future__ import annotations

import re
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING

from batch_ops.errors import SourceError
from batch_ops.sources.files import FileStore, readable
from batch_ops.sources.screen import connect
from batch_ops.sources.spool import OPEN_FILES
from batch_ops.sources.texts import NULL_TEXT
from batch_ops.spec.model import FieldType

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import duckdb

MEMORY_LIMIT = "512MB"
"""A file is read by its groups of rows, and these may be large."""
_NUMBER = re.compile(r"U?(?:TINY|SMALL|BIG|HUGE)?INT(?:EGER)?|FLOAT|DOUBLE|DECIMAL\(.*")
_NESTED = re.compile(r"STRUCT|MAP|UNION|.*\]")
_KINDS = {
    "BOOLEAN": FieldType.BOOLEAN,
    "DATE": FieldType.DATE,
    "TIMESTAMP": FieldType.TIMESTAMP,
    "TIMESTAMP WITH TIME ZONE": FieldType.TIMESTAMP,
}


@dataclass(frozen=True, slots=True)
class ParquetColumn:
    """A column, with the type DuckDB reads it as."""

    name: str
    type: str

    @property
    def kind(self) -> FieldType | None:
        """What its values are; None is text."""
        return FieldType.DECIMAL if _NUMBER.fullmatch(self.type) else _KINDS.get(self.type)

    @property
    def sql(self) -> str:
        """Its value as text, in DuckDB's SQL."""
        quoted = '"' + self.name.replace('"', '""') + '"'
        if self.type == "BLOB":
            return f"'\\x' || lower(hex({quoted}))"
        if _NESTED.match(self.type):
            return f"CAST(to_json({quoted}) AS VARCHAR)"
        if self.type == "VARCHAR":
            why = "a record holds the text that stands for NULL here"
            return f"CASE {quoted} WHEN '{NULL_TEXT}' THEN error('{why}') ELSE {quoted} END"
        return f"CAST({quoted} AS VARCHAR)"


def columns(store: FileStore) -> list[ParquetColumn]:
    """The columns of a file, in order.

    Raises:
        SourceError: it is no Parquet file.
    """
    with _reading(store) as (connection, source):
        rows = connection.execute(f"DESCRIBE SELECT * FROM {source}").fetchall()
    return [ParquetColumn(str(row[0]), str(row[1])) for row in rows]


def write(store: FileStore, of: Sequence[ParquetColumn], file: IO[bytes]) -> None:
    """Write the records as CSV, in the file's order."""
    chosen = ", ".join(column.sql for column in of)
    with _reading(store) as (connection, source):
        connection.execute(
            f"COPY (SELECT {chosen} FROM {source}) TO '{OPEN_FILES}/{file.fileno()}'"
            " (FORMAT csv, HEADER false, DELIMITER ',', QUOTE '\"', ESCAPE '\"',"
            f" NULLSTR '{NULL_TEXT}', USE_TMP_FILE false)"
        )


@contextmanager
def _reading(store: FileStore) -> Iterator[tuple[duckdb.DuckDBPyConnection, str]]:
    """A connection, and the file as a source of rows; its name is not looked for patterns in."""
    import duckdb

    with readable(store.name), store.path.open("rb") as file, connect() as connection:
        connection.execute(f"SET memory_limit = '{MEMORY_LIMIT}'")
        try:
            yield connection, f"read_parquet('{OPEN_FILES}/{file.fileno()}')"
        except duckdb.Error as error:
            what = f"The source {store.name} cannot be read as Parquet: {_said(error)}"
            raise SourceError(what, todo="Is it one? Fetch it again, or name another.") from error


def _said(error: Exception) -> str:
    first = str(error).strip().splitlines()[0]
    return re.sub(r"'?/(?:proc/self|dev)/fd/\d+'?", "the file", first)
