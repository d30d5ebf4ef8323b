"""Which keys may have been met before: a filter of fixed size, wrong only in saying maybe."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

WORDS = 1 << 21
"""16 MB. With 1M keys in it, 1 of 10,000 others is held for met before; with 8M, 1 of 100."""
FULL = 4 * WORDS
"""Keys after which it begins anew, for it would say maybe too often."""
_SHIFTS = (22, 28, 34)
"""Each key sets three bits of one word: these parts of its hash are their places."""


class Seen:
    """Hashes of 64 bits, remembered in a Bloom filter. Forgets all when it is full."""

    def __init__(self) -> None:
        self._words = np.zeros(WORDS, dtype=np.uint64)
        self._keys = 0

    def add(self, hashes: NDArray[np.uint64], group: int = 0) -> NDArray[np.bool_]:
        """Remember them; of each, whether it may have been there before this call.

        group: hashes of different groups are different keys.
        """
        if self._keys + hashes.size > FULL:
            self._words[:] = 0
            self._keys = 0
        self._keys += hashes.size
        own = hashes * np.uint64(2 * group + 1)
        places = (own & np.uint64(WORDS - 1)).astype(np.int64)
        bits = np.zeros(own.size, dtype=np.uint64)
        for shift in _SHIFTS:
            bits |= np.uint64(1) << (own >> np.uint64(shift) & np.uint64(63))
        found: NDArray[np.bool_] = (self._words[places] & bits) == bits
        np.bitwise_or.at(self._words, places, bits)
        return found
