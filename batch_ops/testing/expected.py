"""What is expected of a run, in the form in which it is compared."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from batch_ops.testing.model import StepModel

State = dict[str, list[dict[str, Any]]]
_NEAR = timedelta(minutes=10)


class About:
    """Equal to a moment that is near: what NOW() is differs from run to run."""

    def __init__(self, value: Any) -> None:
        self.value = value

    def __eq__(self, other: object) -> bool:
        mine, theirs = _moment(self.value), _moment(other)
        if mine is None or theirs is None:
            return other is not None
        return abs(mine - theirs) <= _NEAR

    def __hash__(self) -> int:
        return 0

    def __repr__(self) -> str:
        return f"about {self.value}"


def _moment(value: Any) -> datetime | None:
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            return None
    if not isinstance(value, datetime):
        return None
    return value if value.tzinfo else value.replace(tzinfo=UTC)


@dataclass(frozen=True)
class Expected:
    """What a correct run does.

    Attributes:
        tables: the rows of each table afterwards.
        steps: what each step does, by name.
    """

    tables: State
    steps: Mapping[str, StepModel]

    @property
    def counts(self) -> dict[str, dict[str, int]]:
        """By step and outcome."""
        return {name: step.counts for name, step in self.steps.items()}

    @property
    def rejects(self) -> int:
        """Rows that cannot be processed."""
        return sum(step.counts["rejects"] for step in self.steps.values())

    @property
    def processed(self) -> int:
        """Rows that are changed."""
        kinds = ("created", "updated", "deleted")
        return sum(step.counts[kind] for step in self.steps.values() for kind in kinds)

    def batches(self, step: str, size: int, *, whole: bool = False) -> list[int]:
        """The sizes of a step's batches; `whole`: it is one whatever its size."""
        total = self.steps[step].total
        if whole or not total:
            return [total] if total else []
        full, rest = divmod(total, size)
        return [size] * full + ([rest] if rest else [])


def arranged(
    rows: Sequence[Mapping[str, Any]], without: str | None, volatile: set[str]
) -> list[dict[str, Any]]:
    """Rows in an order of their own, without a column the database counts up."""
    kept = [{n: v for n, v in row.items() if n != without} for row in rows]
    return sorted(kept, key=lambda row: repr([(n, v) for n, v in row.items() if n not in volatile]))


def expected_rows(
    before: Sequence[Mapping[str, Any]],
    after: Sequence[Mapping[str, Any]],
    key: tuple[str, ...],
    volatile: set[str],
) -> list[dict[str, Any]]:
    """Rows afterwards; moments that were set then are told as being about so."""
    known = {tuple(row[name] for name in key): row for row in before}
    found: list[dict[str, Any]] = []
    for row in after:
        old = known.get(tuple(row[name] for name in key), {})
        set_now = {n for n in volatile if row[n] is not None and old.get(n) != row[n]}
        found.append({n: About(v) if n in set_now else v for n, v in row.items()})
    return found
