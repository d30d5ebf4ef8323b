"""Few events, few keys, light imports: Dagster stays usable however many rows there are."""

from __future__ import annotations

import subprocess
import sys
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import dagster as dg
import pytest

from batch_ops.engine import Launch, run
from batch_ops.events import Progress, silent
from batch_ops.orchestration import listening, partitions
from batch_ops.orchestration.launch import launch_run
from batch_ops.orchestration.partitions import SLICE, add_keys
from batch_ops.results import Counts
from batch_ops.spec.model import Telling
from batch_ops_tests.support.things import CHUNKS

if TYPE_CHECKING:
    from batch_ops_tests.support.things import Things


def test_events_are_few(imported: Things):
    """At most 2 per chunk, 40 per step, and 60."""
    limit = 2 * sum(CHUNKS.values()) + 40 * len(CHUNKS) + 60
    done = imported.execute("settle_things")
    launched = launch_run(imported.project, "import_things", {"source_path": "things.csv"},
                          options=again())  # fmt: skip
    with imported.instance() as instance:
        assert len(instance.all_logs(done.run_id)) <= limit
        assert len(instance.all_logs(launched.run_id or "")) <= 2 * 5 + 40 + 60


def again():
    from batch_ops.engine import RunOptions

    return RunOptions(again=True)


@pytest.mark.slow
def test_more_chunks_cost_no_more_than_two_events_each(imported: Things):
    few = imported.execute("settle_things")
    imported.change("UPDATE things SET settled_at = NULL")
    file = imported.folder / "defs" / "things.yaml"
    file.write_text(file.read_text().replace("100", "10").replace("50", "10"))
    imported.project.dispose()
    from batch_ops.engine import Project

    imported.project = Project.find()
    many = imported.execute("settle_things")
    more = imported.newest().chunks.total - sum(CHUNKS.values())
    assert more > 100
    with imported.instance() as instance:
        events = [len(instance.all_logs(done.run_id)) for done in (few, many)]
    assert events[1] - events[0] <= 2 * more


def test_progress_lines_are_spaced_wider_and_wider(monkeypatch):
    """A step of a day writes about 30 lines, the first after 30 seconds."""
    now, lines = [0.0], []
    monkeypatch.setattr(listening.time, "monotonic", lambda: now[0])

    class Log:
        def info(self, *words: object) -> None:
            lines.append(now[0])

    class Context:
        log = Log()

    operation: Any = SimpleNamespace(telling=Telling())
    context: Any = Context()
    listen = listening.Listening(operation, context, silent, told_at=0.0)
    for second in range(24 * 3600):
        now[0] = float(second)
        listen(Progress("id", "operation", "step", Counts(), 1, 1.0))
    assert lines[0] == 30.0
    assert len(lines) <= 40


def test_keys_are_added_in_slices_in_their_order(things: Things):
    keys = [f"00000000-{number:05d}" for number in range(2 * SLICE + 7)]
    with things.instance() as instance:
        add_keys(instance, "name", keys[:3])
        add_keys(instance, "name", keys)
        assert list(instance.get_dynamic_partitions("name")) == keys


@pytest.mark.slow
def test_old_executions_are_forgotten_unfinished_ones_never(imported: Things, monkeypatch):
    monkeypatch.setattr(partitions, "KEPT", 2)
    imported.break_update()
    first = imported.execute("settle_things", {"least": 500})
    assert not first.success
    imported.mend()
    unfinished = imported.newest().execution_id[:8]
    for _ in range(3):
        run(imported.project, "settle_things", launch=Launch())
        with imported.instance() as instance:
            from batch_ops.orchestration import reconcile

            reconcile.show(imported.project, instance, imported.newest())
        imported.change("UPDATE things SET settled_at = NULL")
    imported.execute("settle_things")
    owners = {key[:8] for key in imported.keys("validate")}
    assert unfinished in owners
    assert len(owners) == 2 + 1
    assert imported.newest().execution_id[:8] in owners


def test_the_code_location_loads_without_pandas_and_great_expectations(things: Things):
    code = (
        "import sys, batch_ops.definitions as d; d.defs.get_repository_def();"
        "heavy = {'pandas', 'great_expectations'} & set(sys.modules); assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60, cwd=things.folder)


@pytest.mark.slow
def test_a_broken_declaration_is_a_load_error_with_file_and_line(things: Things):
    file = things.folder / "defs" / "things.yaml"
    file.write_text(file.read_text().replace("chunk_rows: 200", "chunk_rowz: 200"))
    output = things.dagster("definitions", "validate", "-m", "batch_ops.definitions", expect=1)
    assert "things.yaml:18:5" in output
    assert "Did you mean 'chunk_rows'?" in output


def test_steps_are_drawn_in_order_and_nothing_waits_or_goes_stale(things: Things):
    graph = things.definitions().resolve_asset_graph()
    prefix = ["things", "settle_things"]
    parents = {
        "/".join(key.path[2:]) or "operation": {p.path[-1] for p in graph.get(key).parent_keys}
        for key in graph.get_all_asset_keys()
        if key.path[:2] == prefix
    }
    assert parents == {
        "validate": set(),
        "update": {"validate"},
        "cleanup": {"update"},
        "operation": {"cleanup"},
    }
    for child, parent in (("update", "validate"), ("cleanup", "update")):
        mapping = graph.get_partition_mapping(
            dg.AssetKey([*prefix, child]), dg.AssetKey([*prefix, parent])
        )
        assert isinstance(mapping, dg.SpecificPartitionsPartitionMapping)
        assert list(mapping.partition_keys) == []
