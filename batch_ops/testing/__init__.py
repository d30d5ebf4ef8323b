"""Testing operations: scratch databases, generated rows, and what a correct run must do.

`batch-ops generate-tests` writes tests that use it; tests written by hand may as well. It needs
the extra `testing`.
"""

from __future__ import annotations

from batch_ops.testing.expected import About, Expected
from batch_ops.testing.scratch import Scratch

__all__ = ["About", "Expected", "Scratch"]
