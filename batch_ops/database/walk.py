"""Finding boundaries by counting keys, in one scan."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import text

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from batch_ops.database.values import Key


def walk_numbered(
    connection: Connection, query: str, parameters: dict[str, Any], every: int
) -> tuple[list[Key], int]:
    """Stream the ordered keys through the client and keep each `every`-th and the last."""
    rows = connection.execution_options(stream_results=True, yield_per=10_000).execute(
        text(query), parameters
    )
    kept: list[Key] = []
    number, row = 0, None
    for row in rows:
        number += 1
        if number % every == 0:
            kept.append(tuple(row))
    if row is not None and number % every:
        kept.append(tuple(row))
    return kept, number


def walk_cursor(
    connection: Connection, query: str, parameters: dict[str, Any], every: int
) -> tuple[list[Key], int]:
    """Move a server's cursor over the ordered keys: only the kept ones leave the server."""
    connection.execute(text(f"DECLARE bo_walk SCROLL CURSOR FOR {query}"), parameters)
    kept: list[Key] = []
    number = 0
    while row := connection.exec_driver_sql(f"FETCH RELATIVE {every} FROM bo_walk").first():
        number += every
        kept.append(tuple(row))
    last = connection.exec_driver_sql("FETCH LAST FROM bo_walk").first()
    position = _count_after(connection, number) if last is not None else 0
    if last is not None and position != number:
        kept.append(tuple(last))
    connection.exec_driver_sql("CLOSE bo_walk")
    return kept, position


def _count_after(connection: Connection, known: int) -> int:
    """How many rows the cursor has, given that it has at least `known`."""
    connection.exec_driver_sql(f"MOVE ABSOLUTE {known} IN bo_walk")
    return known + connection.exec_driver_sql("MOVE FORWARD ALL IN bo_walk").rowcount
