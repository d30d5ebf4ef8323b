"""Each kind of step tries its own rejects again, and nothing but them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from batch_ops import function, registry
from batch_ops.engine import discard, kept_rejects, result_of, retry, run
from batch_ops.errors import RefusedError, UsageError
from batch_ops.journal.rejects import Choice
from batch_ops.results import Counts, Status
from batch_ops_tests.support import accounts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from batch_ops.engine import Project
    from batch_ops.results import Result

GOODS = """
name: goods
key: [shop, number]
fields: {shop: string(5), number: integer, price: "decimal(10,2)", note: text}
patterns:
"""
TABLE = (
    "CREATE TABLE goods (shop VARCHAR(5), number INTEGER, price NUMERIC(10,2) CHECK (price >= 0),"
    " note VARCHAR(200), PRIMARY KEY (shop, number))"
)
CSV = """  - name: batch_operations
    operation: load
    operation_type: OPERATION
    data_source: csv_file
    source_path: goods.csv
    batch_size: 4
"""


class Goods:
    """A table of goods, and operations on it."""

    def __init__(self, folder: Path, url: str) -> None:
        self.folder, self.url = folder, url
        self.made: list[Project] = []

    def project(self, declaration: str, *rows: tuple[str, int, float | None, str]) -> Project:
        project = accounts.project(self.folder, self.url, GOODS + declaration)
        self.made.append(project)
        accounts.execute(project.database(), [TABLE])
        for shop, number, price, note in rows:
            value = "NULL" if price is None else price
            self.execute(f"INSERT INTO goods VALUES ('{shop}', {number}, {value}, '{note}')")
        return project

    @property
    def newest(self) -> Project:
        return self.made[-1]

    def execute(self, *statements: str) -> None:
        accounts.execute(self.newest.database(), statements)

    def rows(self, query: str = "SELECT shop, number, price, note FROM goods ORDER BY 1, 2"):
        rows = accounts.query(self.newest.database(), query)
        return [tuple(float(v) if hasattr(v, "as_tuple") else v for v in row) for row in rows]

    def states(self, result: Result) -> list[tuple[str, Any]]:
        found = kept_rejects(self.newest, result.execution_id, Choice(states=None))
        return [(kept.state, kept.reject.row or kept.reject.key) for kept in found]

    def file(self, *lines: str) -> Path:
        path = self.folder / "corrected.csv"
        path.write_text("\n".join(lines) + "\n")
        return path


@pytest.fixture
def goods(tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Goods]:
    monkeypatch.setenv("BATCH_OPS_DATABASE_URL", database_url)
    made = Goods(tmp_path, database_url)
    yield made
    for project in made.made:
        project.dispose()


DISCOUNT = """  - name: batch_operations
    operation: discount
    operation_type: update
    update_data: {price: {sql: "price - 5"}}
    where_condition: "note = 'sale'"
    batch_size: 4
"""


def test_an_update_is_done_again_for_its_rejects_alone(goods: Goods) -> None:
    """The rows between them fulfil its condition still, and are not made cheaper twice."""
    some = [("a", n, 3 if n in (2, 5) else 10, "sale") for n in range(8)]
    project = goods.project(DISCOUNT, *some)
    first = run(project, "discount")
    assert first.counts == Counts(total=8, updated=6, failed=2)
    goods.execute("UPDATE goods SET price = 6 WHERE number = 2")
    done = retry(project, first.execution_id)
    assert (done.recovered, done.refused_again) == (1, 1)
    assert done.result.counts == Counts(total=8, updated=7, failed=1)
    prices = {number: price for _, number, price, _ in goods.rows()}
    assert prices == {0: 5, 1: 5, 2: 1, 3: 5, 4: 5, 5: 3, 6: 5, 7: 5}
    assert goods.states(first) == [
        ("recovered", {"shop": "a", "number": 2}),
        ("refused_again", {"shop": "a", "number": 5}),
        ("open", {"shop": "a", "number": 5}),
    ]


def test_a_row_that_no_longer_qualifies_is_not_found_and_no_reject(goods: Goods) -> None:
    project = goods.project(DISCOUNT, ("a", 1, 3, "sale"), ("a", 2, 4, "sale"), ("a", 3, 9, "sale"))
    first = run(project, "discount")
    goods.execute("DELETE FROM goods WHERE number = 1", "UPDATE goods SET note = 'x', price = 9")
    done = retry(project, first.execution_id)
    assert done.result.counts == Counts(total=3, updated=1, not_found=2)
    assert done.result.status is Status.COMPLETED


def test_a_file_chooses_rows_of_an_update_by_key_and_changes_none(goods: Goods) -> None:
    project = goods.project(DISCOUNT, *[("a", n, 3, "sale") for n in range(4)])
    first = run(project, "discount")
    goods.execute("UPDATE goods SET price = 6")
    file = goods.file("shop,number,reject_row,reject_code", "a,1,,23514", "a,3,,23514")
    done = retry(project, first.execution_id, corrected=file)
    assert done.recovered == 2
    assert [price for _, _, price, _ in goods.rows()] == [6, 1, 6, 1]
    file = goods.file("shop,number,reject_row", "a,9,")
    with pytest.raises(UsageError, match="line 2"):
        retry(project, first.execution_id, corrected=file)
    file = goods.file("shop,number,reject_row", "a,2,", "a,2,")
    with pytest.raises(UsageError, match="key a, 2 stands twice"):
        retry(project, first.execution_id, corrected=file)


def test_a_delete_is_done_again(goods: Goods) -> None:
    project = goods.project(
        """  - name: batch_operations
    operation: clear
    operation_type: delete
    where_condition: "price < 5"
    batch_size: 4
""",
        *[("a", n, 1, "old") for n in range(6)],
    )
    keys = "PRIMARY KEY, FOREIGN KEY (shop, number) REFERENCES goods (shop, number)"
    goods.execute(
        f"CREATE TABLE sold (id INTEGER, shop VARCHAR(5), number INTEGER, {keys[13:]})",
        "INSERT INTO sold VALUES (1, 'a', 2), (2, 'a', 4)",
    )
    first = run(project, "clear")
    assert first.counts == Counts(total=6, deleted=4, failed=2)
    goods.execute("DELETE FROM sold WHERE id = 1")
    done = retry(project, first.execution_id)
    assert done.result.counts == Counts(total=6, deleted=5, failed=1)
    assert [number for _, number, _, _ in goods.rows()] == [4]


def test_an_upsert_is_done_again(goods: Goods) -> None:
    """Recovered rows are created or updated, as the table is then."""
    (goods.folder / "goods.csv").write_text(
        "shop,number,price,note\na,1,5,x\na,2,-1,x\na,3,-1,x\nb,9,7,x\n"
    )
    project = goods.project(CSV.replace("OPERATION", "upsert"), ("a", 2, 9, "old"))
    first = run(project, "load")
    assert first.counts == Counts(total=4, created=2, failed=2)
    file = goods.file("number,price,reject_row", "2,2,2", "3,3,3")
    done = retry(project, first.execution_id, corrected=file)
    assert done.result.counts == Counts(total=4, created=3, updated=1)
    assert [row[:3] for row in goods.rows()] == [("a", 1, 5), ("a", 2, 2), ("a", 3, 3), ("b", 9, 7)]


def test_inserts_that_skip_what_is_there_are_done_again(goods: Goods) -> None:
    (goods.folder / "goods.csv").write_text("shop,number,price\na,1,-1\na,2,-1\n")
    project = goods.project(CSV.replace("OPERATION", "insert\n    on_conflict: skip"))
    first = run(project, "load")
    file = goods.file("shop,number,price,reject_row", "a,1,1,1", "a,1,2,2")
    done = retry(project, first.execution_id, corrected=file)
    assert done.result.counts == Counts(total=2, created=1, skipped=1)
    assert done.result.status is Status.COMPLETED


PLACED = """  - name: batch_operations
    operation: load
    operation_type: insert
    data_source: csv_file
    source_path: goods.txt
    csv_has_header: false
    csv_delimiter: ";"
    csv_null_values: ["NA"]
    field_mapping: {shop: csv_column_3, number: csv_column_1, note: csv_column_4}
    validation_rules: ["number > 0"]
"""


def test_a_file_without_header_is_mapped_by_place_again(goods: Goods) -> None:
    """Its own text for NULL means NULL in the corrected file, too."""
    (goods.folder / "goods.txt").write_text("1;x;a;n1\n-2;x;a;n2\n-3;x;a;n3\n")
    project = goods.project(PLACED)
    first = run(project, "load")
    file = goods.file(
        "csv_column_1,csv_column_2,csv_column_3,csv_column_4,reject_row", "2,x,a,NA,2", "3,x,a,,3"
    )
    done = retry(project, first.execution_id, corrected=file)
    assert done.result.status is Status.COMPLETED
    assert goods.rows() == [("a", 1, None, "n1"), ("a", 2, None, None), ("a", 3, None, "")]


COMPUTED = """  - name: batch_operations
    operation: load
    operation_type: insert
    data_source: SOURCE
    insert_data:
      shop: :good.shop
      number: {sql: ":good.number + 100"}
      price: {sql: ":good.price / :good.parts"}
      note: fresh
"""


@pytest.mark.parametrize("kind", ["jsonl", "rows"])
def test_values_are_computed_again_from_kept_fields(goods: Goods, kind: str) -> None:
    """Numbers of JSON stay numbers, though they are kept as texts."""
    records = [
        {"shop": "a", "number": 1, "price": 10, "parts": 4},
        {"shop": "a", "number": 2, "price": 10, "parts": 0},
        {"shop": "a", "number": 3, "price": -10, "parts": 4},
    ]
    (goods.folder / "goods.jsonl").write_text("".join(json.dumps(r) + "\n" for r in records))
    source = "jsonl\n    source_path: goods.jsonl" if kind == "jsonl" else ":goods"
    declared = COMPUTED.replace("SOURCE", source)
    declared = declared if kind == "jsonl" else declared.replace(":good.", ":goods.")
    project = goods.project(declared)
    first = run(project, "load", {"goods": records} if kind == "rows" else None)
    assert first.counts == Counts(total=3, created=1, failed=2)
    assert retry(project, first.execution_id).refused_again == 2
    file = goods.file("parts,price,reject_row", "5,10,2", "4,2,3")
    done = retry(project, first.execution_id, corrected=file)
    assert done.result.status is Status.COMPLETED
    assert goods.rows("SELECT number, price, note FROM goods ORDER BY 1") == [
        (101, 2.5, "fresh"),
        (102, 2, "fresh"),
        (103, 0.5, "fresh"),
    ]


def test_a_record_of_literals_is_tried_again(goods: Goods) -> None:
    project = goods.project(
        """  - name: batch_operations
    operation: one
    operation_type: insert
    insert_data: {shop: a, number: 1, note: only}
""",
        ("a", 1, 1, "there"),
    )
    first = run(project, "one")
    assert first.counts == Counts(total=1, failed=1)
    goods.execute("DELETE FROM goods")
    assert retry(project, first.execution_id).recovered == 1
    assert goods.rows() == [("a", 1, None, "only")]


@pytest.mark.parametrize(
    ("line", "code", "cells"),
    [
        (b"a,2,2,caf\xe9", "encoding", {"note": "café"}),
        (b"a,2,2,b\x00d", "nul_byte", {"note": "bad"}),
        (b"a,2,2,y,z", "ragged_row", {"field 5": ""}),
        (b"a,2", "ragged_row", {"price": "2", "note": "y"}),
        (b'a,2,2,y"y', "irregular_quote", {"note": "yy"}),
        (b"a,2,2," + b"y" * 120_000, "22001", {"note": "yy"}),
    ],
    ids=["encoding", "nul", "too many fields", "too few fields", "quote", "too long to keep"],
)
def test_a_record_that_is_not_kept_as_it_was_is_not_tried_uncorrected(
    tmp_path: Path,
    sqlite_url: str,
    monkeypatch: pytest.MonkeyPatch,
    line: bytes,
    code: str,
    cells: dict[str, str],
) -> None:
    """Else what is shown of it would be written as if it were its value."""
    monkeypatch.setenv("BATCH_OPS_DATABASE_URL", sqlite_url)
    goods = Goods(tmp_path, sqlite_url)
    (goods.folder / "goods.csv").write_bytes(b"shop,number,price,note\na,1,1,x\n" + line + b"\n")
    project = goods.project(CSV.replace("OPERATION", "insert"))
    first = run(project, "load")
    (reject,) = kept_rejects(project, first.execution_id)
    assert reject.reject.code == code
    done = retry(project, first.execution_id)
    assert (done.number, list(done.untried.values())) == (None, [1])
    names = ["shop", "number", "price", "note", *(n for n in cells if n.startswith("field"))]
    shown = [str((reject.reject.data or {}).get(name) or "") for name in names]
    same = goods.file(",".join([*names, "reject_row"]), ",".join([*map(quoted, shown), "2"]))
    assert list(retry(project, first.execution_id, corrected=same).untried.values()) == [1]
    right = [cells.get(name, text) for name, text in zip(names, shown, strict=True)]
    file = goods.file(",".join([*names, "reject_row"]), ",".join([*map(quoted, right), "2"]))
    assert retry(project, first.execution_id, corrected=file).recovered == 1
    assert goods.rows()[1][:3] == ("a", 2, 2)
    assert goods.rows()[1][3] == dict(zip(names, right, strict=True))["note"]
    project.dispose()


def quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'


COPY = """  - name: batch_operations
    operation: copy
    batch_size: 4
    steps:
      - name: put
        operation_type: insert
        data_source: table
        source_path: offers
        where_condition: "price IS NOT NULL"
        field_mapping: {shop: shop, number: number, price: price}
      - name: stamp
        operation_type: update
        update_data: {note: {sql: "COALESCE(note, '') || '!'"}}
        where_condition: "price > 0 AND (shop, number) IN (:put_ids)"
---
name: offers
key: id
fields: {id: integer, shop: string(5), number: integer, price: "decimal(10,2)"}
patterns: []
"""


def test_rows_of_another_table_are_taken_again(goods: Goods) -> None:
    """As they stand there now; their values are corrected there, not in a file."""
    first_part, offers = COPY.split("---\n")
    (goods.folder / "defs").mkdir()
    (goods.folder / "defs" / "offers.yaml").write_text(offers)
    project = goods.project(first_part)
    goods.execute(
        'CREATE TABLE offers (id INTEGER PRIMARY KEY, shop VARCHAR(5), "number" INTEGER,'
        " price NUMERIC(10,2))",
        *(
            f"INSERT INTO offers VALUES ({n}, 'a', {n}, {-1 if n % 3 == 0 else n})"
            for n in range(8)
        ),
    )
    first = run(project, "copy")
    assert first.step("put").counts == Counts(total=8, created=5, failed=3)
    goods.execute(
        "UPDATE offers SET price = 7 WHERE id IN (0, 3)", "DELETE FROM offers WHERE id = 0"
    )
    done = retry(project, first.execution_id)
    assert done.result.step("put").counts == Counts(total=8, created=6, not_found=1, failed=1)
    assert done.result.step("stamp").counts == Counts(total=6, updated=6)
    assert {row[3] for row in goods.rows()} == {"!"}
    file = goods.file("shop,number,price,reject_row", "a,6,1,")
    with pytest.raises(UsageError, match="changes 'price' in line 2, and step 'put' takes its"):
        retry(project, first.execution_id, corrected=file)


ASK = """  - name: batch_operations
    operation: refresh
    batch_size: 10
    retry: {max_retries: 0}
    OPTIONS
    steps:
      - name: find_stale
        operation_type: select
        where_condition: "price IS NULL"
      - name: ask
        operation_type: custom_function
        function: ask_again
        input: INPUT
      - name: store
        STORE
"""
STORE = """operation_type: upsert
        upsert_data: {shop: :asked.shop, number: :asked.number, price: :asked.price, note: ok}"""


def refresh(given: str = ":stale", store: str = STORE, options: str = "") -> str:
    return ASK.replace("INPUT", given).replace("STORE", store).replace("OPTIONS", options)


@pytest.fixture
def ask() -> Iterator[Callable[..., None]]:
    def register(called: Callable[..., Any]) -> None:
        registry.unregister("ask_again", registry.Kind.STEP)
        function("ask_again")(called)

    register(lambda: None)
    yield register
    registry.unregister("ask_again", registry.Kind.STEP)


STALE = [("a", n, None, "old") for n in range(25)]


def test_a_function_is_called_for_its_rejected_rows_and_later_steps_take_what_it_gives(
    goods: Goods, ask: Any
) -> None:
    """It is given the same records as at first, and each is stored once."""
    served: set[int] = set(range(25)) - {3, 14, 15}
    seen: list[list[dict[str, Any]]] = []

    def answer(given: list[dict[str, Any]], context: Any) -> list[dict[str, Any]]:
        seen.append(given)
        for record in given:
            if record["number"] not in served:
                context.reject(record, "not known", code="unknown")
        return [{**r, "price": f"{r['number']}.5"} for r in given if r["number"] in served]

    ask(answer)
    project = goods.project(refresh(), *STALE)
    first = run(project, "refresh")
    assert first.step("ask").counts == Counts(total=25, selected=22, failed=3)
    keys = [kept.reject.key for kept in kept_rejects(project, first.execution_id)]
    assert keys == [{"shop": "a", "number": n} for n in (3, 14, 15)]
    served |= {3, 14}
    seen.clear()
    goods.execute("UPDATE goods SET note = 'seen' WHERE number < 10")
    done = retry(project, first.execution_id)
    assert seen == [[{"shop": "a", "number": n} for n in (3, 14, 15)]]
    assert done.result.step("ask").counts == Counts(total=25, selected=24, failed=1)
    assert done.result.step("store").counts == Counts(total=24, updated=24)
    stored = goods.rows("SELECT number FROM goods WHERE price = number + 0.5 AND note = 'ok'")
    assert sorted(number for (number,) in stored) == [3, *range(10, 15), *range(16, 25)]
    assert retry(project, first.execution_id).refused_again == 1


def test_a_record_that_fails_alone_is_tried_again(goods: Goods, ask: Any) -> None:
    shop_is_open = False

    def answer(given: list[dict[str, Any]]) -> list[dict[str, Any]]:
        if not shop_is_open and any(record["number"] == 7 for record in given):
            raise ConnectionError("the shop is closed")
        return [{**record, "price": 1} for record in given]

    ask(answer)
    project = goods.project(refresh(), *STALE)
    first = run(project, "refresh")
    assert first.step("ask").counts == Counts(total=25, selected=24, failed=1)
    shop_is_open = True
    assert retry(project, first.execution_id).result.status is Status.COMPLETED
    assert goods.rows("SELECT count(*) FROM goods WHERE price = 1") == [(25,)]


def test_a_record_the_output_refused_is_asked_for_again(goods: Goods, ask: Any) -> None:
    """It bears the key of the row it was made of; records of nobody's row are not tried."""
    price: Any = "cheap"

    def answer(given: list[dict[str, Any]]) -> list[dict[str, Any]]:
        odd = [{"shop": "z", "number": 1, "price": "none"}] if given[0]["number"] == 0 else []
        return [{**r, "price": price if r["number"] == 4 else 2} for r in given] + odd

    ask(answer)
    project = goods.project(refresh(), *STALE)
    first = run(project, "refresh")
    failed = sum(step.counts.failed for step in first.steps)
    assert failed == 2
    assert first.step("ask").counts.total == 26
    price = 3
    done = retry(project, first.execution_id)
    assert (done.recovered, list(done.untried.values())) == (1, [1])
    assert goods.rows("SELECT price FROM goods WHERE number = 4") == [(3,)]
    discard(project, first.execution_id, because="nobody's")
    assert result_of(project, first.execution_id).open_rejects == 0


def test_what_was_not_given_costs_none_of_the_rows(goods: Goods, ask: Any) -> None:
    """A copy is known by its key; what is no row of the input is a reject of its own."""

    def answer(given: list[dict[str, Any]], context: Any) -> None:
        context.reject({**given[0], "seen": True}, "a copy")
        context.reject(given[0], "the very record")
        context.reject({"shop": "q", "number": 99}, "a stranger")
        context.reject("what?", "no record")

    ask(answer)
    project = goods.project(refresh(store="operation_type: select"), *STALE[:10])
    first = run(project, "refresh")
    assert first.step("ask").counts == Counts(total=12, selected=9, failed=3)
    told = [(k.reject.key, k.reject.message) for k in kept_rejects(project, first.execution_id)]
    assert told == [
        ({"shop": "a", "number": 0}, "a copy; the very record"),
        ({"shop": "q", "number": 99}, "a stranger"),
        (None, "no record"),
    ]


def test_keys_that_are_rejected_bear_their_columns(goods: Goods, ask: Any) -> None:
    seen: list[Any] = []

    def answer(given: list[tuple[str, int]], context: Any) -> None:
        seen.append(given)
        context.reject(("a", 2), "an equal key")

    ask(answer)
    project = goods.project(refresh(":stale_ids", "operation_type: select"), *STALE[:5])
    first = run(project, "refresh")
    (kept,) = kept_rejects(project, first.execution_id)
    assert kept.reject.key == {"shop": "a", "number": 2}
    retry(project, first.execution_id)
    assert seen[1:] == [[("a", 2)]]


def test_elements_of_a_list_are_handed_over_again(goods: Goods, ask: Any) -> None:
    seen: list[Any] = []
    bad = {5, 12}

    def answer(given: list[int], context: Any) -> None:
        seen.append(given)
        for number in bad & set(given):
            context.reject(number, "odd")

    ask(answer)
    project = goods.project(refresh(":numbers", "operation_type: select"))
    first = run(project, "refresh", {"numbers": list(range(15))})
    assert first.step("ask").counts == Counts(total=15, selected=13, failed=2)
    bad.remove(12)
    seen.clear()
    done = retry(project, first.execution_id)
    assert seen == [[5, 12]]
    assert done.result.step("ask").counts == Counts(total=15, selected=14, failed=1)


def test_a_later_function_is_called_for_recovered_rows(goods: Goods, ask: Any) -> None:
    """Per rows where it takes rows, and once with them where it is given values by name."""
    (goods.folder / "goods.csv").write_text("shop,number,price\na,1,1\na,2,-2\na,3,3\n")
    seen: list[Any] = []
    ask(seen.append)
    project = goods.project(
        """  - name: batch_operations
    operation: load
    steps:
      - name: create
        operation_type: insert
        data_source: csv_file
        source_path: goods.csv
      - name: call
        operation_type: custom_function
        function: ask_again
        input: :created_ids
      - name: tell
        operation_type: custom_function
        function: ask_again
        input: {keys: :created_ids, level: 3}
"""
    )
    first = run(project, "load")
    assert seen == [[("a", 1), ("a", 3)], {"keys": [("a", 1), ("a", 3)], "level": 3}]
    seen.clear()
    file = goods.file("price,reject_row", "2,2")
    done = retry(project, first.execution_id, corrected=file)
    assert seen == [[("a", 2)], {"keys": [("a", 2)], "level": 3}]
    assert done.result.step("call").counts == Counts(total=3, selected=3)
    seen.clear()
    retry(project, first.execution_id)
    assert seen == []


def test_rejects_before_an_atomic_transaction_do_not_go_through_it_alone(
    goods: Goods, ask: Any
) -> None:
    def answer(given: list[dict[str, Any]], context: Any) -> list[dict[str, Any]]:
        context.reject(given[0], "not today")
        return [{**record, "price": 1} for record in given[1:]]

    ask(answer)
    project = goods.project(refresh(options="atomic: true"), *STALE[:3])
    first = run(project, "refresh")
    assert first.status is Status.COMPLETED_WITH_ERRORS
    with pytest.raises(RefusedError, match="cannot go through it any more"):
        retry(project, first.execution_id)
    given_up = discard(project, first.execution_id, because="it is run again")
    assert (given_up.discarded, given_up.open) == (1, 0)
