"""Declarations for the tests of this folder, short to write."""

from __future__ import annotations

from textwrap import dedent, indent
from typing import TYPE_CHECKING

from batch_ops.errors import Location
from batch_ops.spec.catalog import Catalog
from batch_ops.spec.nodes import Node
from batch_ops_tests.support.schema import complaints

if TYPE_CHECKING:
    from batch_ops.spec.model import Operation

CUSTOMERS = """\
name: customers
key: id
fields:
  id: integer
  email: string(40)
"""

ORDERS = """\
name: orders
key: id
fields:
  id: integer
  customer_id: {type: integer, references: customers.id}
  status: string(12)
  price: decimal(10,2)
  tags: json
  ordered_on: date
  shipped_at: timestamp
  paid: boolean
  weight: float
  code: uuid
  note: text
"""

UPDATE = "operation_type: update\nupdate_data: {status: done}\n"
SELECT = "operation_type: select\n"
IMPORT = "data_source: csv_file\nsource_path: orders.csv\n"


def text_of(options: str, work: str = UPDATE) -> str:
    """The file of the entity `orders` with one operation `change`: `work` and these options."""
    body = dedent(work) + dedent(options)
    first = "  - name: batch_operations\n    operation: change\n"
    return ORDERS + "patterns:\n" + first + indent(body, "    ")


def catalog_of(orders: str) -> Catalog:
    """The catalog of two files: `customers` and the given `orders`. What loads fits the schema."""
    catalog = Catalog.from_texts({"customers.yaml": CUSTOMERS, "orders.yaml": orders})
    assert complaints(orders) == []
    return catalog


def declared(options: str, work: str = UPDATE) -> Operation:
    """The operation `change` with these options."""
    return catalog_of(text_of(options, work)).operation("change")


def stepped(steps: str, options: str = "") -> Operation:
    """The operation `change` with these steps."""
    return declared(options, "steps:\n" + indent(dedent(steps), "  ") + "\n")


def node(text: str) -> Node:
    """A plain text at the begin of a file."""
    return Node(text, Location("orders.yaml", 1, 1, text), lines=(text,))
