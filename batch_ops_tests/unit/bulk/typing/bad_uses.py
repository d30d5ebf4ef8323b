"""How the Python door is misused: each marked line is told by a type checker, and no other."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from batch_ops import BatchTable, RetryPolicy, RowError, WriteOptions

URL = "sqlite:///shop.db"
Row = dict[str, Any]


class Model(BaseModel):
    id: int


def tables() -> None:
    BatchTable(URL, 3)  # error: call-overload
    BatchTable(3, "users")  # error: call-overload
    BatchTable(URL, "users", keys=["id"])  # error: call-overload
    BatchTable(URL, "users", soft_delete=True)  # error: call-overload
    BatchTable(URL)  # error: call-overload


def options(users: BatchTable[Row]) -> None:
    users.create_many([], batchsize=100)  # error: call-arg
    users.create_many([], chunk_size=100)  # error: call-arg
    users.create_many([], atomic="yes")  # error: arg-type
    users.create_many([], batch_size="100")  # error: arg-type
    users.create_many([], on_conflict="ignore")  # error: arg-type
    users.upsert_many([], on_conflict="skip")  # error: arg-type
    users.create_many([], retry=3)  # error: arg-type
    users.create_many([], throttle="1 s")  # error: arg-type
    users.create_many([], None)  # error: call-arg
    users.delete_many([1], True)  # error: call-arg
    users.get_many([1], atomic=True)  # error: call-overload
    wrong: WriteOptions = {"atomic": 1}  # error: typeddict-item
    users.touch_many([1], **wrong)
    RetryPolicy(retries=3)  # error: call-arg
    RetryPolicy().max_retries = 5  # error: misc


def functions(users: BatchTable[Row]) -> None:
    def skip(_: Any, error: RowError) -> str:
        return "skip" if error.code else "stop"

    users.create_many([], on_error=skip)  # error: arg-type
    users.create_many([], on_error=lambda _: None)  # error: arg-type, misc
    users.create_many([], on_progress=lambda _: None)  # error: arg-type, misc
    users.process_in_chunks([1], "10", users.delete_many)  # error: arg-type


def results(users: BatchTable[Row], judged: BatchTable[Model]) -> None:
    result = users.create_many([])
    print(result.stats.inserted)  # error: attr-defined
    print(result.successful)  # error: attr-defined
    print(result.failed[0].error.sqlstate)  # error: attr-defined
    print(result.failed[0].row)  # error: attr-defined
    result.stats.created = 0  # error: misc
    result.not_found[0].key = 1  # error: misc
    print(users.get_many([1]).found[0].name)  # error: attr-defined
    print(judged.get_many([1]).found[0].name)  # error: attr-defined
    print(judged.get_many([1]).found[0]["id"])  # error: index
    for _, row in users.get_many([1], stream=True):
        print(row["id"])  # error: index
    for user in judged.where("id > 1"):
        print(user.nam)  # error: attr-defined
