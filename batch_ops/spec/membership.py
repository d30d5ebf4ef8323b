"""Whether a condition lets through nothing but rows that an earlier step handed on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot import exp

if TYPE_CHECKING:
    from batch_ops.spec.model import Expression


def only_among(condition: Expression, name: str) -> bool:
    """Whether every place of `:name` says `… IN (:name)` or `… = ANY(:name)` in a part of the
    condition that must be true: then fewer rows behind the name mean fewer rows of the condition.
    """
    places = [p for p in condition.tree.find_all(exp.Placeholder) if p.name == name]
    return bool(places) and all(_must_be_in(place) for place in places)


def _must_be_in(place: exp.Expr) -> bool:
    membership = place.find_ancestor(exp.In, exp.EQ)
    if membership is None or place.find_ancestor(exp.Query) is not None:
        return False
    if not _is_all(membership, place):
        return False
    above = membership.parent
    while above is not None:
        if not isinstance(above, exp.And | exp.Paren):
            return False
        above = above.parent
    return True


def _is_all(membership: exp.Expr, place: exp.Expr) -> bool:
    """Whether the rows behind the name are all there is on the right side."""
    if isinstance(membership, exp.In):
        return [each.unnest() for each in membership.expressions] == [place]
    right = membership.expression
    meant = right.this if isinstance(right, exp.Any) else right
    return meant.unnest() is place
