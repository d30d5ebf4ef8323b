"""Values as texts, and texts as CSV: the form in which records of any kind go on."""

from __future__ import annotations

import csv
import io
import operator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal

from batch_ops.database.values import as_text
from batch_ops.errors import SourceError
from batch_ops.sources.cut import Marks

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

NULL_TEXT = "\x02NULL\x02"
"""Stands for NULL in the CSV form of records that are no CSV themselves."""
OWN = Marks(ord(","), ord('"'))
"""The signs of that form."""

SHOWN = 4_000
"""Characters of a refused value that are told."""
KEPT = 100_000
"""Characters of a refused record's field that are kept; a field may have millions."""


def shortened(text: str, most: int = SHOWN) -> str:
    """So much of a text as is told."""
    return text if len(text) <= most else text[:most] + "…"


def text_of(value: Any) -> str:
    """A value as the text a database reads it from."""
    text = as_text(value)
    if text is None:
        return NULL_TEXT
    if text == NULL_TEXT:
        raise SourceError("A record holds the text that stands for NULL.")
    return text


def constant_text(value: Any, what: str) -> str:
    """A value that all records get, as text; a moment is UTC without a zone, as sessions are.

    Raises:
        SourceError: no database can keep it as text; `what` it is for.
    """
    if isinstance(value, datetime):
        moment = value.astimezone(UTC) if value.tzinfo else value
        return moment.replace(tzinfo=None).isoformat(sep=" ", timespec="microseconds")
    text = text_of(value)
    if "\0" in text or any("\ud800" <= sign <= "\udfff" for sign in text):
        raise SourceError(f"The value for {what} holds a character that is none of UTF-8's.")
    return text


def as_csv(rows: Sequence[Sequence[str]], *, quoted: bool = False) -> str:
    """Rows as CSV, each ended by one newline; `quoted`: every field stands in quotes.

    A lone carriage return must stand in quotes, and Python's writer does not see to it.
    """
    if quoted:
        return _written(rows, csv.QUOTE_ALL)
    text = _plain(rows) or _written(rows, csv.QUOTE_MINIMAL)
    return _written(rows, csv.QUOTE_ALL) if "\r" in text else text


def _plain(rows: Sequence[Sequence[str]]) -> str | None:
    """Rows as they are, three times as fast; None where a field must stand in quotes."""
    if not rows or len(rows[0]) < 2:
        return None
    text = "\n".join(map(",".join, rows)) + "\n"
    signs = (text.count("\n"), text.count(","))
    wanted = (len(rows), sum(map(len, rows)) - len(rows))
    return text if '"' not in text and signs == wanted else None


def _written(rows: Sequence[Sequence[str]], quoting: Literal[0, 1]) -> str:
    stream = io.StringIO(newline="")
    csv.writer(stream, lineterminator="\n", quoting=quoting).writerows(rows)
    return stream.getvalue()


def from_csv(data: str, delimiter: str, quote: str) -> Iterable[list[str]]:
    """The fields of each record of regular CSV."""
    if not data:
        return iter(())
    if quote not in data:
        return map(operator.methodcaller("split", delimiter), data[:-1].split("\n"))
    return csv.reader(_lines(data), delimiter=delimiter, quotechar=quote, strict=True)


def _lines(data: str) -> Iterator[str]:
    """The lines as csv.reader wants them: ended by newlines, not by anything else."""
    return iter(io.StringIO(data, newline="\n"))
