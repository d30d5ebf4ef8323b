"""What is known of one option: loader, schema for editors and reference all read this."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from batch_ops.spec.forms import Form, Reader
    from batch_ops.spec.model import StepKind


class Place(StrEnum):
    """Where an option may stand."""

    ENTITY = "entity"
    OPERATION = "operation"
    STEP = "step"


@dataclass(frozen=True, slots=True)
class Option:
    """One option of the language. Without a form it is not available yet.

    Attributes:
        form: how its value is read, and what it looks like.
        meaning: one line for a person.
        example: the option with a value, as it stands in a file.
        default: the value that says the same as leaving it out; None: there is none.
        otherwise: in words, what holds without it, where no value says that.
        kinds: the kinds of steps it belongs to; empty: all of them.
        work: whether it says what one step does: beside `steps` it stands in a step.
    """

    name: str
    places: tuple[Place, ...]
    form: Form | None = None
    meaning: str = ""
    example: str = ""
    default: Any = None
    otherwise: str = ""
    kinds: tuple[StepKind, ...] = ()
    work: bool = False

    @property
    def read(self) -> Reader | None:
        """How its value is read; None: it is not available yet."""
        return self.form.read if self.form else None

    @property
    def schema(self) -> Mapping[str, Any]:
        """Its value as JSON Schema, with what an editor shows."""
        told: dict[str, Any] = {"description": self.meaning}
        if self.default is not None:
            told["default"] = self.default
        # beside a $ref other keywords do not count
        shape = dict(self.form.schema) if self.form else {}
        return told | ({"allOf": [shape]} if "$ref" in shape else shape)
