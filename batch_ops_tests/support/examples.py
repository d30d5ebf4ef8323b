"""The example of an option, in a file it can stand in."""

from __future__ import annotations

import re
from textwrap import indent
from typing import TYPE_CHECKING

from batch_ops.spec.model import StepKind
from batch_ops.spec.option import Place

if TYPE_CHECKING:
    from batch_ops.spec.option import Option

CUSTOMERS = "name: customers\nkey: id\nfields: {id: bigint, email: string(80), vip: boolean}\n"
ORDERS = """\
name: orders
key: id
fields:
  id: bigint
  customer_id: {type: bigint, references: customers.id}
  region: string(10)
  number: integer
  sku: string(20)
  status: string(20)
  amount: decimal(10,2)
  note: text
  password: text
  ordered_on: date
  shipped_at: timestamp
  deleted_at: timestamp
  expires_at: timestamp
"""
_WORK = {
    StepKind.UPDATE: "update_data: {status: paid}",
    StepKind.INSERT: "insert_data: {id: :order.id, sku: :order.sku}",
    StepKind.UPSERT: "upsert_data: {id: :order.id, sku: :order.sku}",
    StepKind.FUNCTION: "function: refresh_prices",
}
_NEEDED = {
    "conflict_target": ("on_conflict: skip",),
    "sensor": ("data_source: csv_file", "operation_type: insert"),
    "source_path": ("data_source: csv_file",),
    "field_mapping": ("data_source: csv_file",),
    "validation_rules": ("data_source: csv_file",),
    "worker_batch_size": ("max_workers: 2",),
}


def with_example(option: Option, example: str | None = None) -> str:
    """The file of the entity `orders` with the option's example, or another line for it."""
    line = option.example if example is None else example
    if Place.ENTITY in option.places:
        head = ORDERS.splitlines(keepends=True)
        kept = head if option.name not in ("name", "key", "fields") else _without(head, option)
        return "".join(kept) + line + "\n"
    step = _step(option, line)
    if Place.OPERATION in option.places:
        named = [] if option.name == "operation" and line else ["operation: change"]
        return _pattern([*named, *step, *_rest(option, step)])
    first, second = ["name: first", "operation_type: select"], ["name: second", *step]
    steps = [_item(first), _item([*second, *_rest(option, step)])]
    return _pattern(["operation: change", "steps:", *steps])


def in_a_file(block: str) -> str:
    """A whole entity file around a block: one already, options of an entity, or of an operation."""
    first = [line.split(":")[0] for line in block.splitlines() if re.match(r"[a-z_]+:", line)]
    if "name" in first:
        return block
    lines = block.splitlines()
    if not {"steps", "operation_type", "data_source"} & {*first}:
        lines = ["operation_type: update", _WORK[StepKind.UPDATE], *lines]
    return _pattern(["operation: change", *lines])


def _without(head: list[str], option: Option) -> list[str]:
    if option.name == "fields":
        return [line for line in head if not line.startswith((" ", "fields:"))]
    return [line for line in head if not line.startswith(f"{option.name}:")]


def _step(option: Option, line: str) -> list[str]:
    needed = list(_NEEDED.get(option.name, ()))
    if option.name.startswith("csv_"):
        needed = ["data_source: csv_file"]
    return [*needed, line] if line else needed


def _rest(option: Option, lines: list[str]) -> list[str]:
    """What makes an operation of the lines."""
    given = {line.split(":")[0] for line in lines}
    kind = option.kinds[0] if option.kinds else StepKind.UPDATE
    rest = [f"operation_type: {kind}"] if not given & {"operation_type", "steps"} else []
    if not given & {"steps", "data_source", "operation_type"} and kind in _WORK:
        rest.append(_WORK[kind])
    return [line for line in rest if line.split(":")[0] not in given]


def _item(lines: list[str]) -> str:
    return indent("- " + "\n  ".join(lines), "  ")


def _pattern(lines: list[str]) -> str:
    body = "\n".join(lines)
    return ORDERS + "patterns:\n  - name: batch_operations\n" + indent(body, "    ") + "\n"
