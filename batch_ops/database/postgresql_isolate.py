"""Isolating the rows that PostgreSQL refuses on the server itself: a statement over a batch is
halved there, each part in a savepoint of its own, without asking from here each time.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import orjson
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from batch_ops.database.faults import ROW_CODES, ROW_STATES, understood
from batch_ops.database.halving import SINGLY
from batch_ops.database.savepoints import Savepoint

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import psycopg
    from sqlalchemy import Connection

    from batch_ops.database.statements import Statement
    from batch_ops.database.tables import Column
    from batch_ops.database.values import Key

_ANSWER = "batch_ops.isolated"
_TOLD = ("message", "column_name", "constraint_name", "message_detail")
_BLOCK = """
#variable_conflict use_column
DECLARE
  bo_starts int[] := ARRAY[0]; bo_stops int[] := ARRAY[{rows}]; bo_top int := 1;
  bo_start int; bo_stop int; bo_middle int; bo_rows bigint; bo_done bigint := 0;
  bo_state text; bo_message text; bo_column text; bo_constraint text; bo_detail text;
  bo_found jsonb[] := ARRAY[]::jsonb[];
  {declared}
BEGIN
  WHILE bo_top > 0 LOOP
    bo_start := bo_starts[bo_top]; bo_stop := bo_stops[bo_top]; bo_top := bo_top - 1;
    {to_the_end}
    BEGIN
      IF bo_start = 0 THEN
        {first};
        GET DIAGNOSTICS bo_rows = ROW_COUNT;
      ELSE
        {from_the_begin}
        {other};
        GET DIAGNOSTICS bo_rows = ROW_COUNT;
      END IF;
      bo_done := bo_done + bo_rows;
    EXCEPTION WHEN OTHERS THEN
      GET STACKED DIAGNOSTICS bo_state = RETURNED_SQLSTATE, bo_message = MESSAGE_TEXT,
        bo_column = COLUMN_NAME, bo_constraint = CONSTRAINT_NAME,
        bo_detail = PG_EXCEPTION_DETAIL;
      IF left(bo_state, 2) <> ALL ('{{{classes}}}') AND bo_state <> ALL ('{{{codes}}}') THEN
        RAISE;
      ELSIF bo_stop - bo_start = 1 THEN
        bo_found := array_append(bo_found, jsonb_build_array(
          bo_start, bo_state, bo_message, bo_column, bo_constraint, bo_detail));
      ELSIF bo_stop - bo_start <= {singly} THEN
        FOR bo_middle IN REVERSE bo_stop - 1 .. bo_start LOOP
          bo_top := bo_top + 1;
          bo_starts[bo_top] := bo_middle; bo_stops[bo_top] := bo_middle + 1;
        END LOOP;
      ELSE
        bo_middle := (bo_start + bo_stop) / 2;
        bo_starts[bo_top + 1] := bo_middle; bo_stops[bo_top + 1] := bo_stop;
        bo_starts[bo_top + 2] := bo_start; bo_stops[bo_top + 2] := bo_middle;
        bo_top := bo_top + 2;
      END IF;
    END;
  END LOOP;
  PERFORM set_config('{answer}', jsonb_build_array(bo_done, to_jsonb(bo_found))::text, true);
END
"""


class _Variable:
    """Stands for a value: the name of a variable of the block."""

    def __init__(self, name: str) -> None:
        self.name = name


Refusal = tuple[int, str, Any]
"""The place of a row (from 0), SQLSTATE, and what else was said, as the driver would."""


def isolated(
    connection: Connection,
    key: Sequence[Column],
    keys: Sequence[Key],
    lower: Key | None,
    statement: Callable[[Any, Any], Statement],
) -> tuple[int, list[Refusal]] | None:
    """Do a statement over the rows of these sorted keys, except those that are refused.

    Returns:
        How many rows it met, and the refusals in order; None where something else than a row stood
        in the way: then nothing was done, and it is to be found out from here.

    Raises:
        DBAPIError: the transaction is gone.
    """
    savepoint = Savepoint(connection)
    try:
        with understood(connection):
            found = _answered(connection, _block(connection, key, keys, lower, statement))
        savepoint.release()
    except DBAPIError:
        if not savepoint.undone():
            raise
        return None
    done, refused = found
    return done, [
        (start, state, SimpleNamespace(**{n: v or None for n, v in zip(_TOLD, told, strict=True)}))
        for start, state, *told in refused
    ]


def _answered(connection: Connection, block: str) -> tuple[int, list[list[Any]]]:
    number = 0
    while (tag := f"$batch_ops_{number}$") in block:
        number += 1
    with _driver(connection).cursor() as cursor:
        cursor.execute(f"DO {tag}{block}{tag}".encode())
        (told,) = cast("tuple[str]", cursor.execute(f"SHOW {_ANSWER}".encode()).fetchone())
    done, refused = orjson.loads(told)
    return done, refused


def _block(
    connection: Connection,
    key: Sequence[Column],
    keys: Sequence[Key],
    lower: Key | None,
    statement: Callable[[Any, Any], Statement],
) -> str:
    lo, hi = ([_Variable(f"bo_{side}_{n}") for n in range(len(key))] for side in ("lo", "hi"))
    arrays = [
        (f"bo_key_{n}", column.cast_type, [each[n] for each in keys])
        for n, column in enumerate(key)
    ]
    declared = [
        f"{name} {kind}[] := CAST({_written(connection, '%(v)s', {'v': values})} AS {kind}[]);"
        f" bo_lo_{n} {kind}; bo_hi_{n} {kind};"
        for n, (name, kind, values) in enumerate(arrays)
    ]
    return _BLOCK.format(
        rows=len(keys),
        declared="\n  ".join(declared),
        to_the_end=" ".join(f"bo_hi_{n} := bo_key_{n}[bo_stop];" for n in range(len(key))),
        from_the_begin=" ".join(f"bo_lo_{n} := bo_key_{n}[bo_start];" for n in range(len(key))),
        first=_inlined(connection, statement(lower, hi)),
        other=_inlined(connection, statement(lo, hi)),
        classes=",".join(ROW_STATES),
        codes=",".join(sorted(ROW_CODES)),
        singly=SINGLY,
        answer=_ANSWER,
    )


def _inlined(connection: Connection, statement: Statement) -> str:
    """A statement with its values written into it."""
    compiled = text(statement[0]).compile(dialect=connection.dialect)
    return _written(connection, str(compiled), compiled.construct_params(statement[1]))


def _written(connection: Connection, sql: str, values: Any) -> str:
    import psycopg
    from psycopg.adapt import Dumper

    class _Named(Dumper):
        def dump(self, obj: _Variable) -> bytes:
            return obj.name.encode()

        quote = dump

    cursor = psycopg.ClientCursor(_driver(connection))
    cursor.adapters.register_dumper(_Variable, _Named)
    return cursor.mogrify(sql, values)


def _driver(connection: Connection) -> psycopg.Connection[Any]:
    return cast("psycopg.Connection[Any]", connection.connection.driver_connection)
