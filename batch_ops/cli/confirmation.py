"""Asking a person before an operation that requires a confirmation."""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import TYPE_CHECKING

from rich.prompt import Confirm
from rich.text import Text

from batch_ops.cli.plan import tell_plan
from batch_ops.errors import ConfirmationError
from batch_ops.spec.model import StepKind

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from batch_ops.cli.say import Say
    from batch_ops.engine import Preview, Project, RunOptions, StepPreview


def confirmed(
    say: Say, found: Project, operation: str, values: Mapping[str, Any], options: RunOptions
) -> RunOptions:
    """The options with the person's yes, asked for on a terminal; the number confirmed is the most.

    Without a terminal nobody is asked: then the engine refuses what has no yes.

    Raises:
        ConfirmationError: the person says no.
    """
    declared = found.catalog.operation(operation)
    asks = declared.requires_confirmation and not options.confirm
    if not asks or not can_be_asked(say):
        return options
    from batch_ops.engine import preview

    shown = preview(found, operation, values, options=options)
    tell_plan(say, shown)
    ask(say, f"Do it? {_told(shown)}", operation)
    return _with_most(options, shown)


def can_be_asked(say: Say) -> bool:
    """Whether a person is there who can answer."""
    return not say.common.json and sys.stdin.isatty() and say.err.is_terminal


def ask(say: Say, question: str, what: str) -> None:
    """Ask for a yes.

    Raises:
        ConfirmationError: it is a no.
    """
    if not Confirm.ask(Text(question, style="bold"), console=say.err, default=False):
        raise ConfirmationError(f"{what} was not confirmed.", todo="Nothing is to be done.")


def _told(shown: Preview) -> str:
    return "; ".join(
        f"{step.kind} {'?' if step.rows is None else f'{step.rows:,}'} rows of {step.entity}"
        for step in _writing(shown)
    )


def _writing(shown: Preview) -> list[StepPreview]:
    return [step for step in shown.steps if StepKind(step.kind).writes]


def _with_most(options: RunOptions, shown: Preview) -> RunOptions:
    """No step may change more rows than the person was told."""
    rows = [step.rows for step in _writing(shown)]
    known = [number for number in rows if number is not None]
    if len(known) < len(rows) or not known:
        return replace(options, confirm=True)
    most = max(1, *known)
    if options.max_records is not None:
        most = min(most, options.max_records)
    return replace(options, confirm=True, max_records=most)
