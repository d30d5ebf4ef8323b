"""Pictures of the Dagster UI for the documents, taken from the project after `make demo`.

    .venv/bin/python scripts/screenshots.py [--chromium /usr/bin/chromium] [--to docs/images]

It runs `settle_flights` once more, so that a precondition fails, starts the UI, and looks at: the
operation's asset, a step's partitions, the timeline of the run that settled the flights, the
failed precondition, and a plot. The project is DAGSTER_HOME, else this checkout.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from playwright.sync_api import sync_playwright  # noqa: E402

from batch_ops.engine import Project, history  # noqa: E402
from batch_ops.results import Status  # noqa: E402
from batch_ops_tests.support.dagster_ui import serving  # noqa: E402

if TYPE_CHECKING:
    from playwright.sync_api import Page

OPERATION = "settle_flights"
REFUSED = 3
SETTLE_MS = 2_500
SIZE = {"width": 1440, "height": 900}
OPERATION_PAGE = "/assets/flights/settle_flights"
STEP_PAGE = f"{OPERATION_PAGE}/update"


def main() -> None:
    """Take all pictures."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--chromium", default=shutil.which("chromium"))
    options.add_argument("--to", type=Path, default=ROOT / "docs" / "images")
    chosen = options.parse_args()
    folder = Path(os.environ.setdefault("DAGSTER_HOME", str(ROOT)))
    run_id = settled(Project.find(folder))
    chosen.to.mkdir(parents=True, exist_ok=True)
    with serving(folder) as ui, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chosen.chromium)
        camera = Camera(browser.new_page(viewport=SIZE), ui.address, chosen.to)
        camera.take("operation", f"{OPERATION_PAGE}?view=overview", "Latest materialization")
        camera.take("partitions", f"{STEP_PAGE}?view=partitions", "Materialized", click="-00003")
        plots = f"{STEP_PAGE}?view=overview"
        camera.take("plot", plots, "Metadata", click="Plots", show="rows_per_second")
        camera.take("timeline", f"/runs/{run_id}", "finish_update")
        refuse()
        camera.take("precondition", f"{OPERATION_PAGE}?view=checks", "blocking")
        browser.close()


def settled(project: Project) -> str:
    """The run that settled the flights."""
    for result in history(project, limit=None):
        if result.operation == OPERATION and result.status is Status.COMPLETED and result.run_id:
            return result.run_id
    sys.exit("The flights are not settled yet: run `make demo` first.")


def refuse() -> None:
    """Run the operation where nothing is left to settle: its precondition fails."""
    shell = Path(sys.executable).parent / "batch-ops"
    done = subprocess.run([shell, "run", OPERATION, "--quiet"], check=False)
    if done.returncode != REFUSED:
        sys.exit(f"{OPERATION} ended with {done.returncode}, not refused.")


@dataclass(frozen=True)
class Camera:
    """Takes pictures of pages of the UI into a folder."""

    page: Page
    address: str
    folder: Path

    def take(
        self, name: str, path: str, text: str, click: str | None = None, show: str | None = None
    ) -> None:
        """One picture, as soon as the text is there and nothing moves any more.

        Args:
            name: of the file, without `.png`.
            path: of the page, after the address.
            text: what stands on it when it is loaded.
            click: what is clicked first.
            show: a text that is scrolled to then.
        """
        self.page.goto(self.address + path, wait_until="networkidle")
        self.page.get_by_text(text).first.wait_for(timeout=30_000)
        if click is not None:
            self.page.get_by_text(click).first.click()
        self.page.wait_for_timeout(SETTLE_MS)
        if show is not None:
            self.page.get_by_text(show).last.scroll_into_view_if_needed()
            self.page.wait_for_timeout(SETTLE_MS)
        self.page.screenshot(path=self.folder / f"{name}.png")
        print(self.folder / f"{name}.png")


if __name__ == "__main__":
    main()
