"""The run config of an operation: its parameters, its sizes and limits, and how to read it back.

On the operation's job the config is flat; on the asset page Dagster wraps it in `ops`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import dagster as dg

from batch_ops.engine import RunOptions
from batch_ops.engine.parameters import parameters_of, resolve
from batch_ops.errors import ParameterError
from batch_ops.orchestration.names import graph_name
from batch_ops.spec.durations import parse_duration
from batch_ops.spec.model import ErrorLimit, FieldType

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import timedelta

    from batch_ops.spec.model import Operation, Parameter

Config = dict[str, Any]

LONGEST_LIST = 1_000
"""Elements of a list that stands in a run config; Dagster keeps, shows and parses it whole."""
_SIZES = ("batch_size", "max_workers", "max_records")
_TYPES: Mapping[FieldType, Any] = {
    FieldType.INTEGER: dg.IntSource,
    FieldType.BIGINT: dg.IntSource,
    FieldType.FLOAT: float,
    FieldType.BOOLEAN: dg.BoolSource,
    FieldType.JSON: dg.Any,
}
_NUMBER = re.compile(r"\d{1,15}")
_SHARE = re.compile(r"(\d{1,3}(?:\.\d{1,6})?)\s*%")


@dataclass(frozen=True, slots=True)
class Settings:
    """A run config, read: `execution_id` names an execution to resume, or is None; `lists_of` one
    whose long lists are taken.
    """

    parameters: Config
    options: RunOptions
    execution_id: str | None = None
    lists_of: str | None = None


def schema(operation: Operation) -> dict[str, dg.Field]:
    """The launchpad's fields, all with their defaults, so that `{}` is a valid config."""
    known = [each for each in parameters_of(operation).values() if each.env is None]
    return {**_option_fields(operation), **{each.name: _parameter_field(each) for each in known}}


def _parameter_field(parameter: Parameter) -> dg.Field:
    kind = _TYPES.get(parameter.type, dg.StringSource) if parameter.type else dg.Any
    kind = dg.Noneable(dg.Array(kind) if parameter.many else kind)
    plain = isinstance(parameter.default, (str, int, float, bool, list))
    default = {"default_value": parameter.default} if plain else {}
    words = "Required." if parameter.required and parameter.default is None else "Optional."
    description = f"{words} {parameter.description}".strip()
    return dg.Field(kind, is_required=False, description=description, **default)


def _option_fields(operation: Operation) -> dict[str, dg.Field]:
    def field(kind: Any, value: Any, words: str) -> dg.Field:
        default = {} if value is None else {"default_value": value}
        return dg.Field(kind, is_required=False, description=words, **default)

    s = operation.settings
    return {
        "batch_size": field(dg.IntSource, s.batch_size, "Rows of one transaction."),
        "max_workers": field(dg.IntSource, s.max_workers, "Lanes that work at the same time."),
        "max_records": field(dg.IntSource, s.max_records, "Most rows a writing step may change."),
        "max_errors": field(
            dg.StringSource, _limit_text(s.max_errors), "Most rejects: a number or a share (5%)."
        ),
        "timeout": field(dg.StringSource, _duration_text(s.timeout), "Longest time, as in '2h'."),
        "confirm": field(dg.BoolSource, False, "Yes, do it (where the operation asks for that)."),
        "again": field(dg.BoolSource, False, "Run what was completed before."),
        "execution_id": field(dg.StringSource, None, "An unfinished execution to resume."),
        "lists_of": field(dg.StringSource, None, "An execution whose long lists are taken."),
    }


def read(operation: Operation, resolved: Mapping[str, Any], run: dg.DagsterRun) -> Settings:
    """What a run's config says; what it leaves to the declaration is None.

    Args:
        operation: whose config it is.
        resolved: the flat config as Dagster resolved it, with defaults and values of variables.
        run: its own config tells which of them were said.

    Raises:
        ParameterError: a duration or limit that is none.
    """
    names = parameters_of(operation)
    said = {name: resolved[name] for name in flat(operation, run) if name in resolved}
    options = RunOptions(
        batch_size=said.get("batch_size"),
        max_workers=said.get("max_workers"),
        max_records=said.get("max_records"),
        max_errors=parse_limit(said["max_errors"]) if "max_errors" in said else None,
        timeout=_duration(said["timeout"]) if "timeout" in said else None,
        again=bool(said.get("again", False)),
        confirm=bool(said.get("confirm", False)),
    )
    parameters = {name: value for name, value in said.items() if name in names}
    return Settings(parameters, options, said.get("execution_id"), said.get("lists_of"))


def write(operation: Operation, parameters: Mapping[str, Any], options: RunOptions) -> Config:
    """The flat run config of parameters and options; only what was said.

    Raises:
        UnknownNameError: a parameter the operation does not have.
        ParameterError: a value its type does not take, or a missing one.
    """
    resolved = resolve(operation, parameters)
    values = {name: _plain(resolved[name]) for name in parameters}
    return {**write_options(options), **values}


def with_short_lists(config: Config, execution_id: str, *, hidden: bool = False) -> Config:
    """The config without long lists: the journal has them, as the execution's parameters.

    hidden: whether columns are hidden: their values may stand in lists of any length, and Dagster
    shows a config to everybody.
    """
    long = [name for name, value in config.items() if isinstance(value, list)]
    long = [name for name in long if hidden or len(config[name]) > LONGEST_LIST]
    if not long:
        return config
    kept = {name: value for name, value in config.items() if name not in long}
    return {**kept, "lists_of": execution_id}


def write_options(options: RunOptions) -> Config:
    """The part of a flat run config that overrides the declaration; only what was said."""
    said = {name: getattr(options, name) for name in _SIZES}
    said["max_errors"] = _limit_text(options.max_errors)
    said["timeout"] = _duration_text(options.timeout)
    said["again"] = options.again or None
    said["confirm"] = options.confirm or None
    return {name: value for name, value in said.items() if value is not None}


def _plain(value: Any) -> Any:
    """As JSON has it; dates, times and decimals as texts, which their types read again."""
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {str(name): _plain(item) for name, item in value.items()}
    plain = value is None or isinstance(value, (str, int, float, bool))
    return value if plain else str(value)


def flat(operation: Operation, run: dg.DagsterRun) -> Config:
    """The flat config of a run of this operation, whichever door it came through."""
    if run.job_name == operation.name:
        return dict(run.run_config)
    nodes: Any = run.run_config.get("ops", {})
    return dict(nodes.get(graph_name(operation), {}).get("config", {}))


def known(operation: Operation, config: Config) -> Config:
    """The part of an earlier run's config that today's declaration still knows."""
    fields = schema(operation)
    return {name: value for name, value in config.items() if name in fields}


def parse_limit(text: str) -> ErrorLimit:
    """A number of rows (`100`) or a share of them (`5%`).

    Raises:
        ParameterError: neither of them.
    """
    if _NUMBER.fullmatch(text.strip()):
        return ErrorLimit(rows=int(text))
    share = _SHARE.fullmatch(text.strip())
    if not share or float(share.group(1)) > 100:
        raise ParameterError(f"max_errors is a number or a share like '5%', not {text!r}.")
    return ErrorLimit(share=float(share.group(1)) / 100)


def _limit_text(limit: ErrorLimit | None) -> str | None:
    if limit is None:
        return None
    return str(limit.rows) if limit.share is None else f"{limit.share * 100:g}%"


def _duration(text: str) -> timedelta:
    try:
        return parse_duration(text)
    except ValueError as error:
        raise ParameterError(f"timeout is {error}, not {text!r}.") from None


def _duration_text(duration: timedelta | None) -> str | None:
    return None if duration is None else f"{duration.total_seconds():g}s"
