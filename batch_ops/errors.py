"""Every error a user can meet.

Each message says what happened, what state the data is in, and what to do next.

    BatchOpsError
    ├── UsageError                  exit 2   the command, a parameter or a declaration is wrong
    │   ├── DeclarationError                 an entity file; knows file, line, column
    │   ├── UnknownNameError                 an operation, option, column, parameter …
    │   ├── ParameterError                   a value that is missing or has the wrong type
    │   └── SourceError                      a source that cannot be read as declared
    ├── RefusedError                exit 3   nothing was written
    │   ├── ConfirmationError                it wants a person's yes
    │   ├── PreconditionFailedError
    │   ├── CheckNotEvaluatedError           a precondition could not be judged
    │   ├── OwnershipError                   another execution holds the table
    │   ├── UnfinishedExecutionError         `resume` is meant
    │   ├── AlreadyCompletedError            `run --again` is meant
    │   ├── LimitExceededError               more rows planned than max_records allows
    │   └── DatabaseUnfitError               read-only, a table missing …
    │       └── DatabaseUnreachableError     not there, or gone
    └── ExecutionError              exit 4   it began and did not reach its end
        ├── StoppedError                     a limit, a request, an interrupt; resumable
        ├── TakenOverError                   another process works on the execution now
        ├── SourceChangedError               the file is not the one it began with
        ├── FunctionFailedError              a custom function of the project's
        ├── BatchOperationError              rows of a call of BatchTable failed
        │   └── BatchValidationError         its schema refused rows
        ├── BatchBrokenError                 the database could not go on in a call of BatchTable
        └── EngineFault                      a promise of ours does not hold; a bug
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from batch_ops.bulk.failures import FailedRow
    from batch_ops.bulk.result import BatchResult


@dataclass(frozen=True, slots=True)
class Location:
    """A place in a declaration: file, 1-based line and column, and the text that stands there.

    secret: whether the line may hold a password: nobody shows it.
    """

    file: str
    line: int = 0
    column: int = 0
    text: str = ""
    secret: bool = False

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}:{self.column}" if self.line else self.file
        return f"{place}: {self.text.strip()}" if self.text.strip() else place


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known word a person most likely meant, or None when none is near."""
    by_folded = {name.casefold(): name for name in known}
    found = get_close_matches(word.casefold(), by_folded, n=1, cutoff=0.6)
    return by_folded[found[0]] if found else None


_PASSWORD = re.compile(r"(://[^\s:/@]*:)[^\s/]*(?=@)|([?&]\w*password=)[^\s&'\"]*", re.IGNORECASE)


_SHORTEST_SECRET = 4
"""What is shorter protects nothing, and would tear other words apart."""
_secrets: dict[str, None] = {}


def keep_secret(value: str) -> None:
    """From now on this value is shown in no text that passes `without_passwords`."""
    if len(value) >= _SHORTEST_SECRET:
        _secrets[value] = None


def without_passwords(text: str) -> str:
    """A text as it may be shown: the passwords of the URLs in it, and all that is to be kept
    secret, are replaced by `***`.
    """
    return _PASSWORD.sub(r"\1\2***", without_secrets(text))


def without_secrets(text: str) -> str:
    """A text without what is to be kept secret; quick where there is none."""
    for secret in sorted(_secrets, key=len, reverse=True):
        text = text.replace(secret, "***")
    return text


class BatchOpsError(Exception):
    """What happened, what state the data is in, and what to do next.

    Attributes:
        what: what happened, one sentence.
        state: what state the data is in; empty where nothing was touched and that is plain.
        todo: what to do next.
        location: the place in a declaration, where there is one.
        exit_code: the shell's exit code for it.
        execution_id: the execution it belongs to, where there is one.
    """

    exit_code: ClassVar[int] = 4
    default_state: ClassVar[str] = ""

    def __init__(
        self,
        what: str,
        *,
        state: str | None = None,
        todo: str = "",
        location: Location | None = None,
        execution_id: str | None = None,
    ) -> None:
        self.what = without_passwords(what)
        self.state = self.default_state if state is None else state
        self.todo = without_passwords(todo)
        self.location = location
        self.execution_id = execution_id
        super().__init__(str(self))

    def __str__(self) -> str:
        lines = [f"{self.location}" if self.location else "", self.what, self.state, self.todo]
        return "\n".join(line for line in lines if line)

    def to_dict(self) -> dict[str, Any]:
        """The error as one JSON object with stable keys."""
        place = self.location
        return {
            "error": type(self).__name__,
            "what": self.what,
            "state": self.state,
            "todo": self.todo,
            "file": place.file if place else None,
            "line": place.line if place else None,
            "column": place.column if place else None,
            "execution_id": self.execution_id,
        }


class UsageError(BatchOpsError):
    """The command, a parameter or a declaration is wrong."""

    exit_code = 2
    default_state = "Nothing was written."


class DeclarationError(UsageError):
    """An entity file is wrong; `location` says where."""


class UnknownNameError(UsageError):
    """A name nobody declared, with the nearest right one.

    Attributes:
        kind: what the name should have been: "operation", "option", "column" …
        name: the name as given.
        suggestion: the nearest known name, or None.
    """

    def __init__(self, kind: str, name: str, known: Iterable[str], **more: Any) -> None:
        self.kind, self.name = kind, name
        choices = sorted(set(known))
        self.suggestion = nearest(name, choices)
        todo = more.pop("todo", None) or _did_you_mean(kind, self.suggestion, choices)
        super().__init__(f"There is no {kind} {name!r}.", todo=todo, **more)


def _did_you_mean(kind: str, suggestion: str | None, known: list[str]) -> str:
    if suggestion:
        return f"Did you mean {suggestion!r}?"
    if not known:
        return f"No {kind} is known here."
    shown = ", ".join(known[:12]) + (" …" if len(known) > 12 else "")
    return f"Known: {shown}."


class ParameterError(UsageError):
    """A parameter's value is missing or has the wrong type."""


class SourceError(UsageError):
    """A source cannot be read as it is declared."""


class RefusedError(BatchOpsError):
    """Refused before the first row was written."""

    exit_code = 3
    default_state = "No row was written."


class ConfirmationError(RefusedError):
    """The operation wants a person's yes, and nobody gave it."""


class PreconditionFailedError(RefusedError):
    """A precondition does not hold; the message tells the observed value."""


class CheckNotEvaluatedError(RefusedError):
    """A precondition could not be evaluated, so nobody knows whether it holds."""


class OwnershipError(RefusedError):
    """Another execution holds a target table."""


class UnfinishedExecutionError(RefusedError):
    """The same operation with the same parameters began before and has not ended."""


class AlreadyCompletedError(RefusedError):
    """The same source or the same `once` operation was completed before."""


class LimitExceededError(RefusedError):
    """More rows are planned than `max_records` allows."""


class DatabaseUnfitError(RefusedError):
    """The database cannot take this operation: read-only, a table missing."""


class NotUnderstoodError(DatabaseUnfitError):
    """The database does not understand what is declared: a name, a type, a missing privilege."""


class DatabaseUnreachableError(DatabaseUnfitError):
    """The database does not answer; to an execution under way that is a passing trouble."""


class ExecutionError(BatchOpsError):
    """The execution began and did not reach its end."""

    default_state = "What was committed stays; the rest was rolled back."


class StoppedError(ExecutionError):
    """Stopped by a limit, a request or an interrupt; `reason` is the result's stopped_reason."""

    def __init__(self, reason: str, what: str, **more: Any) -> None:
        self.reason = reason
        super().__init__(what, **more)


class TakenOverError(ExecutionError):
    """Another process works on this execution now; this one may not write any more."""


class SourceChangedError(ExecutionError):
    """The source is not the one the execution began with."""

    exit_code = 3


class FunctionFailedError(ExecutionError):
    """A custom function failed, also when it was called again."""


class EngineFault(ExecutionError):
    """A promise of the engine does not hold; the batch was rolled back. A bug: please report it."""


class BatchOperationError(ExecutionError):
    """A call of `BatchTable` in which rows failed.

    Attributes:
        operation: the call: "create_many", "update_many" …
        success_count: rows that were written, and stay.
        failure_count: rows that were refused.
        failures: these rows, with index, key, data and error.
        result: the call's whole result.
    """

    def __init__(self, operation: str, result: BatchResult[Any], what: str, **more: Any) -> None:
        self.operation = operation
        self.result = result
        self.success_count: int = result.succeeded
        self.failures: Sequence[FailedRow] = result.failed
        self.failure_count: int = len(result.failed)
        super().__init__(what, **more)


class BatchValidationError(BatchOperationError):
    """A call of `BatchTable` in which the schema refused rows.

    Attributes:
        invalid: the refused rows; of each the `index` and its `errors`.
    """

    def __init__(self, operation: str, result: BatchResult[Any], what: str, **more: Any) -> None:
        super().__init__(operation, result, what, **more)
        self.invalid = [row for row in result.failed if row.error.category == "validation"]


class BatchBrokenError(ExecutionError):
    """The database could not go on in the midst of a call of `BatchTable`.

    Attributes:
        operation: the call: "create_many", "update_many" …
        success_count: rows that were written before, and stay.
        result: what became of the rows before.
    """

    def __init__(self, operation: str, result: BatchResult[Any], what: str, **more: Any) -> None:
        self.operation = operation
        self.result = result
        self.success_count: int = result.succeeded
        super().__init__(what, **more)
