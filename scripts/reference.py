"""Writes what is made of the code: the tables in docs/operations.md, and the schema for editors.

Usage: make reference
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING

from batch_ops.database.choice import dialect_for
from batch_ops.results import OUTCOMES, Status
from batch_ops.spec import functions, schema
from batch_ops.spec.fields import ALIASES
from batch_ops.spec.model import Field, FieldType
from batch_ops.spec.vocabulary import SECTIONS
from batch_ops.spec.vocabulary.records import SOURCES

if TYPE_CHECKING:
    from collections.abc import Iterable

    from batch_ops.spec.option import Option

PAGE = Path(__file__).parents[1] / "docs" / "operations.md"
PART = re.compile(r"(<!-- begin: (\w+) -->\n).*?(<!-- end: \2 -->)", re.DOTALL)
DATABASES = {"SQLite": "sqlite", "PostgreSQL": "postgresql", "MySQL, MariaDB": "mysql"}
GROUPS = {
    "numbers": "abs ceil ceiling floor mod power round sign sqrt trunc",
    "texts": "char_length concat left length lower lpad ltrim position replace right rpad rtrim"
    " split_part starts_with strpos substr substring trim upper",
    "moments": "date_part date_trunc extract",
    "choices": "cast coalesce greatest least nullif",
}
COUNTERS = {
    "total": "the rows a step's statements matched, or its source gave; the sum of the others",
    "created": "put into the table",
    "updated": "changed in the table",
    "unchanged": "in the table already, with the same values",
    "deleted": "removed, or marked as deleted",
    "selected": "found by a `select`, or done by a custom function",
    "not_found": "keys of a list that no row has",
    "invalid": "refused by a rule or a type before it was written: a reject",
    "failed": "refused by the database or a function: a reject",
    "skipped": "not written by intent or rollback: a conflict, a later record of the same key, one"
    " that a trigger left out, a"
    " batch that stopped",
    "cascaded": "removed besides by a foreign key; outside the sum",
}
STATES = {
    Status.PLANNED: "its plan is stored, nothing was written yet",
    Status.AWAITING_CONFIRMATION: "it waits for a person's yes",
    Status.RUNNING: "a process works on it, or did until it died",
    Status.PAUSED: "somebody paused it; `resume` goes on",
    Status.STOPPED: "it stopped between two batches: a limit, an interrupt, a refused row",
    Status.FAILED: "an error ended it; what was committed stays, `resume` goes on",
    Status.CANCELLED: "somebody ended it for good; what was committed stays",
    Status.REFUSED: "a guard did not hold; no row was written",
    Status.COMPLETED: "done",
    Status.COMPLETED_WITH_ERRORS: "done, with rejects",
    Status.COMPLETED_WITH_FAILED_CHECKS: "done, and a postcondition does not hold",
}


def main() -> None:
    """Write both files."""
    PAGE.write_text(page(PAGE.read_text()))
    schema.FILE.write_text(schema.text())


def page(text: str) -> str:
    """The page with its generated parts as they are today."""
    makers = {
        "options": options,
        "sources": sources,
        "types": types,
        "functions": known_functions,
        "counters": counters,
        "states": states,
    }
    return PART.sub(lambda found: f"{found[1]}{makers[found[2]]()}\n{found[3]}", text)


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """A table of Markdown."""
    lines = [list(head), ["---"] * len(list(head)), *map(list, rows)]
    return "\n".join("| " + " | ".join(map(_cell, line)) + " |" for line in lines)


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def options() -> str:
    """Every option, by section."""
    head = ("option", "where", "meaning", "without it", "example")
    parts = [
        f"### {title}\n\n{table(head, [_row(o) for o in section if o.form])}"
        for title, section in SECTIONS.items()
    ]
    return "\n\n".join(parts)


def _row(option: Option) -> list[str]:
    where = ", ".join(option.places)
    kinds = f" ({', '.join(option.kinds)})" if option.kinds else ""
    without = option.otherwise
    if option.default is not None:
        without = f"`{json.dumps(option.default)}`"
    return [f"`{option.name}`", where + kinds, option.meaning, without, f"`{option.example}`"]


def sources() -> str:
    """What `data_source` may say."""
    rows = [[f"`{word}`", meaning] for word, meaning in SOURCES.items()]
    return table(("data_source", "records"), rows)


def types() -> str:
    """The field types on each database."""
    made = [dialect_for(backend) for backend in DATABASES.values()]
    rows = []
    for kind in FieldType:
        named = [f"`{alias}`" for alias, meant in ALIASES.items() if meant is kind]
        field = Field("x", kind)
        columns = [f"`{dialect.field_sql(field)}`" for dialect in made]
        rows.append([f"`{kind}`", *columns, ", ".join(named)])
    return table(("type", *DATABASES, "other words for it"), rows)


def known_functions() -> str:
    """The functions of an expression, in groups."""
    grouped = {name: text.split() for name, text in GROUPS.items()}
    known = {each for group in grouped.values() for each in group}
    assert known == functions.SCALARS, known ^ functions.SCALARS
    grouped["aggregates (in conditions and sub-selects)"] = sorted(functions.AGGREGATES)
    grouped["now"] = sorted(functions.VOLATILE)
    grouped["who acts"] = sorted(functions.OWN)
    rows = [[n, ", ".join(f"`{each.upper()}`" for each in names)] for n, names in grouped.items()]
    types_of_cast = ", ".join(f"`{name}`" for name in sorted(functions.TYPES))
    return table(("group", "functions"), [*rows, ["types of a CAST", types_of_cast]])


def counters() -> str:
    """The counters of a result."""
    assert set(COUNTERS) == {"total", *OUTCOMES, "cascaded"}
    rows = [[f"`{name}`", meaning] for name, meaning in COUNTERS.items()]
    return table(("counter", "rows"), rows)


def states() -> str:
    """The states of an execution."""
    rows = [[f"`{status}`", STATES[status]] for status in Status]
    return table(("status", "meaning"), rows)


if __name__ == "__main__":
    main()
