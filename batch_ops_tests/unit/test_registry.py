"""Functions a project brings along: what names they may have, and how they are found."""

from __future__ import annotations

import os.path
from typing import TYPE_CHECKING

import pytest

import batch_ops
from batch_ops import registry
from batch_ops.errors import DeclarationError, UnknownNameError
from batch_ops.registry import Kind

if TYPE_CHECKING:
    from collections.abc import Iterator


def one(value: int) -> int:
    return value


def another(value: int) -> int:
    return value


NOT_A_FUNCTION = 1


@pytest.fixture(autouse=True)
def forgotten() -> Iterator[None]:
    """What a test registers is forgotten after it."""
    yield
    for kind in Kind:
        for name, called in registry.registered(kind).items():
            if called.__module__ == __name__:
                registry.unregister(name, kind)


def test_both_kinds_are_reached_from_the_package():
    assert batch_ops.sql_function("Fee_Of")(one) is one
    assert batch_ops.function("fees")(another) is another
    assert registry.registered()["fee_of"] is one
    assert registry.registered(Kind.STEP)["fees"] is another
    assert "fees" not in registry.registered()


def test_the_same_function_may_register_again_and_replaces_itself():
    """As a module does that is loaded again."""
    registry.sql_function("fee")(one)
    again = type(one)(one.__code__, globals(), "one")
    registry.sql_function("FEE")(again)
    assert registry.registered()["fee"] is again


@pytest.mark.parametrize("register", [registry.sql_function, registry.function])
def test_a_name_that_belongs_to_another_function_is_refused(register):
    register("fee")(one)
    with pytest.raises(DeclarationError, match=r"belongs to the function .*one already"):
        register("fee")(another)


@pytest.mark.parametrize("name", ["upper", "NOW", "current_user_id", "case", "text", "Coalesce"])
def test_words_of_the_language_are_refused(name):
    import batch_ops.spec.functions

    assert batch_ops.spec.functions
    with pytest.raises(DeclarationError, match="is a word of the expression language"):
        registry.sql_function(name)(one)


@pytest.mark.parametrize("name", ["", "a b", "1a", "a-b", "a.b", "ä"])
def test_what_is_no_word_is_refused(name):
    with pytest.raises(DeclarationError, match="is no name for the function"):
        registry.sql_function(name)(one)


def test_a_function_of_a_step_is_found_by_name_or_by_place():
    registry.function("fees")(one)
    assert registry.resolve("fees") is one
    assert registry.resolve("os.path:join") is os.path.join


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("feees", "fees"),
        ("nowhere_at_all:join", None),
        ("os.nowhere:join", None),
        ("os.path:jion", "os.path:join"),
        ("os.path:", None),
    ],
)
def test_a_function_nobody_knows_is_told_with_near_words(name, near):
    registry.function("fees")(one)
    with pytest.raises(UnknownNameError) as caught:
        registry.resolve(name)
    if near:
        assert caught.value.suggestion == near


@pytest.mark.parametrize("name", [f"{__name__}:NOT_A_FUNCTION", ":join", "..:join"])
def test_what_cannot_be_called_is_refused(name):
    with pytest.raises(DeclarationError):
        registry.resolve(name)
