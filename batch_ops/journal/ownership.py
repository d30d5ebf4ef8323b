"""Who may write, and when: tables owned by executions, processes that work on them."""

from __future__ import annotations

import os
import socket
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
from sqlalchemy import delete, func, insert, select, update

from batch_ops.errors import OwnershipError
from batch_ops.journal.store import utc_now

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlalchemy import Connection, Row

    from batch_ops.journal.store import Journal

HEARTBEAT = timedelta(seconds=5)
"""Between two signs of life, where the operation says nothing else."""

TICK_S = 0.01
"""The kernel counts no finer."""
_STARTTIME = 19
"""The place of `starttime` in /proc/PID/stat, behind the process's name."""
MISSED = 3
"""Heartbeats a holder on another machine may miss before it counts as dead."""


@dataclass(frozen=True, slots=True)
class WorkerIdentity:
    """A process, so that others can ask whether it lives."""

    name: str
    host: str
    pid: int
    pid_started: float
    application_name: str


@dataclass(frozen=True, slots=True)
class WorkerRow:
    """A registered worker, with the age of its last heartbeat, and how often one should come."""

    identity: WorkerIdentity
    execution_id: str
    silent_for: timedelta
    every: timedelta = HEARTBEAT

    def lives(self) -> bool:
        """Whether it still works: asked of the operating system where it is this machine's,
        else told by its heartbeat.
        """
        if self.identity.host == socket.gethostname():
            return process_lives(self.identity.pid, self.identity.pid_started)
        return self.silent_for <= self.every * MISSED

    def __str__(self) -> str:
        return f"process {self.identity.pid} on {self.identity.host}"


def process_lives(pid: int, started: float) -> bool:
    """Whether the process of that pid is there and is the one that started then."""
    try:
        same = abs(started_at(pid) - started) < TICK_S
        return same and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except (psutil.NoSuchProcess, FileNotFoundError, ProcessLookupError):
        return False


def started_at(pid: int) -> float:
    """When a process started, in seconds, by a clock that nobody sets: on Linux since the machine
    was booted, as the kernel counts; elsewhere as the system noted it then. The wall clock is
    corrected while a process works, and with it what time it seems to have started.

    Raises:
        psutil.NoSuchProcess, FileNotFoundError, ProcessLookupError: there is none of that pid.
    """
    if not psutil.LINUX:
        return float(psutil.Process(pid).create_time())
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[_STARTTIME]) / os.sysconf("SC_CLK_TCK")


_own_start = cache(started_at)


def this_process(name: str, application_name: str) -> WorkerIdentity:
    """This process as a worker."""
    pid = os.getpid()
    return WorkerIdentity(name, socket.gethostname(), pid, _own_start(pid), application_name)


def workers_of(journal: Journal, connection: Connection, execution_id: str) -> list[WorkerRow]:
    """The processes registered for an execution, living or not."""
    table = journal.tables.workers
    clock = func.current_timestamp(type_=table.c.heartbeat_at.type).label("clock")
    rows = connection.execute(select(table, clock).where(table.c.operation_id == execution_id))
    return [_worker(row) for row in rows]


def _worker(row: Row[Any]) -> WorkerRow:
    identity = WorkerIdentity(row.worker, row.host, row.pid, row.pid_started, row.application_name)
    age, every = _age(row.clock, row.heartbeat_at), timedelta(seconds=row.heartbeat_s)
    return WorkerRow(identity, str(row.operation_id), age, every)


def _age(clock: datetime, heartbeat: datetime) -> timedelta:
    return clock - heartbeat


def living(journal: Journal, connection: Connection, execution_id: str) -> list[WorkerRow]:
    """The processes that work on an execution now."""
    return [w for w in workers_of(journal, connection, execution_id) if w.lives()]


def register(
    journal: Journal,
    connection: Connection,
    execution_id: str,
    worker: WorkerIdentity,
    every: timedelta | None = None,
) -> None:
    """Enter this process as a worker of the execution; again is the same.

    every: how often it will say that it lives; None is the usual.
    """
    table = journal.tables.workers
    if beat(journal, connection, execution_id, worker.name):
        return
    connection.execute(
        insert(table).values(
            worker=worker.name,
            operation_id=execution_id,
            host=worker.host,
            pid=worker.pid,
            pid_started=worker.pid_started,
            application_name=worker.application_name,
            heartbeat_at=func.current_timestamp(),
            heartbeat_s=(every or HEARTBEAT).total_seconds(),
        )
    )


def beat(journal: Journal, connection: Connection, execution_id: str, worker: str) -> bool:
    """Say that the worker lives; False when it is not registered (any more)."""
    table = journal.tables.workers
    statement = (
        update(table)
        .where(table.c.operation_id == execution_id, table.c.worker == worker)
        .values(heartbeat_at=func.current_timestamp())
    )
    return connection.execute(statement).rowcount == 1


def unregister(journal: Journal, connection: Connection, execution_id: str, worker: str) -> None:
    """Strike a worker out."""
    table = journal.tables.workers
    connection.execute(
        delete(table).where(table.c.operation_id == execution_id, table.c.worker == worker)
    )


def owned(journal: Journal, connection: Connection) -> list[tuple[str, str]]:
    """The tables that are held, each with its execution."""
    table = journal.tables.ownership
    query = select(table.c.table_name, table.c.operation_id).order_by(table.c.table_name)
    return [(str(name), str(holder)) for name, holder in connection.execute(query)]


def owner(journal: Journal, connection: Connection, table_name: str) -> str | None:
    """The execution that owns a table."""
    table = journal.tables.ownership
    found = connection.execute(
        select(table.c.operation_id).where(table.c.table_name == table_name)
    ).scalar()
    return str(found) if found is not None else None


def acquire(
    journal: Journal, connection: Connection, execution_id: str, tables: Iterable[str]
) -> list[str]:
    """Make the execution the owner of its tables; call it under the schema lock.

    Returns:
        Executions that had a table and whose processes are all dead: they lost it.

    Raises:
        OwnershipError: a living process of another execution holds one of the tables.
    """
    lost: list[str] = []
    for name in sorted(set(tables)):
        holder = owner(journal, connection, name)
        if holder == execution_id:
            continue
        if holder is not None:
            _refuse_living(journal, connection, holder, name)
            lost.append(holder)
        _give(journal, connection, name, execution_id, known=holder is not None)
    return lost


def refuse_held(
    journal: Journal, connection: Connection, execution_id: str, tables: Iterable[str]
) -> None:
    """Refuse when a living process of another execution holds one of the tables; only reads.

    Raises:
        OwnershipError: it tells the holder.
    """
    for name in sorted(set(tables)):
        holder = owner(journal, connection, name)
        if holder is not None and holder != execution_id:
            _refuse_living(journal, connection, holder, name)


def _refuse_living(journal: Journal, connection: Connection, holder: str, name: str) -> None:
    workers = living(journal, connection, holder)
    if workers:
        raise OwnershipError(
            f"The table {name!r} is held by execution {holder[:8]} ({workers[0]}).",
            todo=f"Wait until it ends: batch-ops status {holder[:8]}",
            execution_id=holder,
        )


def _give(
    journal: Journal, connection: Connection, name: str, execution_id: str, *, known: bool
) -> None:
    table = journal.tables.ownership
    values = {"operation_id": execution_id, "since": utc_now()}
    if known:
        connection.execute(update(table).where(table.c.table_name == name).values(values))
    else:
        connection.execute(insert(table).values(table_name=name, **values))


def give_back(journal: Journal, connection: Connection, execution_id: str) -> None:
    """The execution owns nothing any more."""
    table = journal.tables.ownership
    connection.execute(delete(table).where(table.c.operation_id == execution_id))
