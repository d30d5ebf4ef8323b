"""The filter of keys met before never denies one it was given, and seldom claims another."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from batch_ops.database import seen
from batch_ops.database.seen import Seen

if TYPE_CHECKING:
    import pytest


def hashes(seed: int, count: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 2**64, size=count, dtype=np.uint64)


def test_every_key_is_known_again_and_few_others_are(seed: int) -> None:
    filter_, keys = Seen(), hashes(seed, 1_000_000)
    first = [filter_.add(part).mean() for part in np.split(keys, 10)]
    assert max(first) < 0.001
    assert filter_.add(hashes(seed + 1, 100_000)).mean() < 0.001
    assert filter_.add(keys[::7]).all()


def test_a_repetition_in_one_call_was_not_there_before_it(seed: int) -> None:
    keys = np.tile(hashes(seed, 100), 2)
    assert not Seen().add(keys).any()


def test_groups_with_equal_values_are_kept_apart(seed: int) -> None:
    filter_, keys = Seen(), hashes(seed, 10_000)
    filter_.add(keys, 0)
    assert filter_.add(keys, 1).mean() < 0.01
    assert filter_.add(keys, 1).all()


def test_a_full_one_begins_anew(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seen, "FULL", 1000)
    filter_, keys = Seen(), hashes(seed, 900)
    filter_.add(keys)
    assert not filter_.add(hashes(seed + 1, 200)).any()
    assert not filter_.add(keys[:100]).any()
