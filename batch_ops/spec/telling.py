"""What is told of an execution, where, and to whom."""

from __future__ import annotations

from typing import TYPE_CHECKING

from batch_ops.errors import DeclarationError
from batch_ops.spec.model import LoggingLevel, Notification, Telling

if TYPE_CHECKING:
    from batch_ops.spec.options import Given


def read_telling(given: Given) -> Telling:
    """The options of progress, log and metrics.

    Raises:
        DeclarationError: an option that says nothing beside another one.
    """
    _judge(given, "progress_notification_interval", "progress_tracking")
    _judge(given, "metrics_table", "collect_metrics")
    return Telling(
        progress=given.get("progress_tracking", True),
        every_rows=given.get("progress_notification_interval"),
        heartbeat=given.get("heartbeat_interval"),
        level=given.get("logging_level", LoggingLevel.NORMAL),
        log_table=given.get("log_table"),
        metrics=given.get("collect_metrics", False),
        metrics_table=given.get("metrics_table"),
    )


def read_notification(given: Given) -> Notification:
    """The options of notifications; without channels, every channel that has an address."""
    return Notification(
        completion=given.get("notify_on_completion", False),
        channels=given.get("notification_channels", ()),
        message=given.get("notification_message"),
    )


def _judge(given: Given, option: str, switch: str) -> None:
    if option in given and given.get(switch) is False:
        what = f"The option {option!r} says nothing beside `{switch}: false`."
        raise DeclarationError(what, location=given.place(option))
