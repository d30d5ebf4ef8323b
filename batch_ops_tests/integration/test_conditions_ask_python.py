"""Preconditions may be any condition: one call of a function, with parameters, or with counts."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from batch_ops import registry
from batch_ops.database import open_database
from batch_ops.database.render import ListOf, Scalar
from batch_ops.engine.conditions import Ground, evaluate_condition
from batch_ops.spec.catalog import Catalog

if TYPE_CHECKING:
    from collections.abc import Iterator

    from batch_ops.results import CheckResult

DECLARED = """\
name: orders
key: id
fields: {{id: integer, status: text}}
patterns:
  - name: batch_operations
    operation: approve
    operation_type: update
    update_data: {{status: done}}
    preconditions: ["{condition}"]
"""


@pytest.fixture(autouse=True)
def valid() -> Iterator[None]:
    """A project's function `valid`."""
    registry.sql_function("valid")(print)
    yield
    registry.unregister("valid")


def judged(url: str, condition: str, answer: Any = True) -> CheckResult:
    """What a precondition comes to, where the functions answer so."""
    catalog = Catalog.from_texts({"orders.yaml": DECLARED.format(condition=condition)})
    operation = catalog.operation("approve")
    calls = {
        "valid": lambda *given: answer(*given) if callable(answer) else answer,
        "current_user_has_permission": lambda permission: permission == "approve_orders",
        "current_user_id": lambda: "ann",
    }
    database = open_database(url)
    binds = {"rows": ListOf([1, 2]), "who": Scalar("ann")}
    with database.writing() as connection:
        connection.exec_driver_sql("CREATE TABLE orders (id INTEGER PRIMARY KEY, status TEXT)")
        connection.exec_driver_sql("INSERT INTO orders VALUES (1, 'new'), (2, 'done')")
    ground = Ground(database, operation, catalog.entities, binds, datetime.now(UTC), calls)
    try:
        return evaluate_condition(ground, operation.preconditions[0])
    finally:
        database.dispose()


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        ("CURRENT_USER_HAS_PERMISSION('approve_orders')", True),
        ("CURRENT_USER_HAS_PERMISSION('drop_orders')", False),
        ("NOT CURRENT_USER_HAS_PERMISSION('drop_orders')", True),
        ("CURRENT_USER_ID() = 'ann'", True),
        ("CURRENT_USER_ID() = :who", True),
        ("valid(:rows)", True),
        ("valid(:rows) AND COUNT(*) FILTER (WHERE status = 'new') = 1", True),
        ("EXISTS (SELECT 1 FROM orders WHERE status = 'gone')", False),
        ("(SELECT COUNT(*) FROM orders) = 2", True),
        ("(SELECT MAX(id) FROM orders WHERE status = 'gone') IS NULL", True),
        ("1 = 1", True),
    ],
)
def test_a_condition_is_any_expression_without_columns(database_url, condition, holds):
    result = judged(database_url, condition)
    assert result.evaluated
    assert result.success is holds


def test_a_function_is_handed_what_the_parameter_holds(database_url):
    seen: list[Any] = []
    judged(database_url, "valid(:rows, 'a', 1.5)", lambda *given: bool(seen.append(given)))
    assert [each[0] for each in seen] == [[1, 2]]


@pytest.mark.parametrize("answer", [None, False])
def test_no_answer_does_not_hold(database_url, answer):
    result = judged(database_url, "valid(:rows)", answer)
    assert result.evaluated
    assert not result.success


def test_a_function_that_fails_leaves_the_condition_unjudged(database_url):
    result = judged(database_url, "valid(:rows)", lambda _rows: 1 // 0)
    assert not result.evaluated
    assert result.message.startswith("The function VALID() failed: ZeroDivisionError: ")


@pytest.mark.parametrize("answer", ["no", 5])
def test_an_answer_that_is_no_boolean_is_no_condition(database_url, answer):
    """`'no'` is not taken for true."""
    result = judged(database_url, "valid(:rows)", answer)
    assert not result.evaluated
    assert "which is no boolean" in result.message
