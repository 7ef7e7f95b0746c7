"""Steps of kind `run`: what a process gets, what it prints, how it ends."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path

import pytest

from tests.runner.client import Bench, Client


def run(bench: Bench, client: Client, text: str, **changes: object) -> tuple[dict, str]:
    spec = bench.shell(text, **changes)
    end = client.run(spec)
    return end, bench.log(spec).decode()


@pytest.mark.parametrize("code", [0, 1, 7, 255])
def test_the_exit_code_is_told(bench: Bench, client: Client, code: int) -> None:
    end, _ = run(bench, client, f"exit {code}")
    assert (end["outcome"], end["exit_code"], end["signal"]) == ("exited", code, None)


@pytest.mark.parametrize("name", ["TERM", "KILL", "SEGV"])
def test_a_signal_is_told_by_name(bench: Bench, client: Client, name: str) -> None:
    end, _ = run(bench, client, f"kill -{name} $$")
    assert (end["outcome"], end["exit_code"], end["signal"]) == ("exited", None, f"SIG{name}")
    assert end["oom"] is False


def test_both_streams_are_logged_before_the_end_is_told(bench: Bench, client: Client) -> None:
    end, log = run(bench, client, "echo one; echo two >&2; printf three")
    assert sorted(log.replace("three", "three\n").split()) == ["one", "three", "two"]
    assert end["log_bytes"] == len(log)
    assert end["log_records"] == 3


def test_a_silent_step_makes_no_file(bench: Bench, client: Client) -> None:
    end, _ = run(bench, client, "true")
    assert (end["log_bytes"], end["log_records"]) == (0, 0)
    assert not (bench.home.logs / "x").exists()


def test_the_environment_is_exactly_what_was_asked_for(bench: Bench, client: Client) -> None:
    path = os.environ["PATH"]
    _, log = run(bench, client, "env -0 | tr '\\0' '\\n'", env={"PATH": path, "A": "b c\n€"})
    lines = [
        line for line in log.split("\n") if not line.startswith(("_=", "PWD=", "SHLVL=", "OLDPWD="))
    ]
    output = [line for line in lines if line.startswith("WINGMAN_OUTPUT=/proc/")]
    assert len(output) == 1
    assert sorted(set(lines) - set(output)) == sorted([f"PATH={path}", "A=b c", "€", ""])


def test_the_process_inherits_nothing(bench: Bench, client: Client, tmp_path: Path) -> None:
    # into a file: the shell that makes a pipe holds its ends for a moment
    text = (
        f"cd /proc/self; ls -l fd >{tmp_path}/fds; wc -l <{tmp_path}/fds; "
        "cat /proc/self/status; ulimit -c; umask; readlink fd/0"
    )
    _, log = run(bench, client, text)
    lines = log.split("\n")
    # total, 0, 1 and 2
    assert lines[0] == "4"
    assert "SigBlk:\t0000000000000000" in lines
    ignored = next(int(line[8:], 16) for line in lines if line.startswith("SigIgn:"))
    assert ignored & ~(3 << 31) == 0  # 32 and 33 are the C library's own: its posix_spawn does it
    assert lines[-4:-1] == ["0", "0077", "/dev/null"]


def test_the_process_leads_a_session_of_its_own(bench: Bench, client: Client) -> None:
    _, log = run(
        bench,
        client,
        "echo $$; ps -o pid=,pgid=,sid= -p $$ 2>/dev/null || cut -d' ' -f1,5,6 /proc/$$/stat",
    )
    numbers = set(log.split())
    assert len(numbers) == 1


def test_a_missing_working_directory_is_made_private(bench: Bench, client: Client) -> None:
    cwd = bench.home.work / "new" / "er"
    _, log = run(bench, client, "pwd; touch made", cwd=str(cwd))
    assert log == f"{cwd}\n"
    assert stat.S_IMODE(cwd.stat().st_mode) == 0o700
    assert stat.S_IMODE((cwd / "made").stat().st_mode) == 0o600


def test_a_long_text_is_run_too(bench: Bench, client: Client) -> None:
    text = "x=$(cat <<'EOF'\n" + "a" * 300_000 + "\nEOF\n)\necho ${#x} $0\nfalse\necho not reached"
    end, log = run(bench, client, text)
    assert log.split()[0] == "300000"
    assert "not reached" not in log
    assert end["exit_code"] == 1


def test_outputs_are_read_from_the_memory_file(bench: Bench, client: Client) -> None:
    end, _ = run(
        bench,
        client,
        'echo size=12 >> "$WINGMAN_OUTPUT"; echo \'m:={"a": [1]}\' >> "$WINGMAN_OUTPUT"',
    )
    assert end["outputs"] == {"size": 12, "m": {"a": [1]}}


def test_a_step_gets_an_empty_file_for_its_outputs_whoever_had_it_before(
    bench: Bench, client: Client
) -> None:
    daemon = "exec 9>>$WINGMAN_OUTPUT; setsid -f sh -c 'echo n=1 >&9; exec sleep 30'"
    for text, outputs in [("", {}), ('echo n=1 >> "$WINGMAN_OUTPUT"', {"n": 1}), ("", {})]:
        end, log = run(bench, client, f"{text}\necho $WINGMAN_OUTPUT")
        assert (end["outputs"], end["exit_code"]) == (outputs, 0), log
    end, log = run(bench, client, f"echo $WINGMAN_OUTPUT; {daemon}")
    assert end["leftovers"] == 1
    after = [run(bench, client, "echo $WINGMAN_OUTPUT; stat -Lc %s $WINGMAN_OUTPUT") for _ in "ab"]
    assert [log.split()[1] for _, log in after] == ["0", "0"]
    assert all(end["outputs"] == {} for end, _ in after)


def test_stdout_can_be_the_output(bench: Bench, client: Client) -> None:
    end, log = run(bench, client, "echo '{\"a\": 1}'; echo words >&2", outputs="json")
    assert end["outputs"] == {"a": 1}
    assert "words" in log
    assert end["error"] is None


def test_unreadable_outputs_are_an_error_of_a_good_step_only(bench: Bench, client: Client) -> None:
    end, _ = run(bench, client, "echo no json", outputs="json")
    assert end["exit_code"] == 0
    assert end["error"]["type"] == "output"
    end, _ = run(bench, client, "echo no json; exit 3", outputs="json")
    assert end["error"] is None


def test_outputs_over_the_limit_are_an_error(bench: Bench, client: Client) -> None:
    text = "head -c 3000 /dev/zero | tr '\\0' a > v; echo v=$(cat v) >> $WINGMAN_OUTPUT"
    end, _ = run(bench, client, text, output_limit_bytes=1000)
    assert end["error"]["type"] == "output"
    assert end["outputs"] == {}
    end, _ = run(bench, client, "seq 5000", outputs="json", output_limit_bytes=1000)
    assert end["error"]["type"] == "output"


def test_secrets_are_masked_in_log_outputs_and_error(bench: Bench, client: Client) -> None:
    text = 'echo s3cret-canary; echo v=x-s3cret-canary-y >> "$WINGMAN_OUTPUT"'
    end, log = run(bench, client, text, masks=["s3cret-canary"])
    assert "s3cret-canary" not in log + json.dumps(end)
    assert end["outputs"]["v"].startswith("x-")
    end = client.run(bench.shell("", shell=["s3cret-canary"], masks=["s3cret-canary"]))
    assert end["outcome"] == "start_failed"
    assert "s3cret-canary" not in json.dumps(end)
    for path in bench.home.root.rglob("*"):
        if path.is_file():
            assert b"s3cret-canary" not in path.read_bytes(), path


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"shell": ["no-such-shell"]}, ["no-such-shell", "PATH"]),
        ({"shell": ["/etc/passwd"]}, ["/etc/passwd", "Permission denied"]),
        ({"shell": ["/no/such/shell"]}, ["/no/such/shell", "No such file"]),
        (
            {"env": {"PATH": os.environ["PATH"], "BIG": "x" * 200_000}},
            ["bash", "too long", "environment"],
        ),
        ({"text": "nul \0 byte"}, ["bash", "null"]),
        ({"cwd": "/proc/no/such"}, ["/proc/no/such"]),
        ({"cwd": "/etc/hostname"}, ["/etc/hostname", "Not a directory"]),
    ],
)
def test_what_cannot_start_says_why(
    bench: Bench, client: Client, changes: dict, words: list[str]
) -> None:
    end = client.run({**bench.shell("true"), **changes})
    assert end["outcome"] == "start_failed"
    assert end["exit_code"] is None
    assert end["error"]["type"] == "start_failed"
    for word in words:
        assert word.lower() in end["error"]["message"].lower()
    # the next one starts as if nothing had been
    assert client.run(bench.shell("true"))["exit_code"] == 0


def test_a_text_that_is_no_program_cannot_start(
    bench: Bench, client: Client, tmp_path: Path
) -> None:
    program = tmp_path / "tool"
    program.write_text("#!/no/such/interpreter\n")
    program.chmod(0o700)
    end = client.run(bench.shell("true", shell=[str(program)]))
    assert end["outcome"] == "start_failed"
    assert str(program) in end["error"]["message"]


def test_an_incomplete_request_is_answered(bench: Bench, client: Client) -> None:
    spec = bench.shell("true")
    del spec["env"]
    assert client.run(spec)["outcome"] == "start_failed"
    client.start({"attempt": "odd"})
    assert client.end_of("odd")["outcome"] == "start_failed"
    assert client.run(bench.shell("true"))["exit_code"] == 0


def test_usage_is_measured(bench: Bench, client: Client) -> None:
    memory = "head -c 90000000 /dev/zero | tail -c 90000000 | wc -c"
    text = f"{memory}; i=0; while ((i++ < 200000)); do :; done"
    end, _ = run(bench, client, text)
    assert end["max_rss_bytes"] > 80_000_000
    assert end["cpu_s"] > 0.1
    assert end["wall_s"] >= end["cpu_s"] / os.cpu_count()
    assert end["ended_at"] >= end["began_at"]


def test_the_peak_of_a_small_step_is_its_own_not_the_runners(bench: Bench, client: Client) -> None:
    end, _ = run(bench, client, "sleep 1")
    assert 500_000 < end["max_rss_bytes"] < 8_000_000


def test_a_name_resolves_by_the_steps_own_path(
    bench: Bench, client: Client, tmp_path: Path
) -> None:
    tool = tmp_path / "bin" / "mytool"
    tool.parent.mkdir()
    tool.write_text("#!/bin/sh\necho mine\n")
    tool.chmod(0o700)
    spec = bench.shell("x", shell=["mytool"], env={"PATH": f"{tool.parent}:{os.environ['PATH']}"})
    client.run(spec)
    assert bench.log(spec) == b"mine\n"


def test_many_at_once_all_end(bench: Bench, client: Client) -> None:
    specs = [bench.shell(f"echo {n}; sleep 0.2; exit {n % 5}") for n in range(60)]
    client.start(*specs)
    for n, spec in enumerate(specs):
        assert client.end_of(spec["attempt"])["exit_code"] == n % 5
        assert bench.log(spec) == b"%d\n" % n
    assert sorted(client.ends_seen) == sorted(spec["attempt"] for spec in specs)
