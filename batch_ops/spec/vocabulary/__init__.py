"""Every option of the language, in the sections the reference has."""

from __future__ import annotations

from typing import TYPE_CHECKING

from batch_ops.spec.vocabulary import entity, guards, limits, records, telling, work

if TYPE_CHECKING:
    from collections.abc import Mapping

    from batch_ops.spec.option import Option

SECTIONS: Mapping[str, tuple[Option, ...]] = {
    "An entity": (*entity.SHARED, *entity.OPTIONS),
    "An operation": work.OPERATION,
    "What a step does": work.STEP,
    "Where records come from": records.OPTIONS,
    "How much, how fast": limits.SIZES,
    "When it goes wrong": limits.ERRORS,
    "What guards it, and what starts it": guards.OPTIONS,
    "What is told": telling.OPTIONS,
}

OPTIONS: Mapping[str, Option] = {
    option.name: option for section in SECTIONS.values() for option in section
}
