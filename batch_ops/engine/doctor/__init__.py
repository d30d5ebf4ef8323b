"""Whether a project, its databases and what is under way in them are well. Writes nothing."""

from __future__ import annotations

from batch_ops.engine.doctor.examination import examine_database
from batch_ops.engine.doctor.findings import Finding, Level, Section, problem, sound, warning

__all__ = [
    "Finding",
    "Level",
    "Section",
    "examine_database",
    "problem",
    "sound",
    "warning",
]
