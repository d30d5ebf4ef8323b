"""Whether what declarations name besides tables is there: channels, tables of log and metrics."""

from __future__ import annotations

from typing import TYPE_CHECKING

from batch_ops.errors import BatchOpsError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from batch_ops.cli.declarations import Declarations


def channels_without_address(checked: Declarations) -> Iterator[str]:
    """Channels an operation names and nobody gave an address, one sentence each."""
    from batch_ops.engine.place import FILE, address_variable
    from batch_ops.engine.placefile import read_place

    place = read_place(checked.folder)
    for operation in checked.operations:
        for channel in operation.notification.channels:
            if place.address(channel) is None:
                yield (
                    f"The channel {channel!r} of {operation.name} has no address; give it one in"
                    f" [notify] of {FILE}, or set {address_variable(channel)}."
                )


def tables_taken(checked: Declarations) -> Iterator[BatchOpsError]:
    """Names of tables of log and metrics that hold something else."""
    from batch_ops.engine.telling import judge_tables

    for operation in checked.operations:
        try:
            judge_tables(checked.catalog, operation)
        except BatchOpsError as error:
            yield error
