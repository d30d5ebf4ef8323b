"""`batch-ops doctor`: is everything well, and what is to be done where it is not?"""

from __future__ import annotations

import os
from importlib.util import find_spec
from typing import TYPE_CHECKING

from rich.text import Text

from batch_ops.cli.options import Common
from batch_ops.cli.say import Say
from batch_ops.errors import BatchOpsError, without_passwords

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from batch_ops.cli.declarations import Declarations
    from batch_ops.engine.doctor import Finding, Section

UNWELL = 3
_STYLES = {"ok": "green", "warning": "yellow", "problem": "bold red"}
_EXTRAS = (
    ("hypothesis", "testing", "`batch-ops test`"),
    ("pyarrow", "", "Parquet files"),
)
"""Packages that are needed for some things only: the package, the extra that has it, what for."""


def doctor(*, common: Common = Common()) -> int:  # noqa: B008  (frozen)
    """Look whether project, databases, journals, executions and Dagster are well. Creates and
    changes nothing. Exit code 0: no problem; 3: there is one.
    """
    say = Say(common)
    sections = list(_sections())
    problems = [f for section in sections for f in section.findings if f.level == "problem"]
    say.data(
        {
            "sections": [section.to_dict() for section in sections],
            "problems": len(problems),
            "warnings": sum(f.level == "warning" for s in sections for f in s.findings),
        }
    )
    for section in sections:
        _tell(say, section)
    _verdict(say, len(problems))
    return UNWELL if problems else 0


def _sections() -> Iterator[Section]:
    from batch_ops.cli.declarations import load
    from batch_ops.engine.doctor import Section, examine_database
    from batch_ops.engine.doctor.findings import of_error
    from batch_ops.engine.project import Project, project_folder

    folder = project_folder()
    try:
        checked = load([])
    except BatchOpsError as error:
        yield Section(f"project {folder}", [of_error("project", error), *_around(folder)])
        return
    yield Section(f"project {folder}", [*_project(checked), *_around(folder)])
    project = Project(folder, checked.catalog)
    try:
        for connection in project.connections():
            yield examine_database(project, connection)
    finally:
        project.dispose()


def _project(checked: Declarations) -> Iterator[Finding]:
    """Declarations, the files they name, channels, how long the journal keeps what has ended."""
    from batch_ops.cli.settings import channels_without_address
    from batch_ops.cli.target import missing_files
    from batch_ops.engine.doctor import problem, sound, warning
    from batch_ops.engine.doctor.findings import of_error
    from batch_ops.engine.placefile import read_place

    wrong = len(checked.errors)
    if wrong:
        what = f"{wrong} of {len(checked.files)} files with declarations are wrong."
        yield problem("declarations", what, "See where: batch-ops check")
    else:
        told = f"{len(checked.files)} files, {len(checked.operations)} operations."
        yield sound("declarations", told)
    for missing in missing_files(checked):
        yield warning("files", missing, "Bring it before the operation is run.")
    for operation in checked.operations:
        for parameter in operation.parameters:
            if parameter.env is not None and parameter.env not in os.environ:
                what = f"The parameter {parameter.name!r} of {operation.name} has no value here."
                yield warning(
                    "secrets", what, f"It stands in the variable {parameter.env}: set it."
                )
    for told in channels_without_address(checked):
        yield warning("channels", told)
    try:
        _ = read_place(checked.folder).retention
    except BatchOpsError as error:
        yield of_error("retention", error)


def _around(folder: Path) -> Iterator[Finding]:
    """What the project stands on: Dagster's home, packages that not everybody needs."""
    from batch_ops.database.choice import OPTIONAL_DRIVERS
    from batch_ops.engine.doctor import sound

    for package, extra, purpose in (*OPTIONAL_DRIVERS, *_EXTRAS):
        if find_spec(package) is None:
            how = f"batch-ops[{extra}]" if extra else package
            told = f"{package} is not installed; {purpose} would need it: pip install '{how}'"
            yield sound("packages", told)
    from batch_ops.orchestration.home import examine_home

    yield from examine_home(folder)


def _tell(say: Say, section: Section) -> None:
    say.print(Text(without_passwords(section.name), style="bold"), soft_wrap=True)
    for finding in section.findings:
        word = (f"  {finding.level!s:<8}", _STYLES[str(finding.level)])
        what = without_passwords(finding.what)
        told = [Text.assemble(word, (f"{finding.check:<12} ", "dim"), what)]
        if finding.todo:
            told.append(Text(f"{'':12}{without_passwords(finding.todo)}", style="cyan"))
        say.print(*told, soft_wrap=True)
    say.print("")


def _verdict(say: Say, problems: int) -> None:
    if problems:
        told = f"{problems} {'problem' if problems == 1 else 'problems'}: exit code {UNWELL}."
        say.print(Text(told, style="bold red"))
    else:
        say.print(Text("No problem.", style="bold green"))
