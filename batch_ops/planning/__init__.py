"""How much: keyset boundaries by counting, row ranges of files, the stored plan."""

from __future__ import annotations
