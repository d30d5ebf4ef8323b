"""Values that only the database can compute from a record's fields, before the record is loaded."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from batch_ops.database.render import Bind


@dataclass(frozen=True, slots=True)
class Computing:
    """With what values are computed.

    Attributes:
        reading: a transaction that reads, on a connection of its own: `Database.reading`.
        binds: what each `:name` means.
        calls: what to call for the functions that Python answers, by name in lower case.
    """

    reading: Callable[[], AbstractContextManager[Connection]]
    binds: Mapping[str, Bind] = field(default_factory=dict)
    calls: Mapping[str, Callable[..., Any]] = field(default_factory=dict)
