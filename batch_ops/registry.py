"""The functions a project brings along: for SQL expressions, and for steps of their own.

Two kinds are kept apart. `@sql_function("name")` makes a Python function callable in expressions,
with literals and parameters as its arguments; its answer is bound as a value. `@function("name")`
names a function for steps of the type `custom_function`; one without a name is found as
`module:attribute`.
"""

from __future__ import annotations

import importlib
import re
from contextlib import contextmanager
from enum import StrEnum
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

from batch_ops.errors import DeclarationError, UnknownNameError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from batch_ops.errors import Location

_F = TypeVar("_F", bound="Callable[..., Any]")
_P = TypeVar("_P", bound="Callable[[str], Iterable[str]]")
_SQL_NAME = re.compile(r"[a-z_][a-z0-9_]*")
_NAME = re.compile(r"[A-Za-z_][\w.-]*")

PermissionSource: TypeAlias = "Callable[[str], Iterable[str]]"


class Kind(StrEnum):
    """What a registered function is for: SQL expressions, or steps of its own."""

    SQL = "sql_function"
    STEP = "function"


_functions: dict[Kind, dict[str, Callable[..., Any]]] = {kind: {} for kind in Kind}
_reserved: set[str] = set()
_permissions: list[PermissionSource] = []


def sql_function(name: str) -> Callable[[_F], _F]:
    """Make a Python function callable in SQL expressions.

    It is called with literals and values of parameters (a list parameter is a list) and gives one
    value: a bool, number, text, date, time, datetime, UUID or None.

    Args:
        name: what expressions call it; without regard to case.

    Raises:
        DeclarationError: the name is no word, one of the language's own, or another function's.
    """
    return _decorator(Kind.SQL, name)


def function(name: str) -> Callable[[_F], _F]:
    """Give a Python function a name that steps of the type `custom_function` call it by.

    Raises:
        DeclarationError: the name is no name, or another function's.
    """
    return _decorator(Kind.STEP, name)


def permission_source(called: _P) -> _P:
    """Let a Python function say what an actor may do: it is called with the actor's name and gives
    names of permissions. It wins over `batch_ops.toml`; of several the last one is asked.
    """
    _permissions[:] = [called]
    return called


def permissions() -> PermissionSource | None:
    """The function that says what an actor may do, where the project registered one."""
    return _permissions[-1] if _permissions else None


def forget_permissions() -> None:
    """Forget that function; where there is none it is no error."""
    _permissions.clear()


def resolve(name: str, location: Location | None = None) -> Callable[..., Any]:
    """The function of a step: by its registered name, or as `module:attribute`.

    Raises:
        UnknownNameError: nobody registered it, or there is no such module or attribute.
        DeclarationError: what is there cannot be called.
    """
    known = _functions[Kind.STEP]
    if name in known:
        return known[name]
    module, colon, path = name.partition(":")
    if not colon:
        raise UnknownNameError("function", name, known, location=location)
    found = _attribute(module, path, location)
    if not callable(found):
        what = f"{name!r} is of the type {type(found).__name__}, and no function."
        raise DeclarationError(what, todo="Name a function.", location=location)
    resolved: Callable[..., Any] = found
    return resolved


def registered(kind: Kind = Kind.SQL) -> Mapping[str, Callable[..., Any]]:
    """The registered functions of a kind by name, as they are now; SQL names in lower case."""
    return dict(_functions[kind])


def unregister(name: str, kind: Kind = Kind.SQL) -> None:
    """Forget a function; one that is not there is no error."""
    _functions[kind].pop(_key(kind, name), None)


@contextmanager
def replaced(functions: Mapping[str, Callable[..., Any]]) -> Iterator[None]:
    """Within it, steps call these functions instead of those of the same names."""
    known = _functions[Kind.STEP]
    before = dict(known)
    known.update(functions)
    try:
        yield
    finally:
        known.clear()
        known.update(before)


def reserve(names: Iterable[str]) -> None:
    """Keep names of the expression language, in lower case, from being registered.

    Raises:
        DeclarationError: one of them is taken already.
    """
    _reserved.update(names)
    for name, taken in _functions[Kind.SQL].items():
        _refuse_reserved(name, taken)


def _decorator(kind: Kind, name: str) -> Callable[[_F], _F]:
    def register(called: _F) -> _F:
        _register(kind, name, called)
        return called

    return register


def _register(kind: Kind, name: str, called: Callable[..., Any]) -> None:
    key = _key(kind, name)
    if not (_SQL_NAME if kind is Kind.SQL else _NAME).fullmatch(key):
        todo = "Use letters, digits and underscores."
        raise DeclarationError(f"{name!r} is no name for {_words(called)}.", todo=todo)
    if kind is Kind.SQL:
        _refuse_reserved(key, called)
    before = _functions[kind].get(key)
    if before is not None and _origin(before) != _origin(called):
        what = f"The name {name!r} of {_words(called)} belongs to {_words(before)} already."
        raise DeclarationError(what, todo="Give one of them another name.")
    _functions[kind][key] = called


def _refuse_reserved(key: str, called: Callable[..., Any]) -> None:
    if key in _reserved:
        what = f"The name {key!r} of {_words(called)} is a word of the expression language."
        raise DeclarationError(what, todo="Give the function another name.")


def _key(kind: Kind, name: str) -> str:
    return name.strip().lower() if kind is Kind.SQL else name.strip()


def _origin(called: Callable[..., Any]) -> tuple[str, str]:
    """Where a function was written: a module that is loaded again makes new ones of the same."""
    named = getattr(called, "__qualname__", None)
    return getattr(called, "__module__", ""), named or f"{type(called).__qualname__}#{id(called)}"


def _words(called: Callable[..., Any]) -> str:
    return "the function " + ".".join(_origin(called)).partition("#")[0]


def _module(name: str, location: Location | None) -> Any:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{name}.".startswith(f"{error.name}."):
            raise  # the module is there, and something it needs is not
        todo = "Is it installed, or in a folder of PYTHONPATH?"
        raise UnknownNameError("module", name, (), todo=todo, location=location) from error
    except (ValueError, TypeError) as error:
        what = f"{name!r} is no name of a module: {error}."
        raise DeclarationError(what, todo="Write `module:function`.", location=location) from error


def _attribute(module: str, path: str, location: Location | None) -> Any:
    found = imported = _module(module, location)
    for name in path.split("."):
        if not hasattr(found, name):
            known = [f"{module}:{each}" for each in vars(imported) if not each.startswith("_")]
            raise UnknownNameError("function", f"{module}:{path}", known, location=location)
        found = getattr(found, name)
    return found
