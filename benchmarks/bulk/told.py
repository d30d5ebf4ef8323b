"""The figures of the Python door as text."""

from __future__ import annotations

from statistics import median
from typing import TYPE_CHECKING

from benchmarks.bulk.figures import LIMIT, OURS, SHARES, BadRows, Lanes, Race
from benchmarks.tables import spread, table, verdict

if TYPE_CHECKING:
    from collections.abc import Sequence

PEERS = ("SQLAlchemy Core", "SQLAlchemy ORM", "pandas", "Django")
RACE_HEAD = ("work", "rows", "limit", "limit s", "ours s", "ratio", "bar", "", *PEERS)
LANES_HEAD = ("work", "rows", "one s", "two s", "ratio", "bar", "")
BAD_HEAD = ("what is wrong", "rows", "clean s", *(f"{share:,}" for share in SHARES), "bar", "")

MEANING = """\
`BatchTable` in an atomic call, beside its limit, the fastest a person would type with psycopg or
sqlite3 without any check, and beside what people use today. All are connected, know the table and
have done the work once at a small size before the clock starts, and have committed when it stops;
each works on a fresh copy of the same database, whose content is summed afterwards and must be
right, also for the peers. The columns of the peers tell their time ÷ ours: more than 1 is slower
than we are. Ours must be faster than each; only where peers send the very statement of the limit
(in brackets) they are no bar. ⅒: measured on a tenth of the rows, and told per row. Peers bind
500 rows or keys at once where they have to choose, the size that suits them best.

Updates and deletes meet half of a table of twice as many rows, scattered. Keys and rows are given
in the order of the key, those of the lookup in none.
"""
BAD_MEANING = """\
`create_many(…, atomic=False, continue_on_error=True)` of ten batches, with so many bad rows of
10,000: its time ÷ that of the clean call.
"""
OPERATIONS_MEANING = """\
An import of a file, and an update, of ten batches each in one lane, with so many bad rows of 10,000
that become rejects in the journal: its time ÷ that of the same without any.
"""


def section(measured: Sequence[object]) -> str:
    """All of the Python door, as far as it was measured; else nothing."""
    races = [_race(one) for one in measured if isinstance(one, Race)]
    lanes = [_lanes(one) for one in measured if isinstance(one, Lanes)]
    bad = [_bad(one) for one in _bad_rows(measured, of_operation=False)]
    parts = [
        ("## Speed", MEANING, RACE_HEAD, races),
        (
            "### Two connections",
            "`max_concurrency=2` beside 1: a ratio of 0.67 is 1.5 times as fast.\n",
            LANES_HEAD,
            lanes,
        ),
        ("### Bad rows", BAD_MEANING, BAD_HEAD, bad),
    ]
    told = [(title, text, table(head, rows)) for title, text, head, rows in parts if rows]
    return "\n".join("\n".join((f"{title}\n", text, rows)) for title, text, rows in told)


def of_operations(measured: Sequence[object]) -> str:
    """What bad rows cost declared operations, as far as it was measured; else nothing."""
    rows = [_bad(one) for one in _bad_rows(measured, of_operation=True)]
    told = (f"## Bad rows in operations\n\n{OPERATIONS_MEANING}", table(BAD_HEAD, rows))
    return "\n".join(told) if rows else ""


def _bad_rows(measured: Sequence[object], *, of_operation: bool) -> list[BadRows]:
    found = [one for one in measured if isinstance(one, BadRows)]
    return [one for one in found if one.of_operation == of_operation]


def _race(one: Race) -> tuple[str, ...]:
    limit, ours = one.lanes[LIMIT], one.lanes[OURS]
    judged = not one.alike or one.bar is not None
    return (
        one.work,
        f"{one.rows:,}",
        one.limit_name,
        f"{median(limit.seconds):.2f} {spread(limit.seconds)}",
        f"{median(ours.seconds):.2f} {spread(ours.seconds)}",
        f"**{one.ratio:.2f}**",
        "–" if one.bar is None else f"{one.bar:.2f}",
        verdict(ok=one.ok) if judged else "",
        *(_peer(one, name) for name in PEERS),
    )


def _peer(one: Race, name: str) -> str:
    if name not in one.lanes:
        return "–"
    told = f"{one.peers[name]:.1f}" if one.peers[name] >= 2 else f"{one.peers[name]:.2f}"
    share = "" if one.lanes[name].rows == one.rows else " ⅒"
    return f"({told})" if one.alike else told + share


def _lanes(one: Lanes) -> tuple[str, ...]:
    return (
        one.work,
        f"{one.rows:,}",
        f"{median(one.one):.2f} {spread(one.one)}",
        f"{median(one.two):.2f} {spread(one.two)}",
        f"**{one.ratio:.2f}**",
        f"{one.bar:.2f}",
        verdict(ok=one.ok),
    )


def _bad(one: BadRows) -> tuple[str, ...]:
    return (
        one.work,
        f"{one.rows:,}",
        f"{median(one.clean):.2f} {spread(one.clean)}",
        *(f"{ratio:.2f}" for ratio in one.ratios),
        f"{one.bar:.2f}",
        verdict(ok=one.ok),
    )
