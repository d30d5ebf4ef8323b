"""Great Expectations as the judge of whole tables: imported here alone, and only when asked."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from sqlalchemy import NullPool

from batch_ops.database.values import plain
from batch_ops.results import CheckResult

if TYPE_CHECKING:
    from collections.abc import Sequence

    from batch_ops.database import Database
    from batch_ops.spec.model import Check, Entity

SHOWN_KEYS = 20


def evaluate_expectations(
    database: Database, entity: Entity, checks: Sequence[Check]
) -> list[CheckResult]:
    """Judge expectations on the entity's table, on a connection of their own.

    An expectation that is unknown, wrongly written or fails to run is "not evaluated".
    """
    import great_expectations as gx
    from great_expectations.data_context.types.base import ProgressBarsConfig

    logging.getLogger("great_expectations").setLevel(logging.ERROR)
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    built = [(check, _build(check)) for check in checks]
    good = [(check, made) for check, made in built if not isinstance(made, str)]
    told = {check.name: _unclear(check, made) for check, made in built if isinstance(made, str)}
    if good:
        told |= _validate(gx, context, database, entity, good)
    return [told[check.name] for check in checks]


def _build(check: Check) -> Any:
    """The expectation, or the text of what is wrong with it."""
    from great_expectations.exceptions.exceptions import ExpectationNotFoundError
    from great_expectations.expectations.registry import get_expectation_impl
    from pydantic.v1 import ValidationError

    try:
        return get_expectation_impl(check.text)(**check.arguments, meta={"name": check.name})
    except ExpectationNotFoundError:
        return f"Great Expectations knows no {check.text!r}."
    except (ValidationError, TypeError, ValueError) as error:
        return " ".join(str(error).split())


def _validate(
    gx: Any, context: Any, database: Database, entity: Entity, good: list[tuple[Check, Any]]
) -> dict[str, CheckResult]:
    from great_expectations.exceptions.exceptions import GreatExpectationsError

    names = {check.name: check for check, _ in good}
    try:
        batch = _batch(context, database, entity)
        suite = gx.ExpectationSuite(name=entity.name, expectations=[made for _, made in good])
        outcome = batch.validate(suite, result_format=_format(entity))
        batch.datasource.get_execution_engine().close()
    except (GreatExpectationsError, LookupError) as error:
        why = " ".join(str(error).split())
        return {name: _unclear(check, why) for name, check in names.items()}
    found = {}
    for result in outcome.results:
        check = names[result.expectation_config.meta["name"]]
        found[check.name] = _read(check, result.to_json_dict())
    return found


def _batch(context: Any, database: Database, entity: Entity) -> Any:
    """The whole table as one batch, through a connection that is closed after use.

    The library sets the pool itself where a database has one writer, and refuses a second word on
    it; a `$` in the URL would mean an environment variable to it.
    """
    pooled = database.dialect.capabilities.concurrent_writers
    source = context.data_sources.add_sql(
        "target",
        connection_string=database.url.render_as_string(hide_password=False).replace("$", "\\$"),
        kwargs={"poolclass": NullPool} if pooled else {},
    )
    where = {"schema_name": entity.schema} if entity.schema else {}
    asset = source.add_table_asset(entity.name, table_name=entity.table, **where)
    return asset.add_batch_definition_whole_table("all").get_batch()


def _format(entity: Entity) -> dict[str, Any]:
    shown = [name for name in entity.key if name not in entity.hidden]
    options: dict[str, Any] = {"result_format": "SUMMARY", "partial_unexpected_count": SHOWN_KEYS}
    return options | ({"unexpected_index_column_names": shown} if shown else {})


def _read(check: Check, result: dict[str, Any]) -> CheckResult:
    failure = _exception(result.get("exception_info") or {})
    if failure:
        return _unclear(check, failure)
    told = result.get("result") or {}
    return CheckResult(
        name=check.name,
        kind=str(check.kind),
        success=bool(result["success"]),
        description=check.description or _described(check),
        observed_value=plain(_observed(told)),
        element_count=_whole(told.get("element_count")),
        unexpected_count=_whole(told.get("unexpected_count")),
        failing_keys=_failing(told, check),
    )


def _exception(info: dict[str, Any]) -> str | None:
    """The text of what went wrong; the library writes it in two shapes."""
    parts = (
        [info] if "raised_exception" in info else [v for v in info.values() if isinstance(v, dict)]
    )
    texts = [str(p.get("exception_message")) for p in parts if p.get("raised_exception")]
    return " ".join(texts[0].split()) if texts else None


def _observed(told: dict[str, Any]) -> Any:
    if "observed_value" in told:
        return told["observed_value"]
    bad, all_of = told.get("unexpected_count"), told.get("element_count")
    return f"{_whole(bad)} of {_whole(all_of)} rows unexpected" if bad is not None else None


def _whole(value: Any) -> int | None:
    return None if value is None else int(value)


def _failing(told: dict[str, Any], check: Check) -> list[dict[str, Any]]:
    column = check.arguments.get("column")
    rows = told.get("partial_unexpected_index_list") or []
    return [
        {name: plain(value) for name, value in row.items() if name != column}
        for row in rows[:SHOWN_KEYS]
    ]


def _described(check: Check) -> str:
    told = ", ".join(f"{name}={value!r}" for name, value in check.arguments.items())
    return f"{check.text}({told})"


def _unclear(check: Check, why: str) -> CheckResult:
    return CheckResult(
        name=check.name,
        kind=str(check.kind),
        success=False,
        evaluated=False,
        description=check.description or _described(check),
        message=why,
    )
