"""Entity files made wrong as texts: `mutate` makes them wrong where it knows what stands there."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from batch_ops_tests.support.fuzz.corpus import TEXTS, WORDS, dice_of, spoiled_bytes, spoiled_word
from batch_ops_tests.support.mutate import Texts, good_files

if TYPE_CHECKING:
    import random

_SCALAR = re.compile(r"(: +|- +)(\S.*)$")


def declaration(seed: int, number: int) -> Texts:
    """The n-th group of files, of which one is wrong in one to three places."""
    dice = dice_of(seed, "declaration", number)
    texts = dict(dice.choice(_GOOD))
    file = dice.choice(list(texts))
    for _ in range(dice.choice((1, 1, 2, 3))):
        texts[file] = _wrong(dice, texts[file])
    return texts


_GOOD = good_files()


def _wrong(dice: random.Random, text: str) -> str:
    lines = text.splitlines(keepends=True) or [""]
    at = dice.randrange(len(lines))
    match dice.randrange(8):
        case 0:
            return spoiled_bytes(dice, text.encode("utf-8", "replace")).decode("utf-8", "replace")
        case 1:
            other = dice.choice(list(dice.choice(_GOOD).values())).splitlines(keepends=True)
            return "".join([*lines[:at], *other[dice.randrange(len(other)) :]])
        case 2:
            block = lines[at : at + dice.choice((1, 3, 8))]
            place = dice.randrange(len(lines))
            return "".join([*lines[:place], *block, *lines[place:]])
        case 3:
            lines[at] = " " * dice.randrange(9) + lines[at].lstrip()
        case 4:
            lines[at] = _with_value(dice, lines[at], spoiled_word(dice, lines[at].strip()))
        case 5:
            lines[at] = _with_value(dice, lines[at], dice.choice(WORDS))
        case 6:
            lines[at] = _with_value(dice, lines[at], repr(dice.choice(TEXTS)))
        case _:
            del lines[at : at + dice.choice((1, 2, 5))]
    return "".join(lines)


def _with_value(dice: random.Random, line: str, value: str) -> str:
    """The line with another value; where there is none, with another word."""
    found = _SCALAR.search(line.rstrip("\n"))
    kept = line[: found.start(2)] if found else line[: dice.randrange(len(line) + 1)]
    return f"{kept}{value}\n"
