"""The options that stand at one place of a file, read and judged by the vocabulary."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from batch_ops.errors import DeclarationError, UnknownNameError
from batch_ops.spec.option import Option, Place
from batch_ops.spec.vocabulary import OPTIONS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from batch_ops.errors import Location
    from batch_ops.spec.forms import Reader
    from batch_ops.spec.nodes import Node

__all__ = ["OPTIONS", "Given", "Option", "Place", "read_options"]


@dataclass(frozen=True, slots=True)
class Given:
    """The options that stand at one place, read and judged one by one.

    Attributes:
        values: what was read, by option; a node where the loader needs its place.
        nodes: the nodes they were read from.
        node: the mapping they stand in.
    """

    values: Mapping[str, Any]
    nodes: Mapping[str, Node]
    node: Node

    def __contains__(self, name: str) -> bool:
        return name in self.values

    def get(self, name: str, default: Any = None) -> Any:
        """The option's value, or the default where it does not stand here."""
        return self.values.get(name, default)

    def place(self, name: str) -> Location:
        """Where the option stands, else where its mapping begins."""
        node = self.nodes.get(name, self.node)
        return node.label or node.location

    def only(self, *names: str) -> dict[str, Any]:
        """Those of the named options that stand here."""
        return {name: self.values[name] for name in names if name in self.values}

    def need(self, name: str) -> Any:
        """The option's value.

        Raises:
            DeclarationError: it does not stand here.
        """
        if name not in self.values:
            raise self.node.error(f"The option {name!r} is missing.", f"Write `{name}: …`.")
        return self.values[name]


def read_options(node: Node, place: Place) -> Given:
    """The options of an entity, operation or step.

    Raises:
        UnknownNameError: an option nobody knows, with the nearest right word.
        DeclarationError: one that is not available yet, stands in the wrong place or has a value
            of the wrong kind.
    """
    read = {name: _reader(name, child, place)(child) for name, child in node.items.items()}
    return Given(read, node.items, node)


def _reader(name: str, node: Node, place: Place) -> Reader:
    option, where = OPTIONS.get(name), node.label or node.location
    if option is None:
        known = [o.name for o in OPTIONS.values() if place in o.places]
        raise UnknownNameError("option", name, known, location=where)
    if place not in option.places:
        right = " or ".join(f"the {each}" for each in option.places)
        what = f"The option {name!r} belongs to {right}, not to the {place}."
        raise DeclarationError(what, location=where)
    if option.read is None:
        what = f"The option {name!r} is not available yet."
        raise DeclarationError(what, todo="Leave it out.", location=where)
    return option.read
