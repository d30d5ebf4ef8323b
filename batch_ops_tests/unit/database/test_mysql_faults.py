"""What errors of MySQL mean."""

from __future__ import annotations

import pytest
from pymysql.err import OperationalError

from batch_ops.database.choice import dialect_for
from batch_ops.database.faults import FaultKind


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (OperationalError(1213, "Deadlock found when trying to get lock"), FaultKind.TRANSIENT),
        (OperationalError(1305, "SAVEPOINT one does not exist"), FaultKind.TRANSIENT),
        (OperationalError(1305, "FUNCTION shop.one does not exist"), FaultKind.SYSTEMIC),
    ],
)
def test_a_savepoint_that_went_with_a_deadlock_is_a_deadlock(
    error: OperationalError, kind: FaultKind
) -> None:
    assert dialect_for("mysql").fault(error).kind is kind
