"""The text of a test module for one operation."""

from __future__ import annotations

import itertools
import json
from typing import TYPE_CHECKING

from batch_ops.spec.model import ErrorHandling, StepKind
from batch_ops.testing import texts
from batch_ops.testing.given import has_source, needed, odd_value

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from batch_ops.spec.model import Operation

ROWS = 60


def module_text(operation: Operation, file: Path) -> str:
    """The tests of an operation of a file."""
    tests = "\n\n\n".join(text.strip("\n") for text in _Facts(operation).tests()) + "\n"
    names = _names(tests)
    head = texts.HEAD.format(name=operation.name, file=f'"{file.resolve()}"', imports=names)
    return f"{head}\n\n{tests}"


def _names(tests: str) -> str:
    """The imports that the tests need."""
    wanted = {
        "batch_ops.errors": (
            *("ConfirmationError", "LimitExceededError", "ParameterError"),
            "PreconditionFailedError",
        ),
        "batch_ops.events": ("BatchCommitted", "Progress"),
        "batch_ops.spec.model": ("ErrorLimit",),
    }
    ours = []
    for module, names in wanted.items():
        used = [name for name in names if name in tests]
        if used:
            ours.append(f"from {module} import {', '.join(used)}")
    assumes = "assume, " if "assume(" in tests else ""
    theirs = [
        "import pytest",
        f"from hypothesis import Phase, {assumes}given, settings",
        "from hypothesis import strategies as st",
    ]
    own = ["from datetime import timedelta", ""] if "timedelta" in tests else []
    return "\n".join([*own, *theirs, "", *ours, "from batch_ops.testing import Scratch"])


class _Facts:
    """What is true of an operation, and the tests that follow."""

    def __init__(self, operation: Operation) -> None:
        self._operation = operation
        steps = operation.steps
        self._writing = [step.name for step in steps if step.kind.writes]
        changing = (StepKind.UPDATE, StepKind.DELETE)
        self._changes = any(step.kind in changing for step in steps)
        self._stops = operation.error_handling is ErrorHandling.STOP
        self._stepwise = [
            step.name
            for step in steps
            if step.kind is not StepKind.FUNCTION or step.input.name in step.outputs
        ]

    def tests(self) -> Iterator[str]:
        """The texts, by the six things that are to be tested."""
        operation = self._operation
        facts = {
            "rows": ROWS,
            "stepwise": json.dumps(self._stepwise),
            "first": self._writing[0] if self._writing else "",
            "collected": texts.COLLECTED
            if operation.error_handling is ErrorHandling.COLLECT
            else "",
            "needed": json.dumps(needed(operation)),
            "odd": json.dumps(odd_value(operation)),
            "clean": ", bad=False" if self._fragile else "",
            "assume": "        assume(not expected.rejects)\n" if self._fragile else "",
            "after": 1,
        }
        for text in self._texts():
            yield text.format(**facts)

    @property
    def _refuses_too_many(self) -> bool:
        """Whether nothing is done yet when the first writing step is planned."""
        kinds = [step.kind for step in self._operation.steps]
        before = [*itertools.takewhile(lambda kind: not kind.writes, kinds)]
        return bool(self._writing) and StepKind.FUNCTION not in before

    @property
    def _fragile(self) -> bool:
        """Whether one refused row ends it."""
        return self._stops or self._operation.atomic

    def _texts(self) -> Iterator[str]:
        operation = self._operation
        if self._stepwise:
            yield texts.BATCHES
        yield from self._errors()
        yield from self._progress()
        yield texts.PARALLEL if self._stepwise and not operation.atomic else texts.WHOLE
        yield texts.DATA
        if operation.atomic and self._changes:
            yield texts.ALL_OR_NOTHING
        elif not operation.atomic:
            yield texts.INTERRUPTED
        yield texts.TIMEOUT
        if self._refuses_too_many:
            yield texts.MOST
        if self._changes and not self._fragile:
            yield texts.ERRORS

    def _progress(self) -> Iterator[str]:
        """One transaction is told when it is over."""
        operation = self._operation
        yield texts.JOURNALED if operation.atomic else texts.PROGRESS
        if not operation.atomic or not operation.telling.progress:
            yield texts.TOLD if operation.telling.progress else texts.QUIET

    def _errors(self) -> Iterator[str]:
        operation = self._operation
        if self._changes and not operation.atomic:
            yield texts.STOPS if self._stops else texts.REFUSED
        else:
            yield "\n# error handling\n"
        if has_source(operation) and not self._fragile:
            yield texts.RECORDS
        if needed(operation):
            yield texts.MISSING
        if odd_value(operation):
            yield texts.ODD
        if operation.requires_confirmation:
            yield texts.UNCONFIRMED
        if operation.preconditions:
            yield texts.UNREADY
