"""What may differ between the process that died and the one that resumes, and what may not."""

from __future__ import annotations

import logging
import shutil
from typing import TYPE_CHECKING

import pytest

from batch_ops.engine import Project, RunOptions, join, newest_unfinished, resume
from batch_ops.errors import OwnershipError, SourceChangedError, SourceError, UsageError
from batch_ops.faultpoints import Point
from batch_ops.spec.catalog import Catalog
from batch_ops_tests.support import crashing
from batch_ops_tests.support.crash_facts import Seen
from batch_ops_tests.support.crash_kills import KILLED, child_join

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from batch_ops_tests.support.crash_kills import World
    from batch_ops_tests.support.forkserver import ForkServer

KINDS = ("sqlite", "postgresql")
ALSO = pytest.param(KINDS[1], marks=pytest.mark.slow)
"""Where a test is not about what a database does, PostgreSQL is not in the quick run."""
EARLY = (Point.BEFORE_COMMIT, 2)
SIZES = {
    "smaller batches": RunOptions(batch_size=3, max_workers=1),
    "one batch": RunOptions(batch_size=1000, max_workers=3),
}


def _sizes() -> Iterator[pytest.ParameterSet]:
    """Each operation; how far one comes that stops at a row depends on its batches."""
    for row, operation in enumerate(name for name in crashing.CASES if name != "stop_at_a_row"):
        for column, (name, options) in enumerate(SIZES.items()):
            for number, kind in enumerate(KINDS):
                quick = (row, column, number) in ((0, 0, 1), (6, 1, 0))
                marks = () if quick else (pytest.mark.slow,)
                yield pytest.param(
                    operation, options, kind, marks=marks, id=f"{operation}-{name}-{kind}"
                )


@pytest.mark.parametrize(("operation", "options", "kind"), list(_sizes()))
def test_with_other_sizes_on_resume_all_but_the_batches_is_as_if_undisturbed(
    world: World, crash_server: ForkServer, operation: str, options: RunOptions
):
    if operation == "all_or_nothing":
        options = RunOptions(batch_size=options.batch_size)
    world.killed_run(crash_server, operation, EARLY)
    world.resume(options)
    assert list(world.differences(operation, same_sizes=False)) == []


@pytest.fixture
def own_folder(world: World, tmp_path: Path) -> World:
    """The world with a project folder that may be changed."""
    world.folder = tmp_path / "project"
    shutil.copytree(world.worlds.folder / "defs", world.folder / "defs")
    shutil.copy(world.worlds.folder / crashing.FILE, world.folder)
    world.project = crashing.open_project(world.folder, world.url)
    return world


@pytest.mark.parametrize("kind", [KINDS[0], ALSO])
def test_a_file_that_was_moved_is_named_again(own_folder: World, crash_server: ForkServer):
    world, file = own_folder, own_folder.folder / crashing.FILE
    world.killed_run(crash_server, "import_file", EARLY)
    moved = file.rename(file.with_name("moved.csv"))
    before = Seen(world.project).data()
    with pytest.raises(SourceError, match=r"goods\.csv") as caught:
        world.resume()
    assert caught.value.exit_code in (2, 3)
    assert Seen(world.project).data() == before
    world.resume(RunOptions(source_path=str(moved)))
    assert list(world.differences("import_file")) == []


CHANGED = {
    "a record more": ("151,new,3\n", "had 120 records, and now has 121"),
    "another value": (None, "has 120 records as before, and their content is another one"),
    "no end of a quote": ('"152,new,3\n', "had 120 records, and now cannot be read"),
}


@pytest.mark.parametrize("kind", [KINDS[0], ALSO])
@pytest.mark.parametrize("change", CHANGED)
def test_a_file_that_was_changed_is_refused_and_told_how_it_differs(
    own_folder: World, crash_server: ForkServer, change: str
):
    """Nothing is written; with the file as it was it goes on."""
    world, file = own_folder, own_folder.folder / crashing.FILE
    world.killed_run(crash_server, "import_file", EARLY)
    text, (more, told) = file.read_text(), CHANGED[change]
    file.write_text(text + more if more else text.replace("new", "neu", 1))
    before = Seen(world.project).data()
    with pytest.raises(SourceChangedError, match=told) as caught:
        world.resume()
    assert caught.value.exit_code == 3
    assert Seen(world.project).data() == before
    file.write_text(text)
    world.resume()
    assert list(world.differences("import_file")) == []


@pytest.mark.parametrize("kind", ["sqlite"])
def test_other_parameters_are_refused(world: World, crash_server: ForkServer):
    """They would make another execution of what is half done."""
    world.killed_run(crash_server, "insert_rows", EARLY)
    unfinished = newest_unfinished(world.project)
    assert unfinished is not None
    before = Seen(world.project).data()
    rows = crashing.CASES["insert_rows"].parameters["rows"]
    with pytest.raises(UsageError, match="began with another value of rows"):
        join(world.project, unfinished, given={"rows": rows[1:]})
    assert Seen(world.project).data() == before
    join(world.project, unfinished, given={"rows": rows}).abort(KeyboardInterrupt())
    world.resume()
    assert list(world.differences("insert_rows")) == []


def edited(world: World, before: str, after: str) -> Project:
    """The project with another declaration of the stock."""
    texts = dict(crashing.DECLARATIONS)
    assert before in texts["stock"]
    texts["stock"] = texts["stock"].replace(before, after)
    catalog = Catalog.from_texts({f"{name}.yaml": text for name, text in texts.items()})
    return Project(world.folder, catalog)


@pytest.mark.parametrize("kind", [KINDS[0], ALSO])
def test_a_declaration_that_was_edited_changes_nothing_that_began_and_is_told(
    world: World, crash_server: ForkServer, caplog: pytest.LogCaptureFixture
):
    """Whoever wants the new meaning cannot have it; new sizes can be had."""
    world.killed_run(crash_server, "change", EARLY)
    unfinished = newest_unfinished(world.project)
    assert unfinished is not None
    other = edited(world, 'kind: done, touched_at: "NOW()"', 'kind: gone, touched_at: "NOW()"')
    with pytest.raises(UsageError, match="means something else"):
        resume(other, unfinished, options=RunOptions(use_new=True))
    with caplog.at_level(logging.WARNING, "batch_ops"):
        resume(other, unfinished)
    assert "declaration_edited" in caplog.text
    assert list(world.differences("change")) == []
    other.dispose()


@pytest.mark.parametrize("kind", ["postgresql"])
def test_sizes_that_were_edited_are_taken_where_that_is_asked_for(
    world: World, crash_server: ForkServer, caplog: pytest.LogCaptureFixture
):
    world.killed_run(crash_server, "change", EARLY)
    unfinished = newest_unfinished(world.project)
    assert unfinished is not None
    other = edited(world, "batch_size: 10", "batch_size: 4")
    with caplog.at_level(logging.WARNING, "batch_ops"):
        resume(other, unfinished, options=RunOptions(use_new=True))
    assert "declaration_edited" not in caplog.text, "it does not go on with the old one"
    assert list(world.differences("change", same_sizes=False)) == []
    (most,) = Seen(world.project).query("SELECT max(total) FROM batch_operation_logs")
    later = "SELECT max(total) FROM batch_operation_logs WHERE batch_number > 4"
    assert (most, Seen(world.project).query(later)) == ((10,), [(4,)])
    other.dispose()


@pytest.mark.parametrize("kind", [KINDS[0], ALSO])
def test_of_several_that_resume_at_once_one_goes_on_and_the_others_are_refused(
    world: World, crash_server: ForkServer
):
    world.killed_run(crash_server, "three_steps", EARLY)
    children = [world.resuming(crash_server, None) for _ in range(4)]
    codes = [child.wait() for child in children]
    refused = [child.output for child in children if child.wait() not in (0, 1, 4)]
    assert codes.count(1) == 1, refused
    for told in refused:
        assert OwnershipError.__name__ in told or "has ended" in told
    assert list(world.differences("three_steps")) == []


@pytest.mark.parametrize("kind", KINDS)
def test_several_that_join_share_the_chunks_and_one_of_them_may_die(
    world: World, crash_server: ForkServer
):
    """What the dead one held is done by whoever resumes."""
    world.killed_run(crash_server, "remove", (Point.PLANNING, 1))
    unfinished = newest_unfinished(world.project)
    assert unfinished is not None
    join(world.project, unfinished).plan_step("delete")
    place = (str(world.folder), world.url, unfinished, "delete")
    dying = crash_server.run(child_join, *place, (Point.AFTER_DATA, 3))
    helping = [crash_server.run(child_join, *place, None) for _ in range(2)]
    assert dying.wait() in (KILLED, 0), dying.output
    assert [child.wait() for child in helping] == [0, 0], [child.output for child in helping]
    join(world.project, unfinished).abort(KeyboardInterrupt())
    world.resume()
    assert list(world.differences("remove")) == []


@pytest.mark.parametrize("kind", [KINDS[0], ALSO])
def test_killed_again_and_again_it_ends_as_if_undisturbed(world: World, crash_server: ForkServer):
    world.killed_run(crash_server, "three_steps", (Point.AFTER_DATA, 3))
    for place in (Point.RESUMING, Point.RESUMED, Point.ISOLATING, Point.BETWEEN_STEPS):
        world.killed_resume(crash_server, (place, 1))
    world.killed_resume(crash_server, (Point.CLOSING, 1))
    world.resume()
    assert list(world.differences("three_steps")) == []
