"""PostgreSQL's stage: suspects are inserted one by one, by the server, each able to fail alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from batch_ops.database.faults import ROW_CODES, ROW_STATES
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
RULE_STATE = "BO001"
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
    ) -> list[tuple[int, Reject]]:
        """Insert the records in this order; those the server refuses, with its reasons."""
        fields = ", ".join(f"c{place} text" for place in range(self._width))
        name, refused = STAGE.removeprefix("pg_temp."), REFUSED.removeprefix("pg_temp.")
        cursor.execute(f"CREATE TEMP TABLE {name} (o int, {fields}) ON COMMIT DROP")
        cursor.execute(
            f"CREATE TEMP TABLE {refused} (o int, state text, message text, name text)"
            " ON COMMIT DROP"
        )
        with cursor.copy(f"COPY {STAGE} FROM STDIN") as copy:
            for ordinal, texts in zip(ordinals, batch.records.texts(ordinals), strict=True):
                copy.write_row((ordinal, *texts))
        cursor.execute(self._block)
        found = cursor.execute(f"SELECT * FROM {REFUSED} ORDER BY o").fetchall()
        cursor.execute(f"DROP TABLE {STAGE}, {REFUSED}")
        return [(row[0], self._reject(batch, *row)) for row in found]

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
    row_states = ", ".join(_text(state) for state in ROW_STATES)
    row_codes = ", ".join(_text(code) for code in (*sorted(ROW_CODES), RULE_STATE))
    return f"""DO $batch_ops$
#variable_conflict use_column
DECLARE
  bo_r record; bo_v {into}%ROWTYPE; bo_broken int;
  bo_name text; bo_state text; bo_message text; bo_column text; bo_detail text;
BEGIN
  FOR bo_r IN SELECT * FROM {STAGE} ORDER BY o LOOP
    BEGIN
{reading}
      bo_name := NULL;
{_rules(names, layout)}
      INSERT INTO {into} ({", ".join(names)}) VALUES ({", ".join(f"bo_v.{n}" for n in names)});
    EXCEPTION WHEN OTHERS THEN
      GET STACKED DIAGNOSTICS bo_state = RETURNED_SQLSTATE, bo_message = MESSAGE_TEXT,
        bo_column = COLUMN_NAME, bo_detail = PG_EXCEPTION_DETAIL;
      IF left(bo_state, 2) NOT IN ({row_states}) AND bo_state NOT IN ({row_codes}) THEN
        RAISE;
      END IF;
      INSERT INTO {REFUSED} VALUES (bo_r.o, bo_state, bo_message, coalesce(
        bo_name, nullif(bo_column, ''), substring(bo_detail from {_text(_KEY_COLUMN)})));
    END;
  END LOOP;
END $batch_ops$"""


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
