"""How figures are said: numbers, durations, rates, progress."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from batch_ops.events import BatchRetried
    from batch_ops.results import Counts

# not `processed`: what a person asks is what became of the rows
SAID = {
    "selected": "selected",
    "created": "created",
    "updated": "updated",
    "deleted": "deleted",
    "unchanged": "unchanged",
    "skipped": "skipped",
    "not_found": "not found",
    "invalid": "invalid",
    "failed": "failed",
    "cascaded": "deleted by cascade",
}


def duration(seconds: float) -> str:
    """`0.4 s`, `12.3 s`, `3 min 05 s`, `2 h 07 min`, `4 d 03 h`."""
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    for unit, size, part, part_size in (
        ("d", 86_400, "h", 3_600),
        ("h", 3_600, "min", 60),
        ("min", 60, "s", 1),
    ):
        if whole >= size:
            return f"{whole // size} {unit} {whole % size // part_size:02d} {part}"
    return f"{whole} s"


def rate(rows_per_s: float) -> str:
    """`81,204 rows/s`; below ten with one decimal."""
    return f"{rows_per_s:,.0f} rows/s" if rows_per_s >= 10 else f"{rows_per_s:.1f} rows/s"


def compact(number: float) -> str:
    """`7`, `950`, `81k`, `1.4M`: for narrow columns."""
    for size, sign in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if number >= size:
            scaled = number / size
            return f"{scaled:.1f}{sign}" if scaled < 10 else f"{scaled:.0f}{sign}"
    return f"{number:.0f}"


def share(done: int, planned: int) -> str:
    """`62 %`, rounded down: 100 % is said only when all is done."""
    return f"{100 * done // planned} %"


def rows(number: int) -> str:
    """`1 row`, `2,512 rows`."""
    return f"{number:,} row" if number == 1 else f"{number:,} rows"


def outcomes(counts: Counts) -> str:
    """`334,264 created, 2,512 invalid`; `no rows` when nothing was counted."""
    told = [f"{getattr(counts, name):,} {said}" for name, said in SAID.items()]
    return ", ".join(text for text in told if not text.startswith("0 ")) or "no rows"


def tried_again(event: BatchRetried) -> str:
    """`the database refused for now (40P01); again in 0.4 s, with 500 rows at most`."""
    fewer = f", with {rows(event.rows)} at most" if event.rows else ""
    when = f"again in {duration(event.wait_s)}" if event.wait_s else "again"
    return f"the database refused for now ({event.code}); {when}{fewer}"


def progress(done: int, planned: int) -> str:
    """How far it is, honestly: also without a plan, and when more rows came than were planned."""
    if planned <= 0:
        return rows(done)
    if done > planned:
        return f"{rows(done)} ({planned:,} were planned)"
    return f"{done:,} of {rows(planned)} ({share(done, planned)})"
