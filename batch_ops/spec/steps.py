"""The steps of an operation: their order, and their sizes and limits."""

from __future__ import annotations

from dataclasses import dataclass, replace
from graphlib import CycleError, TopologicalSorter
from typing import TYPE_CHECKING, Any

from batch_ops.errors import DeclarationError, UnknownNameError
from batch_ops.spec.model import Settings, StepKind
from batch_ops.spec.values import one_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from batch_ops.spec.options import Given

_SETTINGS = (
    *("batch_size", "worker_batch_size", "chunk_rows", "max_workers", "parallel", "max_records"),
    *("max_errors", "max_errors_per_worker", "timeout", "retry", "throttle"),
    *("statement_timeout", "lock_timeout", "max_memory", "circuit_breaker"),
)
_LANES_IN_PARALLEL = 2


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
    return StepKind(one_of(given.nodes["operation_type"], kinds))


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
    chosen: dict[str, Any] = given.only(*_SETTINGS)
    settings = replace(base or Settings(), **chosen)
    if chosen.get("parallel") is False and chosen.get("max_workers", 1) > 1:
        what = "`parallel: false` is one lane, and max_workers asks for more."
        raise DeclarationError(what, location=given.place("max_workers"))
    if chosen.get("parallel") is False and "worker_batch_size" in chosen:
        what = "`parallel: false` is one lane, and worker_batch_size is for several."
        raise DeclarationError(what, location=given.place("worker_batch_size"))
    if settings.parallel is False:
        return replace(settings, max_workers=1)
    if chosen.get("parallel") and "max_workers" not in chosen and settings.max_workers == 1:
        return replace(settings, max_workers=_LANES_IN_PARALLEL)
    return settings
