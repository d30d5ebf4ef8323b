"""Wrong use is told by its class and in words, and nothing is written."""

from __future__ import annotations

import datetime as dt
import math
from typing import TYPE_CHECKING, Any

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import sqlalchemy as sa

from batch_ops import BatchOperationError, BatchTable, RetryPolicy, Throttle
from batch_ops.errors import (
    BatchOpsError,
    DatabaseUnfitError,
    DatabaseUnreachableError,
    DeclarationError,
    ParameterError,
    UnknownNameError,
    UsageError,
)
from batch_ops_tests.integration.bulk.kit import (
    POSTGRESQL,
    USERS,
    count,
    kind,
    rows_of,
    run,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ADA = {"id": 1, "name": "Ada"}


@pytest.fixture
def users_url(sqlite_url: str) -> str:
    return run(sqlite_url, USERS, "INSERT INTO users (id, name) VALUES (1, 'Ada')")


@pytest.fixture
def users(users_url: str) -> Iterator[BatchTable[dict[str, Any]]]:
    with BatchTable(users_url, "users") as table:
        yield table


def refused(
    call: Callable[[], Any], error: type[BatchOpsError], *words: str, state: str = "Nothing was"
) -> None:
    """A call is refused so, with these words, and says what state the data is in."""
    with pytest.raises(error) as raised:
        call()
    text = str(raised.value)
    for word in words:
        assert word in text
    assert state in text or error in (DatabaseUnfitError, DatabaseUnreachableError)
    assert raised.value.todo


Table = BatchTable[dict[str, Any]]
UNKNOWN_COLUMNS: dict[str, Callable[[Table], Any]] = {
    "create": lambda t: t.create_many([{"id": 2, "nmae": "x"}]),
    "upsert": lambda t: t.upsert_many([{"id": 2, "nmae": "x"}]),
    "a later row": lambda t: t.create_many([ADA | {"id": 7}, {"id": 2, "nmae": "x"}]),
    "update": lambda t: t.update_many([(1, {"nmae": "x"})]),
    "an update of chosen rows": lambda t: t.update_many(t.where("id = 1"), {"nmae": "x"}),
    "fields": lambda t: t.update_many([(1, {"name": "x"})], fields=["nmae"]),
    "names of tuples": lambda t: t.create_many([(2, "x")], columns=["id", "nmae"]),
    "a frame": lambda t: t.create_many(pd.DataFrame({"id": [2], "nmae": ["x"]})),
    "what is read": lambda t: t.get_many([1], columns=["nmae"]),
    "what is touched": lambda t: t.touch_many([1], column="nmae"),
    "what makes rows the same": lambda t: t.upsert_many([ADA], conflict_target="nmae"),
}


@pytest.mark.parametrize("what", UNKNOWN_COLUMNS)
def test_an_unknown_column_is_told_with_the_nearest_one(users: Table, users_url: str, what: str):
    with pytest.raises(UnknownNameError) as raised:
        UNKNOWN_COLUMNS[what](users)
    assert (raised.value.name, raised.value.suggestion) == ("nmae", "name")
    assert "Did you mean 'name'?" in str(raised.value)
    assert rows_of(users_url, "SELECT id, name FROM users") == [(1, "Ada")]


def test_an_unknown_column_of_the_table_itself_is_told(users_url: str):
    for arguments in (
        *({"key": "idd"}, {"key": ["id", "nam"]}, {"hidden": ["nam"]}, {"soft_delete": "nam"}),
        *({"expires": "nam"}, {"version": "versoin"}),
    ):
        table = BatchTable(users_url, "users", **arguments)
        refused(lambda t=table: t.create_many([ADA]), UnknownNameError, "Did you mean", state="")
    declared = sa.Table("users", sa.MetaData(), sa.Column("idd", sa.Integer, primary_key=True))
    table = BatchTable(users_url, declared)
    refused(lambda: table.get_many([1]), UnknownNameError, "Did you mean 'id'", state="")


def test_a_table_that_is_not_there_is_told_with_the_nearest_one(database_url: str):
    run(database_url, USERS)
    refused(
        lambda: BatchTable(database_url, "user").create_many([ADA]),
        DatabaseUnfitError,
        "There is no table 'user'",
        "Did you mean 'users'?",
        "Create the table first",
    )
    if kind(database_url) == POSTGRESQL:
        other = BatchTable(database_url, "nowhere.users")
        refused(lambda: other.get_many([1]), DatabaseUnfitError, "There is no table 'users'")


MISSING_KEYS: dict[str, Callable[[Table], Any]] = {
    "an item without a key": lambda t: t.update_many([{"name": "x"}]),
    "a dict without a key": lambda t: t.get_many([{"name": "x"}]),
    "a deleted row without a key": lambda t: t.delete_many([{"nam": "x"}]),
}


@pytest.mark.parametrize("what", MISSING_KEYS)
def test_a_missing_key_is_told_with_its_item(users: Table, what: str):
    refused(
        lambda: MISSING_KEYS[what](users),
        ParameterError,
        "Item 0 has no value for the key column 'id'",
        "Key columns: id",
    )


def test_a_key_of_another_form_is_told(users_url: str):
    run(users_url, "CREATE TABLE t (a INTEGER, b INTEGER, v INTEGER, PRIMARY KEY (a, b))")
    table = BatchTable(users_url, "t")
    refused(lambda: table.get_many([(1, 2), (1, 2, 3)]), ParameterError, "item 1 has 3 values")
    refused(lambda: table.get_many([7]), ParameterError, "item 0 is a value of type int")
    refused(lambda: table.get_many([{"a": 1}]), ParameterError, "no value for the key column 'b'")
    refused(lambda: table.update_many([((1,), {"v": 1})]), ParameterError, "has 1 values, not 2")


EMPTY: list[Callable[[], Any]] = [
    *(list, tuple, set, lambda: iter([]), lambda: (n for n in ())),
    *(pd.DataFrame, lambda: pd.DataFrame({"id": [], "name": []}), pl.DataFrame),
    *(lambda: pa.table({"id": pa.array([], pa.int64())}),),
]


@pytest.mark.parametrize("atomic", [True, False])
def test_of_nothing_nothing_comes(any_url: str, atomic: bool):
    run(any_url, USERS, "INSERT INTO users (id, name) VALUES (1, 'Ada')")
    table = BatchTable(any_url, "users", soft_delete="email", expires="email")
    for empty in EMPTY:
        results = [
            table.create_many(empty(), atomic=atomic),
            table.create_many(empty(), atomic=atomic, on_conflict="update", return_rows=True),
            table.upsert_many(empty(), atomic=atomic),
            table.update_many(empty(), atomic=atomic),
            table.delete_many(empty(), atomic=atomic, cascade=True),
            table.delete_many(empty(), plan=True),
            table.soft_delete_many(empty(), atomic=atomic),
            table.touch_many(empty(), column="age", atomic=atomic),
            table.write_many(empty(), empty(), atomic=atomic),
            table.get_many(empty()),
        ]
        for result in results:
            assert set(result.stats.to_dict().values()) == {0}
            assert (result.success_rate, list(result.failed), result.found) == (1, [], [])
        assert list(table.get_many(empty(), stream=True)) == []
        assert table.process_in_chunks(empty(), 10, len) == []
    nothing = table.where("id = 99")
    assert list(nothing) == []
    assert table.update_many(nothing, {"age": 1}, atomic=atomic).stats.total == 0
    assert table.delete_many(nothing, atomic=atomic).stats.total == 0
    assert count(any_url) == 1


class Thing:
    """None of anything; called the same in every process."""

    def __repr__(self) -> str:
        return "thing"


THING = Thing()
NO_LISTS: list[Any] = ["abc", b"abc", ADA, 5, None, THING, 1.5]


@pytest.mark.parametrize("given", NO_LISTS, ids=repr)
def test_one_thing_is_no_list_of_things(users: Table, users_url: str, given: Any):
    calls: list[Callable[[Any], Any]] = [
        *(users.create_many, users.upsert_many, users.update_many, users.delete_many),
        *(users.get_many, lambda g: users.write_many(puts=g)),
        *(lambda g: users.write_many(deletes=g), lambda g: users.process_in_chunks(g, 1, len)),
    ]
    for call in calls:
        refused(lambda c=call: c(given), ParameterError, "A list of", "is expected")
    assert rows_of(users_url, "SELECT id, name FROM users") == [(1, "Ada")]


@pytest.mark.parametrize("item", [5, "abc", None, (2, "x"), ["x"], THING], ids=repr)
def test_an_item_that_is_no_record_is_told_with_its_place(users: Table, users_url: str, item: Any):
    rows = [{"id": 5, "name": "x"}, item]
    for call in (users.create_many, users.upsert_many):
        refused(lambda c=call: c(rows), ParameterError, "Item 1 is", "and no record", "columns=")
    assert count(users_url) == 1


def test_names_of_columns_are_a_list_that_fits(users: Table):
    rows = [(2, "x")]
    refused(lambda: users.create_many(rows, columns="id"), ParameterError, "columns=")
    refused(
        lambda: users.create_many(rows, columns=["id", "id"]), ParameterError, "each column once"
    )
    refused(
        lambda: users.create_many([*rows, (3,)], columns=["id", "name"]),
        ParameterError,
        "Item 1 has 1 values, and columns= names 2",
    )
    refused(lambda: users.create_many([ADA], columns=["id"]), ParameterError, "Item 0 is no tuple")
    refused(lambda: users.create_many(["ab"], columns=["id", "name"]), ParameterError, "no tuple")
    refused(
        lambda: users.update_many([(1, {})], fields="name"), ParameterError, "fields= is a list"
    )
    refused(lambda: users.get_many([1], columns="id"), ParameterError, "columns= is a list")
    twice = pd.DataFrame([[1, 2]], columns=["id", "id"])
    refused(lambda: users.create_many(twice), ParameterError, "two columns of the same name")


def test_a_row_without_any_column_is_told_or_has_its_defaults(any_url: str):
    run(any_url, USERS)
    table = BatchTable(any_url, "users")
    result = table.create_many([{}, {"id": 1, "name": "x"}], atomic=False)
    assert [(row.index, row.error.code) for row in result.failed] == [(0, "23502")]
    assert result.stats.created == 1
    run(any_url, "CREATE TABLE logs (message VARCHAR(9), level INTEGER)")
    logs = BatchTable(any_url, "logs")
    assert logs.create_many([{}, {}]).stats.created == 2
    assert rows_of(any_url, "SELECT * FROM logs") == [(None, None)] * 2
    run(any_url, "CREATE TABLE flags (up INTEGER DEFAULT 1)")
    flags = BatchTable(any_url, "flags")
    refused(lambda: flags.create_many([{}]), ParameterError, "Item 0 has no column")


BAD_OPTIONS: list[tuple[dict[str, Any], str]] = [
    *[({"batch_size": size}, "batch_size is") for size in (0, -1, 1_000_001, True, "10", 1.5)],
    *[({"max_concurrency": n, "atomic": False}, "max_concurrency is") for n in (0, 65, "2")],
    *[({"retry": policy}, "retry is no RetryPolicy") for policy in (3, {}, None)],
    *[({"throttle": pause}, "throttle is") for pause in (-1, "soon", math.nan, math.inf)],
    ({"throttle": Throttle(dt.timedelta(-1))}, "throttle.pause is"),
    ({"throttle": Throttle(rows_per_second=0)}, "throttle.rows_per_second is"),
    ({"throttle": Throttle(rows_per_second=math.inf)}, "throttle.rows_per_second is"),
    ({"throttle": Throttle(max_active=0)}, "throttle.max_active is"),
    ({"on_progress": 5}, "on_progress cannot be called"),
    ({"on_error": "continue"}, "on_error cannot be called"),
    ({"max_concurrency": 2}, "exclude each other"),
    *[({name: "False"}, f"{name} is 'False'") for name in ("atomic", "return_rows", "validate")],
    ({"continue_on_error": "no"}, "continue_on_error is 'no'"),
]


@pytest.mark.parametrize("options, words", BAD_OPTIONS, ids=str)
def test_an_option_that_is_none_is_refused_and_not_clipped(
    users: Table, users_url: str, options: dict[str, Any], words: str
):
    calls: list[Callable[..., Any]] = [
        *(users.create_many, users.upsert_many, users.delete_many, users.update_many),
        *(users.touch_many, lambda rows, **o: users.write_many(puts=rows, **o)),
    ]
    for call in calls:
        refused(lambda c=call: c([ADA], **options), ParameterError, words)
    assert count(users_url) == 1


def test_an_unknown_option_is_told_with_the_nearest_one(users: Table):
    for call in (users.create_many, users.upsert_many, users.update_many, users.delete_many):
        with pytest.raises(UnknownNameError, match="Did you mean 'batch_size'"):
            call([ADA], batchsize=10)
    items = [{"key": 1, "options": {"cascde": True}}]
    with pytest.raises(UnknownNameError, match="Did you mean 'cascade'"):
        users.delete_many(items)
    items = [{"key": 1, "data": {"age": 1}, "options": {"expires_in": 1}}]
    with pytest.raises(UnknownNameError, match="'expires_in'"):
        users.update_many(items)
    for call in (users.create_many, users.upsert_many):
        with pytest.raises(UnknownNameError, match="'ignore'"):
            call([ADA], on_conflict="ignore")


@pytest.mark.parametrize(
    "arguments",
    [
        *({"max_retries": -1}, {"max_retries": 1.5}, {"max_retries": True}, {"initial_delay": -1}),
        *({"max_delay": "long"}, {"backoff_factor": 0.5}, {"jitter": 2}, {"jitter": -0.1}),
        *({"initial_delay": math.nan}, {"jitter": "much"}),
    ],
    ids=str,
)
def test_a_policy_that_is_none_is_refused(arguments: dict[str, Any]):
    (name,) = arguments
    with pytest.raises(ParameterError, match=name):
        RetryPolicy(**arguments)


def test_what_a_table_has_not_got_is_not_to_be_had(users: Table, users_url: str):
    refused(lambda: users.soft_delete_many([1]), ParameterError, "has no column for soft_delete")
    refused(users.purge_expired, ParameterError, "has no column for expires")
    for call in (users.create_many, users.upsert_many):
        refused(lambda c=call: c([ADA], expires_in=5), ParameterError, "no column for expires")
    refused(lambda: users.touch_many([1]), UnknownNameError, "updated_at", state="")
    refused(
        lambda: users.update_many([(1, {"age": 1})], expected_version=1),
        ParameterError,
        "expected_version needs a version column",
    )
    lasting = BatchTable(users_url, "users", expires="email")
    for span in (-1, "x", math.inf):
        refused(
            lambda s=span: lasting.create_many([ADA], expires_in=s), ParameterError, "expires_in"
        )


def test_a_key_is_not_changed_by_an_update(users: Table, users_url: str):
    calls: list[Callable[[], Any]] = [
        lambda: users.update_many([{"key": 1, "data": {"id": 2}}]),
        lambda: users.update_many([(1, {"id": 2, "name": "x"})]),
        lambda: users.update_many(users.where("id = 1"), {"id": 2}),
    ]
    for call in calls:
        refused(call, ParameterError, "would change the key column 'id'", "reate the row")
    assert users.update_many([{"key": 1, "data": {"id": 1, "age": 5}}]).stats.updated == 1
    assert rows_of(users_url, "SELECT id, age FROM users") == [(1, 5)]


def test_an_update_says_what_is_to_be_set(users: Table):
    refused(lambda: users.update_many([{"key": 1}]), ParameterError, "Item 0 has no data to set")
    refused(lambda: users.update_many([{"key": 1, "data": 5}]), ParameterError, "no data to set")
    refused(lambda: users.update_many(users.where("TRUE")), ParameterError, "takes values")
    refused(
        lambda: users.update_many([ADA], {"age": 1}), ParameterError, "values= belongs to where"
    )
    chosen = users.where("TRUE")
    refused(
        lambda: users.update_many(chosen, {"age": 1}, fields=["age"]),
        ParameterError,
        "neither fields",
    )
    refused(
        lambda: users.update_many(chosen, {"age": 1}, on_error=print, atomic=False),
        ParameterError,
        "takes neither on_error",
    )


def test_a_conflict_target_needs_a_unique_constraint(users: Table, users_url: str):
    for target in ("name", ["email", "name"], ["id", "email"]):
        for call in (
            users.upsert_many,
            lambda r, **o: users.create_many(r, on_conflict="update", **o),
        ):
            refused(
                lambda c=call, t=target: c([ADA], conflict_target=t),
                DatabaseUnfitError,
                "No unique constraint of 'users' is on",
                "conflict_target",
            )
    named = BatchTable(users_url, "users", key="name")
    refused(lambda: named.upsert_many([ADA]), DatabaseUnfitError, "No unique constraint")


def test_a_computed_column_is_not_given(any_url: str):
    run(
        any_url,
        "CREATE TABLE t (id INTEGER PRIMARY KEY, n INTEGER,"
        " twice INTEGER GENERATED ALWAYS AS (n * 2) STORED)",
    )
    table = BatchTable(any_url, "t")
    words = ("The column 'twice' is computed by the database", "Leave it out")
    row = {"id": 1, "n": 2, "twice": 4}
    refused(lambda: table.create_many([row]), ParameterError, *words)
    refused(lambda: table.upsert_many([row]), ParameterError, *words)
    refused(lambda: table.update_many([(1, {"twice": 4})]), ParameterError, *words)
    refused(lambda: table.update_many(table.where("TRUE"), {"twice": 4}), ParameterError, *words)
    assert table.create_many([{"id": 1, "n": 2}], return_rows=True).created == [row]
    assert table.upsert_many([{"id": 1, "n": 2}]).stats.unchanged == 1
    replaced = table.upsert_many([{"id": 1, "n": 3}], on_conflict="replace")
    assert replaced.stats.updated == 1
    assert table.update_many([{**row, "n": 9}], fields=["n"]).stats.updated == 1


def test_a_key_the_database_alone_gives_still_finds_rows(postgresql_url: str):
    run(
        postgresql_url,
        "CREATE TABLE t (id INTEGER GENERATED ALWAYS AS IDENTITY PRIMARY KEY, n INTEGER)",
    )
    table = BatchTable(postgresql_url, "t")
    assert table.create_many([{"n": 1}, {"n": 2}]).stats.created == 2
    refused(lambda: table.create_many([{"id": 9, "n": 1}]), ParameterError, "'id' is computed")
    assert table.update_many([(1, {"n": 5})]).stats.updated == 1
    assert table.get_many([1, 2]).found == [{"id": 1, "n": 5}, {"id": 2, "n": 2}]
    assert table.delete_many([2]).stats.deleted == 1
    assert table.touch_many([1], column="n", value=7).stats.updated == 1


def test_several_lanes_need_connections_of_their_own(users_url: str):
    engine = sa.create_engine(users_url)
    with engine.connect() as connection:
        table = BatchTable(connection, "users")
        refused(
            lambda: table.create_many([ADA], max_concurrency=2, atomic=False),
            ParameterError,
            "max_concurrency needs connections of its own",
        )
    engine.dispose()


def test_a_closed_connection_is_told(users_url: str):
    engine = sa.create_engine(users_url)
    connection = engine.connect()
    table = BatchTable(connection, "users")
    connection.close()
    calls: list[Callable[[], Any]] = [
        *(lambda: table.create_many([ADA]), lambda: table.get_many([1])),
        *(lambda: table.delete_many([1]), lambda: list(table.where("TRUE"))),
    ]
    for call in calls:
        refused(call, ParameterError, "The connection is closed", state="")
    engine.dispose()


def test_a_database_that_is_not_there_is_told():
    for url in ("postgresql+psycopg://127.0.0.1:1/x", "sqlite:////nowhere/at/all.db"):
        for bind in (url, sa.create_engine(url)):
            table = BatchTable(bind, "users")
            refused(
                lambda t=table: t.create_many([ADA]), DatabaseUnreachableError, "cannot be reached"
            )
            refused(lambda t=table: t.get_many([1]), DatabaseUnreachableError, "cannot be reached")


@pytest.mark.parametrize("bind", [None, 5, THING, ["sqlite://"]], ids=repr)
def test_a_bind_that_is_none_is_told(bind: Any):
    refused(lambda: BatchTable(bind, "users"), ParameterError, "A database is expected")


def test_a_text_that_is_no_url_is_told():
    for text in ("", "shop", "shop.db", "::::"):
        with pytest.raises(UsageError, match="sqlite:///"):
            BatchTable(text, "users")
    with pytest.raises(UsageError):
        BatchTable("oracle://x/y", "users")


@pytest.mark.parametrize("table", [None, 5, dict, THING, ["users"]], ids=repr)
def test_a_table_that_is_none_is_told(users_url: str, table: Any):
    refused(lambda: BatchTable(users_url, table), ParameterError, "A table is expected")


@pytest.mark.parametrize("schema", [5, "User", list, int, THING], ids=repr)
def test_a_schema_that_is_none_is_told(users_url: str, schema: Any):
    refused(
        lambda: BatchTable(users_url, "users", schema=schema),
        ParameterError,
        "A schema is expected",
    )


# conditions

WRONG_CONDITIONS: list[tuple[str, dict[str, Any], type[BatchOpsError], str]] = [
    ("age > :n", {}, ParameterError, "The condition's parameter :n has no value"),
    ("age > :n", {"m": 1}, ParameterError, ":n has no value"),
    ("age > :n", {"n": 1, "m": 2}, ParameterError, "has no parameter :m"),
    ("age >", {}, DeclarationError, ""),
    ("agee > 1", {}, BatchOpsError, "age"),
    ("1 = 1; DROP TABLE users", {}, DeclarationError, ""),
    ("DELETE FROM users", {}, DeclarationError, ""),
    ("id IN (SELECT id FROM secrets)", {}, BatchOpsError, "secrets"),
    ("no_such_function(age)", {}, BatchOpsError, "no_such_function"),
    ("", {}, ParameterError, "A condition is a text"),
    ("  ", {}, ParameterError, "A condition is a text"),
    (None, {}, ParameterError, "A condition is a text"),  # type: ignore[list-item]
    (5, {}, ParameterError, "A condition is a text"),  # type: ignore[list-item]
]


@pytest.mark.parametrize("condition, parameters, error, words", WRONG_CONDITIONS, ids=str)
def test_a_condition_that_is_none_is_told(
    users: Table, users_url: str, condition: str, parameters: Any, error: Any, words: str
):
    calls: list[Callable[[Any], Any]] = [
        *(list, users.delete_many, lambda rows: users.update_many(rows, {"age": 1})),
    ]
    for call in calls:
        with pytest.raises(error) as raised:
            call(users.where(condition, **parameters))
        assert words in str(raised.value)
    assert rows_of(users_url, "SELECT id, age FROM users") == [(1, None)]


def test_an_expression_that_is_none_is_told(users: Table):
    for sql in ("age +", "agee + 1", "(SELECT 1); DROP TABLE users", ""):
        with pytest.raises(BatchOpsError):
            users.update_many(users.where("TRUE"), {"age": {"sql": sql}})
    refused(lambda: users.where("TRUE", batch_size=0), ParameterError, "batch_size is 0")


def test_a_condition_on_another_table_is_not_taken_for_one_on_this(users: Table, users_url: str):
    """Both have such a column: the wrong rows would go."""
    run(users_url, "CREATE TABLE pets (id INTEGER PRIMARY KEY, name VARCHAR(40))")
    pets = BatchTable(users_url, "pets")
    chosen = pets.where("name = 'Ada'")
    for call in (users.delete_many, lambda rows: users.update_many(rows, {"age": 1})):
        refused(lambda c=call: c(chosen), ParameterError, "the table 'pets'", "'users'")
    same = BatchTable(users_url, "users").where("name = 'Ada'")
    assert users.update_many(same, {"age": 1}).stats.updated == 1
    assert count(users_url) == 1


# what goes wrong in the middle


def broken(rows: int) -> Iterator[dict[str, Any]]:
    for n in range(10, 10 + rows):
        yield {"id": n, "name": "x"}
    raise ZeroDivisionError("the source broke")


@pytest.mark.parametrize("atomic", [True, False])
def test_a_generator_that_raises_ends_the_call(users: Table, users_url: str, atomic: bool):
    with pytest.raises(ZeroDivisionError) as raised:
        users.create_many(broken(5), batch_size=2, atomic=atomic)
    assert count(users_url) == (1 if atomic else 5)
    notes = " ".join(raised.value.__notes__)
    assert ("4 rows" in notes) is not atomic
    assert ("Nothing was written" in notes) is atomic
    with pytest.raises(ZeroDivisionError):
        users.upsert_many(broken(5), batch_size=2, atomic=atomic)
    with pytest.raises(ZeroDivisionError):
        users.update_many(broken(5), batch_size=2, atomic=atomic)
    with pytest.raises(ZeroDivisionError):
        list(users.get_many((row["id"] for row in broken(5)), stream=True, batch_size=2))


def test_a_wrong_row_in_a_later_batch_says_what_was_written(users: Table, users_url: str):
    rows = [{"id": 10, "name": "x"}, {"id": 11, "name": "x"}, {"id": 12, "nmae": "x"}]
    with pytest.raises(UnknownNameError) as raised:
        users.create_many(rows, batch_size=2, atomic=False)
    assert "2 rows" in raised.value.state
    assert count(users_url) == 3
    with pytest.raises(UnknownNameError, match="no column"):
        users.create_many([{"id": 20, "name": "x"}, {"id": 21, "nmae": "x"}], batch_size=1)
    assert count(users_url) == 3


@pytest.mark.parametrize("atomic", [True, False])
def test_a_progress_that_raises_ends_the_call(users: Table, users_url: str, atomic: bool):
    def fail(done: int, _: int | None) -> None:
        if done == 4:
            raise KeyError(done)

    rows = [{"id": n, "name": "x"} for n in range(10, 16)]
    with pytest.raises(KeyError):
        users.create_many(rows, batch_size=2, atomic=atomic, on_progress=fail)
    assert count(users_url) == (1 if atomic else 5)


def test_a_row_to_be_put_and_deleted_is_refused(users: Table, users_url: str):
    refused(
        lambda: users.write_many(puts=[{"id": 5, "name": "x"}, ADA], deletes=[7, 1]),
        ParameterError,
        "item 1 of deletes is that of a row to be put",
    )
    assert count(users_url) == 1


def test_chunks_have_a_size(users: Table):
    for size in (0, -1, True, "2", 1.5, None):
        refused(lambda s=size: users.process_in_chunks([1], s, len), ParameterError, "size is")
    refused(
        lambda: users.process_in_chunks([1], 1, len, throttle=-1), ParameterError, "throttle is"
    )
    refused(lambda: users.process_in_chunks([1], 1, "len"), ParameterError, "cannot be called")


def test_a_retry_of_a_call_that_wrote_nothing_is_refused(users: Table):
    result = users.create_many([ADA, {"id": 2, "name": "x"}], continue_on_error=True)
    refused(result.retry, ParameterError, "cannot be tried again alone", state="")


def test_no_call_leaves_something_behind_in_the_caller_s_session(any_url: str):
    """Temporary tables are taken away, savepoints are released."""
    owned = "owner INTEGER, FOREIGN KEY (owner) REFERENCES users (id)"
    run(any_url, USERS, f"CREATE TABLE pets (id INTEGER PRIMARY KEY, {owned})")
    engine = sa.create_engine(any_url)
    with engine.connect() as connection:
        table = BatchTable(connection, "users")
        table.create_many([ADA, {"id": 2, "name": "x"}], return_rows=True)
        pets = BatchTable(connection, "pets")
        pets.create_many([{"id": 1, "owner": 2}, {"id": 2, "owner": 9}], atomic=False)
        pets.delete_many([1])
        table.upsert_many([ADA])
        table.update_many([(1, {"age": 5})])
        table.get_many([1])
        with pytest.raises(BatchOperationError):
            table.upsert_many([{"id": 3, "name": "x", "age": -1}])
        table.delete_many([1])
        assert temporary_tables(connection) == []
        connection.commit()
    engine.dispose()
    assert count(any_url) == 1


def temporary_tables(connection: sa.Connection) -> list[str]:
    queries = {
        "sqlite": "SELECT name FROM sqlite_temp_master",
        "postgresql": "SELECT relname FROM pg_class WHERE relpersistence = 't' AND relkind = 'r'"
        " AND relnamespace = pg_my_temp_schema()",
    }
    query = queries.get(connection.dialect.name)
    return [] if query is None else list(connection.exec_driver_sql(query).scalars())
