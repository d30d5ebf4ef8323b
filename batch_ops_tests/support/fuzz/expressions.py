"""SQL expressions: grown from a grammar, right and wrong types alike, and spoiled afterwards."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from batch_ops_tests.support import hostile
from batch_ops_tests.support.fuzz.corpus import TEXTS, dice_of

if TYPE_CHECKING:
    import random

COLUMNS = ("id", "name", "amount", "price", "born", "seen", "active", "note", "mark", "nobody")
PARAMETERS = (":number", ":word", ":list", ":nobody", ":number.x", ":rows.id")
OPERATORS = (
    *("+", "-", "*", "/", "%", "||", "=", "<>", "!=", "<", ">", "<=", ">=", "AND", "OR", "LIKE"),
    *(
        "ILIKE",
        "NOT LIKE",
        "IS DISTINCT FROM",
        "IS NOT DISTINCT FROM",
        "~",
        "->",
        "->>",
        "^",
        "==",
        "&",
    ),
)
FUNCTIONS = (
    *(
        "ABS",
        "ROUND",
        "COALESCE",
        "NULLIF",
        "LENGTH",
        "LOWER",
        "UPPER",
        "TRIM",
        "REPLACE",
        "CONCAT",
    ),
    *(
        "SUBSTRING",
        "NOW",
        "CURRENT_DATE",
        "DATE_TRUNC",
        "GREATEST",
        "LEAST",
        "SIGN",
        "CEIL",
        "FLOOR",
    ),
    *(
        "POWER",
        "SQRT",
        "MOD",
        "COUNT",
        "SUM",
        "AVG",
        "MIN",
        "MAX",
        "BOOL_AND",
        "STRPOS",
        "LEFT",
        "LPAD",
    ),
    *("TO_CHAR", "RANDOM", "PG_SLEEP", "SPLIT_PART", "CHAR_LENGTH", "POSITION", "MD5", "nobody"),
)
TYPES = (
    "INTEGER",
    "BIGINT",
    "TEXT",
    "NUMERIC(5,2)",
    "DATE",
    "TIMESTAMP",
    "BOOLEAN",
    "UUID",
    "nobody",
)
SIGNS = (*"()[]{},;:'\"`\\%$?@#~!^&|*/+-=<> \n\t\x00", "--", "/*", "*/", "::", "''", "é", "\u202e")


def expression(seed: int, number: int) -> str:
    """The n-th expression: half of them fit together, the other half is anything; every fifth one
    is spoiled, some are hostile.
    """
    dice = dice_of(seed, "expression", number)
    if dice.random() < 0.08:
        return _spoiled(dice, dice.choice(hostile.EXPRESSIONS))
    depth = dice.choice((1, 2, 2, 3, 4))
    fits = dice.random() < 0.5
    made = _fitting(dice, "truth" if fits and number % 2 == 0 else "text", depth)
    made = made if fits else _grown(dice, depth)
    return _spoiled(dice, made) if dice.random() < 0.2 else made


FITTING = {
    "number": (
        *(
            "{number} + {number}",
            "{number} - {number}",
            "{number} * {number}",
            "{number} / {number}",
        ),
        *(
            "{number} % {number}",
            "ABS({number})",
            "ROUND({number}, 1)",
            "LENGTH({text})",
            "-{number}",
        ),
        *("COALESCE({number}, {number})", "NULLIF({number}, 0)", "POWER({number}, 2)"),
        *("CASE WHEN {truth} THEN {number} ELSE {number} END", "CAST({text} AS INTEGER)"),
        *("EXTRACT(YEAR FROM {moment})", "GREATEST({number}, {number})", "SQRT(ABS({number}))"),
        "(SELECT MAX(g.amount) FROM goods AS g)",
    ),
    "text": (
        *("{text} || {text}", "LOWER({text})", "UPPER({text})", "SUBSTRING({text}, 2, {number})"),
        *(
            "REPLACE({text}, 'n', {text})",
            "CONCAT({text}, {text})",
            "TRIM({text})",
            "LEFT({text}, 3)",
        ),
        *("COALESCE({text}, 'none')", "CAST({number} AS TEXT)", "CAST({moment} AS TEXT)"),
        *("CASE WHEN {truth} THEN {text} END", "NULLIF({text}, {text})", "CAST({truth} AS TEXT)"),
        *("SPLIT_PART({text}, 'o', 1)", "LEFT({text}, 3)"),
    ),
    "truth": (
        *("{number} = {number}", "{number} < {number}", "{text} = {text}", "{text} LIKE {text}"),
        *(
            "{truth} AND {truth}",
            "{truth} OR {truth}",
            "NOT {truth}",
            "{text} IS NULL",
            "({truth})",
        ),
        *("{number} BETWEEN {number} AND {number}", "{number} IN ({number}, {number})"),
        *(
            "{text} IS NULL",
            "{moment} < {moment}",
            "{text} IS DISTINCT FROM {text}",
            "id IN (:list)",
        ),
        "EXISTS (SELECT 1 FROM goods AS g WHERE g.id = goods.id AND {truth})",
    ),
    "moment": (
        *(
            "{moment} + INTERVAL '1 day'",
            "DATE_TRUNC('month', {moment})",
            "COALESCE({moment}, NOW())",
        ),
        "CASE WHEN {truth} THEN {moment} ELSE {moment} END",
    ),
}
LEAVES = {
    "number": ("id", "amount", "price", "0", "1", "-2", "2.5", "1000000", ":number", "NULL"),
    "text": ("name", "note", "'x'", "''", "'é'", "'%'", "'1'", ":word", "NULL"),
    "truth": ("active", "TRUE", "FALSE", "NULL"),
    "moment": ("born", "seen", "NOW()", "CURRENT_DATE", "CAST('2020-02-29' AS DATE)"),
}


def _fitting(dice: random.Random, kind: str, depth: int) -> str:
    """An expression of a kind whose parts are of the kinds they should be."""
    if depth == 0:
        return dice.choice(LEAVES[kind])
    parts = re.split(r"\{(\w+)\}", dice.choice(FITTING[kind]))
    for place in range(1, len(parts), 2):
        parts[place] = _fitting(dice, parts[place], depth - 1)
    return "".join(parts)


def _spoiled(dice: random.Random, text: str) -> str:
    for _ in range(dice.choice((1, 1, 2, 4))):
        at = dice.randrange(len(text) + 1)
        text = text[:at] + dice.choice((*SIGNS, *SIGNS, "", dice.choice(TEXTS))) + text[at + 1 :]
    return text


def _grown(dice: random.Random, depth: int) -> str:
    if depth == 0:
        return _leaf(dice)

    def part() -> str:
        return _grown(dice, depth - 1)

    match dice.randrange(12):
        case 0 | 1 | 2 | 3:
            return f"{part()} {dice.choice(OPERATORS)} {part()}"
        case 4 | 5:
            arguments = ", ".join(part() for _ in range(dice.randrange(4)))
            return f"{dice.choice(FUNCTIONS)}({arguments})"
        case 6:
            return f"CASE WHEN {part()} THEN {part()} ELSE {part()} END"
        case 7:
            return f"({part()})"
        case 8:
            return f"CAST({part()} AS {dice.choice(TYPES)})"
        case 9:
            return f"{part()} {dice.choice(('IN', 'NOT IN'))} ({part()}, {part()})"
        case 10:
            return (
                f"{part()} {dice.choice(('IS NULL', 'IS NOT NULL', 'BETWEEN 1 AND 2', '::TEXT'))}"
            )
        case _:
            return dice.choice(
                (
                    f"NOT {part()}",
                    f"-{part()}",
                    f"EXTRACT(YEAR FROM {part()})",
                    f"EXISTS (SELECT 1 FROM goods WHERE {part()})",
                    f"{part()} IN (SELECT id FROM goods)",
                    f"INTERVAL {_quoted(dice)}",
                    f"COUNT(*) FILTER (WHERE {part()})",
                )
            )


def _leaf(dice: random.Random) -> str:
    match dice.randrange(6):
        case 0 | 1:
            return dice.choice(COLUMNS)
        case 2:
            return dice.choice(PARAMETERS)
        case 3:
            return dice.choice(
                ("0", "1", "-1", "2.5", "1e3", "99999999999999999999", "1e400", "NULL")
            )
        case 4:
            return dice.choice(
                ("TRUE", "FALSE", "CURRENT_TIMESTAMP", "DATE '2020-01-01'", "'x'", "''")
            )
        case _:
            return _quoted(dice)


def _quoted(dice: random.Random) -> str:
    return "'" + dice.choice(TEXTS).replace("'", "''") + "'"
