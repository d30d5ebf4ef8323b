"""An expression is judged for a database before anything is asked of it."""

from __future__ import annotations

import pytest

from batch_ops import registry
from batch_ops.database.choice import dialect_for
from batch_ops.database.render import Scalar, SqlText
from batch_ops.database.tables import Column
from batch_ops.database.trial import judge, judge_condition
from batch_ops.errors import DeclarationError
from batch_ops.spec.expressions import Gate
from batch_ops.spec.model import Entity, Expression, Field, FieldType
from batch_ops_tests.unit.spec.declare import node

SQLITE, POSTGRESQL = dialect_for("sqlite"), dialect_for("postgresql")
T = Entity("t", "t", (Field("id", FieldType.INTEGER), Field("price", FieldType.DECIMAL)))


def expression(text: str) -> Expression:
    return Gate(T, {"t": T}).expression(node(text), records=True)


@pytest.mark.parametrize(
    "text", ["price / 3 > 1", "id IN (:earlier)", "id = ANY(:earlier)", "id = :known", "id = :x.id"]
)
def test_what_means_the_same_passes(text):
    """Names nobody has bound yet are an earlier step's rows."""
    judge(SQLITE, expression(text), {"known": Scalar(1)})


def test_what_does_not_is_refused_with_its_place():
    text = expression("CAST(price AS TEXT) = '1'")
    with pytest.raises(DeclarationError, match="CAST of a value of type decimal") as caught:
        judge(SQLITE, text, {})
    assert caught.value.location.line == 1
    judge(POSTGRESQL, text, {})


def test_fields_of_records_are_judged_by_their_types():
    binds = {"x.note": SqlText("x.note", FieldType.TEXT)}
    with pytest.raises(DeclarationError, match="integer meets one of type text"):
        judge(SQLITE, expression(":x.note = 5"), binds)


def test_a_value_is_judged_by_its_column():
    column = Column("price", "", FieldType.DECIMAL)
    with pytest.raises(DeclarationError, match="type boolean is assigned to 'price'"):
        judge(SQLITE, expression("id > 1"), {}, column)


def test_no_function_is_called():
    registry.sql_function("never")(lambda: 1 // 0)
    try:
        judge(SQLITE, expression("id = never()"), {})
    finally:
        registry.unregister("never")


@pytest.mark.parametrize("dialect", [SQLITE, POSTGRESQL], ids=["sqlite", "postgresql"])
@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("1", "integer"),
        ("price", "decimal"),
        ("id + 1", "integer"),
        ("COALESCE(id, 1)", "integer"),
        ("(id)", "integer"),
    ],
)
def test_what_is_neither_true_nor_false_is_no_condition(dialect, text, kind):
    """On SQLite a number would be one, and `1` all rows."""
    with pytest.raises(DeclarationError, match=f"type {kind} stands where a condition"):
        judge_condition(dialect, expression(text), {})


@pytest.mark.parametrize("dialect", [SQLITE, POSTGRESQL], ids=["sqlite", "postgresql"])
@pytest.mark.parametrize(
    "text",
    [
        "TRUE",
        "id IS NULL",
        "NOT (id = 1 OR price > 2)",
        "COALESCE(id > 1, FALSE)",
        "CASE WHEN id > 1 THEN TRUE ELSE id = 0 END",
        "EXISTS (SELECT 1 FROM t AS u WHERE u.id = t.id)",
        "(id, price) IN (:earlier)",
        "id = ANY(:earlier)",
        "id BETWEEN 1 AND 2",
        "CAST(:known AS boolean)",
        ":known",
        "id IN (1, 2)",
    ],
)
def test_a_condition_is_one(dialect, text):
    judge_condition(dialect, expression(text), {"known": Scalar(True, FieldType.BOOLEAN)})
