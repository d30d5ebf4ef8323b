"""SQLite's SQL with names in backquotes.

Between double quotes SQLite takes a name nobody knows for a text: a column that was removed would
be compared as its name, and no row found any more.
"""

from __future__ import annotations

from sqlglot.dialects.sqlite import SQLite

QUOTE = "`"


class BackquotedSQLite(SQLite):
    """The dialect, by another first choice of quotes."""

    class Tokenizer(SQLite.Tokenizer):
        """Reads the others, too."""

        IDENTIFIERS = [QUOTE, '"', ("[", "]")]  # noqa: RUF012  (sqlglot's own way)


NAME = BackquotedSQLite.__name__.lower()
"""As which sqlglot knows it."""
