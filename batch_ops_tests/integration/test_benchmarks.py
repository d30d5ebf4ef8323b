"""The benchmarks measure what they say, and a missed bar ends them with exit code 1."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

import benchmarks.__main__ as program
from batch_ops.results import Counts, Result, Status
from benchmarks import accounts, memory
from benchmarks.measure import Comparison, Seconds, expect
from benchmarks.server import Server

if TYPE_CHECKING:
    from pathlib import Path

    from batch_ops_tests.support.postgresql import PostgreSQL

ROWS = "600"


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
    page = tmp_path / "benchmarks.md"
    assert measure("import", "change", "sqlite", write=page) == 0
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


def test_a_missed_bar_is_told_and_ends_with_exit_code_1(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    bars(monkeypatch, 0)
    assert measure("sqlite") == 1
    told = capsys.readouterr()
    assert "**not met**" in told.out
    assert "Not met: import on SQLite, clean." in told.err


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
