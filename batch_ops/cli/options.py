"""The options that several commands share, with their ranges, and what they become."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Group, Parameter
from cyclopts.validators import Number

from batch_ops.errors import ParameterError
from batch_ops.spec.durations import parse_duration
from batch_ops.spec.model import ErrorLimit

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import timedelta

    from batch_ops.engine import RunOptions

LIMITS = Group("Limits (instead of the declaration's)", sort_key=10)
OUTPUT = Group("Output", sort_key=20)

Parameters = Annotated[
    list[str] | None,
    Parameter(
        name=["--parameter", "-p"],
        negative="",
        help="NAME=VALUE, once per parameter. @FILE.json or @FILE.csv reads the value from a file,"
        " @@ begins a text with @.",
    ),
]
Dagster = Annotated[
    bool,
    Parameter(
        name="--dagster",
        show_default=False,
        help="Show the run, its chunks and checks in Dagster (the default), or use the engine"
        " alone.",
    ),
]
Actor = Annotated[
    str | None,
    Parameter(name="--by", help="Who does it (default: BATCH_OPS_ACTOR, else the user)."),
]
_PERCENT = re.compile(r"(\d{1,3}(?:\.\d{1,6})?)\s*%")


def said(about: str) -> Parameter:
    """An option that is a flag, or an argument that may be left out: its help, and no default."""
    return Parameter(negative="", show_default=False, help=about)


@Parameter(name="*", group=OUTPUT)
@dataclass(frozen=True)
class Common:
    """What every command takes."""

    json: Annotated[
        bool,
        said("One JSON object on stdout, nothing else there."),
    ] = False
    quiet: Annotated[
        bool,
        said("No progress, notes or summary of a run; errors are still told."),
    ] = False
    debug: Annotated[
        bool,
        said("Log lines on stderr, and the traceback of an error."),
    ] = False

    @classmethod
    def of(cls, arguments: Sequence[str]) -> Common:
        """As they stand in a command line that may be wrong elsewhere."""
        given = list(arguments[: arguments.index("--")] if "--" in arguments else arguments)
        return cls(
            **{name: f"--{name}" in given for name in ("json", "quiet", "debug")},
        )


@Parameter(name="*", group=LIMITS)
@dataclass(frozen=True)
class Limits:
    """Sizes and limits for this process, over the declaration's."""

    batch_size: Annotated[
        int | None,
        Parameter(validator=Number(gte=1, lte=1_000_000), help="Rows of one transaction."),
    ] = None
    max_workers: Annotated[
        int | None, Parameter(validator=Number(gte=1, lte=64), help="Lanes that work at once.")
    ] = None
    max_records: Annotated[
        int | None,
        Parameter(validator=Number(gte=1, lte=10**15), help="Most rows of a writing step."),
    ] = None
    max_errors: Annotated[
        str | None,
        Parameter(help='Rejects that are allowed: a number of rows, or a share as "1%".'),
    ] = None
    timeout: Annotated[
        str | None, Parameter(help='Stop after this time: "30 minutes", "2h", "PT15M".')
    ] = None

    def options(self, **more: Any) -> RunOptions:
        """For the engine.

        Raises:
            ParameterError: a limit that cannot be read.
        """
        from batch_ops.engine import RunOptions

        return RunOptions(
            batch_size=self.batch_size,
            max_workers=self.max_workers,
            max_records=self.max_records,
            max_errors=None if self.max_errors is None else error_limit(self.max_errors),
            timeout=None if self.timeout is None else time_limit(self.timeout, "--timeout"),
            **more,
        )


def error_limit(text: str) -> ErrorLimit:
    """`100` or `1%`."""
    if text.strip().isdecimal():
        return ErrorLimit(rows=int(text))
    found = _PERCENT.fullmatch(text.strip())
    if not found or float(found.group(1)) > 100:
        raise ParameterError(
            f"--max-errors does not understand {text!r}.",
            todo='Give a number of rows, or a share from "0%" to "100%".',
        )
    return ErrorLimit(share=float(found.group(1)) / 100)


def time_limit(text: str, option: str) -> timedelta:
    """`30 minutes`, as it was given for an option."""
    try:
        return parse_duration(text)
    except ValueError as error:
        raise ParameterError(
            f"{option} does not understand {text!r}.", todo=f"Give {error}."
        ) from error
