"""Keys that earlier batches brought are told beforehand: no batch is copied twice for them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from batch_ops.spec.model import CsvSource, Entity, Field, FieldType
from batch_ops_tests.support.loading import database_with, load, opened, rows

if TYPE_CHECKING:
    from pathlib import Path

    from batch_ops_tests.support.loading import Loaded

FIELDS = (
    Field("id", FieldType.INTEGER, nullable=False),
    Field("twin", FieldType.INTEGER),
    Field("mail", FieldType.STRING, nullable=False, length=40),
)
PEOPLE = Entity("people", "people", FIELDS, ("id",))
TABLE = (
    "CREATE TABLE people (id INTEGER PRIMARY KEY, twin INTEGER UNIQUE, mail VARCHAR(40) NOT NULL,"
    " UNIQUE (mail))"
)
ROWS = 4000


def lines(*, repeat: bool) -> list[str]:
    """Records with equal first two keys; on demand some that repeat one of a batch far back."""
    found = [f"{n},{n},m{n}" for n in range(ROWS)]
    if repeat:
        found[2100] = f"{ROWS},{ROWS},m17"
        found[3100] = f"18,{ROWS},x"
        found[3900] = f"{ROWS},19,x"
    return found


def loaded(url: str, folder: Path, records: list[str]) -> tuple[Loaded, int]:
    """What became of the records, and the bytes their table takes."""
    (folder / "in.csv").write_text("id,twin,mail\n" + "\n".join(records) + "\n")
    database = database_with(url, "DROP TABLE IF EXISTS people", TABLE)
    source = opened(database, CsvSource("in.csv"), PEOPLE, folder=folder)
    found = load(database, source, PEOPLE, batch_size=500)
    size = rows(database, "SELECT pg_relation_size('people')")[0][0]
    database.dispose()
    return found, size


def test_no_batch_is_copied_twice_for_keys_met_before(postgresql_url: str, tmp_path: Path) -> None:
    """What COPY wrote and had to take back would still lie in the table's file."""
    clean, clean_size = loaded(postgresql_url, tmp_path, lines(repeat=False))
    assert clean.rejects == []
    found, size = loaded(postgresql_url, tmp_path, lines(repeat=True))
    assert found.reasons == {
        2101: ("23505", "mail"),
        3101: ("23505", "id"),
        3901: ("23505", "twin"),
    }
    assert found.created == ROWS - 3
    assert size <= clean_size + 8192
