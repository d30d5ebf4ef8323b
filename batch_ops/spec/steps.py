"""The steps of an operation: their order, and what each one does."""

from __future__ import annotations

from dataclasses import dataclass, replace
from graphlib import CycleError, TopologicalSorter
from typing import TYPE_CHECKING, Any

from batch_ops.errors import DeclarationError, UnknownNameError
from batch_ops.spec.assignments import read_values
from batch_ops.spec.checks import read_rules
from batch_ops.spec.expressions import Gate
from batch_ops.spec.model import Expression, Settings, Step, StepKind
from batch_ops.spec.origins import SOURCE_OPTIONS, read_source
from batch_ops.spec.values import one_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from batch_ops.spec.model import Entity, Field
    from batch_ops.spec.options import Given
    from batch_ops.spec.references import Names

_NOT_YET = ("upsert", "custom_function")
_SETTINGS = ("batch_size", "chunk_rows", "max_workers", "parallel", "max_records")
_ALL_SETTINGS = (*_SETTINGS, "max_errors", "timeout", "retry")
_LANES_IN_PARALLEL = 2
_KINDS: Mapping[str, tuple[StepKind, ...]] = {
    "update_data": (StepKind.UPDATE,),
    "where_condition": (StepKind.SELECT, StepKind.UPDATE, StepKind.DELETE),
    "select_fields": (StepKind.SELECT,),
    "output": (StepKind.SELECT,),
    "data_source": (StepKind.INSERT,),
    "validation_rules": (StepKind.INSERT,),
    "max_records": (StepKind.INSERT, StepKind.UPDATE, StepKind.DELETE),
    **dict.fromkeys(SOURCE_OPTIONS, (StepKind.INSERT,)),
}


@dataclass(frozen=True, slots=True)
class Planned:
    """A step whose place is known and whose work was not read yet."""

    name: str
    kind: StepKind
    given: Given
    depends_on: tuple[str, ...]


def read_kind(given: Given) -> StepKind:
    """What the step does; with a `data_source` and no `operation_type` it is an insert."""
    if "operation_type" not in given and "data_source" in given:
        return StepKind.INSERT
    given.need("operation_type")
    kinds = [kind.value for kind in StepKind]
    return StepKind(one_of(given.nodes["operation_type"], kinds, _NOT_YET))


def arrange(steps: Sequence[Given]) -> list[Planned]:
    """The steps in DAG order; as they stand in the file where the DAG leaves it open.

    A step without `depends_on` follows the one before; `depends_on: []` frees it.

    Raises:
        DeclarationError: a name that stands twice, or a circle.
        UnknownNameError: a dependency nobody declared.
    """
    planned: dict[str, Planned] = {}
    for given in steps:
        name = given.need("name")
        if name in planned:
            what = f"The step {name!r} is declared twice."
            raise DeclarationError(what, location=given.place("name"))
        before = (next(reversed(planned)),) if planned else ()
        depends_on = given.get("depends_on", before)
        planned[name] = Planned(name, read_kind(given), given, depends_on)
    for step in planned.values():
        _judge_dependencies(step, planned)
    return _sorted(planned)


def _judge_dependencies(step: Planned, planned: Mapping[str, Planned]) -> None:
    for name in step.depends_on:
        place = step.given.place("depends_on")
        if name == step.name:
            raise DeclarationError(f"The step {name!r} depends on itself.", location=place)
        if name not in planned:
            raise UnknownNameError("step", name, planned, location=place)


def _sorted(planned: Mapping[str, Planned]) -> list[Planned]:
    order = list(planned)
    sorter = TopologicalSorter({step.name: step.depends_on for step in planned.values()})
    try:
        sorter.prepare()
    except CycleError as error:
        names = " → ".join(reversed(error.args[1]))
        place = planned[error.args[1][0]].given.place("depends_on")
        todo = "Take one of these `depends_on` away."
        what = f"The steps wait for each other: {names}."
        raise DeclarationError(what, todo=todo, location=place) from error
    done: list[Planned] = []
    while sorter.is_active():
        ready = sorted(sorter.get_ready(), key=order.index)
        done += [planned[name] for name in ready]
        sorter.done(*ready)
    return done


def read_settings(given: Given, base: Settings | None = None) -> Settings:
    """Sizes and limits: the given ones over those of `base`, the operation's.

    Raises:
        DeclarationError: `parallel: false` beside several workers.
    """
    chosen: dict[str, Any] = given.only(*_ALL_SETTINGS)
    settings = replace(base or Settings(), **chosen)
    if chosen.get("parallel") is False and chosen.get("max_workers", 1) > 1:
        what = "`parallel: false` is one lane, and max_workers asks for more."
        raise DeclarationError(what, location=given.place("max_workers"))
    if settings.parallel is False:
        return replace(settings, max_workers=1)
    if chosen.get("parallel") and "max_workers" not in chosen and settings.max_workers == 1:
        return replace(settings, max_workers=_LANES_IN_PARALLEL)
    return settings


@dataclass(frozen=True, slots=True)
class StepReader:
    """Reads the work of an operation's steps, one after the other in DAG order.

    Attributes:
        entity: the operation's target.
        entities: all declared ones.
        settings: the operation's.
        names: what `:name` means; takes the parameters that are found.
        watched: whether a sensor hands files over.
    """

    entity: Entity
    entities: Mapping[str, Entity]
    settings: Settings
    names: Names
    watched: bool

    def read(self, planned: Planned, done: Sequence[Step]) -> Step:
        """One step; `done` are those before it in DAG order."""
        given, kind = planned.given, planned.kind
        _judge_options(planned)
        entity = target_of(given, self.entities, self.entity)
        _judge_key(planned, entity)
        gate = Gate(entity, self.entities)
        where, rules = given.get("where_condition"), given.get("validation_rules")
        values = read_values(given.need("update_data"), gate) if kind is StepKind.UPDATE else {}
        step = Step(
            name=planned.name,
            kind=kind,
            entity=entity.name,
            settings=read_settings(given, self.settings),
            depends_on=planned.depends_on,
            where=gate.expression(where) if where else None,
            values=values,
            select_fields=_select_fields(given, entity),
            source=self._source(planned, entity),
            rules=read_rules(rules, gate) if rules else (),
            location=given.node.location,
        )
        outputs = self.names.bind(_assigned(step, entity), entity, _before(step, done))
        return replace(step, outputs=outputs)

    def _source(self, planned: Planned, entity: Entity) -> Any:
        if planned.kind is not StepKind.INSERT:
            return None
        return read_source(planned.given, entity, self.names, watched=self.watched)


def target_of(given: Given, entities: Mapping[str, Entity], default: Entity) -> Entity:
    """The entity that `target_entity` names, else the default."""
    name = given.get("target_entity", default.name)
    if name not in entities:
        place = given.nodes["target_entity"].location
        raise UnknownNameError("entity", name, entities, location=place)
    return entities[name]


def _judge_options(planned: Planned) -> None:
    for option, kinds in _KINDS.items():
        if option in planned.given and planned.kind not in kinds:
            right = " or ".join(kinds)
            what = f"The option {option!r} belongs to {right}, and this is {planned.kind}."
            raise DeclarationError(what, location=planned.given.place(option))


def _judge_key(planned: Planned, entity: Entity) -> None:
    if planned.kind is not StepKind.INSERT and not entity.key:
        what = f"The entity {entity.name!r} has no key; {planned.kind} needs one."
        todo = "Write `key: …` in the entity's file."
        raise DeclarationError(what, todo=todo, location=planned.given.node.location)


def _select_fields(given: Given, entity: Entity) -> tuple[str, ...]:
    fields: tuple[str, ...] = given.get("select_fields", ())
    for name in fields:
        if name not in entity.columns:
            node = given.nodes["select_fields"]
            children = node.value if isinstance(node.value, tuple) else (node,)
            place = next(child.location for child in children if child.value == name)
            raise UnknownNameError("column", name, entity.columns, location=place)
    return fields


def _assigned(step: Step, entity: Entity) -> list[tuple[Expression, Field | None]]:
    """The step's expressions, each with the field it is assigned to."""
    where: list[tuple[Expression, Field | None]] = [(step.where, None)] if step.where else []
    rules: list[tuple[Expression, Field | None]] = [(r.expression, None) for r in step.rules]
    values: list[tuple[Expression, Field | None]] = [
        (value, entity.field(column))
        for column, value in step.values.items()
        if isinstance(value, Expression)
    ]
    return where + values + rules


def _before(step: Step, done: Sequence[Step]) -> list[Step]:
    """The steps that are sure to have finished before this one begins."""
    by_name = {other.name: other for other in done}
    waiting, found = list(step.depends_on), set[str]()
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += by_name[name].depends_on
    return [other for other in done if other.name in found]
