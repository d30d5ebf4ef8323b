"""What a database does not understand is over at once: the mended declaration can be run."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from sqlalchemy.exc import DBAPIError

from batch_ops.engine import RunOptions, history, run
from batch_ops.errors import BatchOpsError
from batch_ops.results import Counts, Status
from batch_ops_tests.support import accounts

if TYPE_CHECKING:
    from pathlib import Path

TEXT = """
name: accounts
key: [region, number]
fields: {{region: string(10), number: integer, balance: integer, status: string(20)}}
patterns:
  - name: batch_operations
    operation: close
    operation_type: update
    update_data: {{balance: 0}}
    where_condition: "{where}"
"""


def test_a_wrong_comparison_is_refused_and_blocks_nothing(
    tmp_path: Path, postgresql_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BATCH_OPS_DATABASE_URL", postgresql_url)
    project = accounts.project(tmp_path, postgresql_url, TEXT.format(where="status = 5"))
    accounts.make_accounts(project.database(), 20)
    with pytest.raises((BatchOpsError, DBAPIError)):
        run(project, "close")
    (refused,) = history(project)
    assert (refused.status, refused.stopped_reason) == (Status.REFUSED, "not_understood")
    project.dispose()
    mended = accounts.project(tmp_path, postgresql_url, TEXT.format(where="status = 'open'"))
    result = run(mended, "close", options=RunOptions(batch_size=7))
    assert result.counts == Counts(total=20, updated=20)
    mended.dispose()
