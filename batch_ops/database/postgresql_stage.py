"""PostgreSQL's stage: suspects are inserted one by one, by the server, each able to fail alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from batch_ops.database.faults import (
    FOREIGN_KEY,
    KNOWN_CLASSES,
    NO_PRIVILEGE,
    ROW_CODES,
    ROW_STATES,
    TRANSIENT_STATES,
)
from batch_ops.database.limits import keeps_zone
from batch_ops.spec.model import FieldType

if TYPE_CHECKING:
    from collections.abc import Sequence

    import psycopg

    from batch_ops.database.dialect import Dialect
    from batch_ops.database.load import InputBatch, Layout
    from batch_ops.database.tables import Column, Table
    from batch_ops.results import Reject

STAGE, REFUSED = "pg_temp.batch_ops_suspects", "pg_temp.batch_ops_refused"
RULE_STATE, LEFT_OUT = "BO001", "BO002"
_AGAIN = f"""  DELETE FROM {STAGE} AS s WHERE NOT EXISTS
    (SELECT 1 FROM {REFUSED} AS r WHERE r.o = s.o AND r.state = '{FOREIGN_KEY}');
  SELECT count(*) INTO bo_left FROM {STAGE};
  EXIT WHEN bo_left = 0 OR bo_left = bo_before;
  bo_before := bo_left;
  bo_order := -bo_order;
  DELETE FROM {REFUSED} WHERE state = '{FOREIGN_KEY}';"""
"""Rows that lacked their parent are tried again, as long as some come through: it may be a row of
the same batch that came later.
"""
_KEY_COLUMN = r"\(([^(),]+)[^()]*\)=\("


class Stage:
    """Two temporary tables and one block of PL/pgSQL per batch that has suspects."""

    def __init__(self, dialect: Dialect, table: Table, layout: Layout) -> None:
        self._rules = layout.rules
        self._width = len(layout.targets)
        columns = [table.column(name) for name in layout.targets]
        self._block = _block(dialect, table, columns, layout)

    def insert(
        self, cursor: psycopg.Cursor[Any], batch: InputBatch, ordinals: Sequence[int]
    ) -> tuple[list[tuple[int, Reject]], int]:
        """Insert the records in this order; those the server refuses, with its reasons, and how
        many a trigger or a rule has left out.
        """
        fields = ", ".join(f"c{place} text" for place in range(self._width))
        name, told = STAGE.removeprefix("pg_temp."), REFUSED.removeprefix("pg_temp.")
        cursor.execute(f"CREATE TEMP TABLE {name} (o int, {fields}) ON COMMIT DROP")
        cursor.execute(
            f"CREATE TEMP TABLE {told} (o int, state text, message text, name text) ON COMMIT DROP"
        )
        with cursor.copy(f"COPY {STAGE} FROM STDIN") as copy:
            for ordinal, texts in zip(ordinals, batch.records.texts(ordinals), strict=True):
                copy.write_row((ordinal, *texts))
        cursor.execute(self._block)
        found = cursor.execute(f"SELECT * FROM {REFUSED} ORDER BY o").fetchall()
        cursor.execute(f"DROP TABLE {STAGE}, {REFUSED}")
        refused = [row for row in found if row[1] != LEFT_OUT]
        rejects = [(row[0], self._reject(batch, *row)) for row in refused]
        return rejects, len(found) - len(refused)

    def _reject(
        self, batch: InputBatch, ordinal: int, state: str, message: str, column: str | None
    ) -> Reject:
        if state == RULE_STATE:
            rule = self._rules[int(message)]
            text = f"the rule does not hold: {rule.text}"
            return batch.records.reject(
                ordinal, "rule", text, column=rule.column, outcome="invalid"
            )
        reject = batch.records.reject(ordinal, state, message, column=column)
        if reject.value is None:
            return reject
        return batch.records.reject(
            ordinal, state, without_value(message, reject.value), column=column
        )


def without_value(message: str, value: str) -> str:
    """The server's message without the value, which stands beside it and may be hidden."""
    return message.replace(f': "{value}"', "").replace(f' "{value}"', "")


def _block(dialect: Dialect, table: Table, columns: Sequence[Column], layout: Layout) -> str:
    """The block. Assigning to a variable of the table's row type converts as an insert would."""
    into = dialect.table_sql(table.name, table.schema)
    names = [dialect.quote(column.name) for column in columns]
    reading = "\n".join(
        f"      bo_name := {_text(column.name)}; bo_v.{name} := {_value(column, place)};"
        for place, (column, name) in enumerate(zip(columns, names, strict=True))
    )
    return f"""DO $batch_ops$
#variable_conflict use_column
DECLARE
  bo_r record; bo_v {into}%ROWTYPE; bo_broken int;
  bo_name text; bo_state text; bo_message text; bo_column text; bo_detail text;
  bo_context text; bo_left int; bo_before int; bo_order int := 1;
BEGIN
  LOOP
  FOR bo_r IN SELECT * FROM {STAGE} ORDER BY o * bo_order LOOP
    BEGIN
{reading}
      bo_name := NULL;
{_rules(names, layout)}
      INSERT INTO {into} ({", ".join(names)}) VALUES ({", ".join(f"bo_v.{n}" for n in names)});
      IF NOT FOUND THEN
        INSERT INTO {REFUSED} VALUES (bo_r.o, '{LEFT_OUT}');
      END IF;
    EXCEPTION WHEN OTHERS THEN
      GET STACKED DIAGNOSTICS bo_state = RETURNED_SQLSTATE, bo_message = MESSAGE_TEXT,
        bo_column = COLUMN_NAME, bo_detail = PG_EXCEPTION_DETAIL,
        bo_context = PG_EXCEPTION_CONTEXT;
      IF NOT ({_of_row(into)}) THEN
        RAISE;
      END IF;
      INSERT INTO {REFUSED} VALUES (bo_r.o, bo_state, bo_message, coalesce(
        bo_name, nullif(bo_column, ''), replace(
          trim(both '"' from substring(bo_detail from {_text(_KEY_COLUMN)})), '""', '"')));
    END;
  END LOOP;
{_AGAIN if table.refers_to_itself else "  EXIT;"}
  END LOOP;
END $batch_ops$"""


def _of_row(table: str) -> str:
    """Whether an error is the row's own fault. A missing privilege is where the table itself may be
    written: then a policy says so, or a trigger. What somebody raises is in any case.
    """
    classes = ", ".join(_text(state) for state in ROW_STATES)
    known = ", ".join(_text(state) for state in sorted(KNOWN_CLASSES))
    codes = ", ".join(_text(code) for code in sorted(ROW_CODES))
    may_write = f"has_any_column_privilege({_text(table)}, 'INSERT')"
    return (
        f"left(bo_state, 2) IN ({classes}) OR left(bo_state, 2) NOT IN ({known})"
        f" OR bo_state IN ({codes}) OR (bo_state = {_text(NO_PRIVILEGE)} AND {may_write})"
        " OR (split_part(bo_context, chr(10), 1) LIKE '%RAISE'"
        f" AND bo_state !~ '^({'|'.join(TRANSIENT_STATES)})')"
    )


def _rules(names: Sequence[str], layout: Layout) -> str:
    """Raises the place of the first rule that does not hold."""
    if not layout.rules:
        return ""
    cases = " ".join(
        f"WHEN ({rule.sql}) IS NOT TRUE THEN {place}" for place, rule in enumerate(layout.rules)
    )
    row = ", ".join(f"bo_v.{name} AS {name}" for name in names)
    return f"""      SELECT CASE {cases} END INTO bo_broken FROM (SELECT {row}) AS bo_row;
      IF bo_broken IS NOT NULL THEN
        RAISE EXCEPTION USING ERRCODE = '{RULE_STATE}', MESSAGE = bo_broken::text;
      END IF;"""


def _value(column: Column, place: int) -> str:
    """The text as the variable takes it; an offset from UTC is not to be dropped silently."""
    text = f"bo_r.c{place}"
    if column.type is FieldType.TIMESTAMP and not keeps_zone(column):
        return f"CAST(CAST({text} AS timestamptz) AS timestamp)"
    return text


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"
