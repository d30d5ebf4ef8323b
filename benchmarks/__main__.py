"""`python -m benchmarks`: measure, show, write down; exit code 1 when a bar is not met."""

from __future__ import annotations

import argparse
import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks import changes, imports, memory, refused, report
from benchmarks.server import VARIABLE, Server, open_server

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

DOCS = Path(__file__).parents[1] / "docs"
OF_OPERATIONS = ("import", "change", "sqlite", "memory", "dagster", "refused")
PARTS = (*OF_OPERATIONS, "bulk")
BARS = {"clean": 1.5, "bad": 2.5, "change": 1.5, "sqlite": 1.6, "refused": 2.5}
PEAK_MB = 250


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure what is asked for.

    Returns:
        0: every bar is met; 1: one is not.
    """
    asked = _parser().parse_args(arguments)
    _leave_alone()
    measured: list[report.Measured] = []
    with open_server() as server:
        _warm_up(server, asked.only)
        for one in _measure(server, asked):
            measured.append(one)
            print(f"{time.strftime('%X')} measured: {one.work}", file=sys.stderr, flush=True)
        print(report.tables(measured))
        print(report.facts(server, asked.repetitions))
        if asked.write:
            pages = report.pages(measured, server, asked.repetitions)
            for name, text in pages.items():
                (asked.write / name).write_text(text)
    missed = [one.work for one in measured if not one.ok]
    if missed:
        print(f"Not met: {'; '.join(missed)}.", file=sys.stderr)
    return 1 if missed else 0


def _measure(server: Server, asked: argparse.Namespace) -> Iterator[report.Measured]:
    rows, times = asked.rows, asked.repetitions
    if "import" in asked.only:
        yield imports.postgresql(server, rows, times, bad=False, bar=BARS["clean"])
        yield imports.postgresql(server, rows, times, bad=True, bar=BARS["bad"])
    if "change" in asked.only:
        yield from changes.changes(server, rows, times, bar=BARS["change"])
    if "sqlite" in asked.only:
        yield imports.sqlite(rows, times, bar=BARS["sqlite"])
    if "dagster" in asked.only:
        yield imports.through_dagster(server, rows, times)
    if "refused" in asked.only:
        yield from refused.refused(server, rows, times, bar=BARS["refused"])
    if "memory" in asked.only:
        yield from memory.peaks(server, rows, bar_mb=PEAK_MB)
    if "bulk" in asked.only:
        from benchmarks.bulk.part import bulk

        yield from bulk(server, rows, times, works=asked.works, peers=not asked.no_peers)


def _warm_up(server: Server, parts: Sequence[str]) -> None:
    """Have the libraries imported before anything is measured."""
    imports.postgresql(server, 200, 1, bad=True, bar=0)
    if "dagster" in parts:
        imports.through_dagster(server, 200, 1)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000, help="of each work (%(default)s)")
    parser.add_argument("--repetitions", type=int, default=3, help="of each side (%(default)s)")
    parser.add_argument("--only", nargs="+", choices=PARTS, default=PARTS, help="these parts")
    parser.add_argument("--works", nargs="+", default=(), help="of bulk: with this in their title")
    parser.add_argument("--no-peers", action="store_true", help="of bulk: only limits and ours")
    parser.add_argument(
        "--write",
        type=Path,
        nargs="?",
        const=DOCS,
        help="write the pages of what was measured into a folder (%(const)s)",
    )
    return parser


def _leave_alone() -> None:
    """Nothing a person has set for their own databases and Dagster may reach in."""
    for name in [n for n in os.environ if n.startswith(("BATCH_OPS_", "DAGSTER_"))]:
        if name != VARIABLE:
            del os.environ[name]


if __name__ == "__main__":
    sys.exit(main())
