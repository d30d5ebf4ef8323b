"""The SQL gate: what passes is one expression without effects, over declared columns.

Written in the PostgreSQL dialect. Two looks are taken: at the tokens, where names, comments and
semicolons still stand as the person wrote them, and at the tree, where every node must be of a
known class. Parameters (`:name`) stay placeholders; they are bound, never pasted.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import sqlglot
from sqlglot import exp
from sqlglot.errors import ParseError, SqlglotError

from batch_ops.errors import DeclarationError, UnknownNameError
from batch_ops.spec import functions
from batch_ops.spec.calls import calls_of, judge_call, named_by_a_call
from batch_ops.spec.intervals import judge_interval, with_whole_intervals
from batch_ops.spec.model import Expression
from batch_ops.spec.scopes import resolve
from batch_ops.spec.sqltokens import DIALECT, MAX_DEPTH, ONE_EXPRESSION, judge, too_deep

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from batch_ops.spec.model import Entity
    from batch_ops.spec.nodes import Node


_QUOTED = re.compile(r"'[^']*'")


@dataclass(frozen=True, slots=True)
class Gate:
    """Judges expressions about one entity.

    Attributes:
        entity: whose columns may be read.
        entities: all declared entities, for sub-selects.
    """

    entity: Entity
    entities: Mapping[str, Entity]

    def expression(
        self, node: Node, *, aggregates: bool = False, records: bool = False
    ) -> Expression:
        """The expression that a text of a declaration holds.

        Args:
            node: the text.
            aggregates: whether it is a condition over all rows: then aggregates are allowed, and
                a column outside of them is not.
            records: whether fields of records (`:x.price`) may be read.

        Raises:
            DeclarationError, UnknownNameError: it does not pass.
        """
        judge(node, self.entity.columns)
        tree = _tree(node)
        _judge_tree(tree, node, records=records)
        reading = resolve(tree, node, self.entity, self.entities)
        _judge_aggregates(tree, node, allowed=aggregates)
        return Expression(
            text=node.text.strip(),
            tree=tree,
            columns=reading.columns,
            parameters=frozenset(p.name for p in _placeholders(tree)),
            fields=frozenset((d.this.name, d.name) for d in tree.find_all(exp.Dot)),
            entities=reading.entities,
            calls=calls_of(tree),
            volatile=any(type(n).__name__ in functions.NAMELESS for n in tree.walk()),
            location=node.location,
        )


def is_call(text: str) -> bool:
    """Whether the whole text is one call of a function of the language: `NOW()`, `UPPER(name)`."""
    bare = _QUOTED.sub("", text.strip())
    name, bracket, _ = bare.partition("(")
    if not bracket or name.strip().lower() not in functions.known():
        return False
    depth = 0
    for position, character in enumerate(bare):
        depth += (character == "(") - (character == ")")
        if depth == 0 and character == ")":
            return position == len(bare) - 1
    return False


def _tree(node: Node) -> exp.Expression:
    try:
        tree = sqlglot.parse_one(with_whole_intervals(node), read=DIALECT, into=exp.Condition)
    except ParseError as error:
        raise _as_declaration_error(error, node) from error
    except SqlglotError as error:
        raise node.error(f"This is no SQL expression: {error}.", ONE_EXPRESSION) from error
    except RecursionError:
        raise too_deep(node) from None
    return named_by_a_call(cast("exp.Expression", tree), node)


def _placeholders(tree: exp.Expression) -> Iterator[exp.Placeholder]:
    """The names that stand for a value themselves, and not for a record."""
    found = tree.find_all(exp.Placeholder)
    return (each for each in found if not isinstance(each.parent, exp.Dot))


def _as_declaration_error(error: ParseError, node: Node) -> DeclarationError:
    first = error.errors[0] if error.errors else {}
    near = str(first.get("highlight") or "").strip()
    lines = node.text.split("\n")[: int(first.get("line") or 1) - 1]
    offset = sum(len(line) + 1 for line in lines) + int(first.get("col") or 1) - max(len(near), 1)
    where = f" near {near!r}" if near else ""
    return node.error(f"This is no SQL expression{where}.", ONE_EXPRESSION, max(offset, 0))


def _judge_tree(tree: exp.Expression, node: Node, *, records: bool) -> None:
    if isinstance(tree, (exp.Select, exp.Union, exp.Alias, exp.Star, exp.Tuple)):
        raise node.error("This is not one SQL expression.", ONE_EXPRESSION)
    for part, depth in _deep(tree):
        if depth > MAX_DEPTH:
            raise too_deep(node)
        if isinstance(part, exp.Dot):
            _judge_field(part, node, allowed=records)
        else:
            _judge_part(part, node)


def _deep(tree: exp.Expression) -> Iterator[tuple[exp.Expr, int]]:
    """Every node with its depth; a chain of ANDs or ORs is one level, as a renderer takes it."""
    stack: list[tuple[exp.Expr, int]] = [(tree, 1)]
    while stack:
        part, depth = stack.pop()
        yield part, depth
        for child in part.iter_expressions():
            same = isinstance(part, exp.Connector) and type(child) is type(part)
            stack.append((child, depth if same else depth + 1))


def _judge_field(part: exp.Dot, node: Node, *, allowed: bool) -> None:
    of_record = isinstance(part.this, exp.Placeholder) and isinstance(
        part.expression, exp.Identifier
    )
    if not of_record:
        raise node.error("Dot is not allowed in an SQL expression.", ONE_EXPRESSION)
    if not allowed:
        what = f"A field of a record (:{part.this.name}.{part.name}) is not allowed here."
        todo = "It may stand in insert_data and upsert_data of a step with records."
        raise node.error(what, todo)


def _judge_part(part: exp.Expr, node: Node) -> None:
    name = type(part).__name__
    if isinstance(part, exp.Interval):
        judge_interval(part, node)
    if isinstance(part, exp.Anonymous):
        judge_call(part, node)
    elif name not in functions.NODES:
        what = f"{_words(part)} is not allowed in an SQL expression."
        raise node.error(what, ONE_EXPRESSION)
    if isinstance(part, exp.Func) and _lacks_argument(part):
        raise node.error(f"{_words(part)} lacks an argument.")
    if isinstance(part, exp.Placeholder) and not (isinstance(part.this, str) and part.this):
        raise node.error("Write a parameter as `:name`.")
    if isinstance(part, exp.Cast):
        _judge_cast(part, node)
    if isinstance(part, exp.Select):
        _judge_select(part, node)
    if isinstance(part, exp.Filter) and type(part.this).__name__ not in functions.AGGREGATE_NODES:
        raise node.error("FILTER stands behind something that is no aggregate.")
    if isinstance(part, exp.Join) and part.args.get("using"):
        raise node.error("USING is not allowed here.", "Write the join's columns with ON.")
    if isinstance(part, exp.Alias) and not isinstance(part.parent, exp.Select):
        raise node.error("This is not one SQL expression.", ONE_EXPRESSION)


_ALSO_REQUIRED: dict[type[exp.Expr], tuple[str, ...]] = {
    exp.Count: ("this",),
    exp.SplitPart: ("delimiter", "part_index"),
    exp.Substring: ("start",),
}
"""Arguments that the parser takes for optional."""


def _lacks_argument(part: exp.Func) -> bool:
    required = _ALSO_REQUIRED.get(type(part), ())
    return bool(part.error_messages()) or any(part.args.get(name) is None for name in required)


def _words(part: exp.Expr) -> str:
    """What a refused node is, in a person's words."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", type(part).__name__).capitalize()


def _judge_cast(part: exp.Cast, node: Node) -> None:
    target = part.args["to"]
    if target.this == exp.DType.USERDEFINED or target.args.get("nested"):
        known = sorted(functions.TYPES)
        shown = target.sql(dialect=DIALECT)
        raise UnknownNameError("type", shown, known, location=node.location)


_SELECT_PARTS = frozenset(
    {"expressions", "from_", "where", "group", "having", "order", "limit", "joins", "distinct"}
)


def _judge_select(part: exp.Select, node: Node) -> None:
    for name, value in part.args.items():
        if value and name not in _SELECT_PARTS:
            word = name.rstrip("_").upper()
            raise node.error(f"{word} is not allowed in a sub-select.", ONE_EXPRESSION)
    if isinstance(part.expressions[0], exp.Star) and not isinstance(part.parent, exp.Exists):
        raise node.error("A sub-select may not read *.", "Write the column.")


def _judge_aggregates(tree: exp.Expression, node: Node, *, allowed: bool) -> None:
    if not allowed:
        for part in _outside_selects(tree):
            if type(part).__name__ in functions.AGGREGATE_NODES:
                what = f"An aggregate ({part.key.upper()}) is not allowed here."
                raise node.error(what, "It belongs in a condition over all rows.")
        return
    for part in _outside_aggregates(tree):
        if isinstance(part, exp.Column):
            what = f"The column {part.name!r} stands outside of an aggregate."
            todo = "Count: COUNT(*) FILTER (WHERE …) > 0. A rule for every row is {row: …}."
            raise node.error(what, todo)


def _outside_selects(tree: exp.Expression) -> Iterable[exp.Expr]:
    return tree.walk(prune=lambda part: isinstance(part, exp.Query))


def _outside_aggregates(tree: exp.Expression) -> Iterable[exp.Expr]:
    inside = (exp.Query, exp.AggFunc, exp.Filter)
    return tree.walk(prune=lambda part: isinstance(part, inside))
