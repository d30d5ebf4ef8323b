"""Keys that come more than once in a call: of them one counts, whatever the batches are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from batch_ops.sources.value_records import hashes_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from numpy.typing import NDArray

    from batch_ops.database.values import Key

Keyed = tuple["Sequence[int]", "Sequence[Any]"]
"""Places in the input, and their keys; None: it has none that could be written."""
Keep = Literal["first", "last"]


def repeated(blocks: Callable[[], Iterable[Keyed]], keep: Keep) -> set[int]:
    """The places whose key another place has that counts: the first, or the last.

    Goes through the keys once, keeping 8 bytes of each; a second time only where two are alike.
    """
    hashes = [_hashed(keys) for _, keys in blocks()]
    doubtful = _twice(np.concatenate(hashes)) if hashes else np.empty(0, np.uint64)
    if not doubtful.size:
        return set()
    return _exact(_doubtful(blocks(), doubtful), keep)


def _hashed(keys: Sequence[Any]) -> NDArray[np.uint64]:
    return hashes_of(keys)


def _twice(hashes: NDArray[np.uint64]) -> NDArray[np.uint64]:
    ordered = np.sort(hashes)
    return np.unique(ordered[1:][ordered[1:] == ordered[:-1]])


def _doubtful(blocks: Iterable[Keyed], hashes: NDArray[np.uint64]) -> Iterator[tuple[int, Key]]:
    for places, keys in blocks:
        for row in np.flatnonzero(np.isin(_hashed(keys), hashes)).tolist():
            key = keys[row]
            if key is not None:
                yield places[row], key


def _exact(found: Iterable[tuple[int, Key]], keep: Keep) -> set[int]:
    counting: dict[Key, int] = {}
    others: set[int] = set()
    for place, key in found:
        if key not in counting:
            counting[key] = place
        elif keep == "first":
            others.add(place)
        else:
            others.add(counting[key])
            counting[key] = place
    return others
