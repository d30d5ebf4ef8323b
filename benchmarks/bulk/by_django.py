"""The peer Django: what its documentation offers for many rows."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import django  # type: ignore[import-untyped]
from django.conf import settings  # type: ignore[import-untyped]
from django.db import connections, transaction  # type: ignore[import-untyped]
from sqlalchemy import make_url

from benchmarks.bulk.rows import COLUMNS
from benchmarks.bulk.sides import CHUNK, Side, chunks

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import pandas as pd

    from benchmarks.bulk.rows import Row

if not settings.configured:
    settings.configure(
        DATABASES={"default": {"ENGINE": "django.db.backends.dummy"}},
        INSTALLED_APPS=["benchmarks.bulk.shop"],
        USE_TZ=True,
    )
    django.setup()

from benchmarks.bulk.shop.models import Account, Owner

OBJECTS_AT_ONCE = 100
"""Of one statement of `bulk_update`: with more it is slower."""
ENGINES = {"postgresql": "django.db.backends.postgresql", "sqlite": "django.db.backends.sqlite3"}
_NUMBERS = itertools.count(1)


class Django(Side):
    """bulk_create, bulk_update, and QuerySet's update, delete and in_bulk."""

    name = "Django"
    slow = frozenset({"create", "create_frame", "update", "upsert"})

    def __init__(self, url: str) -> None:
        self.alias = f"bench{next(_NUMBERS)}"
        connections.settings[self.alias] = connections.configure_settings(
            {"default": {}, self.alias: _settings(url)}
        )[self.alias]
        connections[self.alias].ensure_connection()
        self.accounts = Account.objects.using(self.alias)

    def close(self) -> None:
        connections[self.alias].close()
        del connections[self.alias]
        del connections.settings[self.alias]

    def create(self, given: list[Row]) -> None:
        self._create(given)

    def create_frame(self, given: pd.DataFrame) -> None:
        self._create(given.to_dict("records"))

    def update(self, given: list[Row]) -> None:
        made = [Account(id=one["key"], **one["data"]) for one in given]
        self.accounts.bulk_update(made, ["balance", "status"], batch_size=OBJECTS_AT_ONCE)

    def touch(self, given: Sequence[int]) -> None:
        with self._transaction():
            for keys in chunks(given):
                self.accounts.filter(pk__in=keys).update(status="closed")

    def update_where(self, given: None) -> None:
        self.accounts.filter(status="dormant").update(status="closed")

    def delete_where(self, given: None) -> None:
        self.accounts.filter(status="dormant").delete()

    def upsert(self, given: list[Row]) -> None:
        fields = list(COLUMNS[1:])
        self._create(given, update_conflicts=True, unique_fields=["id"], update_fields=fields)

    def delete_cascade(self, given: Sequence[int]) -> None:
        with self._transaction():
            for keys in chunks(given):
                Owner.objects.using(self.alias).filter(pk__in=keys).delete()

    def lookup(self, given: Sequence[int]) -> list[Any]:
        found: list[Any] = []
        for keys in chunks(given):
            found += self.accounts.in_bulk(keys).values()
        return found

    def _create(self, given: Iterable[Any], **options: Any) -> None:
        self.accounts.bulk_create([Account(**row) for row in given], batch_size=CHUNK, **options)

    def _transaction(self) -> Any:
        return transaction.atomic(using=self.alias)


def _settings(url: str) -> dict[str, Any]:
    given = make_url(url)
    return {
        "ENGINE": ENGINES[given.get_backend_name()],
        "NAME": given.database,
        "USER": given.username or "",
        "PASSWORD": given.password or "",
        "HOST": given.host or given.query.get("host", ""),
        "PORT": given.port or "",
    }
