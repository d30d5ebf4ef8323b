"""Of a test with many cases a few are run each time, and all of them at a landing."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Sequence

MARK = "quick"


def mark_slow(items: Sequence[pytest.Item]) -> None:
    """Mark the cases slow that the mark of their test does not name by a part of their id.

    Raises:
        UsageError: a mark names no case at all: then nothing of the test would be quick.
    """
    cases = defaultdict(list)
    for item in items:
        if (mark := item.get_closest_marker(MARK)) is not None:
            test, _, case = item.nodeid.partition("[")
            cases[test].append((item, any(part in case for part in mark.args)))
    for test, found in cases.items():
        if len(found) > 1 and not any(quick for _, quick in found):
            raise pytest.UsageError(f"no case of {test} is quick")
        for item, quick in found:
            if not quick:
                item.add_marker("slow")
