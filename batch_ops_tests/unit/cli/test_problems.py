from __future__ import annotations

import io

import pytest
from rich.console import Console

from batch_ops.cli import problems
from batch_ops.errors import DeclarationError, Location, RefusedError, without_passwords


def shown(error, width=80) -> list[str]:
    stream = io.StringIO()
    console = Console(file=stream, width=width, highlight=False, markup=False, emoji=False)
    problems.show(console, error)
    return [line.rstrip() for line in stream.getvalue().splitlines()]


def test_an_error_says_what_happened_then_the_state_then_what_to_do():
    error = RefusedError("The table is locked.", todo="Wait.")
    assert shown(error) == ["error: The table is locked.", "  No row was written.", "  Wait."]


def test_a_declaration_error_shows_the_place_and_a_caret_below_the_text(tmp_path):
    file = tmp_path / "e.yaml"
    file.write_text("name: x\n  where: dep_tim IS NULL\n")
    error = DeclarationError("No such column.", location=Location(str(file), 2, 10, "dep_tim"))
    assert shown(error, width=200) == [
        "error: No such column.",
        f"  {file}:2:10",
        "  2 |   where: dep_tim IS NULL",
        "               ^^^^^^^",
        "  Nothing was written.",
    ]


def test_the_caret_stays_below_its_text_in_a_long_line(tmp_path):
    file = tmp_path / "e.yaml"
    file.write_text("x" * 5_000 + "BAD" + "y" * 5_000)
    error = DeclarationError("Wrong.", location=Location(str(file), 1, 5_001, "BAD"))
    line, caret = shown(error, width=200)[2:4]
    begin = line.index("BAD")
    assert caret == " " * begin + "^^^"
    assert len(line) < 80


@pytest.mark.parametrize("line", [0, 99])
def test_a_place_that_is_not_in_the_file_any_more_is_still_named(tmp_path, line):
    file = tmp_path / "e.yaml"
    file.write_text("name: x\n")
    told = shown(DeclarationError("Wrong.", location=Location(str(file), line, 1)), width=200)
    assert told[1].strip().startswith(str(file))
    assert told[-1] == "  Nothing was written."


def test_a_file_that_is_gone_is_still_named():
    told = shown(DeclarationError("Wrong.", location=Location("gone.yaml", 3, 4, "x")))
    assert told[1] == "  gone.yaml:3:4"


def test_no_part_of_an_error_shows_a_password():
    url = "postgresql://me:hunter2@db/x?sslpassword=swordfish"
    told = "\n".join(shown(RefusedError(f"At {url}.", state=f"S {url}.", todo=f"T {url}.")))
    assert "hunter2" not in told
    assert "swordfish" not in told
    assert told.count("***") == 6


def test_text_in_brackets_is_shown_as_it_is():
    assert shown(RefusedError("[red]5[/red] :warning:"))[0] == "error: [red]5[/red] :warning:"


def test_an_unexpected_exception_is_called_a_bug_in_one_line():
    error = problems.bug(ZeroDivisionError("division\nby zero"))
    assert error.exit_code == 4
    told = shown(error, width=200)
    assert told[0] == "error: This is a bug in batch_ops: ZeroDivisionError: division by zero"
    assert "--debug" in told[-1]


@pytest.mark.parametrize(
    ("text", "safe"),
    [
        ("postgresql://me:p@ss:word@h/x", "postgresql://me:***@h/x"),
        ("mysql+pymysql://:p@h", "mysql+pymysql://:***@h"),
        ("see http://localhost:3000/runs and a@b", "see http://localhost:3000/runs and a@b"),
        ("sqlite:////tmp/a.db", "sqlite:////tmp/a.db"),
        ("x://h/?PASSWORD=a&b=c", "x://h/?PASSWORD=***&b=c"),
    ],
)
def test_passwords_of_urls_are_replaced_and_nothing_else(text, safe):
    assert without_passwords(text) == safe
