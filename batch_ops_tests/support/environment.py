"""The environment of the tests: nothing a person has set for their own databases may reach in."""

from __future__ import annotations

import os
import random
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

DEFAULT_SEED = 20130101


def take_seed() -> int:
    """The seed of all random tests: BATCH_OPS_SEED, else a fixed one."""
    return int(os.environ.get("BATCH_OPS_SEED", DEFAULT_SEED))


def ours() -> dict[str, str]:
    """The variables that batch_ops or Dagster would read."""
    names = [name for name in os.environ if name.startswith(("BATCH_OPS_", "DAGSTER_"))]
    return {name: os.environ[name] for name in names}


def clean() -> None:
    """Remove all of them."""
    for name in ours():
        del os.environ[name]


@contextmanager
def kept() -> Iterator[None]:
    """Whatever the block sets of them is as before afterwards."""
    before = ours()
    try:
        yield
    finally:
        clean()
        os.environ.update(before)


def prepare() -> int:
    """Clean the environment and seed Python's random numbers; the seed."""
    seed = take_seed()
    clean()
    random.seed(seed)
    return seed
