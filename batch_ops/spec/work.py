"""What each step does: its values, conditions, sources, and what the names in them mean."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from batch_ops.errors import DeclarationError, UnknownNameError
from batch_ops.spec.assignments import read_values
from batch_ops.spec.checks import read_rules
from batch_ops.spec.expressions import Gate
from batch_ops.spec.inputs import read_input
from batch_ops.spec.model import (
    EntitySource,
    Expression,
    OnConflict,
    Parameter,
    RowsSource,
    Step,
    StepKind,
)
from batch_ops.spec.options import OPTIONS
from batch_ops.spec.origins import SOURCE_OPTIONS, read_source
from batch_ops.spec.steps import read_settings

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from batch_ops.errors import Location
    from batch_ops.spec.model import Entity, Field, Settings, Source, Value
    from batch_ops.spec.options import Given
    from batch_ops.spec.references import Names
    from batch_ops.spec.steps import Planned

_VALUES = {
    StepKind.UPDATE: "update_data",
    StepKind.INSERT: "insert_data",
    StepKind.UPSERT: "upsert_data",
}


@dataclass(frozen=True, slots=True)
class StepReader:
    """Reads the work of an operation's steps, one after the other in DAG order.

    Attributes:
        entity: the operation's target.
        entities: all declared ones.
        settings: the operation's.
        names: what `:name` means; takes the parameters that are found.
        watched: whether a sensor hands files over.
        whole: whether the operation is this one step: then `timeout` is the operation's.
    """

    entity: Entity
    entities: Mapping[str, Entity]
    settings: Settings
    names: Names
    watched: bool
    whole: bool

    def read(self, planned: Planned, done: Sequence[Step]) -> Step:
        """One step; `done` are those before it in DAG order."""
        given, kind = planned.given, planned.kind
        _judge_options(planned, whole=self.whole)
        entity = target_of(given, self.entities, self.entity)
        gate, earlier = Gate(entity, self.entities), _before(planned, done)
        values = self._values(planned, gate)
        source, records = self._origin(planned, entity, values, earlier)
        rules = given.get("validation_rules")
        step = Step(
            name=planned.name,
            kind=kind,
            entity=entity.name,
            settings=read_settings(given, self.settings),
            depends_on=planned.depends_on,
            where=self._where(planned, gate, source),
            values=values,
            select_fields=_known(given, "select_fields", entity),
            source=source,
            records=records,
            rules=read_rules(rules, gate) if rules else (),
            conflict_target=_known(given, "conflict_target", entity),
            on_conflict=_on_conflict(given, kind),
            function=given.need("function") if kind is StepKind.FUNCTION else None,
            output=given.get("output"),
            location=given.node.location,
        )
        return self._bound(_judged(step, given), given, gate, earlier)

    def _values(self, planned: Planned, gate: Gate) -> dict[str, Value]:
        option = _VALUES.get(planned.kind)
        if option is None:
            return {}
        if option not in planned.given and planned.kind.adds:
            return {}
        return read_values(planned.given.need(option), gate, planned.kind)

    def _where(self, planned: Planned, gate: Gate, source: Source | None) -> Expression | None:
        """A condition of a step that adds records chooses among the rows of another table, and
        stands in its source.
        """
        node = planned.given.get("where_condition")
        if node is None or isinstance(source, EntitySource):
            return None
        if planned.kind.adds:
            what = "A condition chooses among the rows of a table, and this step reads none."
            raise DeclarationError(what, location=planned.given.place("where_condition"))
        return gate.expression(node)

    def _origin(
        self,
        planned: Planned,
        entity: Entity,
        values: Mapping[str, Value],
        earlier: Sequence[Step],
    ) -> tuple[Source | None, str | None]:
        """Where the records of a step come from: a source, or an earlier step's records."""
        given = planned.given
        if not planned.kind.adds:
            return None, None
        if "data_source" in given:
            return read_source(given, entity, self.entities, self.names, watched=self.watched), None
        for option in SOURCE_OPTIONS:
            if option in given:
                what = f"The option {option!r} belongs to a data_source, and there is none."
                raise DeclarationError(what, location=given.place(option))
        if not values:
            given.need(_VALUES[planned.kind])
        name, place = _record_name(values)
        if name is None:
            return RowsSource(None), None
        step = self.names.step_of(name, earlier, place)
        if step is not None:
            return None, step.name
        self.names.add(Parameter(name, many=True))
        return RowsSource(name), None

    def _bound(self, step: Step, given: Given, gate: Gate, earlier: Sequence[Step]) -> Step:
        """The step with what its names mean."""
        outputs = self.names.bind(_assigned(step, gate.entity), gate.entity, earlier)
        if step.kind is not StepKind.FUNCTION:
            return replace(step, outputs=outputs)
        asked, meant = read_input(given, gate, self.names, earlier)
        return replace(step, input=asked, outputs=outputs | meant)


def target_of(given: Given, entities: Mapping[str, Entity], default: Entity) -> Entity:
    """The entity that `target_entity` names, else the default."""
    name = given.get("target_entity", default.name)
    if name not in entities:
        place = given.nodes["target_entity"].location
        raise UnknownNameError("entity", name, entities, location=place)
    return entities[name]


def _judge_options(planned: Planned, *, whole: bool) -> None:
    for option in planned.given.values:
        kinds = OPTIONS[option].kinds
        if kinds and planned.kind not in kinds:
            right = " or ".join(kinds)
            what = f"The option {option!r} belongs to {right}, and this is {planned.kind}."
            raise DeclarationError(what, location=planned.given.place(option))
    if not whole and "timeout" in planned.given and planned.kind is not StepKind.FUNCTION:
        what = f"A {planned.kind} step has no timeout of its own; a custom_function has."
        todo = "Write it at the operation."
        raise DeclarationError(what, todo=todo, location=planned.given.place("timeout"))


def _on_conflict(given: Given, kind: StepKind) -> OnConflict:
    usual = OnConflict.UPDATE if kind is StepKind.UPSERT else OnConflict.ERROR
    chosen: OnConflict = given.get("on_conflict", usual)
    if kind is StepKind.UPSERT and chosen is OnConflict.ERROR:
        what = "An upsert meets rows that are there; on_conflict: error belongs to insert."
        raise DeclarationError(what, location=given.place("on_conflict"))
    return chosen


def _judged(step: Step, given: Given) -> Step:
    """What options must hold together."""
    if step.conflict_target and step.on_conflict is OnConflict.ERROR:
        what = "A conflict_target says nothing where a conflict is an error."
        todo = "Write `on_conflict: skip` or `on_conflict: update`, or take it away."
        raise DeclarationError(what, todo=todo, location=given.place("conflict_target"))
    targets = step.conflict_target if step.values else ()
    for name in targets:
        if name not in step.values:
            what = f"The conflict_target {name!r} gets no value in this step."
            raise DeclarationError(what, location=given.place("conflict_target"))
    return step


def _known(given: Given, option: str, entity: Entity) -> tuple[str, ...]:
    fields: tuple[str, ...] = given.get(option, ())
    for name in fields:
        if name not in entity.columns:
            node = given.nodes[option]
            children = node.value if isinstance(node.value, tuple) else (node,)
            place = next(child.location for child in children if child.value == name)
            raise UnknownNameError("column", name, entity.columns, location=place)
    return fields


def _record_name(values: Mapping[str, Value]) -> tuple[str | None, Location | None]:
    """The one name before the dot in the fields of records that the values read."""
    found: dict[str, Location | None] = {}
    for value in values.values():
        if isinstance(value, Expression):
            found |= {name: value.location for name, _ in sorted(value.fields)}
    if len(found) > 1:
        names = " and ".join(f":{name}" for name in found)
        what = f"The values read the records of {names}; one row is made of one record."
        raise DeclarationError(what, location=list(found.values())[1])
    return next(iter(found.items()), (None, None))


def _assigned(step: Step, entity: Entity) -> list[tuple[Expression, Field | None]]:
    """The step's expressions, each with the field it is assigned to."""
    assigned: list[tuple[Expression, Field | None]] = [
        (value, entity.field(column))
        for column, value in step.values.items()
        if isinstance(value, Expression)
    ]
    given = {id(value) for value, _ in assigned}
    return [*assigned, *((e, None) for e in step.expressions if id(e) not in given)]


def _before(planned: Planned, done: Iterable[Step]) -> list[Step]:
    """The steps that are sure to have finished before this one begins."""
    by_name = {other.name: other for other in done}
    waiting, found = list(planned.depends_on), set[str]()
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += by_name[name].depends_on
    return [other for other in by_name.values() if other.name in found]
