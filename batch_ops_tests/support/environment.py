"""The environment of the tests: nothing a person has set for their own databases may reach in."""

from __future__ import annotations

import os
import random

DEFAULT_SEED = 20130101


def take_seed() -> int:
    """The seed of all random tests: BATCH_OPS_SEED, else a fixed one."""
    return int(os.environ.get("BATCH_OPS_SEED", DEFAULT_SEED))


def clean() -> None:
    """Remove every variable that batch_ops or Dagster would read."""
    for name in [n for n in os.environ if n.startswith(("BATCH_OPS_", "DAGSTER_"))]:
        del os.environ[name]


def prepare() -> int:
    """Clean the environment and seed Python's random numbers; the seed."""
    seed = take_seed()
    clean()
    random.seed(seed)
    return seed
