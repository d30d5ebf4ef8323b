"""Custom functions: what they are given, what becomes of what they give, and when they fail."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

from batch_ops import function, registry
from batch_ops.engine import Project, RunOptions, begin, rejects_of, resume, run
from batch_ops.errors import FunctionFailedError
from batch_ops.results import Counts, Status
from batch_ops_tests.support import accounts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from batch_ops.engine.calling import FunctionContext

PRICES = """
name: prices
key: [shop, item]
fields: {{shop: string(5), item: integer, price: "decimal(10,2)", note: text}}
patterns:
  - name: batch_operations
    operation: refresh
    batch_size: 10
    retry: {{max_retries: 0}}
    {options}
    steps:
      - name: find_stale
        operation_type: select
        where_condition: "price IS NULL"
        {select}
      - name: ask
        operation_type: custom_function
        function: ask
        {ask}
      - name: store
        {store}
"""
UPSERT = """operation_type: upsert
        upsert_data: {shop: :asked.shop, item: :asked.item, price: :asked.price, note: ok}"""
REMOVE = """operation_type: delete
        where_condition: "(shop, item) IN (:asked_ids)\""""


TABLE = (
    "CREATE TABLE prices (shop VARCHAR(5), item INTEGER, price NUMERIC(10,2) CHECK (price >= 0),"
    " note TEXT, PRIMARY KEY (shop, item))"
)


class Prices:
    def __init__(self, folder: Path, url: str) -> None:
        self.folder, self.url = folder, url

    def project(
        self,
        ask: str = "input: :stale",
        store: str = UPSERT,
        select: str = "",
        options: str = "",
    ) -> Project:
        text = PRICES.format(ask=ask, store=store, select=select, options=options)
        made = accounts.project(self.folder, self.url, text)
        accounts.execute(
            made.database(),
            [
                TABLE,
                *(f"INSERT INTO prices VALUES ('s{n % 2}', {n}, NULL, 'old')" for n in range(35)),
                "INSERT INTO prices VALUES ('s0', 100, 1, 'fresh')",
            ],
        )
        self.made = made
        return made

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        return accounts.query(self.made.database(), query)


@pytest.fixture
def prices(tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch) -> Prices:
    monkeypatch.setenv("BATCH_OPS_DATABASE_URL", database_url)
    return Prices(tmp_path, database_url)


@pytest.fixture
def ask() -> Iterator[Callable[..., None]]:
    """Registers what the step calls; forgotten afterwards."""

    def register(called: Callable[..., Any]) -> None:
        registry.unregister("ask", registry.Kind.STEP)
        function("ask")(called)

    register(lambda: None)
    yield register
    registry.unregister("ask", registry.Kind.STEP)


def priced(given: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{**record, "price": f"{record['item']}.25"} for record in given]


@pytest.mark.option("function")
@pytest.mark.option("input")
def test_a_function_is_given_records_in_batches_and_its_records_are_stored(
    prices: Prices, ask: Any
) -> None:
    """Records have the key and the selected fields."""
    seen: list[list[dict[str, Any]]] = []

    def answer(given: list[dict[str, Any]]) -> list[dict[str, Any]]:
        seen.append(given)
        return priced(given)

    ask(answer)
    result = run(prices.project(select="select_fields: [note]"), "refresh")
    assert result.status is Status.COMPLETED
    assert [s.counts.total for s in result.steps] == [35, 35, 35]
    assert result.steps[1].counts == Counts(total=35, selected=35)
    assert result.steps[2].counts == Counts(total=35, updated=35)
    assert sorted(len(batch) for batch in seen) == [5, 10, 10, 10]
    assert seen[0][0] == {"shop": "s0", "item": 0, "note": "old"}
    found = prices.rows("SELECT count(*) FROM prices WHERE price = item + 0.25 AND note = 'ok'")
    assert found == [(35,)]


@pytest.mark.option("input")
def test_a_function_is_given_keys_as_tuples(prices: Prices, ask: Any) -> None:
    """And the keys it gives back may be used in a condition."""
    seen: list[Any] = []

    def answer(given: list[tuple[str, int]]) -> Iterator[tuple[str, int]]:
        seen.extend(given)
        yield from (key for key in given if key[1] >= 30)

    ask(answer)
    made = prices.project(
        ask="input: :stale_ids\n        output: chosen",
        store="operation_type: custom_function\n        function: ask\n        input: :chosen_ids",
    )
    result = run(made, "refresh")
    assert result.status is Status.COMPLETED
    assert ("s0", 30) in seen
    assert result.steps[2].counts.total == 5


@pytest.mark.option("input")
def test_a_function_is_given_one_selected_column(prices: Prices, ask: Any) -> None:
    seen: list[int] = []
    ask(seen.extend)
    run(
        prices.project(
            ask="input: :stale_item_ids",
            select="select_fields: [item]",
            store="operation_type: select",
        ),
        "refresh",
    )
    assert sorted(seen) == list(range(35))


@pytest.mark.option("input")
def test_a_function_is_given_values_by_name(prices: Prices, ask: Any) -> None:
    """Literals, parameters with their types, expressions, and all rows of a step."""
    seen: list[Any] = []
    ask(seen.append)
    made = prices.project(
        ask='input: {month: :month, level: 3, who: "CURRENT_USER_ID()", keys: :stale_ids}',
        store="operation_type: select",
    )
    from batch_ops.engine import Launch

    run(made, "refresh", {"month": "2026-10"}, launch=Launch(actor="ada"))
    (given,) = seen
    assert (given["month"], given["level"], given["who"]) == ("2026-10", 3, "ada")
    assert len(given["keys"]) == 35


@pytest.mark.option("input")
def test_a_list_parameter_is_handed_over_in_batches(prices: Prices, ask: Any) -> None:
    seen: list[list[int]] = []
    ask(seen.append)
    made = prices.project(ask="input: :numbers", store="operation_type: select")
    result = run(made, "refresh", {"numbers": list(range(25))})
    assert seen == [list(range(10)), list(range(10, 20)), list(range(20, 25))]
    assert result.steps[1].counts == Counts(total=25, selected=25)


def test_a_function_without_input_is_called_once(prices: Prices, ask: Any) -> None:
    def answer() -> Iterator[dict[str, Any]]:
        for n in range(25):
            yield {"shop": "s9", "item": n, "price": n}

    ask(answer)
    result = run(prices.project(ask=""), "refresh")
    assert result.steps[1].counts == Counts(total=25, selected=25)
    assert result.steps[2].counts == Counts(total=25, created=25)
    assert prices.rows("SELECT count(*) FROM prices WHERE shop = 's9'") == [(25,)]


def test_the_context_tells_what_it_is_called_for(prices: Prices, ask: Any) -> None:
    seen: list[FunctionContext] = []
    ask(lambda _given, context: seen.append(context))
    result = run(prices.project(), "refresh")
    assert {c.execution_id for c in seen} == {result.execution_id}
    assert {(c.operation, c.step) for c in seen} == {("refresh", "ask")}
    assert [c.batch for c in seen] == [1, 2, 3, 4]
    assert not seen[0].cancelled


def test_a_record_it_rejects_is_a_reject_and_the_others_go_on(prices: Prices, ask: Any) -> None:
    def answer(given: list[dict[str, Any]], context: FunctionContext) -> list[dict[str, Any]]:
        bad = [record for record in given if record["item"] in (3, 33)]
        for record in bad:
            context.reject(record, "no such item", code="unknown_item", column="item")
        return priced([record for record in given if record not in bad])

    ask(answer)
    made = prices.project()
    result = run(made, "refresh")
    assert result.status is Status.COMPLETED_WITH_ERRORS
    assert result.steps[1].counts == Counts(total=35, selected=33, failed=2)
    refused = [(r.code, r.column, r.message) for r in rejects_of(made, result.execution_id)]
    assert refused == [("unknown_item", "item", "no such item")] * 2
    assert prices.rows("SELECT count(*) FROM prices WHERE price IS NULL") == [(2,)]


def test_a_call_that_fails_for_one_record_costs_that_record(prices: Prices, ask: Any) -> None:
    """Each record of the batch is tried by itself."""

    def answer(given: list[dict[str, Any]]) -> list[dict[str, Any]]:
        if any(record["item"] == 7 for record in given):
            raise ValueError("seven is not served")
        return priced(given)

    ask(answer)
    made = prices.project()
    result = run(made, "refresh")
    assert result.steps[1].counts == Counts(total=35, selected=34, failed=1)
    (refused,) = rejects_of(made, result.execution_id)
    assert (refused.code, refused.message) == ("function", "ValueError: seven is not served")
    assert refused.data == {"shop": "s1", "item": 7}


@pytest.mark.option("retry")
def test_a_call_is_tried_again(prices: Prices, ask: Any) -> None:
    calls: list[int] = []

    def answer(given: list[dict[str, Any]]) -> list[dict[str, Any]]:
        calls.append(len(given))
        if len(calls) == 1:
            raise ConnectionError("not yet")
        return priced(given)

    ask(answer)
    retry = "input: :stale\n        retry: {max_retries: 2, initial_delay: 0.01}"
    result = run(prices.project(ask=retry), "refresh")
    assert result.status is Status.COMPLETED
    assert sorted(calls) == [5, 10, 10, 10, 10]


@pytest.mark.option("timeout")
def test_a_call_that_takes_too_long_is_given_up(prices: Prices, ask: Any) -> None:
    """It learns so by `cancelled`; each record then has its own time."""
    learnt = threading.Event()

    def answer(given: list[dict[str, Any]], context: FunctionContext) -> list[dict[str, Any]]:
        while any(record["item"] == 7 for record in given):
            if context.cancelled:
                learnt.set()
                break
            time.sleep(0.01)
        return priced(given)

    ask(answer)
    made = prices.project(ask='input: :stale\n        timeout: "300 ms"')
    result = run(made, "refresh")
    assert result.steps[1].counts == Counts(total=35, selected=34, failed=1)
    (refused,) = rejects_of(made, result.execution_id)
    assert (refused.code, refused.message) == ("timeout", "TimeoutError: it took longer than 0.3 s")
    assert learnt.wait(5)


def test_with_stop_on_error_a_failing_record_stops_and_is_resumable(
    prices: Prices, ask: Any
) -> None:
    served = threading.Event()

    def answer(given: list[dict[str, Any]]) -> list[dict[str, Any]]:
        if not served.is_set() and any(record["item"] == 7 for record in given):
            raise ValueError("not now")
        return priced(given)

    ask(answer)
    made = prices.project(options="error_handling: stop_on_error")
    result = run(made, "refresh")
    assert (result.status, result.stopped_reason) == (Status.STOPPED, "row_refused")
    served.set()
    again = resume(made, result.execution_id)
    assert again.status is Status.COMPLETED
    assert [s.counts.total for s in again.steps] == [35, 35, 35]
    assert prices.rows("SELECT count(*) FROM prices WHERE price IS NULL") == [(0,)]


def test_a_call_without_rows_that_fails_fails_the_execution(prices: Prices, ask: Any) -> None:
    """It is resumable, and nothing of it was kept."""

    def fails() -> Iterator[dict[str, Any]]:
        yield {"shop": "s9", "item": 1, "price": 1}
        raise RuntimeError("the shop is closed")

    ask(fails)
    made = prices.project(ask="")
    execution = begin(made, "refresh")
    for step in ("find_stale", "ask"):
        execution.plan_step(step)
        if step == "find_stale":
            execution.run_step(step)
            execution.finish_step(step)
    with pytest.raises(FunctionFailedError, match="RuntimeError: the shop is closed") as caught:
        execution.run_step("ask")
    execution.abort(caught.value)
    ask(lambda: [{"shop": "s9", "item": 2, "price": 2}])
    result = resume(made, execution.id)
    assert result.status is Status.COMPLETED
    assert prices.rows("SELECT item FROM prices WHERE shop = 's9'") == [(2,)]


def test_a_record_without_a_field_that_is_read_is_named(prices: Prices, ask: Any) -> None:
    ask(lambda given: [{"shop": r["shop"], "item": r["item"]} for r in given])
    made = prices.project()
    result = run(made, "refresh")
    assert result.steps[1].counts.failed == 35
    first = next(iter(rejects_of(made, result.execution_id)))
    assert "has no field 'price', which a later step reads: shop, item" in first.message


def test_a_record_the_target_refuses_costs_itself(prices: Prices, ask: Any) -> None:
    """Types are judged when records are kept, constraints when they are stored."""

    def answer(given: list[dict[str, Any]]) -> list[dict[str, Any]]:
        odd = {4: "-1", 14: "cheap"}
        return [{**r, "price": odd.get(r["item"], "1")} for r in given]

    ask(answer)
    made = prices.project()
    result = run(made, "refresh")
    assert sum(s.counts.failed for s in result.steps) == 2
    assert prices.rows("SELECT item FROM prices WHERE price IS NULL ORDER BY item") == [
        (4,),
        (14,),
    ]


def test_a_record_that_cannot_be_computed_is_told_as_it_was_given(prices: Prices, ask: Any) -> None:
    """Divided by its level, which is zero for one of them."""
    ask(lambda given: [{**r, "price": 12, "level": r["item"] % 35} for r in given])
    store = """operation_type: insert
        on_conflict: update
        insert_data:
          shop: :asked.shop
          item: :asked.item
          price: {sql: ":asked.price / :asked.level"}"""
    made = prices.project(store=store)
    result = run(made, "refresh")
    assert result.steps[2].counts == Counts(total=35, updated=34, failed=1)
    (refused,) = rejects_of(made, result.execution_id)
    assert refused.key is None
    assert refused.data is not None
    assert {n: str(refused.data[n])[:2].rstrip(".") for n in ("shop", "item", "level")} == {
        "shop": "s0",
        "item": "0",
        "level": "0",
    }


def test_lanes_share_the_calls(
    tmp_path: Path, postgresql_url: str, ask: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BATCH_OPS_DATABASE_URL", postgresql_url)
    prices = Prices(tmp_path, postgresql_url)
    seen: list[str] = []
    together = threading.Barrier(2, timeout=20)

    def answer(given: list[dict[str, Any]]) -> list[dict[str, Any]]:
        seen.append(threading.current_thread().name)
        if len(seen) <= 2:
            together.wait()
        return priced(given)

    ask(answer)
    made = prices.project(options="chunk_rows: 10")
    result = run(made, "refresh", options=RunOptions(max_workers=2))
    assert result.status is Status.COMPLETED
    assert set(seen) == {"lane-1", "lane-2"}
    assert prices.rows("SELECT count(*) FROM prices WHERE price = item + 0.25") == [(35,)]


SOLD = """
name: sold
key: id
create_table: true
fields: {id: integer, item: integer, price: "decimal(10,2)"}
patterns:
  - name: batch_operations
    operation: take_over
    steps:
      - name: ask
        operation_type: custom_function
        function: ask
      - name: store
        operation_type: insert
        insert_data: {id: :asked.item, item: :asked.item, price: :asked.price}
"""


def test_the_table_its_records_go_to_is_made_when_it_is_missing(
    tmp_path: Path, database_url: str
) -> None:
    @function("ask")
    def ask() -> list[dict[str, Any]]:
        return [{"item": 7, "price": "1.50"}]

    project = accounts.project(tmp_path, database_url, SOLD)
    try:
        result = run(project, "take_over")
    finally:
        registry.unregister("ask", registry.Kind.STEP)
    assert (result.status, result.counts.created) == (Status.COMPLETED, 1)
    assert accounts.query(project.database(), "SELECT id, item FROM sold") == [(7, 7)]
    project.dispose()


def test_a_record_rejected_twice_is_one_reject_with_both_reasons(prices: Prices, ask: Any) -> None:
    def answer(given: list[dict[str, Any]], context: FunctionContext) -> None:
        for record in given[:2]:
            context.reject(record, "no price")
            context.reject(record, "no shop")

    ask(answer)
    project = prices.project(store="operation_type: select")
    result = run(project, "refresh")
    assert result.step("ask").counts == Counts(total=35, selected=27, failed=8)
    told = rejects_of(project, result.execution_id)
    assert {reject.message for reject in told} == {"no price; no shop"}


def test_many_refused_records_of_one_row_never_make_counts_negative(
    prices: Prices, ask: Any
) -> None:
    ask(lambda given: [{"shop": "s0", "item": "x", "price": 1} for _ in range(len(given) * 3)])
    result = run(prices.project(), "refresh")
    assert result.step("ask").counts == Counts(total=140, selected=35, failed=105)


def test_a_function_that_exits_has_failed_and_ends_nothing_else(prices: Prices, ask: Any) -> None:
    def answer(given: list[dict[str, Any]]) -> list[dict[str, Any]]:
        if any(record["item"] == 7 for record in given):
            raise SystemExit(3)
        return priced(given)

    ask(answer)
    project = prices.project()
    result = run(project, "refresh")
    assert result.step("ask").counts == Counts(total=35, selected=34, failed=1)
    (told,) = rejects_of(project, result.execution_id)
    assert told.message == "SystemExit: 3"
