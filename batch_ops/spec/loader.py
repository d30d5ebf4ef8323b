"""From the nodes of entity files to frozen entities with their operations."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from batch_ops.errors import DeclarationError
from batch_ops.spec.atomic import judge_atomic
from batch_ops.spec.checks import read_checks
from batch_ops.spec.entities import Head, collect, read_head
from batch_ops.spec.expressions import Gate
from batch_ops.spec.model import CsvSource, ErrorHandling, Operation, RecordFile
from batch_ops.spec.options import OPTIONS, Place, read_options
from batch_ops.spec.parameters import read_parameters
from batch_ops.spec.references import Names
from batch_ops.spec.steps import Planned, arrange, read_kind, read_settings
from batch_ops.spec.telling import read_notification, read_telling
from batch_ops.spec.undoing import judge_undo
from batch_ops.spec.work import StepReader, target_of
from batch_ops.spec.yamlfile import parse

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from batch_ops.spec.model import Check, Entity, Step
    from batch_ops.spec.nodes import Node
    from batch_ops.spec.options import Given

PATTERN = "batch_operations"


def load(texts: Mapping[str, str]) -> dict[str, Entity]:
    """The entities, with operations, that some files declare together.

    Args:
        texts: YAML text by file name; the names are for messages.

    Raises:
        DeclarationError, UnknownNameError: something is wrong, with file, line and column.
    """
    heads = [read_head(parse(text, name)) for name, text in texts.items()]
    bare = collect(heads)
    entities = {head.entity.name: _with_operations(head, bare) for head in heads}
    _judge_unique(entities.values())
    return entities


def _with_operations(head: Head, entities: Mapping[str, Entity]) -> Entity:
    entity = entities[head.entity.name]
    operations = tuple(_operation(node, entity, entities) for node in head.patterns)
    return replace(entity, operations=operations)


def _judge_unique(entities: Iterable[Entity]) -> None:
    places: dict[str, Operation] = {}
    for operation in (each for entity in entities for each in entity.operations):
        first = places.setdefault(operation.name, operation)
        if first is not operation:
            name = operation.name
            what = f"The operation {name!r} is declared twice, first in {first.location}."
            raise DeclarationError(what, todo="Rename one.", location=operation.location)


def _operation(node: Node, owner: Entity, entities: Mapping[str, Entity]) -> Operation:
    given = read_options(node, Place.OPERATION)
    _judge_pattern(given)
    name = given.need("operation")
    entity = target_of(given, entities, owner)
    settings = read_settings(given)
    planned = _planned(given)
    _judge_outputs(planned)
    names = Names(read_parameters(given.get("parameters")))
    whole = "steps" not in given
    reader = StepReader(entity, entities, settings, names, "sensor" in given, whole)
    steps = _steps(reader, planned)
    gate = Gate(entity, entities)
    before = _checks(given, "preconditions", gate, names, ())
    operation = Operation(
        name=name,
        entity=entity.name,
        steps=steps,
        settings=settings,
        description=given.get("description", ""),
        preconditions=before,
        postconditions=_checks(given, "postconditions", gate, names, before),
        parameters=names.parameters,
        error_handling=given.get("error_handling", ErrorHandling.CONTINUE),
        skip_invalid_rows=given.get("skip_invalid_rows", False),
        once=given.get("once", False),
        atomic=given.get("atomic", False),
        undo=given.get("undo", False),
        requires_confirmation=given.get("requires_confirmation", False),
        telling=read_telling(given),
        notification=read_notification(given),
        schedule=given.get("schedule"),
        sensor=given.get("sensor"),
        location=given.place("operation"),
    )
    _judge_sensor(operation, given)
    _judge_confirmation(operation, given)
    judge_atomic(operation, given)
    judge_undo(operation, given)
    return operation


def _judge_pattern(given: Given) -> None:
    if given.need("name") != PATTERN:
        node = given.nodes["name"]
        raise node.error(f"There is no pattern {node.plain!r}.", f"Write `name: {PATTERN}`.")


def _planned(given: Given) -> list[Planned]:
    """The steps of the operation; without `steps` it is one, named after what it does."""
    if "steps" not in given:
        kind = read_kind(given)
        return [Planned(kind.value, kind, given, ())]
    for option in given.values:
        if OPTIONS[option].work:
            what = f"The option {option!r} belongs to a step when the operation has `steps`."
            raise DeclarationError(what, location=given.place(option))
    nodes = given.get("steps").elements
    if not nodes:
        raise given.get("steps").wrong("at least one step")
    return arrange([read_options(node, Place.STEP) for node in nodes])


def _judge_outputs(planned: Iterable[Planned]) -> None:
    outputs: set[str] = set()
    for step in planned:
        name = step.given.get("output")
        if name in outputs:
            what = f"The output {name!r} is declared twice."
            raise DeclarationError(what, location=step.given.place("output"))
        outputs |= {name} if name else set()


def _steps(reader: StepReader, planned: Iterable[Planned]) -> tuple[Step, ...]:
    done: list[Step] = []
    for step in planned:
        done.append(reader.read(step, done))
    return tuple(done)


def _checks(
    given: Given, option: str, gate: Gate, names: Names, others: Iterable[Check]
) -> tuple[Check, ...]:
    if option not in given:
        return ()
    checks = read_checks(given.get(option), gate, [check.name for check in others])
    expressions = [(check.expression, None) for check in checks if check.expression]
    names.bind(expressions, gate.entity, ())
    return checks


def _judge_confirmation(operation: Operation, given: Given) -> None:
    """Nobody is asked when a schedule or a sensor starts a run."""
    if not operation.requires_confirmation:
        return
    for option, starter in (("schedule", operation.schedule), ("sensor", operation.sensor)):
        if starter is not None and not starter.confirm:
            what = f"The operation requires a confirmation, and a {option} can ask nobody."
            todo = f"Write `confirm: true` in the {option}, or take one of them away."
            raise DeclarationError(what, todo=todo, location=given.place(option))


def _judge_sensor(operation: Operation, given: Given) -> None:
    files = [s for s in operation.steps if isinstance(s.source, CsvSource | RecordFile)]
    if operation.sensor and len(files) != 1:
        what = "A sensor hands a file over, and the operation does not read exactly one."
        raise DeclarationError(what, location=given.place("sensor"))
