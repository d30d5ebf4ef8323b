"""Refusing what a database cannot be made to mean as PostgreSQL does."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from batch_ops.errors import DeclarationError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from batch_ops.spec.model import Expression, FieldType


def refusal(what: str, todo: str) -> DeclarationError:
    """The error for something that would mean something else here, to be raised by the caller."""
    return DeclarationError(what, todo=todo)


@contextmanager
def placed(expression: Expression) -> Iterator[None]:
    """Errors from within get the expression's place in its file."""
    try:
        yield
    except DeclarationError as error:
        if error.location is not None:
            raise
        location = expression.location
        raise DeclarationError(error.what, todo=error.todo, location=location) from error


def read_text(reader: Callable[[str], Any], text: str, kind: FieldType) -> Any:
    """A text read as a value of a kind; in words where it is none."""
    try:
        return reader(text)
    except (ValueError, ArithmeticError) as error:
        what = f"The text {text!r} stands where a value of type {kind} is meant: {error}."
        raise refusal(what, f"Write a value of type {kind}.") from error
