"""The vocabulary: every option of the language, where it may stand, and how its value is read.

An option without a reader belongs to the language and does not exist yet: it is refused by name.
To make it exist, give it a reader of `values.py` (or one of its own) and a place in the loader.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from batch_ops.errors import DeclarationError, UnknownNameError
from batch_ops.spec import values

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from batch_ops.errors import Location
    from batch_ops.spec.nodes import Node

    Reader = Callable[[Node], Any]


class Place(StrEnum):
    """Where an option may stand."""

    ENTITY = "entity"
    OPERATION = "operation"
    STEP = "step"


_E, _O, _S = Place.ENTITY, Place.OPERATION, Place.STEP


@dataclass(frozen=True, slots=True)
class Option:
    """One option of the language. Without `read` it is not available yet."""

    name: str
    places: tuple[Place, ...]
    read: Reader | None = None


def _table(*options: Option) -> dict[str, Option]:
    return {option.name: option for option in options}


OPTIONS: Mapping[str, Option] = _table(
    # an entity
    Option("fields", (_E,), values.keep),
    Option("key", (_E,), values.names),
    Option("table", (_E,), values.table),
    Option("create_table", (_E,), values.boolean),
    Option("connection", (_E,), values.name),
    Option("hidden", (_E,), values.names),
    Option("patterns", (_E,), values.keep),
    Option("soft_delete", (_E,), values.name),
    Option("expires", (_E,), values.keep),
    # what it is
    Option("name", (_E, _O, _S), values.own_name),
    Option("description", (_O,), values.text),
    Option("operation", (_O,), values.own_name),
    Option("parameters", (_O,), values.keep),
    Option("steps", (_O,), values.keep),
    # what is done
    Option("target_entity", (_O, _S), values.name),
    Option("operation_type", (_O, _S), values.text),
    Option("update_data", (_O, _S), values.keep),
    Option("where_condition", (_O, _S), values.keep),
    Option("select_fields", (_O, _S), values.names),
    Option("depends_on", (_S,), values.names_or_none),
    Option("output", (_S,), values.name),
    Option("insert_data", (_O, _S), values.keep),
    Option("upsert_data", (_O, _S), values.keep),
    Option("conflict_target", (_O, _S), values.names),
    Option("on_conflict", (_O, _S), values.on_conflict),
    Option("function", (_O, _S), values.function_name),
    Option("input", (_O, _S), values.keep),
    # where rows come from
    Option("data_source", (_O, _S), values.text),
    Option("source_path", (_O, _S), values.text),
    Option("csv_delimiter", (_O, _S), values.character),
    Option("csv_has_header", (_O, _S), values.boolean),
    Option("csv_quote", (_O, _S), values.character),
    Option("csv_encoding", (_O, _S), values.encoding),
    Option("csv_null_values", (_O, _S), values.texts),
    Option("field_mapping", (_O, _S), values.keep),
    Option("validation_rules", (_O, _S), values.keep),
    # how much, how fast
    Option("batch_size", (_O, _S), values.integer(1, 1_000_000)),
    Option("chunk_rows", (_O, _S), values.integer(1, 1_000_000_000)),
    Option("max_workers", (_O, _S), values.integer(1, 64)),
    Option("parallel", (_O, _S), values.boolean),
    Option("max_records", (_O, _S), values.integer(1, 10**15)),
    Option("worker_batch_size", (_O, _S), values.integer(1, 1_000_000)),
    Option("throttle", (_O, _S), values.throttle),
    # when it goes wrong
    Option("max_errors", (_O,), values.error_limit),
    Option("error_handling", (_O,), values.error_handling),
    Option("skip_invalid_rows", (_O,), values.boolean),
    Option("timeout", (_O, _S), values.duration),
    Option("retry", (_O, _S), values.retry),
    Option("max_errors_per_worker", (_O,), values.integer(0, 10**15)),
    Option("atomic", (_O,), values.boolean),
    Option("undo", (_O,)),
    # what guards it
    Option("preconditions", (_O,), values.keep),
    Option("once", (_O,), values.boolean),
    Option("postconditions", (_O,), values.keep),
    Option("requires_confirmation", (_O,), values.boolean),
    # when it starts
    Option("schedule", (_O,), values.schedule),
    Option("sensor", (_O,), values.sensor),
    # what is told
    Option("progress_tracking", (_O,), values.boolean),
    Option("progress_notification_interval", (_O,), values.integer(1, 10**15)),
    Option("heartbeat_interval", (_O,), values.heartbeat),
    Option("logging_level", (_O,), values.logging_level),
    Option("log_table", (_O,), values.name),
    Option("collect_metrics", (_O,), values.boolean),
    Option("metrics_table", (_O,), values.name),
    Option("notify_on_completion", (_O,), values.boolean),
    Option("notification_channels", (_O,), values.channels),
    Option("notification_message", (_O,), values.message),
)


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
