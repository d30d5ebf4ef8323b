"""How the Python door is used, for a type checker: what each use gives is known without a cast."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal, Unpack, assert_type

import pandas as pd
from pydantic import BaseModel
from sqlalchemy import Column, Connection, Engine, Integer, MetaData, Table
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column
from sqlmodel import Field, SQLModel

from batch_ops import (
    BatchBrokenError,
    BatchOperationError,
    BatchResult,
    BatchTable,
    BatchValidationError,
    FailedRow,
    Missing,
    RetryPolicy,
    RowError,
    WriteOptions,
)

URL = "sqlite:///shop.db"
Row = dict[str, Any]


class Model(BaseModel):
    id: int


class Base(DeclarativeBase):
    pass


class User(Base):
    __tablename__ = "users"
    id: Mapped[int] = mapped_column(primary_key=True)


class Hero(SQLModel, table=True):
    id: int | None = Field(default=None, primary_key=True)


@dataclass
class Person:
    id: int


def rows_are_dicts_unless_something_else_is_said(users: Table) -> None:
    assert_type(BatchTable(URL, "users"), BatchTable[dict[str, Any]])
    assert_type(BatchTable(URL, users), BatchTable[dict[str, Any]])
    assert_type(BatchTable(URL, "users").get_many([1]).found, list[dict[str, Any]])
    assert_type(BatchTable(URL, "users", schema={"id": int}).get_many([1]).found, list[Row])
    assert_type(Table("users", MetaData(), Column("id", Integer)).name, str)


def rows_are_models_where_they_are_the_schema() -> None:
    judged = BatchTable(URL, "users", schema=Model)
    assert_type(judged, BatchTable[Model])
    assert_type(judged.get_many([1]).found, list[Model])
    assert_type(judged.create_many([{"id": 1}], return_rows=True).created[0].id, int)
    assert_type(BatchTable(URL, User, schema=Model).get_many([1]).found, list[Model])


def rows_are_instances_of_a_mapped_class() -> None:
    assert_type(BatchTable(URL, User).get_many([1]).found, list[User])
    assert_type(BatchTable(URL, Hero).get_many([1]).found, list[Hero])
    assert_type(next(iter(BatchTable(URL, User).where("id > 1"))), User)


def where_it_writes(engine: Engine, connection: Connection, session: Session) -> None:
    for bind in (engine, connection, session):
        BatchTable(bind, "users", key=["id"], hidden={"password"})
    BatchTable(engine.url, "users", key="id", hidden=["password"])
    with BatchTable(engine, "users", soft_delete="deleted_at", expires="at", version="v") as users:
        assert_type(users.name, str)


def every_call_gives_a_result(users: BatchTable[Row]) -> None:
    assert_type(users.create_many([{"id": 1}], on_conflict="skip"), BatchResult[Row])
    assert_type(users.create_many([(1,)], columns=["id"], conflict_target="id"), BatchResult[Row])
    assert_type(users.create_many(Person(n) for n in range(3)), BatchResult[Row])
    assert_type(
        users.upsert_many(pd.DataFrame({"id": [1]}), on_conflict="replace"), BatchResult[Row]
    )
    assert_type(users.update_many([{"key": 1, "data": {"a": 2}}], fields=["a"]), BatchResult[Row])
    assert_type(
        users.update_many(users.where("a > :n", n=1), {"a": {"sql": "a + 1"}}), BatchResult[Row]
    )
    assert_type(
        users.delete_many([1, (2, 3), {"key": 4}], cascade=True, plan=True), BatchResult[Row]
    )
    assert_type(users.soft_delete_many(users.where("a = 1")), BatchResult[Row])
    assert_type(users.touch_many([1], column="at", value=None), BatchResult[Row])
    assert_type(users.write_many(puts=[{"id": 1}], deletes=[2]), BatchResult[Row])
    assert_type(users.purge_expired(atomic=False), BatchResult[Row])
    assert_type(users.create_many([{"id": 1}], journal=True).execution_id, str | None)
    assert_type(users.resume(), BatchResult[Row])


def streams_and_chunks(users: BatchTable[Row]) -> None:
    assert_type(users.get_many([1], stream=True), Iterator[tuple[Any, Row | None]])
    for _, row in users.get_many([1], columns=["id"], stream=True):
        assert_type(row["id"] if row else None, Any | None)
    assert_type(users.process_in_chunks([1], 10, users.delete_many), list[BatchResult[Row]])
    assert_type(users.process_in_chunks([1], 10, len, throttle=timedelta(seconds=1)), list[int])


def options_are_checked_and_can_be_handed_on(users: BatchTable[Row]) -> None:
    def decide(_: Any, error: RowError) -> Literal["continue", "stop", "retry"]:
        return "continue" if error.category == "validation" else "stop"

    def told(done: int, total: int | None) -> None:
        del done, total

    gently: WriteOptions = {"atomic": False, "batch_size": 100, "throttle": 0.1}
    users.create_many([], **gently)
    users.create_many([], on_error=decide, on_progress=told, retry=RetryPolicy(max_retries=1))
    users.create_many([], on_error=lambda _, error: "retry" if error.code == "23503" else None)
    users.create_many([], atomic=False, max_concurrency=4, expires_in=timedelta(days=1))


def handing_on(users: BatchTable[Row], **options: Unpack[WriteOptions]) -> BatchResult[Row]:
    return users.touch_many([1], **options)


def results_and_errors(result: BatchResult[Row]) -> None:
    assert_type(result.stats.created, int)
    assert_type(result.failed[0], FailedRow)
    assert_type(result.failed[0].error.field, str | None)
    assert_type(result.failed[0].errors, tuple[RowError, ...])
    assert_type([row.index for row in result.failed], list[int])
    assert_type(result.not_found, list[Missing])
    assert_type(result.cascaded, dict[str, int])
    assert_type(result.to_frame(), pd.DataFrame)
    assert_type(result.retry({0: {"id": 1}}), BatchResult[Row])
    try:
        result.raise_for_failures()
    except BatchValidationError as error:
        assert_type(error.invalid, list[FailedRow])
    except BatchOperationError as error:
        assert_type(
            (error.operation, error.success_count, error.failure_count), tuple[str, int, int]
        )
    except BatchBrokenError as error:
        assert_type(error.success_count, int)
