"""A PostgreSQL whose operations belong to a role that is no superuser, and somebody who is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import Engine, create_engine, make_url, text

from batch_ops_tests.support import crashing, troubles

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from batch_ops.engine import Project
    from batch_ops_tests.support.postgresql import PostgreSQL


@dataclass
class Ground:
    """A database with what `crashing` needs in it.

    Attributes:
        admin: a superuser's connections, without transactions.
        role: the operations' own.
    """

    project: Project
    admin: Engine
    role: str
    name: str
    server: PostgreSQL

    def do(self, *statements: str) -> None:
        """Statements of the superuser's."""
        with self.admin.connect() as connection:
            for statement in statements:
                connection.execute(text(statement))

    def leave(self) -> None:
        """Remove it, before what it stands on goes."""
        self.project.dispose()
        self.admin.dispose()
        self.server.drop_database(self.name)

    def sessions(self) -> list[int]:
        """The processes that serve the operation."""
        query = text("SELECT pid FROM pg_stat_activity WHERE application_name = :name")
        with self.admin.connect() as connection:
            found = connection.execute(query, {"name": self.project.application_name})
            return [int(pid) for (pid,) in found]

    def end_sessions(self) -> None:
        """As an administrator would."""
        self.do(*(f"SELECT pg_terminate_backend({pid})" for pid in self.sessions()))


@pytest.fixture
def ground(
    tmp_path: Path, postgresql_server: PostgreSQL, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., Ground]]:
    """Makes one; again for another. tablespace: where its tables are to be."""
    made: list[Ground] = []
    (tmp_path / "project").mkdir()
    crashing.write_project(tmp_path / "files")

    def make(tablespace: str | None = None) -> Ground:
        name = postgresql_server.create_database()
        role, url = f"app_{name}", make_url(postgresql_server.url(name))
        admin = create_engine(url, isolation_level="AUTOCOMMIT")
        ours = url.set(username=role).render_as_string(hide_password=False)
        monkeypatch.setenv("BATCH_OPS_DATABASE_URL", ours)
        found = Ground(
            troubles.project_of(tmp_path / "files", ours), admin, role, name, postgresql_server
        )
        made.append(found)
        found.do(f"CREATE ROLE {role} LOGIN", f"GRANT ALL ON SCHEMA public TO {role}")
        if tablespace:
            found.do(
                f"GRANT CREATE ON TABLESPACE {tablespace} TO {role}",
                f"ALTER DATABASE {name} SET default_tablespace = {tablespace}",
            )
        crashing.fill(found.project)
        return found

    yield make
    for each in made:
        each.leave()
        _forget(postgresql_server, each.role)


def _forget(server: PostgreSQL, role: str) -> None:
    engine: Any = create_engine(server.url(), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(f"DROP ROLE {role}"))
    engine.dispose()
