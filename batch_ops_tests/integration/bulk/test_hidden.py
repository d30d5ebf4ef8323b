"""What stands in a hidden column is told by nobody: no error, no text, no log."""

from __future__ import annotations

import json
import logging
import traceback
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa
from pydantic import BaseModel, field_validator

from batch_ops import BatchTable
from batch_ops.errors import BatchOpsError
from batch_ops_tests.integration.bulk.kit import SQLITE, codes, kind, run

if TYPE_CHECKING:
    from collections.abc import Callable

    from batch_ops import BatchResult

SECRET = "s3cr3t-v4lue"
LONG = SECRET * 20
STARS = "***"

ACCOUNTS = (
    "CREATE TABLE vaults (name VARCHAR(250) PRIMARY KEY)",
    (
        "CREATE TABLE accounts (id INTEGER PRIMARY KEY, login VARCHAR(250),"
        " password VARCHAR(250) NOT NULL UNIQUE CHECK (length(password) > 5), pin INTEGER,"
        " born DATE, vault VARCHAR(250), UNIQUE (login, vault),"
        " FOREIGN KEY (vault) REFERENCES vaults (name))"
    ),
    "INSERT INTO vaults VALUES ('v')",
)
HIDDEN = ("password", "pin", "born", "vault")


def account(number: int, **more: Any) -> dict[str, Any]:
    return {"id": number, "login": f"l{number}", "password": f"{SECRET}{number}", **more}


@pytest.fixture
def accounts_url(any_url: str) -> str:
    return run(any_url, *ACCOUNTS)


def told(result: BatchResult[Any]) -> str:
    """All that a result says of itself."""
    told = [
        *(repr(result), str(result), json.dumps(result.to_dict()), result.to_frame().to_string()),
        *(repr(list(result.failed)), repr(result.not_found), str(result.failed)),
    ]
    if result.failed:
        told += [str(result.error()), repr(result.error()), json.dumps(result.error().to_dict())]
    return "\n".join(told)


def told_by(error: BaseException) -> str:
    """All that an error says, with what is printed where nobody catches it."""
    lines = traceback.format_exception(error)
    # lines of the program itself may name what is secret
    own = [line for line in lines if not line.lstrip().startswith("File ")]
    more = json.dumps(error.to_dict()) if isinstance(error, BatchOpsError) else ""
    return "\n".join([str(error), repr(error), more, *own])


def all_told(call: Callable[..., BatchResult[Any]], rows: Any, **options: Any) -> str:
    """What the call tells in both ways: by its result, and by its error."""
    result = call(rows, atomic=False, **options)
    assert result.failed
    with pytest.raises(BatchOpsError) as raised:
        call(rows, **options)
    return told(result) + told_by(raised.value) + told(raised.value.result)


BAD: list[tuple[dict[str, Any], str, str]] = [
    ({"pin": SECRET}, "22P02", "pin"),
    ({"pin": {SECRET: [SECRET]}}, "22P02", "pin"),
    ({"born": SECRET}, "22007", "born"),
    ({"password": LONG + LONG}, "22001", "password"),
    ({"password": f"{SECRET}\0"}, "22021", "password"),
    ({"password": f"{SECRET}0"}, "23505", "password"),
    ({"vault": SECRET}, "23503", "vault"),
    ({"login": "l0", "vault": "v"}, "23505", "login"),
]


def test_no_refusal_tells_what_is_hidden(accounts_url: str):
    table = BatchTable(accounts_url, "accounts", hidden=HIDDEN)
    table.create_many([account(0, vault="v")])
    rows = [account(n, **more) for n, (more, _, _) in enumerate(BAD, 1)]
    wanted = [(n, code, column) for n, (_, code, column) in enumerate(BAD)]
    assert codes(table.create_many(rows, atomic=False)) == wanted
    texts = [all_told(table.create_many, rows), all_told(table.upsert_many, rows)]
    table.delete_many(range(1, 99))
    table.create_many([account(n) for n in range(1, 99)])
    items = [(n, more) for n, (more, _, _) in enumerate(BAD, 1)]
    assert codes(table.update_many(items, atomic=False)) == wanted
    texts.append(all_told(table.update_many, items))
    for more, _, _ in BAD[:5]:
        chosen = table.where("id = 5")
        texts.append(all_told(lambda rows, m=more, **o: table.update_many(rows, m, **o), chosen))
    for text in texts:
        assert SECRET not in text
        assert STARS in text


def test_the_value_of_a_column_that_is_not_hidden_is_told(accounts_url: str):
    table = BatchTable(accounts_url, "accounts", hidden="password")
    result = table.create_many([account(1, pin="one")], atomic=False)
    assert result.failed[0].error.value == "one"
    assert result.failed[0].data == {**account(1, pin="one"), "password": STARS}
    assert SECRET not in told(result)


def test_one_bad_row_is_told_as_little_as_many(accounts_url: str):
    table = BatchTable(accounts_url, "accounts", hidden=HIDDEN)
    table.create_many([account(0)])
    for number in (1, 50):
        rows = [account(n, password=f"{SECRET}0") for n in range(1, 1 + number)]
        for call in (table.create_many, table.upsert_many):
            assert SECRET not in all_told(call, rows)


def test_a_key_may_be_hidden(accounts_url: str):
    table = BatchTable(accounts_url, "accounts", key="password", hidden=["password", "pin"])
    table.create_many([account(0)])
    calls: list[BatchResult[Any]] = [
        table.create_many([account(0)], atomic=False),
        table.update_many([(SECRET, {"pin": 1}), (f"{SECRET}0", {"pin": SECRET})], atomic=False),
        table.get_many([SECRET, f"{SECRET}\0"]),
        table.delete_many([SECRET], atomic=False),
    ]
    for result in calls:
        assert result.failed or result.not_found
        assert SECRET not in told(result)
    assert table.get_many([SECRET]).not_found[0].index == 0


def test_rows_that_are_given_back_have_their_hidden_values(accounts_url: str):
    """Hidden is what is told, not what is read."""
    table = BatchTable(accounts_url, "accounts", hidden=HIDDEN)
    result = table.create_many([account(1)], return_rows=True)
    assert result.created[0]["password"] == f"{SECRET}1"
    assert table.get_many([1]).found[0]["password"] == f"{SECRET}1"
    assert SECRET not in repr(result)
    assert SECRET not in repr(table)


class Careless(BaseModel):
    id: int
    password: str
    pin: int | None = None

    @field_validator("password")
    @classmethod
    def strong(cls, value: str) -> str:
        if not value.endswith("!"):
            raise ValueError(f"{value} is weak")
        return value


def test_a_schema_does_not_tell_what_is_hidden(accounts_url: str):
    table = BatchTable(accounts_url, "accounts", schema=Careless, hidden=HIDDEN)
    rows: list[Any] = [account(1), account(2, pin=SECRET), {"id": 3, "password": [SECRET]}]
    text = all_told(table.create_many, rows)
    assert SECRET not in text
    result = table.create_many(rows, atomic=False)
    assert {row.error.field for row in result.failed} == {"password"}


def test_what_only_the_server_judges_is_not_told_either(postgresql_url: str):
    run(
        postgresql_url,
        "CREATE TYPE mood AS ENUM ('glad')",
        "CREATE TABLE t (id INTEGER PRIMARY KEY, ip INET, mood mood, tags INTEGER[], note TEXT,"
        " small REAL)",
        "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS"
        " 'BEGIN IF NEW.note IS NOT NULL THEN RAISE ''note % is bad'', NEW.note; END IF;"
        " RETURN NEW; END'",
        "CREATE TRIGGER refuse BEFORE INSERT OR UPDATE ON t FOR EACH ROW EXECUTE FUNCTION refuse()",
    )
    table = BatchTable(postgresql_url, "t", hidden=["ip", "mood", "tags", "note", "small"])
    bad = [{"ip": SECRET}, {"mood": SECRET}, {"tags": f"{{{SECRET}}}"}, {"note": SECRET}]
    for number in (1, 20):
        for more in bad:
            rows = [{"id": n, **more} for n in range(number)]
            assert SECRET not in all_told(table.create_many, rows)
            assert SECRET not in all_told(table.upsert_many, rows)
    text = all_told(table.create_many, [{"id": 1, "small": 1.2345e301}])
    assert "1.2345" not in text


def test_no_error_of_the_database_itself_tells_parameters(accounts_url: str):
    """The table is not what it was: nobody could have known."""
    table = BatchTable(accounts_url, "accounts", hidden=HIDDEN)
    table.create_many([account(1)])
    run(accounts_url, "DROP TABLE accounts", "CREATE TABLE accounts (id INTEGER PRIMARY KEY)")
    calls: list[Callable[[], Any]] = [
        lambda: table.create_many([account(2)]),
        lambda: table.upsert_many([account(2)]),
        lambda: table.update_many([(1, {"password": SECRET})]),
        lambda: table.update_many(table.where("id = 1"), {"password": SECRET}),
    ]
    if kind(accounts_url) != SQLITE:  # it takes an unknown name in quotes for a text
        calls.append(lambda: list(table.where("password = :p", p=SECRET)))
    for call in calls:
        with pytest.raises(BatchOpsError) as raised:
            call()
        assert SECRET not in told_by(raised.value)


def test_no_log_tells_it(database_url: str, caplog: pytest.LogCaptureFixture):
    run(database_url, *ACCOUNTS)
    caplog.set_level(logging.DEBUG, logger="batch_ops")
    table = BatchTable(database_url, "accounts", hidden=HIDDEN)
    table.create_many([account(1), account(2, pin=SECRET)], atomic=False)
    assert SECRET not in caplog.text


def test_the_password_of_a_url_is_not_told():
    url = sa.URL.create("postgresql+psycopg", "me", SECRET, "127.0.0.1", 1, "nowhere")
    for bind in (url, url.render_as_string(hide_password=False), sa.create_engine(url)):
        with pytest.raises(BatchOpsError) as raised:
            BatchTable(bind, "accounts").create_many([account(1)])
        assert SECRET not in told_by(raised.value)
        assert "cannot be reached" in str(raised.value)


def test_a_hidden_column_must_be_there(database_url: str):
    run(database_url, *ACCOUNTS)
    with pytest.raises(BatchOpsError, match="Did you mean 'password'"):
        BatchTable(database_url, "accounts", hidden=["pasword"]).create_many([account(1)])
