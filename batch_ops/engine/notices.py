"""Who is told of an execution, and when; every door ends an execution here."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Protocol

from sqlalchemy.exc import DBAPIError

from batch_ops.errors import DatabaseUnfitError
from batch_ops.journal import notifications
from batch_ops.observers import letters
from batch_ops.observers.notify import Delivery, Post
from batch_ops.results import Status

if TYPE_CHECKING:
    from batch_ops.database import Database
    from batch_ops.engine.project import Project
    from batch_ops.journal import Journal
    from batch_ops.observers.letters import Letter
    from batch_ops.results import Counts, Result
    from batch_ops.spec.model import ErrorLimit, Operation

_GOOD = (Status.COMPLETED, Status.COMPLETED_WITH_ERRORS)
_BAD = (Status.FAILED, Status.REFUSED, Status.COMPLETED_WITH_FAILED_CHECKS)
_SOMEBODY = ("interrupted", "taken_over", "repaired_in_part")
"""Reasons to stop that somebody knows who is there."""
_logger = logging.getLogger("batch_ops")


class Subject(Protocol):
    """The execution that is told of."""

    project: Project
    journal: Journal
    operation: Operation

    @property
    def id(self) -> str: ...

    @property
    def database(self) -> Database: ...


class Notices:
    """The notifications of one execution, sent from this process."""

    def __init__(self, execution: Subject) -> None:
        self._execution, self._post = execution, Post()
        self._ended = self._near = False

    @property
    def channels(self) -> tuple[str, ...]:
        """The channels the operation names, else every one that has an address."""
        named = self._execution.operation.notification.channels
        return named or self._execution.project.place.channels

    def begin(self) -> None:
        """Say which of the channels cannot be reached."""
        for channel in self.channels:
            if self._execution.project.place.address(channel) is None:
                _logger.warning(
                    "notification_channel_without_address operation=%s channel=%s",
                    self._execution.operation.name,
                    channel,
                )

    def errors_near(self, counts: Counts, limit: ErrorLimit) -> bool:
        """Tell, once in an execution, that half of the allowed rejects were met; whether it was
        told now.
        """
        if self._near:
            return False
        self._near = True
        if self._told_before(letters.ERRORS):
            return False
        allowed = f"{limit.rows:,}" if limit.share is None else f"{limit.share:.0%} of the rows"
        name, identifier = self._execution.operation.name, self._execution.id
        self._send(letters.errors(name, identifier, counts, allowed))
        return True

    def ended(self, result: Result) -> None:
        """Tell how the execution ended, where somebody wants to know; once."""
        told = self._of(result)
        if told is not None and not self._ended:
            self._ended = True
            self._send(told)
        self.settle()

    def settle(self, share: float = 1.0) -> None:
        """Wait for what is under way, at most `share` of the time there is for it, and keep what
        became of it.
        """
        settled = self._post.settle(share)
        for delivery in settled:
            if not delivery.success:
                _log_failure(self._execution, delivery)
        if settled:
            self._keep(settled)

    def _of(self, result: Result) -> Letter | None:
        notification, reason = self._execution.operation.notification, result.stopped_reason
        if result.status in _GOOD:
            good = letters.completed(result, notification.message)
            return good if notification.completion else None
        stopped = result.status is Status.STOPPED and reason not in _SOMEBODY
        if stopped or result.status in _BAD:
            return letters.failed(result, notification.message)
        return None

    def _send(self, letter: Letter) -> None:
        for channel in self.channels:
            address = self._execution.project.place.address(channel)
            self._post.send(letter, channel, address)

    def _told_before(self, event: str) -> bool:
        try:
            with self._execution.database.reading() as connection:
                journal = self._execution.journal
                return notifications.was_sent(journal, connection, self._execution.id, event)
        except (DBAPIError, DatabaseUnfitError):
            return False  # twice is better than never

    def _keep(self, settled: list[Delivery]) -> None:
        rows = [
            {
                "event": each.event,
                "channel": each.channel,
                "sent_at": each.sent_at,
                "success": each.success,
                "error_message": each.error,
            }
            for each in settled
        ]
        try:
            with self._execution.database.writing() as connection:
                notifications.add(self._execution.journal, connection, self._execution.id, rows)
        except (DBAPIError, DatabaseUnfitError):
            _logger.warning(
                "notifications_not_kept execution=%s number=%s", self._execution.id, len(rows)
            )


def _log_failure(execution: Subject, delivery: Delivery) -> None:
    _logger.warning(
        "notification_failed execution=%s operation=%s event=%s channel=%s error=%r",
        execution.id,
        execution.operation.name,
        delivery.event,
        delivery.channel,
        delivery.error,
    )
