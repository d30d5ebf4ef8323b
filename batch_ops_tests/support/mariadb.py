"""A MariaDB or MySQL that may run on this machine."""

from __future__ import annotations

import itertools
import os

import pymysql

HOST, PORT, USER = "127.0.0.1", 3306, "root"
_numbers = itertools.count(1)


def reachable() -> bool:
    """Whether a server answers on the usual port and lets us in."""
    try:
        pymysql.connect(host=HOST, port=PORT, user=USER, connect_timeout=2).close()
    except pymysql.err.OperationalError:
        return False
    return True


def url(database: str) -> str:
    """The SQLAlchemy URL of a database of that server."""
    return f"mysql+pymysql://{USER}@{HOST}:{PORT}/{database}?charset=utf8mb4"


def create_database() -> str:
    """A fresh, empty database; its name."""
    name = f"batch_ops_test_{os.getpid()}_{next(_numbers)}"
    _run(f"CREATE DATABASE {name} CHARACTER SET utf8mb4")
    return name


def drop_database(name: str) -> None:
    _run(f"DROP DATABASE IF EXISTS {name}")


def _run(statement: str) -> None:
    connection = pymysql.connect(host=HOST, port=PORT, user=USER, connect_timeout=5)
    with connection, connection.cursor() as cursor:
        cursor.execute(statement)
