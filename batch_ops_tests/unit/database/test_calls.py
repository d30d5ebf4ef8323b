"""Functions that Python answers, and fields of records, in SQL: bound, typed, called once."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from batch_ops import registry
from batch_ops.database.choice import dialect_for
from batch_ops.database.render import ListOf, Renderer, RowsOf, Scalar, SqlText
from batch_ops.errors import ExecutionError, ParameterError
from batch_ops.spec.expressions import Gate
from batch_ops_tests.unit.spec.declare import node
from batch_ops_tests.unit.spec.test_expressions import ENTITIES, T

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from batch_ops.database.render import Bind

NOW = datetime(2024, 5, 6, 7, 8, 9, tzinfo=UTC)


@pytest.fixture(autouse=True)
def told() -> Iterator[None]:
    """A project's function `told`."""
    registry.sql_function("told")(print)
    yield
    registry.unregister("told")


def renderer(answer: Any = None, binds: Mapping[str, Bind] | None = None) -> Renderer:
    calls = {"told": answer if callable(answer) else lambda *_: answer}
    return Renderer(dialect_for("postgresql"), binds or {}, NOW, calls=calls)


def sql(text: str, with_: Renderer) -> str:
    return with_.sql(Gate(T, ENTITIES).expression(node(text), records=True))


@pytest.mark.parametrize(
    ("answer", "type_"),
    [
        (True, "BOOLEAN"),
        (7, "BIGINT"),
        (2**63, "NUMERIC"),
        (Decimal("1.5"), "NUMERIC"),
        (1.5, "DOUBLE PRECISION"),
        ("seven; DROP", "TEXT"),
        (NOW, "TIMESTAMP WITH TIME ZONE"),
        (date(2024, 5, 6), "DATE"),
    ],
)
def test_an_answer_is_bound_and_typed_by_what_it_is(answer, type_):
    made = renderer(answer)
    assert sql("a = told()", made) == f'"a" = CAST(:bo_call_0 AS {type_})'
    assert made.parameters == {"bo_call_0": answer}


def test_no_answer_is_null():
    made = renderer(None)
    assert sql("told() IS NULL", made) == ":bo_call_0 IS NULL"
    assert made.parameters == {"bo_call_0": None}


def test_arguments_are_literals_parameters_lists_and_other_calls():
    seen = []
    binds = {"x": Scalar("one"), "many": ListOf([1, 2])}

    def answer(*arguments: Any) -> str:
        seen.append(arguments)
        return "inner"

    sql("told(1, -2.5, 'it''s', TRUE, NULL, :x, :many, told()) = status", renderer(answer, binds))
    assert seen == [(), (1, Decimal("-2.5"), "it's", True, None, "one", [1, 2], "inner")]


def test_each_call_is_made_once():
    """Also where several expressions of a statement make it."""
    seen = []
    made = renderer(lambda *arguments: seen.append(arguments) or len(seen))
    assert sql("a BETWEEN told() AND told()", made).count(":bo_call_0") == 2
    assert ":bo_call_0" in sql("a > told()", made)
    assert ":bo_call_1" in sql("a > told(1)", made)
    assert seen == [(), (1,)]


def test_the_function_of_a_projects_own_error_fails_in_words():
    def answer() -> int:
        return 1 // 0

    with pytest.raises(ExecutionError, match=r"TOLD\(\) failed: ZeroDivisionError"):
        sql("told() = a", renderer(answer))


def test_an_answer_that_is_no_value_is_refused():
    with pytest.raises(ExecutionError, match=r"TOLD\(\) answered with a list"):
        sql("told() = a", renderer([1]))


def test_a_function_nobody_answers_is_told():
    made = Renderer(dialect_for("postgresql"), {}, NOW)
    with pytest.raises(ExecutionError, match=r"Nothing here can answer the function TOLD\(\)"):
        sql("told() = a", made)


@pytest.mark.parametrize("binds", [{}, {"x": RowsOf("SELECT 1")}])
def test_a_parameter_without_a_value_cannot_be_handed_over(binds):
    with pytest.raises(ParameterError, match="a function is called with it"):
        sql("told(:x) = a", renderer(1, binds))


def test_a_field_of_a_record_is_put_in_as_it_is():
    made = renderer(binds={"x.Price": SqlText('source."Price"'), "y": Scalar(2)})
    assert sql(":x.Price * :y", made) == 'source."Price" * :y'
    assert made.parameters == {"y": 2}


def test_a_field_the_records_lack_is_told():
    with pytest.raises(ParameterError, match=r"The records :x have no field 'price'"):
        sql(":x.price", renderer(binds={"x.Price": SqlText("p")}))
