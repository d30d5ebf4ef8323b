"""Which dialect a URL means; each is imported when it is chosen."""

from __future__ import annotations

from typing import TYPE_CHECKING

from batch_ops.errors import UsageError

if TYPE_CHECKING:
    from batch_ops.database.dialect import Dialect

OPTIONAL_DRIVERS = (("pymysql", "mysql", "MySQL and MariaDB"),)
"""Drivers that are not installed with the rest: the package, the extra that has it, for what."""


def dialect_for(backend: str) -> Dialect:
    """The dialect of a SQLAlchemy backend name."""
    if backend == "sqlite":
        from batch_ops.database.sqlite import SQLite

        return SQLite()
    if backend == "postgresql":
        from batch_ops.database.postgresql import PostgreSQL

        return PostgreSQL()
    if backend in ("mysql", "mariadb"):
        from batch_ops.database.mysql import MySQL

        return MySQL()
    raise UsageError(
        f"The database kind {backend!r} is not supported.",
        todo="Use a URL that begins with sqlite://, postgresql:// or mysql+pymysql://.",
    )
