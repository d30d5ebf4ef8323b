"""The order of steps, and the values an update sets."""

from __future__ import annotations

import pytest

from batch_ops.errors import DeclarationError, UnknownNameError
from batch_ops.spec.model import Expression, Literal
from batch_ops_tests.unit.spec.declare import declared, stepped

STEP = "- {{name: {0}, operation_type: delete{1}}}\n"


def steps_of(**depends_on: str | None) -> str:
    """Delete steps by name, each with the text of its `depends_on`, or None without."""
    return "".join(
        STEP.format(name, "" if after is None else f", depends_on: {after}")
        for name, after in depends_on.items()
    )


@pytest.mark.parametrize(
    ("steps", "order", "dependencies"),
    [
        ({"a": None, "b": None, "c": None}, "abc", [(), ("a",), ("b",)]),
        ({"a": None, "b": "[]", "c": None}, "abc", [(), (), ("b",)]),
        ({"a": "c", "b": "[]", "c": "b"}, "bca", [(), ("b",), ("c",)]),
        ({"a": None, "b": "a", "c": "a", "d": "[b, c]"}, "abcd", [(), ("a",), ("a",), ("b", "c")]),
        ({"a": "b", "b": "[]"}, "ba", [(), ("b",)]),
    ],
)
def test_steps_stand_in_dag_order(steps, order, dependencies):
    """A step without `depends_on` follows the one before; `[]` frees it."""
    operation = stepped(steps_of(**steps))
    assert "".join(step.name for step in operation.steps) == order
    assert [step.depends_on for step in operation.steps] == dependencies


@pytest.mark.parametrize(
    ("steps", "word"),
    [
        (steps_of(a="b", b="a"), "wait for each other"),
        (steps_of(a="c", b="a", c="b"), "wait for each other"),
        (steps_of(a="a"), "depends on itself"),
        (steps_of(validate=None, b="valdate"), "'validate'"),
        (steps_of(a=None) + steps_of(a=None), "declared twice"),
        ("- {operation_type: delete}\n", "'name' is missing"),
        ("- {name: a b, operation_type: delete}\n", "a name"),
        ("- {name: a}\n", "'operation_type' is missing"),
        ("- {name: a, operation_type: delete, depend_on: b}\n", "'depends_on'"),
        ("- {name: a, operation_type: delete, preconditions: []}\n", "belongs to the operation"),
    ],
)
def test_wrong_steps_are_refused_with_their_line(steps, word):
    with pytest.raises((DeclarationError, UnknownNameError), match=word) as caught:
        stepped(steps)
    assert caught.value.location.line > 17


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("{status: done}", Literal("done")),
        ("{status: 'it''s'}", Literal("it's")),
        ("{status: ~}", Literal(None)),
        ("{paid: true}", Literal(True)),
        ("{price: 12.5}", Literal(12.5)),
        ("{price: '12.50'}", Literal("12.50")),
        ("{weight: 3}", Literal(3)),
        ("{customer_id: 7}", Literal(7)),
        ("{ordered_on: 2013-01-01}", Literal("2013-01-01")),
        ("{shipped_at: 2013-01-01T05:00:00Z}", Literal("2013-01-01T05:00:00Z")),
        ("{tags: [a, {b: 1}]}", Literal(["a", {"b": 1}])),
        ("{note: 'price * 2'}", Literal("price * 2")),
        ("{note: 'NOW() - INTERVAL'}", Literal("NOW() - INTERVAL")),
        ("{note: 'now'}", Literal("now")),
        ("{note: 'a :x b'}", Literal("a :x b")),
    ],
)
def test_literals_are_kept_as_they_stand(value, expected):
    step = declared("", f"operation_type: update\nupdate_data: {value}\n").steps[0]
    assert list(step.values.values()) == [expected]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("{shipped_at: 'NOW()'}", "NOW()"),
        ("{note: 'UPPER(note)'}", "UPPER(note)"),
        ("{note: \"COALESCE(note, '(none)')\"}", "COALESCE(note, '(none)')"),
        ("{price: {sql: price * 2}}", "price * 2"),
        ("{status: :new_status}", ":new_status"),
    ],
)
def test_sql_is_what_says_sql_or_is_one_call_or_one_parameter(value, text):
    (made,) = (
        declared("", f"operation_type: update\nupdate_data: {value}\n").steps[0].values.values()
    )
    assert isinstance(made, Expression)
    assert made.text == text


@pytest.mark.parametrize(
    ("value", "word"),
    [
        ("{price: cheap}", "a value of type decimal"),
        ("{paid: 1}", "a value of type boolean"),
        ("{paid: 'yes'}", "a value of type boolean"),
        ("{customer_id: '7'}", "a value of type integer"),
        ("{customer_id: 7.5}", "a value of type integer"),
        ("{customer_id: true}", "a value of type integer"),
        ("{status: 3}", "a value of type string"),
        ("{status: a text that is too long}", "at most 12 characters"),
        ("{shipped_at: tomorrow}", "a value of type timestamp"),
        ("{shipped_at: NOW() - INTERVAL '1 day'}", "Write an SQL expression as"),
        ("{ordered_on: 2013-13-01}", "a value of type date"),
        ("{code: not-a-uuid}", "a value of type uuid"),
        ("{status: {sql: DELETE FROM orders}}", "the word DELETE"),
        ("{status: {sql: prise}}", "'price'"),
        ("{status: {slq: price}}", "a value of type string"),
        ("{status: :product.name}", "not allowed here"),
        ("{status: 'CURRENT_USER_IDS()'}", "CURRENT_USER_IDS"),
        ("{note: UPPER(prise)}", "'price'"),
    ],
)
def test_a_value_the_column_cannot_take_is_refused_in_its_line(value, word):
    with pytest.raises((DeclarationError, UnknownNameError), match=word) as caught:
        declared("", f"operation_type: update\nupdate_data: {value}\n")
    assert (caught.value.location.line, caught.value.location.column > 18) == (19, True)
