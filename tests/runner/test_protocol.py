"""The protocol between engine and runner: epochs, repeats, acknowledgements, leaving."""

from __future__ import annotations

import contextlib
import errno
import os
import resource
import signal
import socket
import stat
import time
from pathlib import Path

import pytest

from engine.errors import Unavailable
from engine.paths import home_at
from engine.runner import launch, procfs
from engine.runner.frames import encode
from engine.runner.results import read_results
from tests.runner.client import Bench, Client, wait_until


def test_the_runner_is_nobodys_child_and_private(bench: Bench) -> None:
    pid = bench.runner_pid
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    assert int(fields[1]) != os.getpid()
    assert int(fields[3]) == pid
    path = launch.runner_socket(bench.home, bench.generation)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(bench.folder.stat().st_mode) == 0o700
    for file in ("info.json", "lock", "runner.log"):
        assert stat.S_IMODE((bench.folder / file).stat().st_mode) == 0o600
    descriptors = set()
    for entry in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):  # closed since it was listed
            descriptors.add(os.readlink(entry))
    assert str(bench.folder / "runner.log") in descriptors
    assert not any("/tests/" in name or "pytest" in name for name in descriptors - {
        str(bench.folder / "runner.log"), str(bench.folder / "lock"),
    })  # fmt: skip


def test_a_second_runner_on_the_same_folder_gives_way(bench: Bench, client: Client) -> None:
    launch.start_runner(bench.home, bench.generation)
    wait_until(lambda: "another runner holds" in bench.runner_log())
    assert client.run(bench.shell("true"))["exit_code"] == 0


def test_a_runner_that_cannot_start_is_told(tmp_path: Path) -> None:
    home = home_at(tmp_path)
    home.create()
    folder = launch.runner_folder(home, "g")
    (folder / "socket").mkdir(parents=True)
    launch.start_runner(home, "g")
    with pytest.raises(Unavailable, match="IsADirectoryError"):
        launch.wait_until_ready(home, "g", timeout_s=3)
    assert launch.is_dead(folder)


def test_an_engine_without_a_free_descriptor_takes_no_runner_for_dead(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    def none_left(*_: object) -> int:
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    with monkeypatch.context() as patched:
        patched.setattr(os, "open", none_left)
        assert not launch.is_dead(bench.folder)


def test_welcome_tells_who_it_is(bench: Bench, client: Client) -> None:
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    assert client.welcome["pid"] == bench.runner_pid
    assert client.welcome["boot"] == boot
    assert client.welcome["generation"] == bench.generation
    assert client.welcome["running"] == client.welcome["ended"] == []
    assert "subreaper" in client.welcome["containment"]


def test_an_older_epoch_is_dropped(bench: Bench) -> None:
    new = bench.client(epoch=5)
    old = bench.client(greet=False)
    old.send(t="hello", epoch=4)
    while not old.closed:
        old.receive()
    assert old.messages == []
    assert new.run(bench.shell("true"))["exit_code"] == 0


def test_a_newer_epoch_takes_over(bench: Bench) -> None:
    old = bench.client(epoch=5)
    spec = bench.shell("sleep 0.5; echo kept")
    old.start(spec)
    old.began_of(spec["attempt"])
    new = bench.client(epoch=6)
    assert new.welcome["running"] == [spec["attempt"]]
    while not old.closed:
        old.receive()
    assert new.end_of(spec["attempt"])["exit_code"] == 0


def test_whoever_does_not_say_hello_is_not_listened_to(bench: Bench, client: Client) -> None:
    stranger = bench.client(greet=False)
    spec = bench.shell("true")
    stranger.start(spec)
    while not stranger.closed:
        stranger.receive()
    noise = bench.client(greet=False)
    noise.sock.sendall(b"\xff" * 100)
    while not noise.closed:
        noise.receive()
    assert client.run(bench.shell("true"))["exit_code"] == 0
    assert spec["attempt"] not in client.ends


def test_unknown_and_odd_messages_are_survived(bench: Bench, client: Client) -> None:
    client.send(t="dance")
    client.send(t="cancel")
    client.send(t="start", attempts=[3])
    client.send(t="ack", attempts=None)
    client.send(t="watch", execution=["x"], on=True)
    client.cancel("nobody:1")
    client.ack("nobody:1")
    assert client.run(bench.shell("true"))["exit_code"] == 0


def test_a_repeated_start_never_starts_twice(bench: Bench, client: Client) -> None:
    spec = bench.shell("echo ran >> ran; sleep 0.3")
    client.start(spec, spec)
    client.began_of(spec["attempt"])
    client.began.clear()
    client.start(spec)
    assert client.began_of(spec["attempt"])["pid"] > 0
    client.end_of(spec["attempt"])
    client.ends.clear()
    client.start(spec)  # not acknowledged: it answers the end
    client.end_of(spec["attempt"])
    client.ack(spec["attempt"])
    client.start(spec)  # acknowledged: the engine knows, nothing is done
    client.run(bench.shell("true"))
    assert (bench.home.work / "x" / "ran").read_text() == "ran\n"


def test_ends_are_told_again_on_every_connection_until_acknowledged(bench: Bench) -> None:
    first = bench.client()
    specs = [bench.shell("true"), bench.shell("exit 4")]
    names = [spec["attempt"] for spec in specs]
    for spec in specs:
        first.run(spec)
    first.close()
    second = bench.client(epoch=2)
    assert sorted(second.welcome["ended"]) == sorted(names)
    assert second.end_of(names[1])["exit_code"] == 4
    assert second.end_of(names[0])["exit_code"] == 0
    second.ack(names[0])
    second.close()
    third = bench.client(epoch=3)
    assert third.welcome["ended"] == [names[1]]
    third.end_of(names[1])
    assert third.ends_seen == [names[1]]


def test_steps_go_on_while_no_engine_is_there(bench: Bench) -> None:
    first = bench.client()
    spec = bench.shell("for i in 1 2 3 4 5; do echo $i; sleep 0.1; done; exit 9")
    first.start(spec)
    first.began_of(spec["attempt"])
    first.close()
    wait_until(lambda: any(record["k"] == "end" for record in read_results(bench.folder)))
    second = bench.client(epoch=2)
    assert second.end_of(spec["attempt"])["exit_code"] == 9
    assert bench.log(spec) == b"1\n2\n3\n4\n5\n"


def test_many_unacknowledged_ends_with_large_outputs_come_back(bench: Bench) -> None:
    first = bench.client()
    text = "printf 'v=%0200000d\\n' 0 >> $WINGMAN_OUTPUT"
    specs = [bench.shell(text) for _ in range(30)]
    first.start(*specs)
    for spec in specs:
        first.end_of(spec["attempt"])
    first.close()
    second = bench.client(epoch=2)
    for spec in specs:
        assert len(second.end_of(spec["attempt"])["outputs"]["v"]) == 200000


def test_the_results_file_tells_begin_process_and_end(bench: Bench, client: Client) -> None:
    spec = bench.shell("sleep 0.3")
    end = client.run(spec)
    records = list(read_results(bench.folder))
    assert [record["k"] for record in records] == ["begin", "pid", "end"]
    assert records[0]["attempt"] == records[1]["attempt"] == spec["attempt"]
    assert records[0]["marker"] >= 1 << 61
    assert records[1]["start_ticks"] > 0
    assert records[2]["end"] == end


def test_acknowledged_segments_are_removed(bench: Bench, client: Client) -> None:
    text = "printf 'v=%0900000d\\n' 0 >> $WINGMAN_OUTPUT"
    specs = [bench.shell(text) for _ in range(12)]
    client.start(*specs)
    for spec in specs:
        client.end_of(spec["attempt"])
    assert len(list(bench.folder.glob("results-*"))) >= 3
    client.ack(*[spec["attempt"] for spec in specs])
    wait_until(lambda: len(list(bench.folder.glob("results-*"))) == 1)


def test_an_engine_that_does_not_read_blocks_nothing(bench: Bench) -> None:
    deaf = bench.client()
    deaf.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    text = "printf 'v=%0500000d\\n' 0 >> $WINGMAN_OUTPUT; echo $WINGMAN_OUTPUT >> done"
    specs = [bench.shell(text) for _ in range(20)]
    deaf.start(*specs)
    done = bench.home.work / "x" / "done"
    wait_until(lambda: done.exists() and len(done.read_text().splitlines()) == 20)
    other = bench.client(epoch=2)
    for spec in specs:
        assert other.end_of(spec["attempt"])["exit_code"] == 0


def test_a_watched_execution_tells_growth_and_samples(bench: Bench, client: Client) -> None:
    client.send(t="watch", execution="x", on=True)
    spec = bench.shell("while true; do echo tick; sleep 0.05; done")
    other = bench.shell("while true; do echo tick; sleep 0.05; done", execution="y")
    client.start(spec, other)
    wanted = {"grew", "samples"}
    client.wait_for(lambda: wanted <= {message["t"] for message in client.messages})
    samples = next(m for m in client.messages if m["t"] == "samples")
    assert set(samples["attempts"]) == {spec["attempt"]}
    assert samples["attempts"][spec["attempt"]]["processes"] >= 1
    assert samples["attempts"][spec["attempt"]]["rss_bytes"] > 100_000
    grown = [m for m in client.messages if m["t"] == "grew"]
    assert all(message["executions"] == ["x"] for message in grown)
    client.send(t="watch", execution="x", on=False)
    client.cancel(spec["attempt"], "kill", "killed")
    client.cancel(other["attempt"], "kill", "killed")
    client.end_of(spec["attempt"])


def test_a_runner_that_nobody_needs_leaves(tmp_path: Path) -> None:
    bench = Bench(tmp_path, idle_s=0.5)
    client = bench.client()
    spec = bench.shell("exit 3")
    client.run(spec)
    time.sleep(1)
    assert not bench.is_dead()  # an engine is connected
    client.close()
    wait_until(bench.is_dead)
    assert [r["end"]["exit_code"] for r in read_results(bench.folder) if r["k"] == "end"] == [3]
    assert not launch.runner_socket(bench.home, bench.generation).exists()


def test_a_draining_runner_leaves_when_its_steps_have_ended(bench: Bench, client: Client) -> None:
    spec = bench.shell("sleep 0.5; exit 6")
    client.start(spec)
    client.began_of(spec["attempt"])
    client.send(t="drain")
    late = bench.shell("true")
    assert client.run(late)["outcome"] == "start_failed"
    assert client.end_of(spec["attempt"])["exit_code"] == 6
    client.ack(spec["attempt"], late["attempt"])
    while not client.closed:
        client.receive()
    wait_until(bench.is_dead)
    assert list(read_results(bench.folder)) == []


def test_stop_kills_all_and_leaves(bench: Bench, client: Client) -> None:
    specs = [bench.shell("trap '' TERM; sleep 1000") for _ in range(3)]
    waiting = bench.python(script="import time; time.sleep(1000)")
    client.start(*specs, waiting)
    client.began_of(specs[-1]["attempt"])
    client.send(t="stop")
    for spec in [*specs, waiting]:
        assert client.end_of(spec["attempt"])["outcome"] == "killed"
    client.close()
    wait_until(bench.is_dead)


def test_sigterm_to_the_runner_is_a_stop(bench: Bench, client: Client) -> None:
    spec = bench.shell("sleep 1000")
    client.start(spec)
    client.began_of(spec["attempt"])
    os.kill(bench.runner_pid, signal.SIGTERM)
    assert client.end_of(spec["attempt"])["outcome"] == "killed"
    client.close()
    wait_until(bench.is_dead)


def test_frames_in_pieces_are_understood(bench: Bench, client: Client) -> None:
    spec = bench.shell("true")
    data = encode({"t": "start", "attempts": [spec]})
    for at in range(0, len(data), 50):
        client.sock.sendall(data[at : at + 50])
        time.sleep(0.002)
    assert client.end_of(spec["attempt"])["exit_code"] == 0


def test_nothing_starts_and_nothing_is_told_while_results_cannot_be_written(
    bench: Bench, client: Client
) -> None:
    for _ in range(10):
        client.run(bench.shell("true"))
    running = bench.shell("sleep 0.5; exit 3")
    client.start(running)
    client.began_of(running["attempt"])
    client.ends.clear()
    pid = bench.runner_pid
    limits = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (1500, limits[1]))  # enough for its log only
    waiting = bench.shell("echo ran >> ran")
    dropped = bench.shell("echo dropped >> ran")
    client.start(waiting, dropped)
    client.cancel(dropped["attempt"])
    wait_until(lambda: "results file" in bench.runner_log())
    wait_until(lambda: procfs.read_children(pid) == [])
    assert client.ends == {}
    assert not (bench.home.work / "x" / "ran").exists()
    resource.prlimit(pid, resource.RLIMIT_FSIZE, limits)
    assert client.end_of(running["attempt"])["exit_code"] == 3
    assert client.end_of(waiting["attempt"])["exit_code"] == 0
    assert client.end_of(dropped["attempt"])["outcome"] == "cancelled"
    assert (bench.home.work / "x" / "ran").read_text() == "ran\n"
    ends = [
        record["end"]["attempt"] for record in read_results(bench.folder) if record["k"] == "end"
    ]
    assert sorted(ends[10:]) == sorted(spec["attempt"] for spec in (running, waiting, dropped))


def test_attempts_that_wait_are_known_too(bench: Bench) -> None:
    first = bench.client()
    specs = [bench.python(script="import time; time.sleep(0.3)") for _ in range(20)]
    first.start(*specs)
    first.began_of(specs[0]["attempt"])
    second = bench.client(epoch=2)
    known = {*second.welcome["running"], *second.welcome["ended"]}
    assert known == {spec["attempt"] for spec in specs}
    for spec in specs:
        assert second.end_of(spec["attempt"])["exit_code"] == 0
