"""The peers of SQLAlchemy: Core and the ORM, as their documentation says for many rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import bindparam, create_engine, delete, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session, selectinload

from benchmarks.bulk.mapped import Account, Item, Order
from benchmarks.bulk.rows import COLUMNS
from benchmarks.bulk.sides import Side, chunks

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd
    from sqlalchemy import Executable

    from benchmarks.bulk.rows import Row

UPSERTS: dict[str, Any] = {"postgresql": postgresql.insert, "sqlite": sqlite.insert}
DORMANT = Account.status == "dormant"
PARENTS = 1_000
"""So many accounts at once are loaded with all that they own."""


class Core(Side):
    """executemany of insert, update and upsert; `in_` for keys."""

    name = "SQLAlchemy Core"
    slow = frozenset({"create_frame"})

    def __init__(self, url: str) -> None:
        self.engine = create_engine(url)
        self.connection = self.engine.connect()

    def close(self) -> None:
        self.connection.close()
        self.engine.dispose()

    def create(self, given: list[Row]) -> None:
        self._commit(insert(Account), given)

    def create_frame(self, given: pd.DataFrame) -> None:
        self._commit(insert(Account), given.to_dict("records"))

    def update(self, given: list[Row]) -> None:
        rows = [{"id_": one["key"], **one["data"]} for one in given]
        values: dict[str, Any] = {name: bindparam(name) for name in ("balance", "status")}
        table = Account.__table__
        statement = update(Account).where(table.c.id == bindparam("id_")).values(values)
        self._commit(statement, rows)

    def touch(self, given: Sequence[int]) -> None:
        for keys in chunks(given):
            statement = update(Account).where(Account.id.in_(keys))
            self.connection.execute(statement.values(status="closed"))
        self.connection.commit()

    def update_where(self, given: None) -> None:
        self._commit(update(Account).where(DORMANT).values(status="closed"))

    def delete_where(self, given: None) -> None:
        self._commit(delete(Account).where(DORMANT))

    def upsert(self, given: list[Row]) -> None:
        self._commit(_upsert(self.engine.dialect.name), given)

    def delete_cascade(self, given: Sequence[int]) -> None:
        for keys in chunks(given):
            owned = select(Order.id).where(Order.account_id.in_(keys))
            self.connection.execute(delete(Item).where(Item.order_id.in_(owned)))
            self.connection.execute(delete(Order).where(Order.account_id.in_(keys)))
            self.connection.execute(delete(Account).where(Account.id.in_(keys)))
        self.connection.commit()

    def lookup(self, given: Sequence[int]) -> list[Any]:
        table = Account.__table__
        found: list[Any] = []
        for keys in chunks(given):
            found += self.connection.execute(select(table).where(table.c.id.in_(keys))).all()
        return found

    def _commit(self, statement: Executable, rows: list[Any] | None = None) -> None:
        self.connection.execute(statement, rows)
        self.connection.commit()


class ORM(Side):
    """Bulk statements of mapped classes; a cascade as its relationships tell it."""

    name = "SQLAlchemy ORM"
    slow = frozenset({"create", "create_frame", "update", "delete_cascade"})

    def __init__(self, url: str) -> None:
        self.engine = create_engine(url)
        self.session = Session(self.engine)
        self.session.connection()

    def close(self) -> None:
        self.session.close()
        self.engine.dispose()

    def create(self, given: list[Row]) -> None:
        self._commit(insert(Account), given)

    def create_frame(self, given: pd.DataFrame) -> None:
        self._commit(insert(Account), given.to_dict("records"))

    def update(self, given: list[Row]) -> None:
        self._commit(update(Account), [{"id": one["key"], **one["data"]} for one in given])

    def touch(self, given: Sequence[int]) -> None:
        for keys in chunks(given):
            statement = update(Account).where(Account.id.in_(keys)).values(status="closed")
            self.session.execute(statement, execution_options={"synchronize_session": False})
        self.session.commit()

    def update_where(self, given: None) -> None:
        self._commit(update(Account).where(DORMANT).values(status="closed"))

    def delete_where(self, given: None) -> None:
        self._commit(delete(Account).where(DORMANT))

    def upsert(self, given: list[Row]) -> None:
        self._commit(_upsert(self.engine.dialect.name), given)

    def delete_cascade(self, given: Sequence[int]) -> None:
        everything = selectinload(Account.orders).selectinload(Order.items)
        for keys in chunks(given, PARENTS):
            owners = select(Account).where(Account.id.in_(keys)).options(everything)
            for owner in self.session.scalars(owners):
                self.session.delete(owner)
            self.session.flush()
        self.session.commit()

    def lookup(self, given: Sequence[int]) -> list[Any]:
        found: list[Any] = []
        for keys in chunks(given):
            found += self.session.scalars(select(Account).where(Account.id.in_(keys)))
        return found

    def _commit(self, statement: Executable, rows: list[Any] | None = None) -> None:
        self.session.execute(statement, rows)
        self.session.commit()


def _upsert(dialect: str) -> Executable:
    statement = UPSERTS[dialect](Account)
    values = {name: statement.excluded[name] for name in COLUMNS[1:]}
    upsert: Executable = statement.on_conflict_do_update(index_elements=["id"], set_=values)
    return upsert
