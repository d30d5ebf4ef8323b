"""Which row rules the screen may judge, and which only the database can."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from batch_ops import registry
from batch_ops.database.choice import dialect_for
from batch_ops.database.tables import Column, Table
from batch_ops.errors import DeclarationError
from batch_ops.sources.rules import RowRule, RuleContext, prepare
from batch_ops.spec.expressions import Gate
from batch_ops.spec.model import Entity, Field, FieldType, Rule
from batch_ops_tests.unit.spec.declare import node

FIELDS = (
    Field("id", FieldType.INTEGER),
    Field("name", FieldType.TEXT),
    Field("price", FieldType.DECIMAL, precision=(10, 2)),
    Field("huge", FieldType.DECIMAL, precision=(38, 2)),
    Field("weight", FieldType.FLOAT),
    Field("paid", FieldType.BOOLEAN),
    Field("day", FieldType.DATE),
    Field("at", FieldType.TIMESTAMP),
    Field("code", FieldType.UUID),
)
T = Entity("t", "t", FIELDS)
TABLE = Table(
    "t", None, tuple(Column(f.name, "", f.type, precision=f.precision) for f in FIELDS), ()
)
PARAMETERS = {
    "least": Decimal("-1.50"),
    "since": datetime(2024, 5, 6, tzinfo=UTC),
    "first": date(2024, 5, 6),
}


def rule(text: str, database: str = "postgresql") -> RowRule:
    expression = Gate(T, {"t": T}).expression(node(text))
    calls: dict[str, Any] = {"told": lambda: 5}
    now = datetime(2025, 1, 2, 3, 4, 5, tzinfo=UTC)
    context = RuleContext(TABLE, dialect_for(database), PARAMETERS, {"t": T}, now, calls)
    (prepared,) = prepare([Rule(expression)], T.columns, context)
    return prepared


@pytest.mark.parametrize(
    "text",
    [
        "id > 0 AND price >= 1.5",
        "name IS NOT NULL AND LENGTH(name) < 9",
        "name LIKE '%@%'",
        "name IN ('a', 'b')",
        "price * 1.1 < 100",
        "price + price > 0",
        "price * price > 0",
        "price > :least",
        "weight * 2 > 5",
        "paid OR NOT paid = TRUE",
        "day >= '2024-05-06' AND at < '2024-05-06 07:08:09'",
        "at >= :since AND day >= :first",
        "at < NOW()",
        "COALESCE(price, 0) > 0",
        "code IS NULL",
    ],
)
def test_the_screen_judges_what_is_surely_the_same(text):
    assert rule(text).screen


@pytest.mark.parametrize(
    "text",
    [
        "name < 'b'",  # the order of texts is the database's collation
        "name LIKE 'a\\%'",
        "name LIKE name",
        "name ILIKE 'a%'",
        "id + 1 > 0",  # the database's integers overflow
        "huge * 2 > 0",
        "id / 2 > 0",
        "price * price * price > 0",
        "day + 1 > '2024-05-06'",
        "at - INTERVAL '1 day' < NOW()",
        "day < '2024-5-6'",
        "price > '5'",
        "paid = 'yes'",
        "code = '0b9c3d64-5a3a-4f0e-9d6b-3a1f6c2f8a11'",
        "day = at",
        "CAST(id AS TEXT) = '1'",
        "UPPER(name) = 'A'",
        "id IN (SELECT id FROM t)",
    ],
)
def test_the_rest_is_the_databases_to_judge(text):
    assert rule(text).screen is None
    assert rule(text).stage.sql


def test_a_moment_is_told_to_be_one():
    """PostgreSQL would take the text before `- INTERVAL` for an interval."""
    assert rule("at > NOW() - INTERVAL '1 day'").stage.sql == (
        "\"at\" > CAST('2025-01-02 03:04:05.000000+00' AS TIMESTAMPTZ) - INTERVAL '1 DAY'"
    )


def test_a_rule_calls_what_python_answers():
    registry.sql_function("told")(print)
    try:
        assert rule("id > told()").stage.sql == '"id" > 5'
    finally:
        registry.unregister("told")


def test_what_cannot_mean_the_same_is_refused_when_the_source_is_opened():
    with pytest.raises(DeclarationError, match="CAST of a value of type decimal to TEXT") as caught:
        rule("CAST(price AS TEXT) <> '1'", "sqlite")
    assert caught.value.location.line == 1
