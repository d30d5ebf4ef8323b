"""Entity files that are wrong give one plain error with its place; none of them runs."""

from __future__ import annotations

import gzip
import re
from typing import TYPE_CHECKING

import pytest

from batch_ops import registry, sql_function
from batch_ops.cli.app import execute
from batch_ops.errors import DeclarationError, UnknownNameError, UsageError
from batch_ops.spec.catalog import Catalog
from batch_ops_tests.support.mutate import Mutant, Mutator, good_files
from batch_ops_tests.support.schema import complaints

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from batch_ops.errors import Location

MACHINERY = re.compile(
    r"Traceback|<class|object at 0x|\bNone\b|\bTrue\b|\bFalse\b|NoneType|Error\(|\bNode\("
    r"|Location\(|FieldType|StepKind|Placeholder|exp\.|sqlglot|ruamel|KeyError|ValueError"
)


@pytest.fixture(scope="module")
def mutator(seed: int) -> Mutator:
    return Mutator(seed, good_files())


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder in which no database may come into being."""
    database = tmp_path / "untouched.db"
    monkeypatch.setenv("BATCH_OPS_DATABASE_URL", f"sqlite:///{database}")
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    assert not list(tmp_path.rglob("*.db*"))


@pytest.fixture(autouse=True)
def functions() -> Iterator[None]:
    """The function a block of the document calls in a precondition."""
    sql_function("validate_batch_data")(bool)
    yield
    registry.unregister("validate_batch_data")


def refusal(mutant: Mutant) -> UsageError | None:
    """How the loader refuses it; None: it loads."""
    try:
        Catalog.from_texts(mutant.texts)
    except UsageError as error:
        return error
    return None


def faults(mutant: Mutant, error: UsageError) -> Iterator[str]:
    """What is wrong with an error."""
    told, location = str(error), error.location
    if location is None or location.file not in mutant.texts or location.line < 1:
        yield f"no place: {location}"
    elif location.line > mutant.texts[location.file].count("\n") + 1:
        yield f"a place that is not there: {location}"
    if found := MACHINERY.search(_own_words(told, location)):
        yield f"machinery ({found.group()}) in: {told}"
    if not re.fullmatch(r"[^\s].*[.:…]", error.what, re.DOTALL):
        yield f"no sentence: {error.what!r}"
    if len(told) > 1500:
        yield f"{len(told)} characters: {told[:200]}"


def _own_words(told: str, location: Location | None) -> str:
    """The message without the line of the file it shows, and without what it quotes."""
    shown = told.replace(str(location), "", 1) if location else told
    return re.sub(r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"|found .*", "", shown)


def judged(mutants: list[Mutant]) -> tuple[list[tuple[Mutant, UsageError]], list[Mutant]]:
    """Those that are refused, with their errors, and those that load."""
    refused: list[tuple[Mutant, UsageError]] = []
    loaded, wrong = [], []
    for mutant in mutants:
        error = refusal(mutant)
        if error is None:
            loaded.append(mutant)
            continue
        refused.append((mutant, error))
        wrong += [f"{mutant.file}, {mutant.change}: {fault}" for fault in faults(mutant, error)]
    assert wrong[:10] == []
    return refused, loaded


def test_the_good_files_load() -> None:
    groups = good_files()
    assert len(groups) >= 20
    for texts in groups:
        Catalog.from_texts(texts)
        for text in texts.values():
            assert complaints(text) == []


def test_a_typo_in_an_option_is_told_with_the_right_word(mutator: Mutator) -> None:
    mutants = mutator.many(mutator.misspelled_option, 120)
    assert len(mutants) == 120
    wrong = []
    for mutant in mutants:
        error = refusal(mutant)
        assert isinstance(error, UnknownNameError), (mutant.change, error)
        assert list(faults(mutant, error)) == []
        place = error.location
        assert place is not None
        if (error.suggestion, place.line) != (mutant.right, mutant.line):
            wrong.append((mutant.change, mutant.right, error.suggestion, place.line, mutant.line))
    assert wrong == []


def test_a_typo_in_a_column_is_told_with_the_right_word(mutator: Mutator) -> None:
    mutants = mutator.many(mutator.misspelled_column, 40)
    assert len(mutants) >= 30
    for mutant in mutants:
        error = refusal(mutant)
        assert isinstance(error, UnknownNameError), (mutant.change, error)
        assert list(faults(mutant, error)) == []
        assert (error.kind, error.suggestion) == ("column", mutant.right), mutant.change


def test_a_typo_in_a_word_that_is_one_of_several_never_loads(mutator: Mutator) -> None:
    mutants = mutator.many(mutator.misspelled_value, 80)
    refused, loaded = judged(mutants)
    assert [mutant.change for mutant in loaded] == []
    other = [m.change for m, e in refused if m.right != getattr(e, "suggestion", None)]
    assert len(other) <= 0.05 * len(mutants), other


MOST = {
    "wrong_type": (150, 0.1),
    "cut": (60, 0.3),
    "wrong_lines": (100, 0.45),
    "wrong_sign": (150, 0.25),
}


@pytest.mark.parametrize("kind", MOST)
def test_a_mutant_is_refused_with_its_place_or_means_something(mutator: Mutator, kind: str) -> None:
    """Of what loads still (a comment, a description or a limit was changed) the schema says the
    same: it fits.
    """
    number, most = MOST[kind]
    mutants = mutator.many(getattr(mutator, kind), number)
    assert len(mutants) == number
    _, loaded = judged(mutants)
    assert len(loaded) <= most * number, [mutant.change for mutant in loaded]
    assert [(m.change, c) for m in loaded for c in complaints(m.texts[m.file])] == []


@pytest.mark.parametrize("kind", ["hostile_expressions", "hostile_names"])
@pytest.mark.quick("names")
def test_what_is_hostile_never_loads(mutator: Mutator, kind: str) -> None:
    mutants = list(getattr(mutator, kind)())
    assert len(mutants) >= 80
    _, loaded = judged(mutants)
    assert [mutant.change for mutant in loaded] == []


ENCODED = {
    "utf-16": lambda text: text.encode("utf-16"),
    "utf-16 without a mark": lambda text: text.encode("utf-16-le"),
    "utf-16, the other way round": lambda text: text.encode("utf-16-be"),
    "utf-32": lambda text: text.encode("utf-32"),
    "latin-1": lambda text: ("# caf\xe9\n" + text).encode("latin-1"),
    "cp1252": lambda text: text.replace("name:", "name: \u20ac #", 1).encode("cp1252"),
    "ebcdic": lambda text: text.encode("cp500"),
    "surrogates": lambda text: b"# \xed\xa0\x80\n" + text.encode(),
    "too long a form": lambda text: b"# \xc0\xaf\n" + text.encode(),
    "half a sign": lambda text: text.encode() + "é".encode()[:1],
    "a lone byte": lambda text: text.encode().replace(b"name", b"na\x80me", 1),
    "nothing": lambda text: text.encode().replace(b"name", b"na\x00me", 1),
    "a bell": lambda text: text.encode().replace(b"name", b"na\x07me", 1),
    "gzip": gzip.compress,
}


@pytest.mark.parametrize("name", ENCODED)
def test_a_file_in_another_encoding_is_refused_with_its_place(place: Path, name: str) -> None:
    encode = ENCODED[name]
    for number, texts in enumerate(good_files()):
        for file, text in texts.items():
            folder = place / str(number)
            folder.mkdir(exist_ok=True)
            path = folder / file
            path.write_bytes(encode(text.encode() if encode is gzip.compress else text))
            with pytest.raises(DeclarationError, match=r"not UTF-8|no YAML") as caught:
                Catalog.load([folder])
            told = caught.value.location
            assert told is not None
            assert told.file == str(path)
            assert told.line >= 1
            path.unlink()


@pytest.mark.parametrize("command", ["check", "run", "plan", "list", "status"])
@pytest.mark.quick("plan", "run")
def test_no_command_runs_a_mutant_or_touches_a_database(
    mutator: Mutator,
    place: Path,
    command: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("DAGSTER_HOME", str(place))
    (place / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
    hostile = list(mutator.hostile_expressions())
    mutants = [
        *mutator.many(mutator.misspelled_option, 5),
        *mutator.many(mutator.misspelled_value, 5),
        *hostile[:: len(hostile) // 10],
    ]
    for number, mutant in enumerate(mutants):
        folder = place / f"defs{number}"
        folder.mkdir()
        for file, text in mutant.texts.items():
            (folder / file).write_text(text)
        monkeypatch.setenv("BATCH_OPS_DEFS", str(folder))
        before = set(place.rglob("*"))
        code = execute([command, *(["anything"] if command in ("run", "plan") else [])])
        said = capsys.readouterr()
        assert code == 2, (mutant.change, said)
        assert mutant.file in said.err
        assert "Traceback" not in said.out + said.err
        assert set(place.rglob("*")) == before
