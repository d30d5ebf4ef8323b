"""An operation's preconditions and its rejects as checks of its asset."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import dagster as dg

from batch_ops.orchestration.names import REJECTS_CHECK, operation_key

if TYPE_CHECKING:
    from collections.abc import Iterable

    from batch_ops.results import CheckResult, Result
    from batch_ops.spec.model import Check, Operation

    Context = dg.OpExecutionContext | dg.AssetExecutionContext


def check_specs(operation: Operation) -> list[dg.AssetCheckSpec]:
    """One blocking check per precondition, one per postcondition, and `rejects`, which warns."""
    asset = operation_key(operation)
    words = "No row was rejected. Rejects stand in the journal, with their reasons."
    rejects = dg.AssetCheckSpec(REJECTS_CHECK, asset=asset, description=words)
    before = _specs(operation, operation.preconditions)
    return [*before, *_specs(operation, operation.postconditions), rejects]


def _specs(operation: Operation, checks: Iterable[Check]) -> list[dg.AssetCheckSpec]:
    asset = operation_key(operation)
    return [
        dg.AssetCheckSpec(
            check.name, asset=asset, blocking=True, description=check.description or check.text
        )
        for check in checks
    ]


def guard_names(operation: Operation) -> list[str]:
    """The outputs of the graph that stand for the preconditions."""
    return [s.get_python_identifier() for s in _specs(operation, operation.preconditions)]


def after_names(operation: Operation) -> list[str]:
    """The outputs of the graph that stand for the postconditions."""
    return [s.get_python_identifier() for s in _specs(operation, operation.postconditions)]


def rejects_name(operation: Operation) -> str:
    """The output of the graph that stands for the check of rejects."""
    return dg.AssetCheckSpec(REJECTS_CHECK, asset=operation_key(operation)).get_python_identifier()


def judged(operation: Operation, checks: Iterable[CheckResult]) -> list[dg.AssetCheckEvaluation]:
    """Pre- or postconditions as they were judged, with their observed values."""
    return [
        dg.AssetCheckEvaluation(
            asset_key=operation_key(operation),
            check_name=check.name,
            passed=check.success,
            metadata=_observed(check),
            blocking=True,
            description=check.message or check.description or None,
        )
        for check in checks
    ]


def _observed(check: CheckResult) -> dict[str, Any]:
    observed = check.observed_value
    plain = observed is None or isinstance(observed, (str, int, float, bool))
    metadata = {
        "observed_value": observed if plain else dg.MetadataValue.text(str(observed)),
        "evaluated": check.evaluated,
        "element_count": check.element_count,
        "unexpected_count": check.unexpected_count,
        "message": check.message or None,
    }
    told = {name: value for name, value in metadata.items() if value is not None}
    if check.failing_keys:
        told["failing_keys"] = dg.MetadataValue.table([_record(key) for key in check.failing_keys])
    return told


def _record(key: dict[str, Any]) -> dg.TableRecord:
    return dg.TableRecord({name: str(value) for name, value in key.items()})


def rejects(operation: Operation, result: Result) -> dg.AssetCheckEvaluation:
    """Whether rejects are open: a warning, for the rest of the execution is good."""
    number = result.open_rejects
    return dg.AssetCheckEvaluation(
        asset_key=operation_key(operation),
        check_name=REJECTS_CHECK,
        passed=number == 0,
        severity=dg.AssetCheckSeverity.WARN,
        metadata={
            "rejects": number,
            "discarded": result.discarded,
            "execution": result.execution_id,
        },
        description=f"{number} rows were rejected." if number else None,
    )


def log(context: Context, evaluations: Iterable[dg.AssetCheckEvaluation]) -> None:
    """Write the evaluations into the run, where Dagster finds them for the asset."""
    for evaluation in evaluations:
        # taken and stored since Dagster 1.6; only its annotation does not say so
        context.log_event(evaluation)  # type: ignore[arg-type]
