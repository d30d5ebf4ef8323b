"""Bad files and declarations: one clear error, the right exit code, nothing half done."""

from __future__ import annotations

import gzip
import os
import zipfile
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

ALONE = "--no-dagster"
HEADER = b"id,name,age,password,status\n"
GOOD = b"1,ann,30,pw,\n2,bob,31,pw,\n"


def nothing(folder: Path) -> None:
    """The file is missing."""


def write(data: bytes) -> Callable[[Path], None]:
    """The file has these bytes."""

    def prepare(folder: Path) -> None:
        (folder / "people.csv").write_bytes(data)

    return prepare


def a_folder(folder: Path) -> None:
    (folder / "people.csv").mkdir()


REFUSED = {
    "missing": (nothing, "is not there"),
    "a folder": (a_folder, "folder"),
    "empty": (write(b""), "empty"),
    "unknown column": (write(b"id,nmae\n1,ann\n"), "Did you mean 'name'?"),
    "column twice": (write(b"id,name,name\n1,a,b\n"), "'name'"),
    "header of another encoding": (write("id,näme\n1,a\n".encode("latin-1")), "utf-8"),
    "unclosed quote": (write(HEADER + GOOD + b'3,"carl,32,pw,\n4,dora,33,pw,\n'), "quote"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_file_that_cannot_be_read_is_refused_before_anything_is_written(empty, case):
    prepare, words = REFUSED[case]
    empty.fill(0)
    prepare(empty.folder)
    for command in (["run", "import_people", ALONE], ["plan", "import_people"]):
        said = empty(*command)
        assert said.code in {2, 3}, said
        assert words in said.error + said.err
        assert empty.query("SELECT count(*) FROM people") == [(0,)]
    told = empty("status", "--json").json["executions"]
    assert all(each["status"] == "refused" and each["counts"]["total"] == 0 for each in told)


TAKEN = {
    "byte order mark": (b"\xef\xbb\xbf" + HEADER + GOOD, 2, []),
    "carriage returns": ((HEADER + GOOD).replace(b"\n", b"\r\n"), 2, []),
    "no newline at the end": ((HEADER + GOOD).rstrip(b"\n"), 2, []),
    "blank lines": (HEADER + b"\n" + GOOD + b"\n\n", 2, []),
    "newline in quotes": (HEADER + b'1,"a\nb",3,pw,\n2,c,4,pw,\n', 2, []),
    "ragged rows": (HEADER + GOOD + b"3,carl\n4,dora,3,pw,,,\n5,eve,5,pw,\n", 3, [3, 4]),
    "NUL bytes": (HEADER + GOOD + b"3,ca\x00rl,3,pw,\n", 2, [3]),
    "wrong encoding": (HEADER + GOOD + "3,zoë,3,pw,\n".encode("latin-1"), 2, [3]),
    "wrong types": (HEADER + GOOD + b"x,carl,3,pw,\n4,dora,many,pw,\n", 2, [3, 4]),
    "missing value": (HEADER + GOOD + b"3,,3,pw,\n", 2, [3]),
    "the same key twice": (HEADER + GOOD + b"1,ann again,3,pw,\n", 2, [3]),
    "rule broken": (HEADER + GOOD + b"3,carl,0,pw,\n4,dora,,pw,\n", 2, [3, 4]),
    "only a header": (HEADER, 0, []),
    "a field of 10 MB": (
        HEADER + b"1,ann,30," + b"x" * 10_000_000 + b",\n" + b"2,b,3,pw,\n",
        2,
        [],
    ),
}


@pytest.mark.parametrize("case", TAKEN)
def test_a_dirty_file_costs_its_bad_rows_and_no_others(empty, case):
    data, created, bad = TAKEN[case]
    empty.fill(0)
    write(data)(empty.folder)
    said = empty("run", "import_people", ALONE, "--json")
    assert said.code == (1 if bad else 0), said.err
    assert said.json["counts"]["created"] == created
    execution = said.json["execution_id"]
    rejects = empty("errors", execution, "--json").json["rejects"]
    assert [reject["row"] for reject in rejects] == bad
    assert all(reject["message"] for reject in rejects)
    assert empty.query("SELECT count(*) FROM people") == [(created,)]


@pytest.mark.parametrize("kind", ["gz", "zip"])
def test_a_truncated_archive_is_refused_and_the_whole_one_is_read(empty, kind):
    empty.fill(0)
    file = empty.folder / f"people.csv.{kind}"
    rows = b"".join(b"%d,name%d,%d,%s,\n" % (i, i, i % 90 + 1, os.urandom(30).hex().encode())
                    for i in range(1, 2000))  # fmt: skip
    if kind == "gz":
        file.write_bytes(gzip.compress(HEADER + rows))
    else:
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("people.csv", HEADER + rows)
    text = (empty.folder / "defs" / "people.yaml").read_text()
    empty.declare(text.replace("source_path: people.csv", f"source_path: {file.name}"))
    whole = file.read_bytes()
    file.write_bytes(whole[: len(whole) // 2])
    said = empty("run", "import_people", ALONE)
    assert said.code in {2, 3}, said
    assert said.error
    assert empty.query("SELECT count(*) FROM people") == [(0,)]
    file.write_bytes(whole)
    assert empty("run", "import_people", ALONE, "--json").json["counts"]["created"] == 1999


def test_the_same_file_is_not_imported_twice_under_another_name_either(empty):
    empty.fill(0)
    write(HEADER + GOOD)(empty.folder)
    assert empty("run", "import_people", ALONE).code == 0
    said = empty("run", "import_people", ALONE)
    assert (said.code, "--again" in said.err) == (3, True)
    (empty.folder / "people.csv").rename(empty.folder / "other.csv")
    text = (empty.folder / "defs" / "people.yaml").read_text()
    empty.declare(text.replace("source_path: people.csv", "source_path: other.csv"))
    assert empty("run", "import_people", ALONE).code == 3
    again = empty("run", "import_people", ALONE, "--again", "--json")
    assert (again.code, again.json["counts"]["failed"]) == (1, 2)


DECLARATIONS = {
    "tabs": ("name: people\nfields:\n\tid: integer\n", 3),
    "the same key twice": ("name: people\nname: others\nfields: {id: integer}\n", 2),
    "an anchor": ("name: people\nkey: [id]\nfields: &all {id: integer}\n", 3),
    "10,000 levels": ("name: people\nfields: " + "[" * 10_000 + "]" * 10_000 + "\n", 2),
    "cut in the middle": ("name: people\nfields: {id: integer\n", 3),
    "not UTF-8": ("name: people\n# caf\xe9\n", 2),
    "two documents": ("name: a\n---\nname: b\n", 2),
}


@pytest.mark.parametrize("case", DECLARATIONS)
def test_a_declaration_that_is_no_yaml_of_ours_is_told_with_its_place(empty, case):
    text, line = DECLARATIONS[case]
    (empty.folder / "defs" / "bad.yaml").write_bytes(text.encode("latin-1"))
    for command in (["run", "rename", ALONE], ["check"], ["list"], ["plan", "rename"]):
        said = empty(*command)
        assert said.code == 2, said
        assert f"bad.yaml:{line}" in said.err
        assert "Traceback" not in said.err
    assert not empty.database.exists()


def test_a_precondition_that_cannot_be_evaluated_is_not_called_failed(shell):
    text = (shell.folder / "defs" / "people.yaml").read_text()
    wrong = (
        "- type: expect_column_value_lengths_to_equal\n        column: age\n"
        '        value: [1]\n      - "COUNT(*) FILTER'
    )
    shell.declare(text.replace('- "COUNT(*) FILTER', wrong, 1))
    said = shell("run", "retire", "-p", "min_age=10", ALONE)
    assert said.code == 3
    assert "could not be evaluated" in said.error
    assert "expect_column_value_lengths_to_equal" in said.err
    assert shell.query("SELECT count(*) FROM people WHERE status IS NOT NULL") == [(0,)]
    (row,) = shell("status", "--json").json["executions"]
    assert (row["status"], row["counts"]["total"]) == ("refused", 0)


def test_a_precondition_that_fails_tells_the_observed_value_and_writes_its_journal_row_alone(shell):
    text = (shell.folder / "defs" / "people.yaml").read_text()
    shell.declare(text.replace("status IS NULL) > 0", "status IS NULL) > 1000"))
    said = shell("run", "retire", "-p", "min_age=0", ALONE)
    assert said.code == 3
    assert "(observed: 400)" in said.error
    assert shell.query("SELECT count(*) FROM people WHERE status IS NULL") == [(400,)]
    written = {name: shell.query(f"SELECT count(*) FROM {name}")[0][0] for name in shell.tables()
               if name.startswith("batch_") and "ix_" not in name}  # fmt: skip
    assert {name for name, number in written.items() if number} == {
        "batch_journal",
        "batch_operations",
    }
