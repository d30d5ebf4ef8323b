"""From groups of records to screened batches."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from batch_ops.database.load import InputBatch
from batch_ops.errors import SourceError
from batch_ops.sources.normal import normalise
from batch_ops.sources.records import CsvRecords
from batch_ops.sources.screen import FIRST_RULE

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from batch_ops.results import Reject
    from batch_ops.sources.normal import Normal
    from batch_ops.sources.reader import Group
    from batch_ops.sources.records import Form
    from batch_ops.sources.screen import Screen, Verdict

ROWS_AT_ONCE, BYTES_AT_ONCE = 25_000, 4 << 20
"""From so much on, batches are not gathered any more to be judged together."""


def screened(found: Iterable[Group], form: Form, screen: Screen) -> Iterator[InputBatch]:
    """Groups of records, judged; a batch for each."""
    for some in _together(found):
        normals = [_prepared(group, form) for group in some]
        verdicts = screen.judge(normals)
        for group, normal, verdict in zip(some, normals, verdicts, strict=True):
            yield _batch(group, CsvRecords(group, normal, verdict, form), normal, verdict, form)


def _prepared(group: Group, form: Form) -> Normal:
    """The records as they go into the table."""
    normal = normalise(group, form.shape)
    return form.composer(normal, group.start.row) if form.composer else normal


def _together(found: Iterable[Group]) -> Iterator[list[Group]]:
    """Groups that are judged at once: what a question costs, it costs whatever its size.

    The first one is judged alone, for somebody waits for it.
    """
    some: list[Group] = []
    try:
        for number, group in enumerate(found):
            some.append(group)
            if number == 0 or _enough(some):
                yield some
                some = []
    except SourceError:  # what stands before it is good
        if some:
            yield some
        raise
    if some:
        yield some


def _enough(some: Sequence[Group]) -> bool:
    rows = sum(group.ends.size for group in some)
    return rows >= ROWS_AT_ONCE or sum(len(group.data) for group in some) >= BYTES_AT_ONCE


def _batch(
    group: Group, records: CsvRecords, normal: Normal, verdict: Verdict, form: Form
) -> InputBatch:
    return InputBatch(
        start=group.start,
        end=group.end,
        total=int(group.ends.size),
        records=records,
        rejects=tuple(_refused(records, normal, verdict, form)),
        crc=group.crc,
    )


def _refused(records: CsvRecords, normal: Normal, verdict: Verdict, form: Form) -> Iterator[Reject]:
    """What the screen refuses, in file order."""
    broken = normal.broken
    by_rule = np.flatnonzero(verdict.state >= FIRST_RULE)
    rules = dict(
        zip(normal.ordinals[by_rule].tolist(), verdict.state[by_rule].tolist(), strict=True)
    )
    for ordinal in sorted([*broken, *rules]):
        if ordinal in broken:
            why = broken[ordinal]
            yield records.reject(
                ordinal, why.code, why.message, column=why.column, outcome=why.outcome
            )
        else:
            rule = form.rules[rules[ordinal] - FIRST_RULE]
            yield records.reject(
                ordinal, "rule", rule.message, column=rule.stage.column, outcome="invalid"
            )
