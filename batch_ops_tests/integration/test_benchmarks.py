"""The benchmarks measure what they say, and a missed bar ends them with exit code 1."""

from __future__ import annotations

import os
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

import benchmarks.__main__ as program
from batch_ops.results import Counts, Result, Status
from benchmarks import accounts, memory, report
from benchmarks.bulk import bad, cases
from benchmarks.bulk.by_hand import BySQLite3
from benchmarks.bulk.figures import SHARES, BadRows, Lane, Race
from benchmarks.bulk.places import Filled, OnSQLite
from benchmarks.bulk.race import timed
from benchmarks.measure import Comparison, Peak, Seconds, expect
from benchmarks.server import Server

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from batch_ops_tests.support.postgresql import PostgreSQL

ROWS = "600"
WORKS = ("an import", "a stream", "a wrong type")


@pytest.fixture(autouse=True)
def _bench_url(monkeypatch: pytest.MonkeyPatch, postgresql_server: PostgreSQL) -> None:
    monkeypatch.setenv("BATCH_OPS_DATABASE_URL", "unset by the benchmarks")
    monkeypatch.setenv("BATCH_OPS_BENCH_URL", postgresql_server.url())


def measure(*parts: str, write: Path | None = None) -> int:
    arguments = ["--rows", ROWS, "--repetitions", "1", "--only", *parts]
    return program.main([*arguments, *(["--write", str(write)] if write else [])])


def bars(monkeypatch: pytest.MonkeyPatch, ratio: float) -> None:
    for name in program.BARS:
        monkeypatch.setitem(program.BARS, name, ratio)


def test_each_work_is_measured_and_written_down(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bars(monkeypatch, 10_000)
    assert measure("import", "change", "sqlite", write=tmp_path) == 0
    [page] = tmp_path.iterdir()
    assert page.name == "benchmarks.md"
    lines = [line for line in page.read_text().splitlines() if "10000.00" in line]
    works = [line.split("|")[1].strip() for line in lines]
    assert works == [
        "import on PostgreSQL, clean",
        "import on PostgreSQL, 1 % bad rows",
        "update by predicate on PostgreSQL",
        "delete by predicate on PostgreSQL",
        "import on SQLite, clean",
    ]
    assert all("| ok" in line for line in lines)


def test_operations_and_calls_of_python_have_pages_of_their_own() -> None:
    measured = (
        Comparison("an import", 1, "limit", "", bar=1.5, limit=[1.0]),
        Peak("a stream", 1, 30.0, 60.0, of_operation=False),
        BadRows("a wrong type", 1, 1.5, of_operation=True),
    )
    measured[0].ours.append(Seconds(start=1, work=1))
    for share in (measured[2].clean, *measured[2].shares.values()):
        share.append(1.0)
    server = Server(os.environ["BATCH_OPS_BENCH_URL"])
    pages = report.pages(measured, server, 1)
    told = {name: [w for w in WORKS if f"| {w}" in text] for name, text in pages.items()}
    assert told == {
        "benchmarks.md": ["an import", "a wrong type"],
        "benchmarks-python.md": ["a stream"],
    }
    assert list(report.pages(measured[:1], server, 1)) == ["benchmarks.md"]


def test_a_missed_bar_is_told_and_ends_with_exit_code_1(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    bars(monkeypatch, 0)
    assert measure("sqlite") == 1
    told = capsys.readouterr()
    assert "**not met**" in told.out
    assert "Not met: import on SQLite, clean." in told.err


@pytest.mark.slow
def test_peak_memory_is_that_of_the_import_alone(postgresql_server: PostgreSQL) -> None:
    """A process that is itself large does not show in the figure of its child."""
    ballast = bytearray(b"x" * (400 << 20))
    measured = memory.peak(Server(postgresql_server.url()), int(ROWS), 1000)
    assert 20 < measured.peak_mb < 400
    assert len(ballast) > 400e6


@pytest.mark.slow
def test_memory_and_the_way_through_dagster_are_measured(
    capsys: pytest.CaptureFixture[str],
) -> None:
    measure("memory", "dagster")
    told = capsys.readouterr().out
    assert "as a Dagster run" in told
    assert told.count(" MB ") == 2 * 3


def test_a_wrong_result_is_no_figure() -> None:
    result = Result("id", "operation", Status.COMPLETED, Counts(total=2, created=1, failed=1))
    expect(result, total=2, created=1)
    with pytest.raises(AssertionError):
        expect(result, created=2)


def test_the_ratio_is_of_the_medians_of_the_work_without_its_start() -> None:
    row = Comparison("work", 1, "limit", "", bar=1.5, limit=[1.0, 2.0, 9.0])
    row.ours.extend(Seconds(start=100, work=work) for work in (1.0, 3.0, 8.0))
    assert row.ratio == pytest.approx(1.5)
    assert row.ok


def test_of_the_file_with_bad_rows_one_in_a_hundred_is_bad(tmp_path: Path) -> None:
    clean, bad = tmp_path / "clean.csv", tmp_path / "bad.csv"
    assert accounts.write_file(clean, 12_000) == 12_000
    assert accounts.write_file(bad, 12_000, bad=True) == 11_880
    pairs = zip(clean.read_text().splitlines(), bad.read_text().splitlines(), strict=True)
    assert sum(one != other for one, other in pairs) == 120


@pytest.fixture
def filled(tmp_path: Path) -> Iterator[Filled]:
    with ExitStack() as stack:
        yield Filled(OnSQLite(tmp_path), stack)


def door(
    capsys: pytest.CaptureFixture[str], *works: str, peers: bool = True
) -> dict[str, list[str]]:
    """The cells of each work of the Python door, by its title."""
    arguments = ["--rows", ROWS, "--repetitions", "1", "--only", "bulk", "--works", *works]
    program.main([*arguments, *([] if peers else ["--no-peers"])])
    lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith("| ")]
    cells = [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines]
    return {line[0]: line for line in cells if ", " in line[0]}


def titles(place: str) -> list[str]:
    return [f"{work.title}, {place}" for work in cases.WORKS]


@pytest.mark.slow
def test_each_work_of_the_python_door_is_measured_beside_its_limit(
    capsys: pytest.CaptureFixture[str],
) -> None:
    told = door(capsys, *titles("PostgreSQL"), peers=False)
    assert list(told) == titles("PostgreSQL")
    assert all(float(line[5].strip("*")) > 0 for line in told.values())


@pytest.mark.slow
def test_each_work_of_the_python_door_is_measured_beside_its_peers(
    capsys: pytest.CaptureFixture[str],
) -> None:
    told = door(capsys, *titles("SQLite"))
    assert list(told) == titles("SQLite")
    can = {title: [cell != "–" for cell in line[8:]] for title, line in told.items()}
    others = {"create_frame": [True] * 4, "touch_records": [False] * 4}
    for work, title in zip(cases.WORKS, titles("SQLite"), strict=True):
        assert can[title] == others.get(work.method, [True, True, False, True]), title


@pytest.mark.slow
def test_peers_connect_to_postgresql(capsys: pytest.CaptureFixture[str]) -> None:
    told = door(capsys, "create from a DataFrame, PostgreSQL")
    assert [line[8:].count("–") for line in told.values()] == [0]


def test_every_share_of_bad_rows_is_measured(capsys: pytest.CaptureFixture[str]) -> None:
    told = door(capsys, f"{bad.WITHIN}, SQLite")
    assert [len(line[3:-2]) for line in told.values()] == [len(SHARES)]
    assert all(float(cell) > 0 for line in told.values() for cell in line[3:-2])


@pytest.mark.parametrize("kind", bad.KINDS)
@pytest.mark.quick("CHECK")
def test_every_kind_of_bad_rows_is_refused(kind: str, filled: Filled, tmp_path: Path) -> None:
    full = filled(bad.TABLES, range(1, 11))
    assert bad.seconds(OnSQLite(tmp_path), full, bad.given(kind, 5_000, 10), 10) > 0


@pytest.mark.slow
def test_all_of_the_python_door_is_measured_on_postgresql(
    capsys: pytest.CaptureFixture[str],
) -> None:
    kinds = [f"{kind}, PostgreSQL" for kind in bad.KINDS]
    assert list(door(capsys, *titles("PostgreSQL"), *kinds)) == [*titles("PostgreSQL"), *kinds]


def test_two_connections_are_measured(capsys: pytest.CaptureFixture[str]) -> None:
    assert list(door(capsys, "two connections")) == [
        "create from dicts, two connections, PostgreSQL"
    ]


@pytest.mark.slow
def test_the_memory_of_streams_is_measured(capsys: pytest.CaptureFixture[str]) -> None:
    told = door(capsys, "over the imports")
    assert [line[1] for line in told.values()] == ["3,000", "600"]


class Forgetful(BySQLite3):
    """Leaves the last row out."""

    def create(self, given: list[dict[str, object]]) -> None:
        super().create(given[:-1])

    def lookup(self, given: list[int]) -> list[object]:
        return super().lookup(given)[:-1]


@pytest.mark.parametrize("method", ["create", "lookup"])
@pytest.mark.quick("create")
def test_a_side_that_forgets_a_row_has_no_time(method: str, filled: Filled, tmp_path: Path) -> None:
    work = next(work for work in cases.WORKS if work.method == method)
    place, case = OnSQLite(tmp_path), work.case(20)
    assert timed(place, filled, method, case, BySQLite3) > 0
    with pytest.raises(AssertionError):
        timed(place, filled, method, case, Forgetful)


def test_a_value_in_a_wrong_row_is_noticed() -> None:
    rows = list(cases.accounts(range(1, 10)))
    swapped = [
        row | {"balance": other["balance"]} for row, other in zip(rows, rows[::-1], strict=True)
    ]
    assert cases.rows.sums(rows) != cases.rows.sums(swapped)


def race(*, alike: bool = False, bar: float | None = 1.5, **seconds: float) -> Race:
    lanes = {name: Lane(100 if name != "slow" else 10, [one]) for name, one in seconds.items()}
    return Race("work", 100, "limit", bar, alike, lanes)


def test_we_must_be_near_the_limit_and_faster_than_each_peer() -> None:
    assert race(limit=1, ours=1.4, peer=1.5).ok
    assert not race(limit=1, ours=1.6, peer=1.7).ok
    assert not race(limit=1, ours=1.4, peer=1.3).ok
    assert race(limit=1, ours=1.6, peer=1.7, bar=None).ok
    assert race(limit=1, ours=1.4, peer=1.3, alike=True).ok


def test_a_peer_on_a_tenth_of_the_rows_is_compared_per_row() -> None:
    assert race(limit=1, ours=2, slow=1).peers == {"slow": pytest.approx(5)}


@pytest.mark.parametrize("share", [0, *SHARES])
@pytest.mark.parametrize("kind", bad.KINDS)
@pytest.mark.quick("CHECK")
def test_so_many_rows_are_bad_as_is_said(kind: str, share: int) -> None:
    given = bad.given(kind, share, 10_000 // bad.BATCHES)
    of_all = max(share, bad.BATCHES) if share else 0
    repeats_none = kind == bad.WITHIN and share == 10_000
    assert len(given.bad) == of_all - repeats_none
    clean = bad.given(kind, 0, 10_000 // bad.BATCHES).rows
    changed = {
        n for n, (one, other) in enumerate(zip(given.rows, clean, strict=True)) if one != other
    }
    assert changed == given.bad


@pytest.mark.slow
def test_bad_rows_in_operations_have_a_table_of_their_own(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    bars(monkeypatch, 10_000)
    kinds = ("a duplicate against the table", "a CHECK violated")
    monkeypatch.setattr(bad, "KINDS", {kind: bad.KINDS[kind] for kind in kinds})
    assert measure("refused") == 0
    told = capsys.readouterr().out
    assert "## Bad rows in operations" in told
    assert "## Speed" not in told
    lines = [line for line in told.splitlines() if "10000.00" in line]
    works = [line.split("|")[1].strip() for line in lines]
    imported = [f"{kind}, imported" for kind in kinds]
    assert works == [
        f"{work}, {place}"
        for place in ("PostgreSQL", "SQLite")
        for work in (*imported, "a CHECK violated by an upsert", "a CHECK violated by an update")
    ]
