"""The commands, and how each of them ends: with an exit code, whatever happens."""

from __future__ import annotations

import logging
import sys
import warnings
from typing import TYPE_CHECKING

from cyclopts import App, CycloptsError, Parameter

from batch_ops import __version__
from batch_ops.cli import (
    check,
    control,
    debugging,
    doctor,
    generate,
    init,
    operations,
    plan,
    problems,
    purge,
    queue,
    rejects,
    retry,
    run,
    status,
    undo,
)
from batch_ops.cli.interrupts import INTERRUPTED
from batch_ops.cli.options import Common
from batch_ops.cli.say import Say, pipe_may_close
from batch_ops.errors import BatchOpsError, without_passwords

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

HELP = """Bulk SQL operations people can trust.

`init` a project, `list` what is declared, `check` it, `plan` what it would do, `run` it; `status`
and `errors` tell what became of it, `retry` tries its rejects again, `pause` and `cancel` stop it,
`resume` goes on where it stopped, `undo` puts back what it changed.

Exit codes: 0 done; 1 done, with rejects; 2 usage or declaration wrong; 3 refused, no row was
written; 4 began and did not reach its end; 130 interrupted.
"""

app = App(
    name="batch-ops",
    help=HELP,
    help_format="markdown",
    version=__version__,
    exit_on_error=False,
    print_error=False,
    suppress_keyboard_interrupt=False,
    result_action="return_value",
    default_parameter=Parameter(json_list=False, json_dict=False),
)
COMMANDS: dict[str, Callable[..., int]] = {
    "init": init.init,
    "list": operations.list_operations,
    "check": check.check,
    "plan": plan.plan,
    "run": run.run,
    "resume": run.resume,
    "pause": control.pause,
    "cancel": control.cancel,
    "status": status.status,
    "errors": rejects.errors,
    "retry": retry.retry,
    "undo": undo.undo,
    "purge": purge.purge,
    "doctor": doctor.doctor,
    "generate-tests": generate.generate_tests,
    "test": generate.test,
}
for number, (name, command) in enumerate(COMMANDS.items()):
    app.command(command, name=name, sort_key=number)
app.command(queue.queue)
app["--help"].group = "Options"
app["--version"].group = "Options"


def execute(arguments: Sequence[str]) -> int:
    """Run one command; its exit code."""
    common = Common.of(arguments)
    say = Say(common)
    _prepare(common)
    code = 0
    try:
        with pipe_may_close():
            code = int(app(list(arguments)) or 0)
    except KeyboardInterrupt:
        say.err.print("\nInterrupted.")
        return INTERRUPTED
    except CycloptsError as error:
        return _fail(say, problems.usage(error))
    except BatchOpsError as error:
        return _fail(say, error)
    except Exception as error:
        return _fail(say, problems.unexpected(error))
    return code


def _fail(say: Say, error: BatchOpsError) -> int:
    if say.common.debug:
        say.err.print(without_passwords(debugging.traceback_of(sys.exception())), soft_wrap=True)
    problems.show(say.err, error)
    with pipe_may_close():
        say.data(error.to_dict())
    return error.exit_code


def _prepare(common: Common) -> None:
    """Our log on stderr; warnings of libraries are for developers, not for the person."""
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    logger = logging.getLogger("batch_ops")
    logger.handlers = [handler]
    logger.setLevel(logging.DEBUG if common.debug else logging.WARNING)
    logger.propagate = False
    if not common.debug and not sys.warnoptions:
        warnings.simplefilter("ignore")
