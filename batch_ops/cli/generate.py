"""`batch-ops generate-tests` and `batch-ops test`: tests of the operations of an entity file."""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from rich.text import Text

from batch_ops.cli.options import Common
from batch_ops.cli.say import Say
from batch_ops.errors import UsageError

TESTED = Annotated[Path, Parameter(help="The entity file.")]
_OUTCOMES = re.compile(r"(\d+) (passed|failed|skipped|errors?)")


def generate_tests(
    file: TESTED,
    /,
    *,
    output: Annotated[
        Path,
        Parameter(name=["--output", "-o"], help="The folder they are written to."),
    ] = Path("tests"),
    common: Common = Common(),  # noqa: B008  (frozen)
) -> int:
    """Write a pytest module for each operation of an entity file. Nothing is overwritten."""
    say = Say(common)
    texts = _texts(file)
    taken = [name for name in texts if (output / name).exists()]
    if taken:
        what = f"{output / taken[0]} is there already."
        raise UsageError(what, todo="Take it away, or name another folder by -o.")
    written = [str(path) for path in _write(texts, output)]
    say.data({"files": written})
    say.print(*written, soft_wrap=True)
    say.note(Text(f"Run them: pytest {output}"))
    return 0


def test(
    file: TESTED,
    /,
    *,
    common: Common = Common(),  # noqa: B008, PT028  (frozen; no test itself)
) -> int:
    """Generate tests for an entity file and run them, on a scratch database."""
    say = Say(common)
    texts = _texts(file)
    with tempfile.TemporaryDirectory(prefix="batch-ops-tests-") as folder:
        _write(texts, Path(folder))
        done = _pytest(folder, quiet=common.quiet, captured=common.json)
    found = {kind.rstrip("s"): int(n) for n, kind in _OUTCOMES.findall(_last_line(done.stdout))}
    told = {kind: found.get(kind, 0) for kind in ("passed", "failed", "skipped", "error")}
    say.data({"file": str(file), "operations": len(texts), "exit_code": done.returncode, **told})
    if common.json and done.returncode:
        say.err.print(done.stdout, soft_wrap=True)
    return 0 if done.returncode == 0 else 1


def _texts(file: Path) -> dict[str, str]:
    """The modules by file name.

    Raises:
        UsageError: the file is not there, is wrong or declares no operation.
    """
    if not file.is_file():
        raise UsageError(f"There is no file {file}.", todo="Name an entity file.")
    from batch_ops.testing.catalogs import catalog_of, operations_in
    from batch_ops.testing.module import module_text

    catalog = catalog_of(file)
    operations = operations_in(catalog, file)
    if not operations:
        raise UsageError(f"{file} declares no operation.", todo="Declare one under `patterns:`.")
    return {f"test_{each.name}.py": module_text(each, file) for each in operations}


def _write(texts: dict[str, str], folder: Path) -> list[Path]:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in texts.items():
            (folder / name).write_text(text, encoding="utf-8")
    except OSError as error:
        what = f"{folder} cannot be written: {error.strerror or error}."
        raise UsageError(what, todo="Name another folder by -o.") from error
    return [folder / name for name in texts]


def _pytest(folder: str, *, quiet: bool, captured: bool) -> subprocess.CompletedProcess[str]:
    """Pytest in a process of its own, which knows no settings of the folder it is called in."""
    _require("pytest", "hypothesis")
    Path(folder, "pytest.ini").write_text("[pytest]\n", encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider"]
    command += ["-q"] if quiet or captured else []
    streams = subprocess.PIPE if captured else None
    return subprocess.run(command, cwd=folder, stdout=streams, text=True, check=False)


def _require(*modules: str) -> None:
    from importlib.util import find_spec

    for name in modules:
        if find_spec(name) is None:
            what = f"The package {name} is not installed, and generated tests need it."
            raise UsageError(what, todo="Install it: pip install 'batch-ops[testing]'")


def _last_line(output: str | None) -> str:
    lines = (output or "").strip().splitlines()
    return lines[-1] if lines else ""
