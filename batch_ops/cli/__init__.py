"""The door for the shell: `batch-ops`."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command of `sys.argv` and exit with its code.

    0 done; 1 done, with rejects; 2 usage or declaration wrong; 3 refused, no row was written;
    4 began and did not reach its end; 130 interrupted.
    """
    from batch_ops.cli.app import execute

    sys.exit(execute(sys.argv[1:]))
