"""`check` asks the database: what `run` would refuse it does not call all right."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from batch_ops.database import open_database
from batch_ops_tests.support import accounts

if TYPE_CHECKING:
    from collections.abc import Callable

    from batch_ops_tests.integration.cli.conftest import Said, Shell

HEAD = """
name: goods
key: [id]
fields: {{id: integer, sku: text, price: integer, note: text, at: timestamp}}
patterns:
  - name: batch_operations
    operation: work
    {options}
"""
TABLES = (
    "CREATE TABLE goods (id INTEGER PRIMARY KEY, sku TEXT UNIQUE, price INTEGER, note TEXT, at {})",
    "CREATE TABLE loose (id INTEGER, note TEXT)",
    "CREATE TABLE other (id INTEGER PRIMARY KEY, price TEXT)",
)
LOOSE = (
    HEAD.replace("goods", "loose")
    .replace("key: [id]", "")
    .replace(", sku: text, price: integer, note: text, at: timestamp", ", note: text")
)
OTHER = HEAD.replace("goods", "other").replace(
    ", sku: text, price: integer, note: text, at: timestamp", ", price: integer"
)
UPDATE = 'operation_type: update\n    update_data: {{{data}}}\n    where_condition: "{where}"'


def update(data: str = "note: x", where: str = "price > 1") -> str:
    """The options of an update."""
    return UPDATE.format(data=data, where=where)


@pytest.fixture
def checked(
    empty: Shell, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> Callable[[str], tuple[Said, Said]]:
    """Gives what `check` and `run` say of a declaration, on a database with three tables."""
    monkeypatch.setenv("BATCH_OPS_DATABASE_URL", database_url)
    (empty.folder / "defs" / "people.yaml").unlink()
    (empty.folder / "goods.csv").write_text("id,sku,price,colour\n1,a,2,red\n")
    database = open_database(database_url)
    stamp = "TIMESTAMPTZ" if database.dialect.capabilities.zones else "DATETIME"
    accounts.execute(database, [table.format(stamp) for table in TABLES])
    database.dispose()

    def both(declaration: str, *parameters: str) -> tuple[Said, Said]:
        empty.declare(declaration, "goods.yaml")
        return empty("check"), empty("run", "work", "--no-dagster", *parameters)

    return both


REFUSED: dict[str, tuple[str, str, int, str]] = {
    "table": (
        HEAD.replace("name: goods", "name: goods\ntable: missing"),
        update(),
        3,
        "The table 'missing' of entity 'goods' is not there.",
    ),
    "column": (
        HEAD.replace("note: text", "note: text, colour: text"),
        update(),
        2,
        "There is no column 'colour'.",
    ),
    "key": (LOOSE, update(where="id > 1"), 3, "The table 'loose' has no key"),
    "key_changed": (
        HEAD.replace("key: [id]", "key: [sku]"),
        update("id: 7"),
        2,
        "would change the key column 'id'",
    ),
    "conflict": (
        HEAD,
        "operation_type: upsert\n    upsert_data: {id: 1, note: x}\n    conflict_target: note",
        3,
        "Nothing keeps note of 'goods' unique",
    ),
    "no_condition": (
        HEAD,
        update(where="price"),
        2,
        "A value of type integer stands where a condition is needed",
    ),
    "function": (
        HEAD,
        "operation_type: custom_function\n    function: nobody_knows_it",
        2,
        "There is no function 'nobody_knows_it'.",
    ),
    "module": (
        HEAD,
        "operation_type: custom_function\n    function: no_such_module:it",
        2,
        "There is no module 'no_such_module'.",
    ),
    "journal": (
        HEAD.replace("name: goods", "name: goods\ntable: batch_chunks"),
        update(),
        2,
        "is the journal's own",
    ),
    "header": (
        HEAD,
        "operation_type: insert\n    data_source: csv_file\n    source_path: goods.csv",
        2,
        "colour",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_run_would_refuse_is_told_by_check_in_the_same_words(
    checked: Callable[..., tuple[Said, Said]], case: str
):
    declaration, options, code, told = REFUSED[case]
    check, run = checked(declaration.format(options=options))
    assert (check.code, run.code) == (code, code)
    assert told in check.error
    assert check.error == run.error
    assert "all right" not in check.out
    assert "the database would refuse work." in check.err


def test_a_throttle_by_others_work_is_told_where_nobody_can_tell_it(
    checked: Callable[..., tuple[Said, Said]], database_url: str
):
    options = update() + "\n    throttle: {max_active: 5}"
    check, run = checked(HEAD.format(options=options))
    if database_url.startswith("sqlite"):
        assert (check.code, run.code) == (3, 3)
        assert "Nobody can tell how busy" in check.error
    else:
        assert (check.code, run.code) == (0, 0)


@pytest.mark.parametrize(
    "options",
    [
        update(where="price > 1"),
        update(data='price: {sql: "price + 1"}'),
    ],
    ids=["where", "value"],
)
def test_a_column_of_another_type_than_declared_is_told_where_the_database_minds(
    checked: Callable[..., tuple[Said, Said]], database_url: str, options: str
):
    """PostgreSQL compares no text with a number; SQLite does, and both doors say so."""
    check, run = checked(OTHER.format(options=options.replace("note: x", "price: 2")))
    if database_url.startswith("sqlite"):
        assert (check.code, run.code) == (0, 0)
        return
    assert (check.code, run.code) == (3, 3)
    assert "refuses step 'update' of work: operator does not exist: text" in check.error


STEPS = """steps:
      - {name: find, operation_type: select, where_condition: "price > :p"}
      - {name: mark, operation_type: update, update_data: {note: y},
         where_condition: "id IN (:found_ids)"}"""
FINE: dict[str, tuple[str, tuple[str, ...]]] = {
    "parameters": (
        update(where="price > :least AND note = :note AND id IN (:ids)"),
        ("-p", "least=1", "-p", "note=a", "-p", "ids=[1]"),
    ),
    "untyped": (
        update(data="price: {sql: ':a + :b'}", where="price * 2 > :a - :b"),
        ("-p", "a=1", "-p", "b=2"),
    ),
    "moments": (update("at: NOW()", "at < NOW() - INTERVAL '1 day' OR at IS NULL"), ()),
    "upsert": (
        "operation_type: upsert\n    upsert_data: {id: 1, sku: a}\n    conflict_target: sku",
        (),
    ),
    "steps": (
        STEPS,
        ("-p", "p=0"),
    ),
    "conditions": (
        update() + "\n    preconditions: [\"COUNT(*) >= 0\", {row: 'price > 0'}]",
        (),
    ),
}


@pytest.mark.parametrize("case", FINE)
def test_what_run_takes_is_all_right(checked: Callable[..., tuple[Said, Said]], case: str):
    options, parameters = FINE[case]
    check, run = checked(HEAD.format(options=options), *parameters)
    assert (check.code, run.code) == (0, 0), check.err + run.err
    assert "all right" in check.out


def test_without_a_database_it_says_that_nobody_asked_it(empty: Shell):
    told = empty("check", "--json").json
    assert told["not_asked"] == ["import_people", "mark", "rename", "retire"]
    said = empty("check")
    assert "right as far as can be told without the database" in said.out
    assert "all right" not in said.out
    assert said.code == 0


def test_as_json_what_would_be_refused_has_its_operation(shell: Shell):
    shell.declare(HEAD.format(options=update()), "goods.yaml")
    told = shell("check", "--json")
    assert told.code == 3
    refused: list[dict[str, Any]] = told.json["refused"]
    assert [(each["operation"], each["error"]) for each in refused] == [
        ("work", "DatabaseUnfitError")
    ]
    assert told.json["not_asked"] == []


def test_neither_rows_nor_tables_are_touched_and_no_function_is_called(shell: Shell):
    before = shell.query("SELECT * FROM people")
    (shell.folder / "own.py").write_text(
        "from batch_ops import sql_function\n"
        "@sql_function('never_called')\n"
        "def never_called():\n    raise SystemExit('called')\n"
    )
    (shell.folder / "batch_ops.toml").write_text("[python]\nmodules = ['own']\n")
    text = (shell.folder / "defs" / "people.yaml").read_text()
    shell.declare(
        text.replace(
            "where_condition: status IS NULL\n", "where_condition: status = never_called()\n"
        )
    )
    assert shell("check").code == 0
    assert shell.query("SELECT * FROM people") == before
    assert shell.tables() == {"people"}
