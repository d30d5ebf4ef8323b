"""Where what is told of an execution is kept: tables an operation may name for itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from batch_ops.errors import DeclarationError
from batch_ops.journal.images import IMAGES_PREFIX
from batch_ops.journal.outputs import OUTPUT_PREFIX
from batch_ops.journal.tables import LOGS, METRICS, Tables

if TYPE_CHECKING:
    from batch_ops.journal import Journal
    from batch_ops.spec.catalog import Catalog
    from batch_ops.spec.model import Operation


def own_journal(journal: Journal, catalog: Catalog, operation: Operation) -> Journal:
    """The journal, with the tables of log and metrics the operation names.

    Raises:
        DeclarationError: a name is taken by something else.
    """
    judge_tables(catalog, operation)
    return journal.named(operation.telling.log_table, operation.telling.metrics_table)


def judge_tables(catalog: Catalog, operation: Operation) -> None:
    """Refuse names of tables that hold something else.

    Raises:
        DeclarationError: an entity's table, another one of the journal's, or one name for both.
    """
    telling = operation.telling
    log, metrics = telling.log_table or LOGS, telling.metrics_table or METRICS
    _judge(catalog, operation, "log_table", log, LOGS)
    _judge(catalog, operation, "metrics_table", metrics, METRICS)
    if log.casefold() == metrics.casefold():
        raise _taken(operation, "metrics_table", metrics, "the operation's `log_table`")


def _judge(catalog: Catalog, operation: Operation, option: str, name: str, usual: str) -> None:
    folded = name.casefold()
    if folded == usual:
        return
    for entity in catalog.entities.values():
        if entity.table.casefold() == folded:
            raise _taken(operation, option, name, f"the table of the entity {entity.name!r}")
    journal = {table.name for table in Tables().metadata.tables.values()}
    if folded in journal or folded.startswith((OUTPUT_PREFIX, IMAGES_PREFIX)):
        raise _taken(operation, option, name, "another table of the journal")


def _taken(operation: Operation, option: str, name: str, what: str) -> DeclarationError:
    return DeclarationError(
        f"The {option} {name!r} of {operation.name!r} is {what}.",
        todo="Name a table of its own; one that is not there is made.",
        location=operation.location,
    )
