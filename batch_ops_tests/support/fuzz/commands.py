"""Command lines: right ones in which words are missing, doubled, misspelled or strange."""

from __future__ import annotations

from batch_ops_tests.support.fuzz.corpus import dice_of, spoiled_list

RIGHT = (
    ["run", "mark", "--no-dagster"],
    ["run", "mark", "--no-dagster", "--batch-size", "5", "--max-errors", "1%", "--json"],
    ["run", "find", "--no-dagster", "-p", "number=5", "--timeout", "1 hour"],
    ["run", "read_file", "--no-dagster", "-p", "source_path=goods.csv", "--again"],
    ["plan", "mark", "--sql"],
    ["plan", "find", "-p", "number=5", "--json"],
    ["resume", "00000000", "--no-dagster", "--take-over", "--source", "goods.csv"],
    ["resume", "--no-dagster", "--skip-rejects", "--use-new"],
    ["status", "--json", "--limit", "3"],
    ["status", "00000000"],
    ["errors", "00000000", "--csv"],
    ["errors", "--json"],
    ["list", "--json"],
    ["check"],
    ["check", "defs/goods.yaml", "--json"],
    ["pause", "00000000"],
    ["cancel", "00000000", "--take-over"],
    ["init", "there"],
)
MORE = (
    *("--json", "--debug", "--quiet", "--help", "--version", "-h", "-p", "--", "--yes", "--again"),
    *("--batch-size", "--max-workers", "--max-records", "--timeout", "--limit", "--no-json", "-x"),
    *(
        "run",
        "mark",
        "find",
        "goods.mark",
        "nobody",
        "0",
        "-1",
        "99999999999999999999",
        "1e9",
        "--no",
    ),
)


def command(seed: int, number: int) -> list[str]:
    """The n-th command line; it never waits for a person, and works without Dagster."""
    dice = dice_of(seed, "command", number)
    right = list(dice.choice(RIGHT))
    if dice.random() < 0.4:
        return [*right, dice.choice(MORE)]
    return spoiled_list(dice, right, MORE)
