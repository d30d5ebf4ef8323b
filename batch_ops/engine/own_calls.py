"""The functions in expressions that Python answers: who acts, what they may, a project's own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from batch_ops import registry

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


def own_calls(actor: str, permitted: Callable[[str], bool]) -> Mapping[str, Callable[..., Any]]:
    """What to call, by name in lower case; the same call is made once.

    Args:
        actor: who started the execution: CURRENT_USER_ID().
        permitted: whether who works on it now has a permission: CURRENT_USER_HAS_PERMISSION(…).
    """
    known: dict[str, Callable[..., Any]] = {
        **registry.registered(),
        "current_user_id": lambda: actor,
        "current_user_has_permission": permitted,
    }
    return {name: _once(function) for name, function in known.items()}


def _once(function: Callable[..., Any]) -> Callable[..., Any]:
    answers: dict[str, Any] = {}

    def ask(*arguments: Any) -> Any:
        asked = repr(arguments)
        if asked not in answers:
            answers[asked] = function(*arguments)
        return answers[asked]

    return ask
