"""`python -m batch_ops`: the same as `batch-ops`."""

from __future__ import annotations

from batch_ops.cli import main

if __name__ == "__main__":
    main()
