"""How the parts of an expression are written so that they meet, compare and choose as PostgreSQL
would have them do; what databases have in common of it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar, cast

from sqlglot import exp

from batch_ops.database import kinds
from batch_ops.database.kinds import BOOLEAN, INTERVAL, JSON, Kind, common, kind_of, marked
from batch_ops.database.portable import refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    Handlers = Mapping[type[exp.Expr], Callable[[exp.Expression], exp.Expression]]

_KEEP_JSON = "Compare what is not JSON, or test for NULL only."
_A_CASE = "Write it as a CASE."
_COMPARISONS = (exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE, exp.NullSafeEQ, exp.NullSafeNEQ)


def rewritten(tree: exp.Expression, handlers: Handlers) -> exp.Expression:
    """The tree, each part written another way by its handler, from the leaves up.

    Every part has its kind noted when its handler is called, and so have those it is made of. The
    tree is used up.
    """
    whole = exp.Paren(this=tree)
    for node in reversed(list(whole.dfs())[1:]):
        kinds.settle(node)
        handler = handlers.get(type(node))
        if handler is None:
            continue
        parent, key, index = node.parent, node.arg_key, node.index
        made = handler(cast("exp.Expression", node))
        if made is not node and parent is not None and key is not None:
            kinds.settle(made)
            parent.set(key, made, index)
    return cast("exp.Expression", whole.this.pop())


class Meeting(ABC):
    """Handlers of comparisons, choices and conditions for one database."""

    database: ClassVar[str]

    @abstractmethod
    def as_kind(self, node: exp.Expression, kind: Kind) -> exp.Expression:
        """A value, as it is written where one of a kind is meant.

        Raises:
            DeclarationError: a text that stands for no such value.
        """

    @abstractmethod
    def length(self, node: exp.Expression) -> exp.Expression:
        """The number an interval is compared by."""

    @property
    def handlers(self) -> Handlers:
        """By the class of what they handle."""
        return {
            **dict.fromkeys(_COMPARISONS, self._comparison),
            **dict.fromkeys((exp.And, exp.Or, exp.Not), self._truth),
            exp.Between: self._between,
            exp.Case: self._case,
            exp.Coalesce: self._coalesce,
            exp.In: self._in,
            exp.Is: self._is,
            exp.Nullif: self._nullif,
        }

    def meet(self, nodes: Sequence[exp.Expression]) -> list[exp.Expression]:
        """The values, brought to the kind they meet in.

        Raises:
            DeclarationError: they do not meet, in PostgreSQL neither.
        """
        try:
            kind = common(kind_of(node) for node in nodes)
        except ValueError as error:
            what = f"In this expression {error}, which do not go together."
            raise refusal(what, "CAST one of them.") from error
        return [self.as_kind(node, kind) for node in nodes]

    def compared(self, nodes: Sequence[exp.Expression]) -> list[exp.Expression]:
        """The values, so that the database compares them as PostgreSQL does."""
        met = self.meet(nodes)
        kind = kind_of(met[0])
        if kind is JSON:
            what = f"JSON values are compared, which {self.database} does by their text."
            raise refusal(what, _KEEP_JSON)
        return [self.length(node) for node in met] if kind is INTERVAL else met

    # comparing

    def _comparison(self, node: exp.Expression) -> exp.Expression:
        left, right = node.this, node.expression
        if isinstance(right, exp.Any):
            return self._any(node, left, right)
        if isinstance(left, exp.Tuple) and isinstance(right, exp.Tuple):
            self._pairwise(left, right)
            return node
        left, right = self.compared([left, right])
        node.set("this", left)
        node.set("expression", right)
        return node

    def _pairwise(self, left: exp.Tuple, *others: exp.Tuple) -> None:
        """Compare tuples part by part."""
        rows = [left.expressions, *(other.expressions for other in others)]
        columns = [self.compared(column) for column in zip(*rows, strict=True)]
        for place, part in enumerate((left, *others)):
            part.set("expressions", [column[place] for column in columns])

    def _any(self, node: exp.Expression, left: exp.Expression, right: exp.Any) -> exp.Expression:
        inner = right.this.unnest()
        if not isinstance(node, exp.EQ) or not isinstance(inner, exp.Query | exp.Subquery):
            what = "ANY stands behind something else than `=`, or before no list and no sub-select."
            raise refusal(what, "Write `= ANY(:list)`, or the condition with IN.")
        return exp.In(
            this=left, query=inner if isinstance(inner, exp.Subquery) else inner.subquery()
        )

    def _between(self, node: exp.Expression) -> exp.Expression:
        this, low, high = self.compared([node.this, node.args["low"], node.args["high"]])
        for name, value in (("this", this), ("low", low), ("high", high)):
            node.set(name, value)
        return node

    def _in(self, node: exp.Expression) -> exp.Expression:
        query = node.args.get("query")
        if query is not None:
            return node if isinstance(node.this, exp.Tuple) else self._in_query(node, query)
        if isinstance(node.this, exp.Tuple):
            self._pairwise(
                node.this, *(each for each in node.expressions if isinstance(each, exp.Tuple))
            )
            return node
        this, *others = self.compared([node.this, *node.expressions])
        node.set("this", this)
        node.set("expressions", others)
        return node

    def _in_query(self, node: exp.Expression, query: exp.Expression) -> exp.Expression:
        """A sub-select's values stay as they are: they must be of the same kind."""
        left, right = kind_of(node.this), kind_of(query)
        same = left is right or None in (left, right) or {left, right} <= set(kinds.NUMBERS)
        if not same or left is INTERVAL:
            what = f"A value of type {left} is looked for among values of type {right}."
            raise refusal(what, "CAST one of them.")
        node.set("this", self.as_kind(node.this, right))
        return node

    # choosing

    def _case(self, node: exp.Expression) -> exp.Expression:
        ifs = node.args["ifs"]
        if node.this:
            this, *whens = self.compared([node.this, *(each.this for each in ifs)])
            node.set("this", this)
            for each, when in zip(ifs, whens, strict=True):
                each.set("this", when)
        default = node.args.get("default")
        values = self.meet([each.args["true"] for each in ifs] + ([default] if default else []))
        for each, value in zip(ifs, values, strict=False):
            each.set("true", value)
        if default:
            node.set("default", values[-1])
        return node

    def _coalesce(self, node: exp.Expression) -> exp.Expression:
        values = self.meet([node.this, *node.expressions])
        if len(values) == 1:
            return values[0]
        return marked(exp.Coalesce(this=values[0], expressions=values[1:]), kind_of(node))

    def _nullif(self, node: exp.Expression) -> exp.Expression:
        kind = kind_of(node.this)
        if kind is INTERVAL:
            raise refusal(f"NULLIF of an interval is not the same on {self.database}.", _A_CASE)
        this, other = self.meet([node.this, node.expression])
        return marked(exp.Nullif(this=this, expression=other), common(map(kind_of, (this, other))))

    # booleans

    def _truth(self, node: exp.Expression) -> exp.Expression:
        """AND, OR and NOT take booleans alone."""
        for name in ("this", "expression"):
            side = node.args.get(name)
            if side is not None:
                node.set(name, self._condition(side, node.key.upper()))
        return node

    def _condition(self, node: exp.Expression, where: str) -> exp.Expression:
        kind = kind_of(node)
        if kind not in (None, BOOLEAN):
            what = f"A value of type {kind} stands where {where} needs a condition."
            raise refusal(what, "Compare it with something.")
        return self.as_kind(node, BOOLEAN)

    def _is(self, node: exp.Expression) -> exp.Expression:
        if isinstance(node.expression, exp.Boolean):
            node.set("this", self._condition(node.this, "IS"))
        return node
