"""Output of any kind and size: byte for byte, at constant memory, nobody starved."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from tests.runner.client import Bench, Client, wait_until

MEMORY_LIMIT_KB = 40_000


def peak_kb(bench: Bench) -> int:
    status = Path(f"/proc/{bench.runner_pid}/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0])


def test_binary_is_kept_byte_for_byte(bench: Bench, client: Client) -> None:
    data = os.urandom(3_000_000) + bytes(range(256)) * 100
    source = bench.home.root / "source"
    source.write_bytes(data)
    spec = bench.shell(f"cat {source}")
    end = client.run(spec)
    assert end["log_bytes"] == len(data)
    assert hashlib.sha256(bench.log(spec)).digest() == hashlib.sha256(data).digest()


def test_100_mb_without_a_newline(bench: Bench, client: Client) -> None:
    spec = bench.shell("head -c 100000000 /dev/zero")
    end = client.run(spec)
    assert end["log_bytes"] == 100_000_000
    assert peak_kb(bench) < MEMORY_LIMIT_KB
    for path in Path(spec["log_dir"]).iterdir():
        path.unlink()


def test_carriage_returns_and_empty_lines(bench: Bench, client: Client) -> None:
    spec = bench.shell(r"for i in $(seq 500); do printf '%d%%\r' $i; done; printf '\n\n\r\n\0\n'")
    client.run(spec)
    expected = "".join(f"{i}%\r" for i in range(1, 501)) + "\n\n\r\n\0\n"
    assert bench.log(spec) == expected.encode()


def test_half_a_gigabyte_over_the_limit_costs_constant_memory_and_disk(
    bench: Bench, client: Client
) -> None:
    spec = bench.shell(
        "yes 0123456789abcdef | head -c 500000000", shell=["bash"], log_limit_bytes=8_000_000
    )
    end = client.run(spec)
    assert end["exit_code"] == 0
    assert peak_kb(bench) < MEMORY_LIMIT_KB
    kept = sum(p.stat().st_size for p in Path(spec["log_dir"]).glob("*.log"))
    assert kept == end["log_bytes"] <= 8_000_000 * 1.2


def test_a_flood_on_stdout_as_json_output_costs_constant_memory(
    bench: Bench, client: Client
) -> None:
    spec = bench.shell(
        "head -c 200000000 /dev/zero | tr '\\0' 1", outputs="json", log_limit_bytes=1_000_000
    )
    end = client.run(spec)
    assert end["error"]["type"] == "output"
    assert peak_kb(bench) < MEMORY_LIMIT_KB


def test_a_flood_into_the_outputs_file_is_cut(bench: Bench, client: Client) -> None:
    text = "head -c 300000000 /dev/zero > $WINGMAN_OUTPUT; echo written; sleep 1000"
    spec = bench.shell(text)
    client.start(spec)
    wait_until(lambda: bench.log(spec) == b"written\n")

    def size_bytes() -> int:
        folder = Path(f"/proc/{bench.runner_pid}/fd")
        return sum(e.stat().st_size for e in folder.iterdir() if "memfd:" in os.readlink(e))

    wait_until(lambda: size_bytes() < 3_000_000)
    client.cancel(spec["attempt"])
    end = client.end_of(spec["attempt"])
    assert end["outputs"] == {}
    end = client.run(bench.shell("head -c 300000000 /dev/zero > $WINGMAN_OUTPUT"))
    assert end["error"]["type"] == "output"


def test_a_flood_starves_neither_others_nor_the_engine(bench: Bench, client: Client) -> None:
    floods = [bench.shell("yes", log_limit_bytes=1_000_000) for _ in range(4)]
    client.start(*floods)
    for spec in floods:
        client.began_of(spec["attempt"])
    for n in range(5):
        spec = bench.shell(f"echo quick {n}")
        assert client.run(spec)["exit_code"] == 0
        assert bench.log(spec) == b"quick %d\n" % n
    for spec in floods:
        client.cancel(spec["attempt"])
    for spec in floods:
        assert client.end_of(spec["attempt"])["outcome"] == "cancelled"


def test_an_unfinished_line_is_written_while_the_step_runs(bench: Bench, client: Client) -> None:
    spec = bench.shell("printf 'Password: '; sleep 1000")
    client.send(t="watch", execution="x", on=True)
    client.start(spec)
    client.wait_for(lambda: bench.log(spec) == b"Password: " or not client.receive())
    client.cancel(spec["attempt"])
    client.end_of(spec["attempt"])


def test_a_log_that_cannot_be_written_does_not_stop_the_step(bench: Bench, client: Client) -> None:
    blocked = bench.home.root / "file"
    blocked.write_text("not a directory")
    spec = bench.shell("seq 100000; exit 4", log_dir=str(blocked / "x"))
    end = client.run(spec)
    assert (end["exit_code"], end["log_bytes"]) == (4, 0)
    assert "log of" in bench.runner_log()


def test_a_synced_log_is_on_its_way_before_the_end(bench: Bench, client: Client) -> None:
    spec = bench.shell("echo kept", log_sync=True)
    assert client.run(spec)["log_bytes"] == 5
