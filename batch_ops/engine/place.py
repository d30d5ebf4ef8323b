"""What belongs to a place and not to an operation: addresses, permissions, connections, modules,
how long the journal keeps what has ended.

It stands in `batch_ops.toml` in the project folder; for each entry there is an environment variable
that wins over it.
"""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from batch_ops import registry
from batch_ops.database.connect import URL_VARIABLE
from batch_ops.engine.options import default_actor
from batch_ops.errors import UsageError
from batch_ops.spec.durations import parse_duration

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import timedelta
    from pathlib import Path

FILE = "batch_ops.toml"
ADDRESS_VARIABLE = "BATCH_OPS_NOTIFY_"
PERMISSIONS_VARIABLE = "BATCH_OPS_PERMISSIONS"
MODULES_VARIABLE = "BATCH_OPS_MODULES"
RETENTION_VARIABLE = "BATCH_OPS_RETENTION"
DEFAULT_ACTOR = "default"
TIMEOUT = "timeout"
"""No name of a channel: its variable says how long a receiver is waited for."""


@dataclass(frozen=True, slots=True)
class Variable:
    """A value that stands in a variable of the environment: `{env = "NAME"}`."""

    name: str

    @property
    def value(self) -> str | None:
        return os.environ.get(self.name) or None


Setting = str | Variable
Permissions = Mapping[str, frozenset[str]]


@dataclass(frozen=True, slots=True)
class Place:
    """The settings of a place. Addresses and URLs may hold passwords: they are never shown.

    Attributes:
        notify: where each channel's notifications go: an apprise URL.
        actors: what each actor may do; `default` is for those who are not named.
        modules: imported before the declarations are read; they may register functions.
        connections: the URL of each named connection.
        kept_for: how long the journal is to keep what has ended; None: nobody said.
    """

    notify: Mapping[str, Setting] = field(default_factory=dict, repr=False)
    actors: Permissions = field(default_factory=dict)
    modules: tuple[str, ...] = ()
    connections: Mapping[str, Setting] = field(default_factory=dict, repr=False)
    kept_for: timedelta | None = None

    @property
    def retention(self) -> timedelta | None:
        """How long the journal keeps what has ended: the environment's word, else the file's.

        Raises:
            UsageError: the variable holds no duration.
        """
        said = os.environ.get(RETENTION_VARIABLE)
        if not said:
            return self.kept_for
        try:
            return parse_duration(said)
        except ValueError as error:
            what = f"{RETENTION_VARIABLE} holds {said!r}, which is no duration."
            raise UsageError(what, todo=f"Write {error}.") from error

    @property
    def channels(self) -> tuple[str, ...]:
        """The channels that have an address, sorted."""
        named = {key.removeprefix(ADDRESS_VARIABLE).lower() for key in os.environ if _names(key)}
        known = {name.replace("-", "_").lower() for name in self.notify}
        every = {*self.notify, *(named - known)}
        return tuple(sorted(name for name in every if self.address(name)))

    def address(self, channel: str) -> str | None:
        """A channel's apprise URL: the environment's, else the file's, else None."""
        if channel.lower() == TIMEOUT:
            return None
        return os.environ.get(address_variable(channel)) or _value(self.notify.get(channel))

    def permissions_of(self, actor: str) -> frozenset[str]:
        """What an actor may do.

        BATCH_OPS_PERMISSIONS is the word for whoever acts now; then the function the project
        registered is asked; then the file.
        """
        said = os.environ.get(PERMISSIONS_VARIABLE)
        if said is not None and actor == default_actor():
            return frozenset(listed(said))
        source = registry.permissions()
        if source is not None:
            return frozenset(source(actor))
        return self.actors.get(actor, self.actors.get(DEFAULT_ACTOR, frozenset()))

    def permits(self, actor: str) -> Callable[[str], bool]:
        """Whether an actor has a permission; found out when it is asked."""
        return lambda permission: permission in self.permissions_of(actor)

    def import_modules(self, folder: Path) -> None:
        """Import the project's own modules; the project folder is looked in first.

        Raises:
            UsageError: one cannot be imported.
        """
        said = os.environ.get(MODULES_VARIABLE)
        modules = self.modules if said is None else listed(said)
        if modules and str(folder) not in sys.path:
            sys.path.insert(0, str(folder))
        for name in modules:
            _import(name, folder)

    def url(self, connection: str) -> str | None:
        """The URL of a named connection, as the file has it; None: it names none.

        Raises:
            UsageError: it stands in a variable that is not set.
        """
        setting = self.connections.get(connection)
        if isinstance(setting, Variable) and setting.value is None:
            raise UsageError(
                f"The URL of the connection {connection!r} stands in the variable {setting.name},"
                " which is not set.",
                todo=f"Set it, or set {URL_VARIABLE}_{connection.upper()}.",
            )
        return _value(setting)


def address_variable(channel: str) -> str:
    """The variable that wins over the file's address of a channel."""
    return ADDRESS_VARIABLE + channel.replace("-", "_").upper()


def listed(text: str) -> tuple[str, ...]:
    """The parts of a list with commas."""
    return tuple(part.strip() for part in text.split(",") if part.strip())


def _names(variable: str) -> bool:
    name = variable.removeprefix(ADDRESS_VARIABLE)
    return variable.startswith(ADDRESS_VARIABLE) and name.lower() not in ("", TIMEOUT)


def _value(setting: Setting | None) -> str | None:
    return setting.value if isinstance(setting, Variable) else setting


def _import(name: str, folder: Path) -> None:
    try:
        importlib.import_module(name)
    except Exception as error:
        raise UsageError(
            f"The module {name!r} of the project cannot be imported:"
            f" {type(error).__name__}: {error}",
            todo=f"Mend it, or take it out of `modules` in {folder / FILE} and {MODULES_VARIABLE}.",
        ) from error
