"""What inputs are made of: texts that were trouble somewhere, and how to spoil bytes and words."""

from __future__ import annotations

import random
from typing import TypeVar

T = TypeVar("T")

TEXTS = (
    *("", " ", "\t", "\n", "\r\n", "0", "-0", "00", "007", "1", "-1", "+1", "1.0", "1,0", "1e5"),
    *("1e999", "-1e999", "NaN", "nan", "inf", "-Infinity", "0x1F", "1_000", "٣", "½", "１２"),
    *("9223372036854775807", "9223372036854775808", "-9223372036854775809", "2147483648"),
    *("9" * 40, "0." + "3" * 40, "1" + "0" * 400, ".5", "5.", ".", "-", "+", "e", "1e", "--1"),
    *("true", "TRUE", "f", "yes", "on", "maybe", "null", "NULL", "None", "NA", "undefined"),
    *("2020-02-30", "2020-01-01", "0000-00-00", "9999-12-31", "10000-01-01", "-0001-01-01"),
    *("2020-01-01T25:00:00", "2020-01-01 10:00:00+02:00", "2020-01-01T10:00:00Z", "24:00:00"),
    *("infinity", "epoch", "now", "today", "10:00", "1 day", "P1D", "1 fortnight", "-3 hours"),
    *("a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", "{a0eebc999c0b4ef8bb6d6bb9bd380a11}", "not-a-uuid"),
    *("'", "''", '"', '""', "`", "\\", "\\\\", "\\'", "%", "%s", "%(x)s", ":", "::", ":x", "?"),
    *("$1", "{}", "{x}", "${x}", "{{x}}", "#", "--", "/*", "*/", ";", "'; DROP TABLE victims; --"),
    *(
        "é",
        "e\u0301",
        "ß",
        "İ",
        "ﬀ",
        "\u202e",
        "\u200b",
        "\ufeff",
        "\u2028",
        "\x85",
        "😀",
        "👩‍👩‍👧‍👦",
    ),
    *("\x00", "a\x00b", "\x07", "\x1b[31m", "\x7f", "\ud800", "\udfff", "\ufffe", "a\rb", "a\\nb"),
    *(
        "[]",
        "{}",
        "[1, 2]",
        '{"a": 1}',
        "[[[[]]]]",
        "[" * 2000,
        "{" * 2000,
        "(" * 300,
        "[1,",
        '{"a"',
    ),
    *("@", "@@", "@missing.json", "@.", "@/", "-p", "--", "=", "==", "a=b", "/etc/passwd", "../.."),
    *(
        "C:\\x",
        "file:///x",
        "package://x",
        "http://x",
        "~",
        "~root",
        "*",
        "**",
        "|",
        "&",
        "!",
        "<<",
    ),
    *("x" * 300, "x" * 70_000, " x ", "x ", " x", "con", "select", "SELECT", "table", "id", "ID"),
)

WORDS = (
    *("id", "name", "key", "fields", "patterns", "operation", "where_condition", "steps", "true"),
    *("null", "~", "[]", "{}", "- a", "a: b", "*x", "&x", "!!binary", "!!python/object:os.system"),
    *("<<: *x", "? a", "|", ">", "---", "...", "%YAML 1.1", "# x", "2013-01-01", "1e3", "0o7", "y"),
)


def dice_of(seed: int, kind: str, number: int) -> random.Random:
    """The dice of the n-th input of a kind."""
    return random.Random(f"{seed} {kind} {number}")


def spoiled_bytes(dice: random.Random, data: bytes) -> bytes:
    """Bytes of which some are missing, doubled, other ones, or moved."""
    made = bytearray(data)
    for _ in range(dice.choice((1, 1, 1, 2, 3, 8))):
        _spoil(dice, made)
    return bytes(made)


_BYTES = (
    *(
        b"\x00",
        b"\xff",
        b"\xfe\xff",
        b"\xef\xbb\xbf",
        b"\xc3",
        b"\xed\xa0\x80",
        b"\r",
        b"\n",
        b"\r\n",
    ),
    *(
        b'"',
        b'""',
        b'"""',
        b",",
        b",,",
        b";",
        b"\t",
        b"\\",
        b"'",
        b"|",
        b"\x1a",
        b"\x0b",
        b"\xe2\x80\xa8",
    ),
)


def _spoil(dice: random.Random, made: bytearray) -> None:
    at = dice.randrange(len(made) + 1)
    length = dice.choice((1, 1, 2, 5, 40))
    match dice.randrange(6):
        case 0:
            del made[at : at + length]
        case 1:
            made[at:at] = made[at : at + length] * dice.choice((1, 2, 20))
        case 2:
            made[at : at + length] = dice.choice(_BYTES)
        case 3:
            made[at:at] = dice.choice(_BYTES)
        case 4:
            made[at : at + 1] = bytes([dice.randrange(256)])
        case _:
            made[at:at] = dice.choice(TEXTS).encode("utf-8", "surrogatepass")


def spoiled_list(dice: random.Random, words: list[str], more: tuple[str, ...]) -> list[str]:
    """Words of which some are missing, doubled, swapped, or other ones."""
    made = list(words)
    for _ in range(dice.choice((1, 1, 2, 3))):
        at = dice.randrange(len(made) + 1)
        match dice.randrange(6):
            case 0:
                del made[at : at + 1]
            case 1:
                made[at:at] = made[at : at + 1]
            case 2:
                dice.shuffle(made)
            case 3:
                made[at : at + 1] = [spoiled_word(dice, *made[at : at + 1])]
            case 4:
                made[at:at] = [dice.choice(more)]
            case _:
                made[at : at + 1] = [dice.choice(TEXTS)]
    return made


def spoiled_word(dice: random.Random, word: str = "x") -> str:
    """A slip of the finger, or something in the midst of a word."""
    at = dice.randrange(len(word) + 1)
    match dice.randrange(4):
        case 0:
            return word[:at] + word[at + 1 :]
        case 1:
            return word[:at] + word[at : at + 1] * 2 + word[at + 1 :]
        case 2:
            return word[:at] + dice.choice(TEXTS) + word[at:]
        case _:
            return word.swapcase()
