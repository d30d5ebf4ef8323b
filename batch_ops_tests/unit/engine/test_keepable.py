"""Where no images can be kept, an operation that is to be undone is refused by name."""

from __future__ import annotations

import pytest

from batch_ops.database.connect import open_database
from batch_ops.database.tables import Column, Table
from batch_ops.engine.keepable import refuse_unkept
from batch_ops.errors import DatabaseUnfitError
from batch_ops.spec.model import FieldType, Settings, Step, StepKind

COLUMNS = (Column("id", "INTEGER", FieldType.INTEGER, nullable=False),)


def step(kind: StepKind) -> Step:
    return Step("work", kind, "things", Settings())


def test_mysql_is_refused_before_it_is_asked_anything():
    table = Table("things", None, COLUMNS, ("id",), (("id",),))
    database = open_database("mysql+pymysql://nobody@nowhere.invalid/none")
    with pytest.raises(DatabaseUnfitError, match="not kept on mysql yet") as caught:
        refuse_unkept(database, step(StepKind.UPDATE), table)
    assert "Take `undo` away" in caught.value.todo
    refuse_unkept(database, step(StepKind.SELECT), table)


@pytest.mark.parametrize("unique", [(), (("id", "other"),)])
def test_a_key_that_nothing_keeps_unique_is_refused(tmp_path, unique):
    table = Table("things", None, COLUMNS, ("id",), unique)
    database = open_database(f"sqlite:///{tmp_path / 'none.db'}")
    with pytest.raises(DatabaseUnfitError, match="Nothing tells the rows of 'things' apart"):
        refuse_unkept(database, step(StepKind.DELETE), table)


def test_a_column_called_like_one_of_the_images_own_is_refused(tmp_path):
    more = Column("bo_state", "INTEGER", FieldType.INTEGER)
    table = Table("things", None, (*COLUMNS, more), ("id",), (("id",),))
    database = open_database(f"sqlite:///{tmp_path / 'none.db'}")
    with pytest.raises(DatabaseUnfitError, match="has a column bo_state"):
        refuse_unkept(database, step(StepKind.UPDATE), table)
