"""Cancel, kill and timeout: when the end is told, nothing of the step lives."""

from __future__ import annotations

import subprocess
import time

import pytest

from engine.runner import procfs
from engine.runner.results import read_results
from tests.runner.client import Bench, Client, wait_until

# ignores SIGTERM, forks twice, leaves the session, cleans the environment, closes the pipes
ESCAPE = r"""
setsid -f env -i /bin/bash -c 'trap "" TERM HUP INT; while :; do sleep 0.2; done' \
    >/dev/null 2>&1 </dev/null
"""
STUBBORN = (
    "trap '' TERM INT HUP\n"
    + ESCAPE
    + "(sleep 1000 & sleep 1000) &\necho up\nwhile :; do sleep 0.1; done"
)


def marker_of(bench: Bench, attempt: str) -> int:
    return next(
        record["marker"] for record in read_results(bench.folder)
        if record["k"] == "begin" and record["attempt"] == attempt
    )  # fmt: skip


def living(marker: int) -> list[int]:
    found = []
    for pid in procfs.all_pids():
        stat = procfs.read_stat(pid)
        if stat is not None and stat.alive and procfs.read_marker(pid) == marker:
            found.append(pid)
    return found


def start_and_see(bench: Bench, client: Client, spec: dict, processes: int) -> int:
    """Start, and wait until that many processes carry the marker; the marker."""
    client.start(spec)
    client.began_of(spec["attempt"])
    marker = marker_of(bench, spec["attempt"])
    wait_until(lambda: len(living(marker)) >= processes)
    return marker


def test_a_polite_step_ends_at_once(bench: Bench, client: Client) -> None:
    spec = bench.shell("echo up; sleep 1000", grace_s=600.0)
    marker = start_and_see(bench, client, spec, 1)
    client.cancel(spec["attempt"])
    end = client.end_of(spec["attempt"])
    assert (end["outcome"], end["exit_code"], end["signal"]) == ("cancelled", None, "SIGTERM")
    assert living(marker) == []
    assert bench.log(spec) == b"up\n"


def test_a_step_may_clean_up_within_its_grace(bench: Bench, client: Client) -> None:
    spec = bench.shell(
        "trap 'sleep 0.5; echo cleaned; exit 3' TERM; echo up; sleep 1000 & wait", grace_s=600.0
    )
    start_and_see(bench, client, spec, 2)
    client.cancel(spec["attempt"])
    end = client.end_of(spec["attempt"])
    assert (end["outcome"], end["exit_code"]) == ("cancelled", 3)
    assert bench.log(spec) == b"up\ncleaned\n"


@pytest.mark.parametrize(("mode", "reason"), [("term", "cancelled"), ("kill", "killed")])
def test_nothing_of_a_stubborn_tree_survives(
    bench: Bench, client: Client, mode: str, reason: str
) -> None:
    spec = bench.shell(STUBBORN, grace_s=0.5)
    marker = start_and_see(bench, client, spec, 5)
    client.cancel(spec["attempt"], mode, reason)
    end = client.end_of(spec["attempt"])
    assert end["outcome"] == reason
    assert end["signal"] == "SIGKILL"
    assert end["oom"] is False
    assert living(marker) == []


def test_a_kill_overtakes_a_cancel(bench: Bench, client: Client) -> None:
    spec = bench.shell(STUBBORN, grace_s=600.0)
    marker = start_and_see(bench, client, spec, 5)
    client.cancel(spec["attempt"])
    client.cancel(spec["attempt"])
    client.cancel(spec["attempt"], "kill", "killed")
    assert client.end_of(spec["attempt"])["outcome"] == "killed"
    assert living(marker) == []


def test_the_runner_enforces_the_timeout_without_an_engine(bench: Bench) -> None:
    first = bench.client()
    spec = bench.shell(STUBBORN, timeout_s=0.7, grace_s=0.5)
    start_and_see(bench, first, spec, 2)
    marker = marker_of(bench, spec["attempt"])
    first.close()
    wait_until(lambda: any(record["k"] == "end" for record in read_results(bench.folder)))
    assert living(marker) == []
    second = bench.client(epoch=2)
    assert second.end_of(spec["attempt"])["outcome"] == "timeout"


def test_a_step_within_its_timeout_is_left_alone(bench: Bench, client: Client) -> None:
    end = client.run(bench.shell("sleep 0.2", timeout_s=60.0))
    assert (end["outcome"], end["exit_code"]) == ("exited", 0)


def test_a_stopped_step_can_be_cancelled(bench: Bench, client: Client) -> None:
    spec = bench.shell("echo up; kill -STOP $$", grace_s=600.0)
    client.start(spec)
    pid = client.began_of(spec["attempt"])["pid"]

    def stopped() -> bool:
        stat = procfs.read_stat(pid)
        return stat is not None and stat.state == b"T"

    wait_until(stopped)
    client.cancel(spec["attempt"])
    assert client.end_of(spec["attempt"])["outcome"] == "cancelled"


def test_the_group_gets_sigterm_once(bench: Bench, client: Client) -> None:
    text = "n=0; trap 'n=$((n+1))' TERM; echo up; for i in {1..8}; do sleep 0.1; done; exit $n"
    spec = bench.shell(text, shell=["bash"], grace_s=600.0)
    start_and_see(bench, client, spec, 2)
    client.cancel(spec["attempt"])
    client.cancel(spec["attempt"])
    assert client.end_of(spec["attempt"])["exit_code"] == 1


def test_a_daemon_is_asked_before_it_is_killed(bench: Bench, client: Client) -> None:
    text = """
    setsid -f bash -c '
        trap "echo asked > asked; exit 0" TERM; echo ready > ready; while :; do sleep 0.1; done'
    sleep 1000
    """
    spec = bench.shell(text, grace_s=600.0)
    client.start(spec)
    folder = bench.home.work / "x"
    wait_until((folder / "ready").exists)
    marker = marker_of(bench, spec["attempt"])
    client.cancel(spec["attempt"])
    assert client.end_of(spec["attempt"])["outcome"] == "cancelled"
    assert (folder / "asked").read_text() == "asked\n"
    assert living(marker) == []


def test_an_attempt_that_still_waits_is_cancelled_without_a_start(
    bench: Bench, client: Client
) -> None:
    specs = [bench.shell("sleep 0.05; echo ran >> ran") for _ in range(40)]
    last = specs[-1]
    client.start(*specs)
    client.cancel(last["attempt"])
    end = client.end_of(last["attempt"])
    assert end["outcome"] == "cancelled"
    for spec in specs:
        client.end_of(spec["attempt"])


def test_a_cancel_after_the_end_changes_nothing(bench: Bench, client: Client) -> None:
    spec = bench.shell("exit 2")
    client.run(spec)
    client.cancel(spec["attempt"])
    client.ends.clear()
    client.start(spec)
    end = client.end_of(spec["attempt"])
    assert (end["outcome"], end["exit_code"]) == ("exited", 2)


def test_others_are_not_touched(bench: Bench, client: Client) -> None:
    kept = bench.shell("setsid -f sleep 2; sleep 1.5; exit 8")
    gone = bench.shell(STUBBORN, grace_s=0.1)
    client.start(kept)
    marker = start_and_see(bench, client, gone, 5)
    stranger = subprocess.Popen(["sleep", "1000"])
    try:
        client.cancel(gone["attempt"])
        client.end_of(gone["attempt"])
        assert living(marker) == []
        assert stranger.poll() is None
        assert client.end_of(kept["attempt"])["exit_code"] == 8
    finally:
        stranger.kill()
        stranger.wait()


def test_many_are_cancelled_together(bench: Bench, client: Client) -> None:
    specs = [bench.shell("sleep 1000", grace_s=600.0) for _ in range(40)]
    client.start(*specs)
    for spec in specs:
        client.began_of(spec["attempt"])
    for spec in specs:
        client.cancel(spec["attempt"])
    for spec in specs:
        assert client.end_of(spec["attempt"])["outcome"] == "cancelled"


def test_a_step_that_keeps_forking_is_ended(bench: Bench, client: Client) -> None:
    bomb = "trap '' TERM; while :; do (setsid -f sleep 30; sleep 0.01) & sleep 0.005; done"
    spec = bench.shell(bomb, grace_s=0.2)
    marker = start_and_see(bench, client, spec, 20)
    client.cancel(spec["attempt"])
    assert client.end_of(spec["attempt"])["outcome"] == "cancelled"
    assert living(marker) == []


def test_a_cancelled_step_leaves_no_zombie(bench: Bench, client: Client) -> None:
    spec = bench.shell(STUBBORN, grace_s=0.1)
    start_and_see(bench, client, spec, 5)
    client.cancel(spec["attempt"])
    client.end_of(spec["attempt"])
    time.sleep(0.1)
    wait_until(lambda: procfs.read_children(bench.runner_pid) == [])
