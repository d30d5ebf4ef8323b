"""Dagster's webserver and daemon as `make ui` starts them, asked by GraphQL as the page does."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

LOCATION = {"repositoryLocationName": "batch_ops", "repositoryName": "__repository__"}

LAUNCH = """
mutation Launch($params: ExecutionParams!) { launchRun(executionParams: $params) {
  __typename ... on LaunchRunSuccess { run { runId } } ... on PythonError { message }
  ... on RunConfigValidationInvalid { errors { message } }
  ... on InvalidSubsetError { message } } }
"""
REEXECUTE = """
mutation Again($params: ReexecutionParams!) { launchRunReexecution(reexecutionParams: $params) {
  __typename ... on LaunchRunSuccess { run { runId } } ... on PythonError { message } } }
"""
TERMINATE = """
mutation Stop($id: String!) { terminateRun(runId: $id) { __typename } }
"""
STATUS = "query Status($id: ID!) { runOrError(runId: $id) { ... on Run { status } } }"
LOADED = """
{ workspaceOrError { ... on Workspace { locationEntries { loadStatus
  locationOrLoadError { __typename ... on PythonError { message } } } } } }
"""
ENDED = ("SUCCESS", "FAILURE", "CANCELED")


class Page:
    """What a person does on the page."""

    def __init__(self, port: int) -> None:
        self.address = f"http://127.0.0.1:{port}"
        self._url = f"{self.address}/graphql"

    def ask(self, query: str, **variables: Any) -> Any:
        body = json.dumps({"query": query, "variables": variables}).encode()
        headers = {"Content-Type": "application/json"}
        request = urllib.request.Request(self._url, body, headers)  # noqa: S310  (ours, http)
        with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310
            told = json.load(answer)
        assert "errors" not in told, told["errors"]
        return told["data"]

    def launch(
        self,
        job: str,
        config: dict[str, Any] | None = None,
        assets: list[list[str]] | None = None,
        tags: dict[str, str] | None = None,
    ) -> str:
        """Launch a job, or assets of `__ASSET_JOB`; the run's id."""
        selector: dict[str, Any] = {**LOCATION, "jobName": job}
        if assets:
            selector["assetSelection"] = [{"path": path} for path in assets]
        named = [{"key": key, "value": value} for key, value in (tags or {}).items()]
        params = {
            "selector": selector,
            "runConfigData": config or {},
            "executionMetadata": {"tags": named},
        }
        return self._run(self.ask(LAUNCH, params=params)["launchRun"])

    def again(self, run_id: str, strategy: str = "FROM_FAILURE") -> str:
        """Re-execute a run; the new run's id."""
        params = {"parentRunId": run_id, "strategy": strategy}
        return self._run(self.ask(REEXECUTE, params=params)["launchRunReexecution"])

    def _run(self, answer: Any) -> str:
        assert answer["__typename"] == "LaunchRunSuccess", answer
        return str(answer["run"]["runId"])

    def terminate(self, run_id: str) -> None:
        assert self.ask(TERMINATE, id=run_id)["terminateRun"]["__typename"] == "TerminateRunSuccess"

    def wait(self, run_id: str, seconds: float = 90) -> str:
        """The status the run ends with."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            status = str(self.ask(STATUS, id=run_id)["runOrError"]["status"])
            if status in ENDED:
                return status
            time.sleep(0.3)
        raise TimeoutError(f"run {run_id} is still {status}")


@contextmanager
def serving(folder: Path) -> Iterator[Page]:
    """`dagster dev` on the project in the folder, until the block ends."""
    port = _free_port()
    command = [str(Path(sys.executable).parent / "dagster"), "dev", "-w", "workspace.yaml"]
    with (folder / "dagster-dev.log").open("w") as log:
        process = subprocess.Popen(
            [*command, "-h", "127.0.0.1", "-p", str(port)],
            cwd=folder,
            env={**os.environ, "DAGSTER_HOME": str(folder)},
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            page = Page(port)
            _wait_loaded(page, process, folder)
            yield page
        finally:
            _stop(process)


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def _wait_loaded(page: Page, process: subprocess.Popen[bytes], folder: Path) -> None:
    until = time.monotonic() + 90
    while time.monotonic() < until:
        assert process.poll() is None, (folder / "dagster-dev.log").read_text()[-4000:]
        try:
            entries = page.ask(LOADED)["workspaceOrError"]["locationEntries"]
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            entries = []
        if entries and all(entry["loadStatus"] == "LOADED" for entry in entries):
            kinds = [entry["locationOrLoadError"]["__typename"] for entry in entries]
            assert kinds == ["RepositoryLocation"], entries
            return
        time.sleep(0.3)
    raise TimeoutError((folder / "dagster-dev.log").read_text()[-4000:])


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGINT)
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
