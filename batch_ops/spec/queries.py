"""One SELECT on declared entities, as a source of rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot import exp

from batch_ops.errors import DeclarationError
from batch_ops.spec.nodes import Node
from batch_ops.spec.values import NAME

if TYPE_CHECKING:
    from batch_ops.spec.expressions import Gate
    from batch_ops.spec.model import Expression


def read_query(node: Node, gate: Gate) -> tuple[Expression, tuple[str, ...]]:
    """The SELECT, and the names of its columns.

    It passes the same gate as a sub-select: declared entities and known functions only.

    Raises:
        DeclarationError: it is no SELECT, or a column has no name or another one's.
    """
    if not node.text.strip().lower().startswith("select"):
        raise node.wrong("one SELECT", "For all rows of an entity write data_source: table.")
    wrapped = Node(f"({node.text.strip()})", node.location, node.label, node.style, node.lines)
    select = gate.expression(wrapped)
    if select.columns:
        name = min(select.columns)
        raise node.error(f"The column {name!r} is none of the entities the query reads.")
    return select, _columns(select.tree, node)


def _columns(tree: exp.Expression, node: Node) -> tuple[str, ...]:
    query = tree.this if isinstance(tree, exp.Subquery) else tree
    if not isinstance(query, exp.Query):
        raise node.wrong("one SELECT")
    names = tuple(part.alias_or_name for part in query.selects)
    for place, name in enumerate(names):
        if not NAME.fullmatch(name):
            what = f"Column {place + 1} of the query has no name."
            raise DeclarationError(what, todo="Write … AS name.", location=node.location)
        if name in names[:place]:
            raise node.error(f"Two columns of the query are called {name!r}.")
    return names
