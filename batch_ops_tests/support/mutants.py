"""Switching one option of the language off, to see that its tests notice."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING

from batch_ops.spec import entities, loader, options

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pytest

    from batch_ops.spec.nodes import Node

VARIABLE = "BATCH_OPS_MUTANT"
ASKED = os.environ.get(VARIABLE)
"""Read as the tests are loaded: they clean the environment then."""

MARK = "option"


def option() -> str | None:
    """The option that is switched off in this run; usually None."""
    return ASKED


def only_its_tests(items: list[pytest.Item], name: str) -> tuple[list[pytest.Item], ...]:
    """The tests that are marked with an option, and the others."""
    mine = [item for item in items if name in options_of(item)]
    return mine, [item for item in items if item not in mine]


def options_of(item: pytest.Item) -> set[str]:
    """The options a test is marked with."""
    return {mark.args[0] for mark in item.iter_markers(MARK)}


def switch_off(patch: pytest.MonkeyPatch, name: str) -> None:
    """From now on the loader takes the option for one that does not stand there."""
    read = options.read_options

    def without(node: Node, place: options.Place) -> options.Given:
        given = read(node, place)
        values = {key: value for key, value in given.values.items() if key != name}
        return replace(given, values=values)

    for module in (loader, entities):
        patch.setattr(module, "read_options", without)


def all_options() -> Iterable[str]:
    """Every option of the language that exists."""
    return [o.name for o in options.OPTIONS.values() if o.read is not None]
