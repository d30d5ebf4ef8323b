"""Bytes that are given where a CSV file is expected."""

from __future__ import annotations

import gzip
import io
import zipfile
from typing import TYPE_CHECKING

from batch_ops_tests.support.fuzz.corpus import TEXTS, dice_of, spoiled_bytes

if TYPE_CHECKING:
    import random

HEADER = ("id", "name", "amount", "price", "born", "seen", "active", "note", "mark")
NAMES = (
    "goods.csv",
    "goods.csv",
    "goods.csv",
    "goods.csv",
    "goods.csv.gz",
    "goods.csv.zip",
    "goods.tsv",
)


def csv_file(seed: int, number: int) -> tuple[str, bytes]:
    """The n-th file: its name and its bytes."""
    dice = dice_of(seed, "file", number)
    data = _good(dice, number)
    match dice.randrange(16):
        case 0:
            data = _other_header(dice) + data.partition(b"\n")[2]
        case 1:
            data = data.decode("utf-8", "replace").encode(
                dice.choice(("utf-16", "utf-16-le", "utf-32", "latin-1", "cp037")), "replace"
            )
        case 2:
            data = dice.randbytes(dice.randrange(400))
        case 3:
            data = data.replace(b",", dice.choice((b";", b"\t", b"|", b",,", b" ")))
        case _:
            data = spoiled_bytes(dice, data)
    name = dice.choice(NAMES)
    packed = _packed(name, data)
    return name, spoiled_bytes(
        dice, packed
    ) if packed is not data and dice.random() < 0.5 else packed


def _good(dice: random.Random, number: int) -> bytes:
    ending = dice.choice(("\n", "\n", "\r\n"))
    lines = [",".join(HEADER)]
    for row in range(dice.choice((0, 1, 3, 12))):
        fields = [
            str(number * 100 + row),
            f"n{row}",
            str(row * 10),
            f"{row}.50",
            "2020-01-01",
            "2020-01-01 10:00:00",
            "true",
            "plain",
            f"00000000-0000-4000-8000-{row:012x}",
        ]
        if dice.random() < 0.6:
            fields[dice.randrange(len(fields))] = dice.choice(TEXTS)
        lines.append(",".join(_written(dice, field) for field in fields))
    return (ending.join(lines) + ending).encode("utf-8", "surrogatepass")


def _written(dice: random.Random, text: str) -> str:
    if dice.random() < 0.2 or any(sign in text for sign in ',"\r\n'):
        return '"' + (text.replace('"', '""') if dice.random() < 0.9 else text) + '"'
    return text


def _other_header(dice: random.Random) -> bytes:
    names = list(HEADER)
    match dice.randrange(5):
        case 0:
            dice.shuffle(names)
        case 1:
            names[dice.randrange(len(names))] = dice.choice(names)
        case 2:
            names[dice.randrange(len(names))] = dice.choice(TEXTS)
        case 3:
            names = names[: dice.randrange(len(names))]
        case _:
            names += [f"more{n}" for n in range(dice.choice((1, 50)))]
    return (",".join(_written(dice, name) for name in names) + "\n").encode(
        "utf-8", "surrogatepass"
    )


def _packed(name: str, data: bytes) -> bytes:
    if name.endswith(".gz"):
        return gzip.compress(data)
    if not name.endswith(".zip"):
        return data
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("goods.csv", data)
    return made.getvalue()
