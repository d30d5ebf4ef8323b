"""Killing what `crashing` describes: worlds to do it in, children that die, what comes of it."""

from __future__ import annotations

import os
import shutil
import signal
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from batch_ops import faultpoints
from batch_ops.engine import RunOptions, join, newest_unfinished, resume, run, undo
from batch_ops.faultpoints import Point
from batch_ops_tests.support import crashing
from batch_ops_tests.support.crash_facts import Seen

if TYPE_CHECKING:
    from collections.abc import Iterator

    from batch_ops.engine import Project
    from batch_ops_tests.support.forkserver import Child, ForkServer
    from batch_ops_tests.support.postgresql import PostgreSQL

KILLED = -signal.SIGKILL
AS_BEFORE = RunOptions()


@dataclass
class KillAt:
    """Ends this process (or sends it another signal) when a place is reached the n-th time."""

    point: Point
    hit: int
    number: int = signal.SIGKILL
    seen: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def __call__(self, point: Point) -> None:
        with self.lock:
            self.seen += point is self.point
            if point is self.point and self.seen == self.hit:
                os.kill(os.getpid(), self.number)


Kill = tuple[Point, int]


def child_run(folder: str, url: str, operation: str, kill: Kill | None) -> int:
    """Run an operation until it is killed."""
    faultpoints.install(KillAt(*kill) if kill else None)
    project = crashing.open_project(Path(folder), url)
    return run(project, operation, crashing.CASES[operation].parameters).status.exit_code


def child_run_at_once(folder: str, url: str, operation: str, start: str) -> int:
    """Run an operation as soon as a file is there."""
    project = crashing.open_project(Path(folder), url)
    Path(f"{start}.{os.getpid()}").touch()
    while not Path(start).exists():
        time.sleep(0.0005)
    return run(project, operation, crashing.CASES[operation].parameters).status.exit_code


def child_resume(
    folder: str, url: str, execution_id: str, kill: Kill | None, options: RunOptions
) -> int:
    """Resume an execution until it is killed."""
    faultpoints.install(KillAt(*kill) if kill else None)
    project = crashing.open_project(Path(folder), url)
    return resume(project, execution_id, options=options).status.exit_code


def child_join(folder: str, url: str, execution_id: str, step: str, kill: Kill | None) -> int:
    """Do chunks of a step beside others, until there is none left or it is killed."""
    faultpoints.install(KillAt(*kill) if kill else None)
    execution = join(crashing.open_project(Path(folder), url), execution_id)
    execution.run_step(step)
    execution.leave()
    return 0


def child_undo(folder: str, url: str, execution_id: str, kill: Kill | None) -> int:
    """Undo an execution until it is killed."""
    faultpoints.install(KillAt(*kill) if kill else None)
    project = crashing.open_project(Path(folder), url)
    done = undo(project, execution_id, options=RunOptions(confirm=True))
    return done.kept + done.refused


@dataclass(frozen=True)
class Undisturbed:
    """What one run comes to that nobody kills. hits: how often it passed each place."""

    facts: dict[str, Any]
    facts_of_any_size: dict[str, Any]
    hits: Counter[Point]


class Worlds:
    """Fresh databases of one kind, each as it is before any operation."""

    def __init__(self, folder: Path, postgresql: PostgreSQL | None) -> None:
        self.folder, self._postgresql = folder, postgresql
        crashing.write_project(folder)
        self._made: list[str] = []
        self._number = 0
        self._known: dict[str, Undisturbed] = {}
        self._template = self._fresh()
        project = crashing.open_project(folder, self._template)
        crashing.fill(project)
        project.dispose()

    def new(self) -> World:
        """Another world."""
        url = self._fresh(self._template)
        return World(self, url, crashing.open_project(self.folder, url), self.folder)

    def undisturbed(self, operation: str) -> Undisturbed:
        """What the operation comes to; found out once."""
        if operation not in self._known:
            self._known[operation] = self._found_out(operation)
        return self._known[operation]

    def _found_out(self, operation: str) -> Undisturbed:
        world, hits, lock = self.new(), Counter[Point](), threading.Lock()

        def count(point: Point) -> None:
            with lock:
                hits[point] += 1

        faultpoints.install(count)
        try:
            run(world.project, operation, crashing.CASES[operation].parameters)
        finally:
            faultpoints.install(None)
        seen = Seen(world.project)
        facts = Undisturbed(seen.facts(), seen.facts(same_sizes=False), hits)
        world.close()
        return facts

    def _fresh(self, template: str | None = None) -> str:
        if self._postgresql is None:
            self._number += 1
            file = self.folder / f"world{self._number}.db"
            if template:
                shutil.copy(template.removeprefix("sqlite:///"), file)
            return f"sqlite:///{file}"
        like = template.partition("?")[0].rpartition("/")[2] if template else None
        name = self._postgresql.create_database(like)
        self._made.append(name)
        return self._postgresql.url(name)

    def forget(self, url: str) -> None:
        """A world is not needed any more."""
        if self._postgresql is None:
            Path(url.removeprefix("sqlite:///")).unlink()
        else:
            name = url.partition("?")[0].rpartition("/")[2]
            self._made.remove(name)
            self._postgresql.drop_database(name)

    def close(self) -> None:
        """Drop what is left."""
        for name in self._made if self._postgresql else ():
            self._postgresql.drop_database(name)


@dataclass
class World:
    """A database in which one execution is begun, killed and resumed."""

    worlds: Worlds
    url: str
    project: Project
    folder: Path

    def killed_run(self, server: ForkServer, operation: str, kill: Kill) -> None:
        """Begin the operation in a process that dies."""
        child = server.run(child_run, str(self.folder), self.url, operation, kill)
        assert child.wait() == KILLED, child.output

    def killed_resume(
        self, server: ForkServer, kill: Kill, options: RunOptions = AS_BEFORE
    ) -> None:
        """Resume in a process that dies."""
        child = self.resuming(server, kill, options)
        assert child.wait() == KILLED, child.output

    def resuming(
        self, server: ForkServer, kill: Kill | None, options: RunOptions = AS_BEFORE
    ) -> Child:
        """A process that resumes."""
        unfinished = newest_unfinished(self.project)
        arguments = (str(self.folder), self.url, unfinished, kill, options)
        return server.run(child_resume, *arguments)

    def resume(self, options: RunOptions = AS_BEFORE) -> None:
        """Go on in this process, unless it had ended."""
        unfinished = newest_unfinished(self.project)
        if unfinished is not None:
            resume(self.project, unfinished, options=options)

    def differences(self, operation: str, *, same_sizes: bool = True) -> Iterator[str]:
        """Where it ended otherwise than undisturbed."""
        right = self.worlds.undisturbed(operation)
        wanted = right.facts if same_sizes else right.facts_of_any_size
        found = Seen(self.project).facts(same_sizes=same_sizes)
        yield from found["left"]
        for name, value in wanted.items():
            if found[name] != value:
                yield f"{name}:\n  undisturbed {value}\n  resumed     {found[name]}"

    def close(self) -> None:
        self.project.dispose()
        self.worlds.forget(self.url)
