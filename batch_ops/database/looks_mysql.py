"""What is asked of MySQL and MariaDB to tell whether they are well."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import text

from batch_ops.database.looks import Blocked, Looks, Session, Walk

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection

    from batch_ops.database.statements import Statement
    from batch_ops.database.tables import Table

_BLOCKED = (
    "SELECT w.trx_mysql_thread_id, w.trx_query, w.trx_wait_started,"
    " h.trx_mysql_thread_id, h.trx_query, h.trx_started, h.trx_state"
    " FROM information_schema.innodb_trx AS w JOIN {waits}"
    " JOIN information_schema.innodb_trx AS h ON h.trx_id = l.{holder} ORDER BY 3"
)
_MARIADB = _BLOCKED.format(
    waits="information_schema.innodb_lock_waits AS l ON l.requesting_trx_id = w.trx_id",
    holder="blocking_trx_id",
)
_MYSQL = _BLOCKED.format(
    waits="performance_schema.data_lock_waits AS l"
    " ON l.requesting_engine_transaction_id = w.trx_id",
    holder="blocking_engine_transaction_id",
)


class MySQLLooks(Looks):
    """Rights are not asked: grants of roles cannot be told from outside of a statement."""

    def version(self, connection: Connection) -> tuple[str, tuple[int, ...], tuple[int, ...]]:
        maria = self._is_maria(connection)
        found = connection.dialect.server_version_info or ()
        numbers = tuple(part for part in found if isinstance(part, int))
        return ("MariaDB", numbers, (10, 6)) if maria else ("MySQL", numbers, (8, 0, 16))

    def read_only(self, connection: Connection) -> bool:
        return bool(connection.exec_driver_sql("SELECT @@global.read_only").scalar())

    def rows_about(self, connection: Connection, table: Table) -> int | None:
        query = text(
            "SELECT table_rows FROM information_schema.tables WHERE table_name = :name"
            " AND table_schema = COALESCE(:schema, DATABASE())"
        )
        bound = {"name": table.name, "schema": table.schema}
        found = connection.execute(query, bound).scalar()
        return None if found is None else int(found)

    def walk(self, connection: Connection, statement: Statement, table: Table) -> Walk | None:
        """The driver pastes values: with one that nobody knows, nothing can be told."""
        if None in statement[1].values():
            return None
        for row in self._dialect.explain(connection, *statement):
            told = row._mapping  # noqa: SLF001  (public, by its documentation)
            if told["table"] == table.name and told["type"] is not None:
                return Walk(told["type"] in ("ALL", "index"))
        return None

    def blocked(self, connection: Connection) -> Sequence[Blocked]:
        query = _MARIADB if self._is_maria(connection) else _MYSQL
        return [_blocked(*row) for row in connection.exec_driver_sql(query)]

    def _is_maria(self, connection: Connection) -> bool:
        return bool(getattr(connection.dialect, "is_mariadb", False))


def _blocked(
    pid: int, query: str | None, since: Any, holder: int, its: str | None, start: Any, state: str
) -> Blocked:
    from datetime import UTC

    moments = [moment and moment.replace(tzinfo=UTC) for moment in (since, start)]
    return Blocked(
        Session(pid, "", query or "", moments[0]), Session(holder, "", its or "", moments[1], state)
    )
