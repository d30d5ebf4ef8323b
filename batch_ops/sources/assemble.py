"""Putting a source together: what it reads, makes of it, and is judged by."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from batch_ops.database.load import Layout
from batch_ops.errors import SourceError
from batch_ops.sources.compose import Composer
from batch_ops.sources.csv_source import CsvRows
from batch_ops.sources.cut import Marks
from batch_ops.sources.header import NO_FIELD
from batch_ops.sources.normal import Shape
from batch_ops.sources.recipe import recipe_of
from batch_ops.sources.records import Form
from batch_ops.sources.rules import prepare
from batch_ops.sources.screen import Screens
from batch_ops.sources.texts import NULL_TEXT

if TYPE_CHECKING:
    from batch_ops.database.load import Position
    from batch_ops.sources.asked import Asked
    from batch_ops.sources.csv_source import Store
    from batch_ops.sources.header import Fields
    from batch_ops.sources.recipe import Recipe

_TOLD = 12
"""So many names of columns that are passed over are told."""


@dataclass(frozen=True, slots=True)
class Opened:
    """A source as far as the names of its fields.

    Attributes:
        first: where its first record begins.
        delimiter, quote, null_values: of the records in the store.
        odd: whether there may be what is no record: see Shape.
        empty: whether it has no records, but perhaps what is none.
    """

    store: Store
    fields: Fields
    first: Position
    delimiter: str = ","
    quote: str = '"'
    null_values: tuple[str, ...] = (NULL_TEXT,)
    odd: bool = False
    empty: bool = False


def assembled(opened: Opened, asked: Asked) -> CsvRows:
    """The source, ready to be read.

    Raises:
        SourceError: its records do not make rows of the table as they are to.
    """
    fields, recipe = opened.fields, recipe_of(asked, opened.fields)
    layout = _layout(opened, recipe)
    if not layout.targets and not opened.empty:
        what = f"The source {opened.store.name} fills no column of {asked.table.full_name!r}."
        raise SourceError(what, todo="Give its records fields, or the step values.")
    rules = asked.rules if layout.targets else ()
    prepared = tuple(prepare(rules, layout.targets, asked.rule_context))
    layout = replace(layout, rules=tuple(rule.stage for rule in prepared))
    form = Form(
        layout=layout,
        shape=_shape(opened, recipe),
        names=fields.names,
        nulls=opened.null_values,
        key=asked.table.key,
        rules=prepared,
        composer=_composer(opened, recipe) if recipe else None,
    )
    screens = Screens(asked.table, layout, prepared, asked.dialect)
    notes = _notes(fields, recipe)
    return CsvRows(opened.store, form, screens, opened.first, notes, fields.kinds)


def _layout(opened: Opened, recipe: Recipe | None) -> Layout:
    """How the fields of what is loaded lie."""
    if recipe is not None:
        return Layout(tuple(recipe.parts), null_values=(NULL_TEXT,))
    columns = opened.fields.columns
    return Layout(columns, opened.delimiter, opened.quote, opened.null_values)


def _shape(opened: Opened, recipe: Recipe | None) -> Shape:
    names, columns = opened.fields.names, opened.fields.columns
    marks = Marks(ord(opened.delimiter), ord(opened.quote), single=len(names) == 1)
    own = tuple(place for place, name in enumerate(columns) if name is not None)
    return Shape(marks, len(names), recipe.places if recipe else own, opened.odd)


def _composer(opened: Opened, recipe: Recipe) -> Composer:
    return Composer(recipe, Layout((), opened.delimiter, opened.quote, opened.null_values))


def _notes(fields: Fields, recipe: Recipe | None) -> tuple[str, ...]:
    used = set(recipe.used) if recipe else set()
    used |= {place for place, column in enumerate(fields.columns) if column is not None}
    names = [n for place, n in enumerate(fields.names) if place not in used and n != NO_FIELD]
    if not names:
        return ()
    more = f" and {len(names) - _TOLD} more" if len(names) > _TOLD else ""
    shown = ", ".join(names[:_TOLD]) + more
    source = fields.naming.source
    if len(names) == 1:
        word = fields.naming.fields.removesuffix("s")
        return (f"The {word} {shown} of {source} is not mapped and is passed over.",)
    return (f"The {fields.naming.fields} {shown} of {source} are not mapped and are passed over.",)
