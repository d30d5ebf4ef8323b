"""One reader per kind of option value: it takes the node and gives the value, or an error."""

from __future__ import annotations

import codecs
import re
from keyword import iskeyword
from string import Formatter
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from batch_ops.errors import UnknownNameError
from batch_ops.results import MESSAGE_FIELDS
from batch_ops.spec.amounts import parse_amount
from batch_ops.spec.cron import judge_cron
from batch_ops.spec.durations import parse_duration
from batch_ops.spec.model import (
    CircuitBreaker,
    ErrorHandling,
    ErrorLimit,
    FolderSensor,
    LoggingLevel,
    OnConflict,
    Retry,
    Schedule,
    Throttle,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from datetime import timedelta

    from batch_ops.spec.nodes import Node

NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,62}")
_FUNCTION = re.compile(r"[A-Za-z_]\w*|[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*(\.[A-Za-z_]\w*)*")
_PERCENT = re.compile(r"(\d{1,3}(?:\.\d{1,6})?)\s*%")


def keep(node: Node) -> Node:
    """The node itself: the loader reads it when it knows the entities."""
    return node


def text(node: Node) -> str:
    """A text that is not empty."""
    if not node.text.strip():
        raise node.wrong("a text that is not empty")
    return node.text.strip()


def name(node: Node) -> str:
    """A name: letters, digits and underscores, at most 63."""
    if not isinstance(node.value, str) or not NAME.fullmatch(node.value):
        raise node.wrong("a name of letters, digits and underscores, 63 at most")
    return node.value


def own_name(node: Node) -> str:
    """A name that Dagster takes for an asset, a job or an op: no word of Python's own."""
    if isinstance(node.value, str) and iskeyword(node.value):
        raise node.wrong("a name that is no word of Python's own: add another word to it")
    return name(node)


def names(node: Node) -> tuple[str, ...]:
    """One name or a list of names, each once."""
    if isinstance(node.value, str) and "," not in node.value:
        return (name(node),)
    if isinstance(node.value, str):
        raise node.wrong("a list of names, for example [a, b]")
    found = tuple(name(child) for child in node.elements)
    for index, value in enumerate(found):
        if value in found[:index]:
            raise node.elements[index].error(f"The name {value!r} stands here twice.")
    if not found:
        raise node.wrong("at least one name")
    return found


def names_or_none(node: Node) -> tuple[str, ...]:
    """Like `names`; an empty list is allowed."""
    return () if node.value == () else names(node)


def table(node: Node) -> tuple[str | None, str]:
    """A table as (schema or None, table)."""
    parts = text(node).split(".")
    if len(parts) > 2 or not all(NAME.fullmatch(part) for part in parts):
        raise node.wrong("a table or schema.table")
    return (parts[0], parts[1]) if len(parts) == 2 else (None, parts[0])


def boolean(node: Node) -> bool:
    """`true` or `false`."""
    if not isinstance(node.value, bool):
        raise node.wrong("true or false")
    return node.value


def integer(low: int, high: int) -> Callable[[Node], int]:
    """A reader of whole numbers from low to high."""

    def read(node: Node) -> int:
        whole = isinstance(node.value, int) and not isinstance(node.value, bool)
        if not isinstance(node.value, int) or not whole or not low <= node.value <= high:
            raise node.wrong(f"a whole number from {low:,} to {high:,}")
        return node.value

    return read


def number(node: Node, low: float, high: float) -> float:
    """A number from low to high."""
    value = node.value
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not low <= value <= high:
        raise node.wrong(f"a number from {low:,} to {high:,}")
    return float(value)


def character(node: Node) -> str:
    """One character."""
    if not isinstance(node.value, str) or len(node.value) != 1 or node.value in "\r\n\0":
        raise node.wrong("one character in quotes")
    return node.value


def encoding(node: Node) -> str:
    """A text encoding Python knows."""
    try:
        return codecs.lookup(text(node)).name
    except LookupError as error:
        known = ("utf-8", "utf-16", "latin-1", "cp1252", "ascii")
        raise UnknownNameError("encoding", text(node), known, location=node.location) from error


def texts(node: Node) -> tuple[str, ...]:
    """One text or a list of texts, which may be empty."""
    if isinstance(node.value, str):
        return (node.value,)
    return tuple(child.text for child in node.elements)


def duration(node: Node) -> timedelta:
    """A duration: "30 minutes", "2h", ISO 8601; a bare number has no unit and is refused."""
    try:
        return parse_duration(node.text)
    except ValueError as error:
        raise node.wrong(str(error)) from error


def amount(node: Node) -> int:
    """An amount of memory in bytes: "512 MB", "2 GiB"; a bare number has no unit and is refused."""
    try:
        return parse_amount(node.text)
    except ValueError as error:
        raise node.wrong(str(error)) from error


def circuit_breaker(node: Node) -> CircuitBreaker:
    """A number of batches, or a mapping of CircuitBreaker's parts."""
    if isinstance(node.value, int):
        return CircuitBreaker(_batches(node))
    found = parts(node, ("batches", "share"))
    if "batches" not in found:
        raise node.error("The circuit breaker has no number of batches.", "Write `batches: 5`.")
    share = found.get("share")
    return CircuitBreaker(_batches(found["batches"]), None if share is None else _share(share))


def _share(node: Node) -> float:
    found = _PERCENT.fullmatch(node.value.strip()) if isinstance(node.value, str) else None
    if not found or float(found.group(1)) > 100:
        raise node.wrong('a share from "0%" to "100%"')
    return float(found.group(1)) / 100


def error_limit(node: Node) -> ErrorLimit:
    """A number of rows, or a share of the rows processed as "1%"."""
    if isinstance(node.value, int) and not isinstance(node.value, bool) and node.value >= 0:
        return ErrorLimit(rows=node.value)
    found = _PERCENT.fullmatch(node.value.strip()) if isinstance(node.value, str) else None
    if not found or float(found.group(1)) > 100:
        raise node.wrong('a number of rows, or a share from "0%" to "100%"')
    return ErrorLimit(share=float(found.group(1)) / 100)


def error_handling(node: Node) -> ErrorHandling:
    """What a bad row costs."""
    return ErrorHandling(one_of(node, [e.value for e in ErrorHandling]))


def on_conflict(node: Node) -> OnConflict:
    """What becomes of a record whose key is in the table already."""
    return OnConflict(one_of(node, [e.value for e in OnConflict]))


def logging_level(node: Node) -> LoggingLevel:
    """How much the log says."""
    return LoggingLevel(one_of(node, [e.value for e in LoggingLevel]))


def one_of(node: Node, known: Iterable[str]) -> str:
    """One of several words."""
    word, choices = text(node), list(known)
    if word not in choices:
        kind = node.label.text.partition(":")[0].strip("- ") if node.label else "word"
        raise UnknownNameError(f"value of {kind}", word, choices, location=node.location)
    return word


def parts(node: Node, known: Iterable[str]) -> Mapping[str, Node]:
    """The nodes of a mapping with known names."""
    choices = tuple(known)
    for key, child in node.items.items():
        if key not in choices:
            raise UnknownNameError("option", key, choices, location=child.label)
    return node.items


def retry(node: Node) -> Retry:
    """`{max_retries, initial_delay, max_delay, backoff_factor}`; delays in seconds or as text."""
    found = parts(node, ("max_retries", "initial_delay", "max_delay", "backoff_factor"))
    read: dict[str, Any] = {}
    for key, child in found.items():
        read[key] = _RETRY[key](child)
    made = Retry(**read)
    if made.initial_delay > made.max_delay:
        raise node.error("initial_delay is longer than max_delay.")
    return made


def _delay(node: Node) -> float:
    if isinstance(node.value, str):
        return duration(node).total_seconds()
    return number(node, 0, 86_400)


_batches = integer(1, 1_000)
_RETRY: Mapping[str, Callable[[Node], Any]] = {
    "max_retries": integer(0, 100),
    "initial_delay": _delay,
    "max_delay": _delay,
    "backoff_factor": lambda node: number(node, 1, 100),
}


def throttle(node: Node) -> Throttle:
    """A pause between batches as a duration, or a mapping of Throttle's parts."""
    if isinstance(node.value, str):
        return Throttle(duration(node))
    found = parts(node, tuple(_THROTTLE))
    if not found:
        raise node.wrong('a pause as "100 ms", or {pause, rows_per_second, max_active}')
    return Throttle(**{name: _THROTTLE[name](part) for name, part in found.items()})


_THROTTLE: Mapping[str, Callable[[Node], Any]] = {
    "pause": duration,
    "rows_per_second": lambda node: number(node, 0.001, 10**9),
    "max_active": integer(1, 100_000),
}


def heartbeat(node: Node) -> timedelta:
    """A duration of 1 second to 1 hour."""
    found = duration(node)
    if not 1 <= found.total_seconds() <= 3600:
        raise node.wrong("a duration of 1 second to 1 hour")
    return found


def function_name(node: Node) -> str:
    """The name of a registered function, or `module:function`."""
    if not _FUNCTION.fullmatch(text(node)):
        raise node.wrong("the name of a function, or module:function")
    return text(node)


def channels(node: Node) -> tuple[str, ...]:
    """`email`, `webhook` and others that batch_ops.toml names, each once."""
    return names(node)


def message(node: Node) -> str:
    """A text with `{field}` for the fields of a result."""
    found = text(node)
    try:
        asked = [name for _, name, _, _ in Formatter().parse(found) if name is not None]
    except ValueError as error:
        raise node.wrong(f"a text with {{field}} in it ({error})") from error
    for name in asked:
        if name not in MESSAGE_FIELDS:
            place = node.at(max(node.text.find("{" + name), 0))
            raise UnknownNameError("field of a result", name, MESSAGE_FIELDS, location=place)
    return found


def schedule(node: Node) -> Schedule:
    """A cron text, or `{cron, timezone, confirm}`."""
    if isinstance(node.value, str):
        return Schedule(_cron(node))
    found = parts(node, ("cron", "timezone", "confirm"))
    if "cron" not in found:
        raise node.error("The schedule has no cron text.", 'Write `cron: "0 3 * * *"`.')
    zone = _timezone(found["timezone"]) if "timezone" in found else "UTC"
    return Schedule(_cron(found["cron"]), zone, _confirm(found))


def _confirm(found: Mapping[str, Node]) -> bool:
    return boolean(found["confirm"]) if "confirm" in found else False


def _cron(node: Node) -> str:
    try:
        judge_cron(text(node))
    except ValueError as error:
        raise node.wrong(str(error)) from error
    return text(node)


def _timezone(node: Node) -> str:
    try:
        return ZoneInfo(text(node)).key
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise node.wrong("a time zone, for example Europe/Berlin") from error


def sensor(node: Node) -> FolderSensor:
    """`{folder, pattern, confirm}`."""
    found = parts(node, ("folder", "pattern", "confirm"))
    if "folder" not in found:
        raise node.error("The sensor has no folder.", "Write `folder: …`.")
    read = {key: text(child) for key, child in found.items() if key != "confirm"}
    return FolderSensor(**read, confirm=_confirm(found))
