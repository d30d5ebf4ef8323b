"""`batch-ops list`: what is declared."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.text import Text

from batch_ops.cli.options import Common
from batch_ops.cli.project import project
from batch_ops.cli.say import Say
from batch_ops.cli.tables import made_of

if TYPE_CHECKING:
    from batch_ops.spec.catalog import Catalog
    from batch_ops.spec.model import Entity, Operation, Parameter


def list_operations(*, common: Common = Common()) -> int:  # noqa: B008  (frozen)
    """Show the declared operations: entity, table, steps, parameters, description."""
    say = Say(common)
    with project() as found:
        listed = [described(found.catalog, each) for each in found.catalog.operations]
    say.data({"operations": listed})
    if listed:
        say.print(_table(listed))
    else:
        say.note("No operation is declared here. BATCH_OPS_DEFS names the folder of entity files.")
    return 0


def described(catalog: Catalog, operation: Operation) -> dict[str, Any]:
    """An operation as one JSON object with stable keys."""
    entity = catalog.entity(operation.entity)
    return {
        "operation": operation.name,
        "entity": entity.name,
        "table": table_of(entity),
        "steps": [{"name": step.name, "kind": str(step.kind)} for step in operation.steps],
        "parameters": [_parameter(each) for each in operation.parameters],
        "description": operation.description,
    }


def table_of(entity: Entity) -> str:
    """`table` or `schema.table`."""
    return f"{entity.schema}.{entity.table}" if entity.schema else entity.table


def _parameter(parameter: Parameter) -> dict[str, Any]:
    return {
        "name": parameter.name,
        "type": str(parameter.type) if parameter.type else None,
        "many": parameter.many,
        "required": parameter.required,
        "default": parameter.default,
        "description": parameter.description,
        "env": parameter.env,
    }


def _table(listed: list[dict[str, Any]]) -> Any:
    table = made_of("operation", "entity", "steps", "what it does")
    for each in listed:
        table.add_row(
            Text(each["operation"], style="bold"),
            _entity(each),
            " → ".join(_step(step) for step in each["steps"]),
            "\n".join(part for part in (each["description"], _asks(each["parameters"])) if part),
        )
    return table


def _entity(each: dict[str, Any]) -> str:
    same = each["table"] == each["entity"]
    return each["entity"] if same else f"{each['entity']} ({each['table']})"


def _step(step: dict[str, str]) -> str:
    return step["kind"] if step["name"] == step["kind"] else f"{step['name']} ({step['kind']})"


def _asks(parameters: list[dict[str, Any]]) -> str:
    given = [p for p in parameters if p["env"] is None]
    asked = [p["name"] if p["required"] else f"[{p['name']}]" for p in given]
    return f"-p {' -p '.join(asked)}" if asked else ""
