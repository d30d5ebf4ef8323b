"""`batch_ops.toml`: what it says, what wins over it, and how it is refused."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from batch_ops import registry
from batch_ops.engine.place import Place
from batch_ops.engine.placefile import read_place
from batch_ops.engine.project import Project
from batch_ops.errors import UnknownNameError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

WHOLE = """
[notify]
email = "mailto://me:hunter2@mail.example.org"
webhook = {env = "HOOK"}

[actors.ann]
permissions = ["approve_orders", "purge"]

[actors.default]
permissions = ["look"]

[python]
modules = ["placed_functions"]

[connections]
shop = "postgresql://me:hunter2@db/shop"
archive = {env = "ARCHIVE_URL"}
"""


@pytest.fixture(autouse=True)
def _as_before(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.setenv("BATCH_OPS_ACTOR", "ann")
    yield
    registry.forget_permissions()
    sys.modules.pop("placed_functions", None)


@pytest.fixture
def settle(tmp_path: Path):
    def write(text: str) -> Place:
        (tmp_path / "batch_ops.toml").write_text(text)
        return read_place(tmp_path)

    return write


def test_without_a_file_there_is_nothing(tmp_path: Path):
    assert read_place(tmp_path) == Place()


def test_an_address_is_the_files_and_the_environment_wins(settle, monkeypatch):
    place = settle(WHOLE)
    assert place.address("email") == "mailto://me:hunter2@mail.example.org"
    assert place.address("webhook") is None
    assert place.channels == ("email",)
    monkeypatch.setenv("HOOK", "json://hook.example.org")
    monkeypatch.setenv("BATCH_OPS_NOTIFY_EMAIL", "mailto://other.example.org")
    monkeypatch.setenv("BATCH_OPS_NOTIFY_PAGER", "json://pager.example.org")
    monkeypatch.setenv("BATCH_OPS_NOTIFY_TIMEOUT", "2")
    assert place.address("webhook") == "json://hook.example.org"
    assert place.address("email") == "mailto://other.example.org"
    assert place.channels == ("email", "pager", "webhook")


def test_permissions_are_of_the_actor_or_of_everybody_else(settle):
    place = settle(WHOLE)
    assert place.permissions_of("ann") == {"approve_orders", "purge"}
    assert place.permissions_of("bob") == {"look"}
    assert Place().permissions_of("ann") == frozenset()


def test_the_environment_says_what_the_one_who_acts_now_may_do(settle, monkeypatch):
    place = settle(WHOLE)
    monkeypatch.setenv("BATCH_OPS_PERMISSIONS", "sell, buy")
    assert place.permissions_of("ann") == {"sell", "buy"}
    assert place.permissions_of("bob") == {"look"}
    monkeypatch.setenv("BATCH_OPS_PERMISSIONS", "")
    assert place.permissions_of("ann") == frozenset()


def test_a_registered_function_wins_over_the_file(settle, monkeypatch):
    place = settle(WHOLE)
    registry.permission_source(lambda actor: [f"{actor}_may"])
    assert place.permissions_of("ann") == {"ann_may"}
    monkeypatch.setenv("BATCH_OPS_PERMISSIONS", "sell")
    assert place.permissions_of("ann") == {"sell"}


def test_a_connection_is_named_by_the_file_and_the_environment_wins(tmp_path, settle, monkeypatch):
    settle(f'[connections]\nshop = "sqlite:///{tmp_path}/shop.db"\nback = {{env = "BACK"}}\n')
    (tmp_path / "defs").mkdir()
    project = Project.find(tmp_path)
    assert project.database("shop").name == f"sqlite:///{tmp_path}/shop.db"
    with pytest.raises(UsageError, match="variable BACK, which is not set"):
        project.database("back")
    with pytest.raises(UsageError, match="'lost' has no URL"):
        project.database("lost")
    monkeypatch.setenv("BATCH_OPS_DATABASE_URL_BACK", f"sqlite:///{tmp_path}/back.db")
    assert project.database("back").name == f"sqlite:///{tmp_path}/back.db"


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project whose declaration calls a function of a module beside it."""
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    monkeypatch.delenv("BATCH_OPS_DEFS", raising=False)
    (tmp_path / "dagster.yaml").touch()
    (tmp_path / "defs").mkdir()
    (tmp_path / "placed_functions.py").write_text("from batch_ops import registry\nseen = True\n")
    return tmp_path


def test_the_projects_modules_are_imported_before_its_declarations(elsewhere, settle):
    settle('[python]\nmodules = ["placed_functions"]\n')
    Project.find(elsewhere)
    assert sys.modules["placed_functions"].seen


def test_the_environment_names_other_modules(elsewhere, settle, monkeypatch):
    settle('[python]\nmodules = ["not_there"]\n')
    monkeypatch.setenv("BATCH_OPS_MODULES", "placed_functions")
    Project.find(elsewhere)
    assert sys.modules["placed_functions"].seen


def test_a_module_that_fails_is_named(elsewhere, settle):
    settle('[python]\nmodules = ["placed_functions"]\n')
    (elsewhere / "placed_functions.py").write_text("1 / 0\n")
    with pytest.raises(UsageError) as refused:
        Project.find(elsewhere)
    assert refused.value.what == (
        "The module 'placed_functions' of the project cannot be imported:"
        " ZeroDivisionError: division by zero"
    )


@pytest.mark.parametrize(
    ("text", "suggestion", "line"),
    [
        ("[notfy]\n", "notify", 1),
        ("\n[actors.ann]\npermision = []\n", "permissions", 3),
        ("[python]\n\nmodule = []\n", "modules", 3),
        ('[notify]\nhook = {enw = "X"}\n', "env", 2),
    ],
)
def test_an_unknown_key_is_told_with_its_line_and_the_right_word(settle, text, suggestion, line):
    with pytest.raises(UnknownNameError) as refused:
        settle(text)
    assert refused.value.suggestion == suggestion
    assert refused.value.location.line == line
    assert refused.value.exit_code == 2


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("[notify]\nemail = 7\n", 2),
        ('[notify]\nemail = "hunter2"\n', 2),
        ('[notify]\nother = "json://x"\ntimeout = "json://hunter2"\n', 3),
        ('[python]\nmodules = "hunter2"\n', 2),
        ('[actors]\nann = "hunter2"\n', 2),
        ('[connections]\nshop = "hunter2"\n', 2),
        ("[connections]\nshop = {}\n", 2),
        ('[notify\nemail = "hunter2"\n', 1),
    ],
)
def test_a_wrong_value_is_told_with_its_line_and_never_shown(settle, text, line):
    with pytest.raises(UsageError) as refused:
        settle(text)
    assert refused.value.location.line == line
    assert "hunter2" not in str(refused.value)


def test_addresses_are_not_shown(settle):
    assert "hunter2" not in repr(settle(WHOLE))
