"""Statements of others are shown without the values that stand in them."""

from __future__ import annotations

import pytest

from batch_ops.database.looks import in_one_line, without_literals


@pytest.mark.parametrize(
    ("query", "shown"),
    [
        ("UPDATE t SET a = 's3cret' WHERE id = 17", "UPDATE t SET a = ? WHERE id = ?"),
        ("SELECT 'it''s' || E'a\\'b', 1.5e3", "SELECT ? || E?, ?"),
        ("SELECT $$all $ of it$$, $q$and 'this'$q$", "SELECT ?, ?"),
        ("INSERT INTO t VALUES ('cut of", "INSERT INTO t VALUES (?"),
        ("SELECT $tag$cut off", "SELECT ?"),
        (
            'SELECT "col1", t2.a3 FROM t2 WHERE a3 = $1',
            'SELECT "col1", t2.a3 FROM t2 WHERE a3 = $1',
        ),
        ("SELECT `c 1` FROM x WHERE b = -5", "SELECT `c ?` FROM x WHERE b = -?"),
    ],
)
def test_no_value_is_left(query: str, shown: str):
    assert without_literals(query) == shown


def test_a_statement_is_shown_in_one_line():
    assert in_one_line("SELECT a,\n   b\tFROM t") == "SELECT a, b FROM t"
    assert len(in_one_line("x" * 500)) == 100
