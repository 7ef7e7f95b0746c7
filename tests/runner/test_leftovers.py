"""What a step leaves behind at its own end: ended, counted, and never in the way."""

from __future__ import annotations

import os
import signal
import socket

import pytest

from engine.runner import procfs
from engine.runner.containment import containment_report
from engine.runner.results import read_results
from engine.runner.sweep import find_marked, kill_marked
from tests.runner.client import Bench, Client, wait_until
from tests.runner.test_cancel import living, marker_of


def test_a_background_child_that_holds_the_pipe_is_ended(bench: Bench, client: Client) -> None:
    spec = bench.shell("sleep 1000 & echo done")
    end = client.run(spec)
    assert (end["outcome"], end["exit_code"], end["leftovers"]) == ("exited", 0, 1)
    assert end["wall_s"] < 30
    assert living(marker_of(bench, spec["attempt"])) == []
    assert bench.log(spec) == b"done\n"


def test_a_daemon_that_ignores_sigterm_is_killed(bench: Bench, client: Client) -> None:
    daemon = "setsid -f env -i /bin/bash -c 'trap \"\" TERM; while :; do sleep 0.1; done'"
    text = f"{daemon}; sleep 0.3; exit 5"
    spec = bench.shell(text)
    end = client.run(spec)
    assert (end["outcome"], end["exit_code"]) == ("exited", 5)
    assert end["leftovers"] >= 1
    assert living(marker_of(bench, spec["attempt"])) == []
    wait_until(lambda: procfs.read_children(bench.runner_pid) == [])


def test_a_deep_tree_is_ended_to_its_leaves(bench: Bench, client: Client) -> None:
    nest = "nest() { if (($1 > 0)); then nest $(($1-1)) & wait; else sleep 1000; fi; }"
    text = f"{nest}; nest 6 & sleep 0.5"
    spec = bench.shell(text)
    end = client.run(spec)
    assert end["exit_code"] == 0
    assert living(marker_of(bench, spec["attempt"])) == []


def test_what_a_leftover_still_prints_is_in_the_log(bench: Bench, client: Client) -> None:
    spec = bench.shell(
        "(trap 'echo last words; exit' TERM; echo ready; sleep 1000 & wait) & sleep 0.5"
    )
    client.run(spec)
    assert bench.log(spec) == b"ready\nlast words\n"


def test_a_clean_step_has_no_leftovers(bench: Bench, client: Client) -> None:
    assert client.run(bench.shell("sleep 0.1 & wait; (exit 3) || true"))["leftovers"] == 0


def test_a_stranger_with_the_pipe_delays_the_end_by_seconds_only(
    bench: Bench, client: Client, tmp_path: os.PathLike[str]
) -> None:
    path = str(bench.home.root / "s")
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    listener.listen()
    code = (
        f"import socket; s = socket.socket(socket.AF_UNIX); s.connect({path!r}); "
        "socket.send_fds(s, [b'x'], [1])"
    )
    spec = bench.shell(f'echo before; python3 -c "{code}"')
    client.start(spec)
    listener.settimeout(60)
    peer, _ = listener.accept()
    _, fds, _, _ = socket.recv_fds(peer, 10, 1)
    try:
        end = client.end_of(spec["attempt"])
        assert end["exit_code"] == 0
        assert end["wall_s"] < 30
        assert bench.log(spec) == b"before\n"
        # the pipe is closed: who still writes does not hang
        with pytest.raises(BrokenPipeError):
            os.write(fds[0], b"late")
    finally:
        for fd in fds:
            os.close(fd)
        peer.close()
        listener.close()


def test_a_daemon_that_ends_by_itself_is_reaped(bench: Bench, client: Client) -> None:
    long = bench.shell("for i in 1 2 3 4 5; do setsid -f sleep 0.3; done; echo up; sleep 1000")
    client.start(long)
    wait_until(lambda: bench.log(long) == b"up\n")
    wait_until(lambda: len(procfs.read_children(bench.runner_pid)) == 1)
    client.cancel(long["attempt"])
    assert client.end_of(long["attempt"])["leftovers"] == 0


def test_a_dead_runners_orphans_are_found_and_ended_by_their_marker(
    bench: Bench, client: Client
) -> None:
    text = "setsid -f env -i /bin/bash -c 'trap \"\" TERM; while :; do sleep 0.1; done'; sleep 1000"
    spec = bench.shell(text)
    client.start(spec)
    client.began_of(spec["attempt"])
    marker = marker_of(bench, spec["attempt"])
    wait_until(lambda: len(living(marker)) >= 2)
    os.kill(bench.runner_pid, signal.SIGKILL)
    wait_until(bench.is_dead)
    assert len(find_marked([marker])[marker]) >= 2
    assert kill_marked([marker]) == {marker: 0}
    assert living(marker) == []
    kinds = [record["k"] for record in read_results(bench.folder)]
    assert kinds == ["begin", "pid"]


def test_the_sweep_touches_nobody_else() -> None:
    pid = os.posix_spawn("/bin/sleep", ["sleep", "1000"], {})
    try:
        assert kill_marked([(1 << 61) | 12345]) == {(1 << 61) | 12345: 0}
        assert os.waitpid(pid, os.WNOHANG) == (0, 0)
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


def test_the_report_tells_what_this_machine_allows(client: Client) -> None:
    report = containment_report()
    assert report["summary"] == client.welcome["containment"]
    assert report["subreaper"] is True
    assert report["marker"] is True
