"""The options of what is told of an execution, where, and to whom."""

from __future__ import annotations

from batch_ops.spec import forms
from batch_ops.spec.option import Option, Place

_O = Place.OPERATION

OPTIONS = (
    Option(
        "progress_tracking",
        (_O,),
        forms.BOOLEAN,
        "Whether progress is told while it works.",
        "progress_tracking: false",
        default=True,
    ),
    Option(
        "progress_notification_interval",
        (_O,),
        forms.integer(1, 10**15),
        "Tell it after so many rows, besides once in a while.",
        "progress_notification_interval: 100000",
        otherwise="by time alone",
    ),
    Option(
        "heartbeat_interval",
        (_O,),
        forms.HEARTBEAT,
        "How often a process shows that it lives, from 1 second to 1 hour; after three missed it"
        " is held to be dead.",
        'heartbeat_interval: "10 seconds"',
        otherwise='"5 seconds"',
    ),
    Option(
        "logging_level",
        (_O,),
        forms.LOGGING_LEVEL,
        "What the log tells: begin and end (`minimal`), steps and chunks too (`normal`), every"
        " batch too (`detailed`).",
        "logging_level: detailed",
        default="normal",
    ),
    Option(
        "log_table",
        (_O,),
        forms.NAME,
        "The table with a row for each batch.",
        "log_table: order_logs",
        default="batch_operation_logs",
    ),
    Option(
        "collect_metrics",
        (_O,),
        forms.BOOLEAN,
        "Keep speed, times of batches, share of rejects, memory and waits for locks.",
        "collect_metrics: true",
        default=False,
    ),
    Option(
        "metrics_table",
        (_O,),
        forms.NAME,
        "The table these are kept in.",
        "metrics_table: order_metrics",
        default="batch_performance_metrics",
    ),
    Option(
        "notify_on_completion",
        (_O,),
        forms.BOOLEAN,
        "Tell people of a good end too; failures and half of the allowed errors are always told.",
        "notify_on_completion: true",
        default=False,
    ),
    Option(
        "notification_channels",
        (_O,),
        forms.CHANNELS,
        "Over which channels; their addresses stand in batch_ops.toml.",
        "notification_channels: [email, webhook]",
        otherwise="every one that has an address",
    ),
    Option(
        "notification_message",
        (_O,),
        forms.MESSAGE,
        "In which words, with {fields} of the result.",
        'notification_message: "Shipped {processed_records} orders"',
        otherwise="words of our own",
    ),
)
