"""Launches by GraphQL to a real webserver with the daemon running, as the page does them."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from batch_ops.results import Status
from batch_ops_tests.integration.orchestration.test_ends_of_processes import launched, wait_there
from batch_ops_tests.integration.orchestration.test_failed_runs import assert_whole, missing
from batch_ops_tests.integration.orchestration.test_ways_to_launch import assert_settled
from batch_ops_tests.support.dagster_ui import serving

if TYPE_CHECKING:
    from batch_ops_tests.support.things import Things

UPDATE = ["things", "settle_things", "update"]


@pytest.mark.slow
def test_launched_from_the_page(imported: Things):
    with serving(imported.folder) as page:
        run_id = page.launch("settle_things", {"word": "done"})
        assert page.wait(run_id) == "SUCCESS"
    assert_settled(imported, via="ui")


@pytest.mark.slow
def test_failed_repaired_and_reexecuted_from_the_page(imported: Things):
    imported.break_update()
    with serving(imported.folder) as page:
        root = page.launch("__ASSET_JOB", assets=[["things", "settle_things"]])
        assert page.wait(root) == "FAILURE"
        imported.mend()
        keys = missing(imported)
        assert len(keys) == 5
        ends = {"dagster/asset_partition_range_start": keys[0]}
        ends["dagster/asset_partition_range_end"] = keys[2]
        assert page.wait(page.launch("__ASSET_JOB", assets=[UPDATE], tags=ends)) == "SUCCESS"
        assert missing(imported) == keys[3:]
        assert page.wait(page.again(root)) == "SUCCESS"
    assert_whole(imported)


@pytest.mark.slow
def test_a_shell_run_is_terminated_and_reexecuted_from_the_page(imported: Things):
    imported.slow_update()
    with serving(imported.folder) as page, launched(imported, "tell", 2) as process:
        wait_there(process)
        with imported.instance() as instance:
            [run] = instance.get_runs()
            # the page's button, which forces a run whose launcher it does not know
            instance.report_run_canceling(run)
        assert process.wait(30) == 4
        assert page.wait(run.run_id) == "CANCELED"
        assert imported.newest().status is Status.STOPPED
        assert page.wait(page.again(run.run_id, "ALL_STEPS")) == "SUCCESS"
    assert assert_whole(imported).run_id == run.run_id


@pytest.mark.slow
def test_terminated_on_the_page_a_run_ends_in_order(imported: Things):
    imported.slow_update()
    with serving(imported.folder) as page:
        run_id = page.launch("settle_things")
        until = time.monotonic() + 60
        while len(imported.green("update")) < 2 and time.monotonic() < until:
            time.sleep(0.1)
        page.terminate(run_id)
        assert page.wait(run_id) == "CANCELED"
        until = time.monotonic() + 20
        while imported.newest().status is Status.RUNNING and time.monotonic() < until:
            time.sleep(0.1)
    result = imported.newest()
    assert (result.status, result.stopped_reason) == (Status.STOPPED, "interrupted")
    assert 0 < len(missing(imported)) < 10


@pytest.mark.slow
def test_a_paused_queue_holds_a_run_of_the_page_until_it_goes_on(imported: Things):
    command = ("instance", "concurrency", "set", "batch_ops")
    imported.dagster(*command, "0")
    with serving(imported.folder) as page:
        run_id = page.launch("settle_things")
        with pytest.raises(TimeoutError, match="QUEUED"):
            page.wait(run_id, seconds=8)
        imported.dagster(*command, "1")
        assert page.wait(run_id) == "SUCCESS"
    assert_whole(imported)
