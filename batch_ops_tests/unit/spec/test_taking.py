"""Which steps can be done for some of an earlier step's rows alone."""

from __future__ import annotations

import pytest

from batch_ops.spec.catalog import Catalog
from batch_ops.spec.membership import only_among
from batch_ops.spec.taking import behind, taken_of, takers, why_whole

CONDITIONS = {
    "id IN (:made_ids)": True,
    "id = ANY(:made_ids)": True,
    "kind = 'x' AND id IN (:made_ids)": True,
    "kind = 'x' AND (amount > 1 AND (id IN (:made_ids)))": True,
    "id NOT IN (:made_ids)": False,
    "NOT id IN (:made_ids)": False,
    "NOT (kind = 'x' AND id IN (:made_ids))": False,
    "kind = 'x' OR id IN (:made_ids)": False,
    "id IN (:made_ids) AND NOT id IN (:made_ids)": False,
    "(id IN (:made_ids)) = FALSE": False,
    "(id IN (:made_ids)) IS NOT TRUE": False,
    "CASE WHEN id IN (:made_ids) THEN kind = 'x' ELSE TRUE END": False,
    "amount > (SELECT COUNT(*) FROM things AS t WHERE t.id IN (:made_ids))": False,
}
STEPS = """
name: things
key: [id]
fields: {id: integer, kind: text, amount: integer}
patterns:
  - name: batch_operations
    operation: work
    steps:
      - name: make
        operation_type: insert
        data_source: csv_file
        source_path: things.csv
      - {name: call, operation_type: custom_function, function: some_function, input: ":made_ids"}
      - name: put
        operation_type: upsert
        upsert_data: {id: ":called.id", kind: ":called.kind"}
      - name: tell
        operation_type: custom_function
        function: some_function
        input: {n: ":put_ids"}
      - name: sum
        operation_type: upsert
        data_source: query
        source_path: "SELECT id, kind FROM things WHERE id IN (:made_ids)"
      - {name: tidy, operation_type: delete, where_condition: "amount > 9"}
"""


def operation(text: str):
    return Catalog.from_texts({"things.yaml": text}).operation("work")


@pytest.mark.parametrize("condition", CONDITIONS)
def test_a_condition_lets_through_nothing_but_the_rows_of_a_step(condition: str) -> None:
    text = STEPS[: STEPS.index("      - {name: call")]
    text += f"""      - name: use
        operation_type: update
        update_data: {{kind: y}}
        where_condition: "{condition}"
"""
    step = operation(text).step("use")
    assert step.where is not None
    assert only_among(step.where, "made_ids") is CONDITIONS[condition]
    assert (why_whole(step, "make") is None) is CONDITIONS[condition]


def test_steps_take_rows_of_others_on_their_way_or_at_once() -> None:
    work = operation(STEPS)
    assert taken_of(work.step("put"), ["make", "call"]) == ("call",)
    assert takers(work, ["make"]) == {"call", "put", "tell", "sum"}
    assert takers(work, ["put"]) == {"tell"}
    assert behind(work, ["put"]) == {"tell", "sum", "tidy"}
    assert [why_whole(work.step(name), "call") for name in ("put", "tell")] == [None, None]
    assert why_whole(work.step("sum"), "make") == "its query may tell of all rows together"
