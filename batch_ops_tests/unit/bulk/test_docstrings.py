"""Every public name of the Python door says what it means, and its examples are true."""

from __future__ import annotations

import doctest
import inspect
import sqlite3
from typing import TYPE_CHECKING, Any

import pytest

import batch_ops
from batch_ops import bulk
from batch_ops.bulk.predicate import Rows

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

TABLES = """
CREATE TABLE users (
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL,
  age INTEGER CHECK (age > 0),
  category TEXT,
  last_login_at TIMESTAMP,
  updated_at TIMESTAMP,
  deleted_at TIMESTAMP,
  expires_at TIMESTAMP
);
CREATE TABLE posts (id INTEGER PRIMARY KEY, user_id INTEGER REFERENCES users (id));
INSERT INTO users (id, name, age) VALUES (1, 'Ada', 36), (2, 'Bob', 29), (3, 'Cleo', 41);
INSERT INTO posts VALUES (7, 1);
"""
PUBLIC = {name: getattr(bulk, name) for name in bulk.__all__} | {"Rows": Rows}
INTERNAL = {"BatchResult.take", "BatchResult.undo", "BatchResult.again"}
PLAIN = {
    *("BatchResult.succeeded", "BatchResult.deleted_count", "BatchResult.success_rate"),
    *("BatchResult.rows_per_s", "BatchResult.error", "FailedRow.error", "FailedRow.to_dict"),
    *("RowError.category", "RowError.to_dict", "RetryPolicy.delay"),
}
"""What one sentence says all about, besides the example of its class."""


def documented() -> Iterator[tuple[str, Any]]:
    """Public classes and what is public in them."""
    for name, kind in PUBLIC.items():
        yield name, kind
        for member, value in vars(kind).items():
            whole = f"{name}.{member}"
            described = inspect.isfunction(value) or isinstance(value, property)
            if described and not member.startswith("_") and whole not in INTERNAL:
                yield whole, value


NAMES = dict(documented())
WITH_EXAMPLES = sorted(NAMES.keys() - PLAIN)


@pytest.fixture
def names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, Any]]:
    """What the examples take for granted: `users`, with Ada, Bob and Cleo."""
    monkeypatch.chdir(tmp_path)
    connection = sqlite3.connect("shop.db")
    connection.executescript(TABLES)
    connection.close()
    users = bulk.BatchTable("sqlite:///shop.db", "users")
    yield {**PUBLIC, "users": users}
    users.close()


def test_every_public_name_of_the_door_is_one_of_the_package() -> None:
    assert set(bulk.__all__) <= set(batch_ops.__all__)
    for name in batch_ops.__all__:
        assert getattr(batch_ops, name) is not None, name
    assert not PLAIN - NAMES.keys()


@pytest.mark.parametrize("name", sorted(NAMES))
def test_every_public_name_has_a_docstring(name: str) -> None:
    """Arguments are told by name; what is raised for rows or a wrong word, by class."""
    value = NAMES[name]
    text = inspect.getdoc(value) or ""
    assert len(text.split()) >= 3
    if not inspect.isfunction(value) or name in PLAIN:
        return
    for argument in list(inspect.signature(value).parameters.values())[1:]:
        assert f"{argument.name}:" in text, argument.name
    if "options" in inspect.signature(value).parameters:
        assert "Raises:" in text


@pytest.mark.parametrize("name", WITH_EXAMPLES)
def test_every_example_is_true(name: str, names: dict[str, Any]) -> None:
    text = inspect.getdoc(NAMES[name]) or ""
    assert "Example:" in text
    assert "+SKIP" not in text
    example = doctest.DocTestParser().get_doctest(text, names, name, None, 0)
    assert example.examples
    said: list[str] = []
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS)
    runner.run(example, out=said.append)
    assert not said, "".join(said)
