"""An operation as one asset, built from a graph of ops."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import dagster as dg

from batch_ops.orchestration import checks, settings
from batch_ops.orchestration.names import graph_name, operation_key, step_key
from batch_ops.orchestration.ops import EXECUTION, PRECONDITIONS, REPORT, RESULT, Ops
from batch_ops.orchestration.steps import LINEAGE_ONLY

if TYPE_CHECKING:
    from collections.abc import Mapping

    from batch_ops.engine import Project
    from batch_ops.spec.model import Operation

Dependencies = dict[Any, dict[str, dg.DependencyDefinition]]


def operation_asset(project: Project, operation: Operation) -> dg.AssetsDefinition:
    """The asset `<entity>/<operation>`.

    Its graph is preconditions → (plan → run → finish) of each step → report.
    """
    last = _last_steps(operation)
    key = operation_key(operation)
    return dg.AssetsDefinition.from_graph(
        _graph(project, operation, list(last)),
        keys_by_input_name={name: step_key(operation, step) for name, step in last.items()},
        keys_by_output_name={RESULT: key},
        partition_mappings=dict.fromkeys(last, LINEAGE_ONLY),
        check_specs=checks.check_specs(operation),
        group_name=operation.entity,
        descriptions_by_output_name={RESULT: _description(operation)},
        metadata_by_output_name={RESULT: _declared(operation)},
        tags_by_output_name={RESULT: {"dagster/kind/batch_ops": "", "dagster/kind/sql": ""}},
    )


def _last_steps(operation: Operation) -> dict[str, str]:
    """The steps no other one depends on, by the input that draws their lineage."""
    needed = {name for step in operation.steps for name in step.depends_on}
    return {f"after_{s.name}": s.name for s in operation.steps if s.name not in needed}


def _description(operation: Operation) -> str:
    steps = " → ".join(f"{step.name} ({step.kind})" for step in operation.steps)
    return f"{operation.description}\n\nSteps: {steps}".strip()


def _declared(operation: Operation) -> dict[str, Any]:
    if operation.location is None:
        return {}
    return {"declaration": f"{operation.location.file}:{operation.location.line}"}


def _graph(project: Project, operation: Operation, after: list[str]) -> dg.GraphDefinition:
    ops, dependencies, nodes = Ops(project, operation), Dependencies(), []

    def node(name: str, op: dg.OpDefinition, upstream: str | None) -> str:
        nodes.append(op)
        handed = {EXECUTION: dg.DependencyDefinition(upstream, EXECUTION)} if upstream else {}
        dependencies[dg.NodeInvocation(op.name, alias=name)] = handed
        return name

    last = node(PRECONDITIONS, ops.preconditions(after), None)
    for step in operation.steps:
        for kind in ("plan", "run", "finish"):
            last = node(f"{kind}_{step.name}", ops.step(kind, step.name), last)
    node(REPORT, ops.report(), last)
    return dg.GraphDefinition(
        name=graph_name(operation),
        node_defs=nodes,
        dependencies=dependencies,
        input_mappings=[_into(name) for name in after],
        output_mappings=_outputs(operation),
        config=_config(operation, [invocation.alias for invocation in dependencies]),
    )


def _outputs(operation: Operation) -> list[dg.OutputMapping]:
    rejects = checks.rejects_name(operation)
    guards = [_out_of(PRECONDITIONS, name) for name in checks.guard_names(operation)]
    after = [_out_of(REPORT, name) for name in checks.after_names(operation)]
    return [_out_of(REPORT, RESULT), _out_of(REPORT, rejects), *after, *guards]


def _into(name: str) -> dg.InputMapping:
    return dg.InputMapping(
        graph_input_name=name, mapped_node_name=PRECONDITIONS, mapped_node_input_name=name
    )


def _out_of(node: str, name: str) -> dg.OutputMapping:
    return dg.OutputMapping(
        graph_output_name=name, mapped_node_name=node, mapped_node_output_name=name
    )


def _config(operation: Operation, nodes: list[str]) -> dg.ConfigMapping:
    """The same flat config for every op: each of them may be the first of a re-execution."""

    def spread(config: Mapping[str, Any]) -> dict[str, Any]:
        return {node: {"config": dict(config)} for node in nodes}

    return dg.ConfigMapping(
        config_schema=settings.schema(operation),
        config_fn=spread,
    )
