"""The project's own functions."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from batch_ops import function

ARCHIVE = Path(__file__).parent / "archive"


@function("archive_logs")
def archive_logs(records: list[dict[str, Any]]) -> None:
    """Keep a batch of log rows in a file; the same batch again makes the same file."""
    ARCHIVE.mkdir(exist_ok=True)
    lines = [json.dumps(record, default=str) + "\n" for record in records]
    name = f"{records[0]['id']}-{records[-1]['id']}.jsonl"
    (ARCHIVE / name).write_text("".join(lines))
