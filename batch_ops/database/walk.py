"""Finding boundaries by counting keys, in one scan: each with its number, from 1."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from batch_ops.database.wording import text

if TYPE_CHECKING:
    from collections.abc import Generator

    from sqlalchemy import Connection

    from batch_ops.database.values import Key

Boundary = tuple[int, "Key"]
"""A key of an ordered query, and how many rows there are up to it and with it."""


def walk_numbered(
    connection: Connection, query: str, parameters: dict[str, Any], every: int
) -> Generator[Boundary]:
    """Stream the ordered keys through the client and keep each `every`-th and the last."""
    rows = connection.execute(
        text(query), parameters, execution_options={"stream_results": True, "yield_per": 10_000}
    )
    number, row = 0, None
    for row in rows:
        number += 1
        if number % every == 0:
            yield number, tuple(row)
    if row is not None and number % every:
        yield number, tuple(row)


def walk_cursor(
    connection: Connection, query: str, parameters: dict[str, Any], every: int
) -> Generator[Boundary]:
    """Move a server's cursor over the ordered keys: only the kept ones leave the server, and each
    row is passed once; the cursor scrolls back to the last row alone.
    """
    if every == 1:
        yield from walk_numbered(connection, query, parameters, every)
        return
    connection.exec_driver_sql("SET LOCAL cursor_tuple_fraction = 1")
    connection.execute(text(f"DECLARE bo_walk SCROLL CURSOR FOR {query}"), parameters)
    number, passed = 0, connection.exec_driver_sql(f"MOVE {every - 1} IN bo_walk").rowcount
    while True:
        key, ahead = _next(connection, every)
        number += passed + (key is not None)
        if key is None:
            break
        yield number, key
        passed = ahead
    if passed:
        last = connection.exec_driver_sql("FETCH LAST FROM bo_walk").one()
        yield number, tuple(last)
    connection.exec_driver_sql("CLOSE bo_walk")


def _next(connection: Connection, every: int) -> tuple[Key | None, int]:
    """The row the cursor comes to, and how many of the `every - 1` behind it there are; asked for
    at once, so that a boundary costs one answer.
    """
    asked = f"FETCH NEXT FROM bo_walk; MOVE {every - 1} IN bo_walk"
    with connection.exec_driver_sql(asked) as answers:
        cursor = answers.cursor
        assert cursor is not None
        row = cursor.fetchone()
        cursor.nextset()
        return (tuple(row) if row else None), cursor.rowcount
