"""Steps of kind `python`: warm workers that are fast, clean, and never mix two steps."""

from __future__ import annotations

import os
import signal
import textwrap
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from engine.runner import procfs
from tests.runner.client import Bench, Client, wait_until
from tests.runner.test_cancel import living, marker_of


def script(bench: Bench, client: Client, text: str, **changes: Any) -> tuple[dict[str, Any], str]:
    spec = bench.python(changes.pop("args", None), script=textwrap.dedent(text), **changes)
    end = client.run(spec)
    return end, bench.log(spec).decode()


def module(bench: Bench, name: str, text: str) -> str:
    folder = bench.home.root / "code"
    folder.mkdir(exist_ok=True)
    (folder / f"{name}.py").write_text(textwrap.dedent(text))
    return str(folder)


def worker_of(end_log: str) -> int:
    return int(end_log.split()[0])


PID = "import os; print(os.getpid())\n"


def test_a_script_has_its_arguments_and_outputs(bench: Bench, client: Client) -> None:
    text = "print('sum', a + b['c'])\noutputs['total'] = a + b['c']"
    end, log = script(bench, client, text, args={"a": 1, "b": {"c": 2}})
    assert (end["outcome"], end["exit_code"], end["error"]) == ("exited", 0, None)
    assert end["outputs"] == {"total": 3}
    assert log == "sum 3\n"


@pytest.mark.parametrize(
    ("value", "outputs"),
    [
        ("{'a': [1, None]}", {"a": [1, None]}),
        ("None", {}),
        ("5", {"result": 5}),
        ("'x'", {"result": "x"}),
    ],
)
def test_a_call_returns_its_outputs(
    bench: Bench, client: Client, value: str, outputs: dict[str, Any]
) -> None:
    path = module(bench, "made", f"def work(**given):\n    print(given)\n    return {value}\n")
    spec = bench.python({"day": "1"}, call="made:work", path=[path])
    end = client.run(spec)
    assert end["outputs"] == outputs
    assert bench.log(spec) == b"{'day': '1'}\n"


def test_lines_in_the_outputs_file_are_merged(bench: Bench, client: Client) -> None:
    text = """
    import os
    with open(os.environ["WINGMAN_OUTPUT"], "a") as file:
        file.write("a=1\\nb=2\\n")
    outputs["b"] = 3
    """
    assert script(bench, client, text)[0]["outputs"] == {"a": 1, "b": 3}
    assert script(bench, client, "pass")[0]["outputs"] == {}


@pytest.mark.parametrize("value", ["object()", "float('nan')", "{1, 2}", "b'x'"])
def test_what_is_no_json_is_an_output_error(bench: Bench, client: Client, value: str) -> None:
    end, _ = script(bench, client, f"outputs['x'] = {value}")
    assert end["exit_code"] == 0
    assert end["error"]["type"] == "output"


@pytest.mark.parametrize("name", ["a b", "", "true", "1st", "x" * 64])
def test_an_output_that_no_expression_could_name_is_an_error(
    bench: Bench, client: Client, name: str
) -> None:
    end, _ = script(bench, client, f"outputs['{name}'] = 1")
    assert end["error"]["type"] == "output"
    assert "is not a name of an output" in end["error"]["message"]
    assert end["outputs"] == {}


def test_outputs_may_be_large_but_not_too_large(bench: Bench, client: Client) -> None:
    end, _ = script(bench, client, "outputs['x'] = 'y' * 900_000")
    assert len(end["outputs"]["x"]) == 900_000
    end, _ = script(bench, client, "outputs['x'] = 'y' * 1_200_000")
    assert end["error"]["type"] == "output"


def test_arguments_may_be_large(bench: Bench, client: Client) -> None:
    end, _ = script(bench, client, "outputs['n'] = len(text)", args={"text": "z" * 2_000_000})
    assert end["outputs"] == {"n": 2_000_000}


@pytest.mark.parametrize(
    ("text", "kind", "message"),
    [
        ("raise ValueError('bad day')", "ValueError", "bad day"),
        ("import json; json.loads('{')", "json.decoder.JSONDecodeError", "Expecting property name"),
        ("class Mine(Exception): pass\nraise Mine('m')", "Mine", "m"),
        ("1/0", "ZeroDivisionError", "division by zero"),
        ("x = (", "SyntaxError", "was never closed"),
        ("import no_such_module", "ModuleNotFoundError", "no_such_module"),
        ("raise KeyboardInterrupt", "KeyboardInterrupt", ""),
        ("def f(): f()\nf()", "RecursionError", "maximum recursion"),
    ],
)
def test_an_exception_is_told_by_name(
    bench: Bench, client: Client, text: str, kind: str, message: str
) -> None:
    end, log = script(bench, client, text)
    assert (end["outcome"], end["exit_code"]) == ("exited", 1)
    assert end["error"]["type"] == kind
    assert message in end["error"]["message"]
    assert kind.rsplit(".", 1)[-1] in log


def test_a_traceback_shows_the_scripts_lines_and_nothing_of_ours(
    bench: Bench, client: Client
) -> None:
    _, log = script(bench, client, "def go():\n    raise OSError('there')\ngo()\n", step="a/b")
    assert 'File "<a/b>", line 2, in go' in log
    assert "raise OSError('there')" in log
    assert all(ours not in log for ours in ("worker_main", "serving.py", "_wingman_worker"))


def test_an_exception_that_cannot_be_shown_is_told(bench: Bench, client: Client) -> None:
    text = "class E(Exception):\n    def __str__(self): raise E()\nraise E()"
    end, _ = script(bench, client, text)
    assert end["error"]["type"] == "E"
    assert end["exit_code"] == 1


@pytest.mark.parametrize(
    ("text", "code"),
    [("sys.exit(3)", 3), ("sys.exit()", 0), ("sys.exit('words')", 1), ("os._exit(9)", 9)],
)
def test_exit_codes(bench: Bench, client: Client, text: str, code: int) -> None:
    end, log = script(bench, client, f"import sys, os\nprint('said')\n{text}")
    assert (end["outcome"], end["exit_code"]) == ("exited", code)
    assert log.startswith("said\n")
    assert ("words" in log) == ("words" in text)


def test_an_exit_with_a_text_says_it_in_the_error(bench: Bench, client: Client) -> None:
    end, log = script(bench, client, "import sys; sys.exit('no such table')")
    assert end["error"] == {"type": "exit:1", "message": "no such table"}
    assert log == "no such table\n"
    text = "class E:\n    def __str__(self): raise ValueError('odd')\nraise SystemExit(E())"
    assert script(bench, client, text)[0]["error"]["message"] == "odd"
    assert script(bench, client, "import sys; sys.exit(2)")[0]["error"] is None


def test_a_crash_is_told_by_its_signal(bench: Bench, client: Client) -> None:
    end, _ = script(bench, client, "import os, signal; os.kill(os.getpid(), signal.SIGSEGV)")
    assert (end["outcome"], end["signal"], end["exit_code"]) == ("exited", "SIGSEGV", None)
    assert script(bench, client, "pass")[0]["exit_code"] == 0


def test_workers_are_warm_and_of_one_flow_version(bench: Bench, client: Client) -> None:
    first = worker_of(script(bench, client, PID)[1])
    assert worker_of(script(bench, client, PID)[1]) == first
    assert worker_of(script(bench, client, PID, set="v2")[1]) != first


def test_the_environment_is_exactly_the_attempts(bench: Bench, client: Client) -> None:
    path = os.environ["PATH"]
    text = PID + "for k, v in sorted(os.environ.items()): print(k, v)\nos.environ['LATER'] = 'x'"
    for value in ("one", "two"):
        _, log = script(bench, client, text, env={"PATH": path, "ONLY": value})
        lines = [line for line in log.splitlines()[1:] if not line.startswith("WINGMAN_OUTPUT ")]
        assert lines == [f"ONLY {value}", f"PATH {path}"]
    text = (
        "import subprocess; print(subprocess.run(['env'], capture_output=True, text=True).stdout)"
    )
    _, log = script(bench, client, text, env={"PATH": path})
    assert "ONLY" not in log
    assert "LATER" not in log


def test_no_secret_is_in_the_workers_own_environment(bench: Bench, client: Client) -> None:
    text = "print(open('/proc/self/environ').read())"
    env = {"PATH": os.environ["PATH"], "TOKEN": "canary"}
    assert "canary" not in script(bench, client, text, env=env)[1]


def test_every_attempt_finds_the_process_as_new(bench: Bench, client: Client) -> None:
    text = """
    import os, sys
    print(os.getpid(), os.getcwd(), oct(os.umask(0)), sys.argv, "LEFT" in globals(), len(sys.path))
    LEFT = 1
    sys.path.insert(0, "/nowhere")
    sys.argv.append("x")
    sys.stdout = None
    sys.stderr.close()
    """
    logs = [script(bench, client, text)[1] for _ in range(3)]
    assert logs[0] == logs[1] == logs[2]
    assert str(bench.home.work / "x") in logs[0]
    assert "0o77" in logs[0]
    assert "False" in logs[0]


def test_the_steps_own_modules_are_found_even_when_named_like_ours(
    bench: Bench, client: Client
) -> None:
    path = module(bench, "engine", "def work():\n    return {'mine': True}\n")
    spec = bench.python(call="engine:work", path=[path])
    assert client.run(spec)["outputs"] == {"mine": True}


def test_installed_packages_are_found(bench: Bench, client: Client) -> None:
    end, _ = script(bench, client, "import pytest; outputs['v'] = pytest.__version__")
    assert end["outputs"] == {"v": pytest.__version__}


def test_an_edited_module_is_loaded_anew(bench: Bench, client: Client) -> None:
    for n in range(3):
        path = module(
            bench, "edited", f"def work():\n    return {{'n': {n}, 'size': '{'x' * n}'}}\n"
        )
        for _ in range(2):
            spec = bench.python(call="edited:work", path=[path])
            end = client.run(spec)
            assert end["outputs"]["n"] == n
            assert end["exit_code"] == 0


def test_a_module_that_wants_fresh_interpreters_gets_them(bench: Bench, client: Client) -> None:
    path = module(
        bench, "fresh", "import os\nWINGMAN_FRESH = True\ndef work():\n    return os.getpid()\n"
    )
    seen = {
        client.run(bench.python(call="fresh:work", path=[path]))["outputs"]["result"]
        for _ in range(3)
    }
    assert len(seen) == 3


def test_a_changed_signal_handler_costs_the_worker(bench: Bench, client: Client) -> None:
    text = PID + "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)"
    first = worker_of(script(bench, client, text)[1])
    assert worker_of(script(bench, client, PID)[1]) != first


def test_a_thread_left_behind_never_prints_into_the_next_step(bench: Bench, client: Client) -> None:
    text = (
        PID
        + """
import threading, time
def haunt():
    while True:
        print("ghost", flush=True)
        time.sleep(0.002)
threading.Thread(target=haunt, daemon=True).start()
time.sleep(0.05)
"""
    )
    end, log = script(bench, client, text)
    assert end["exit_code"] == 0
    first = worker_of(log)
    assert not Path(f"/proc/{first}").exists()
    logs = [script(bench, client, PID + "import time; time.sleep(0.05)")[1] for _ in range(3)]
    assert "ghost" not in "".join(logs)
    assert first not in {worker_of(text) for text in logs}


def test_a_child_left_behind_is_ended_before_the_end_is_told(bench: Bench, client: Client) -> None:
    text = "import subprocess; print(subprocess.Popen(['sleep', '1000']).pid)"
    end, log = script(bench, client, text)
    assert end["exit_code"] == 0
    assert end["leftovers"] == 1
    assert not Path(f"/proc/{worker_of(log)}").exists()


def test_a_daemon_left_behind_is_ended_and_costs_the_worker(bench: Bench, client: Client) -> None:
    text = (
        PID
        + """
import subprocess, time
loop = "trap '' TERM; while :; do sleep 0.1; done"
subprocess.run(["setsid", "-f", "env", "-i", "/bin/bash", "-c", loop])
time.sleep(0.3)
"""
    )
    spec = bench.python(script=text)
    end = client.run(spec)
    assert end["leftovers"] >= 1
    assert living(marker_of(bench, spec["attempt"])) == []
    assert worker_of(script(bench, client, PID)[1]) != worker_of(bench.log(spec).decode())


def test_a_fork_that_runs_on_is_not_a_second_worker(bench: Bench, client: Client) -> None:
    end, log = script(
        bench,
        client,
        "import os\npid = os.fork()\nprint('both')\noutputs['x'] = 1\nif pid: os.wait()",
    )
    assert end["outputs"] == {"x": 1}
    assert log.count("both") == 2
    assert script(bench, client, "outputs['y'] = 2")[0]["outputs"] == {"y": 2}


def test_an_unwaited_zombie_is_no_leftover(bench: Bench, client: Client) -> None:
    text = PID + "import subprocess, time; subprocess.Popen(['true']); time.sleep(0.3)"
    end, log = script(bench, client, text)
    assert end["leftovers"] == 0
    assert worker_of(script(bench, client, PID)[1]) == worker_of(log)


@pytest.mark.parametrize(("mode", "reason"), [("term", "cancelled"), ("kill", "killed")])
def test_cancel_ends_the_worker_and_its_group(
    bench: Bench, client: Client, mode: str, reason: str
) -> None:
    text = """
import subprocess, time
subprocess.Popen(['sleep', '1000'])
print('up')
time.sleep(1000)
"""
    spec = bench.python(script=text, grace_s=600.0)
    client.start(spec)
    wait_until(lambda: bench.log(spec) == b"up\n")
    marker = marker_of(bench, spec["attempt"])
    client.cancel(spec["attempt"], mode, reason)
    end = client.end_of(spec["attempt"])
    assert end["outcome"] == reason
    assert living(marker) == []
    assert script(bench, client, "outputs['y'] = 2")[0]["outputs"] == {"y": 2}


def test_a_worker_that_ignores_sigterm_is_killed_at_its_timeout(
    bench: Bench, client: Client
) -> None:
    text = """
    import signal, time
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    while True:
        time.sleep(0.1)
    """
    end, _ = script(bench, client, text, timeout_s=0.5, grace_s=0.3)
    assert (end["outcome"], end["signal"]) == ("timeout", "SIGKILL")


def test_a_step_may_answer_its_cancel(bench: Bench, client: Client) -> None:
    text = """
    import signal, sys, time
    def stop(*_):
        print("cleaned"); sys.exit(7)
    signal.signal(signal.SIGTERM, stop)
    print("up")
    time.sleep(1000)
    """
    spec = bench.python(script=textwrap.dedent(text), grace_s=600.0)
    client.start(spec)
    wait_until(lambda: bench.log(spec) == b"up\n")
    client.cancel(spec["attempt"])
    end = client.end_of(spec["attempt"])
    assert (end["outcome"], end["exit_code"]) == ("cancelled", 7)
    assert bench.log(spec) == b"up\ncleaned\n"


def test_a_waiting_attempt_is_cancelled_before_it_has_a_worker(
    bench: Bench, client: Client
) -> None:
    specs = [bench.python(script="import time; time.sleep(0.2)") for _ in range(12)]
    client.start(*specs)
    client.cancel(specs[-1]["attempt"])
    assert client.end_of(specs[-1]["attempt"])["outcome"] == "cancelled"
    for spec in specs[:-1]:
        assert client.end_of(spec["attempt"])["exit_code"] == 0


def test_many_at_once_share_few_workers_and_mix_nothing(bench: Bench, client: Client) -> None:
    text = "import sys\nfor i in range(20): print(n, i); print(n, i, file=sys.stderr)\n"
    text += "outputs['n'] = n"
    specs = [bench.python({"n": n}, script=text) for n in range(200)]
    client.start(*specs)
    for n, spec in enumerate(specs):
        assert client.end_of(spec["attempt"])["outputs"] == {"n": n}
        assert {line.split()[0] for line in bench.log(spec).decode().splitlines()} == {str(n)}
        assert len(bench.log(spec).splitlines()) == 40
    assert sorted(client.ends_seen) == sorted(spec["attempt"] for spec in specs)


def test_blocked_attempts_get_workers_of_their_own(bench: Bench, client: Client) -> None:
    folder = bench.home.work / "x"
    text = f"""
import pathlib, time
folder = pathlib.Path({str(folder)!r})
(folder / str(n)).touch()
while len(list(folder.iterdir())) < 9:
    time.sleep(0.01)
"""
    specs = [bench.python({"n": n}, script=text) for n in range(9)]
    client.start(*specs)
    for spec in specs:
        assert client.end_of(spec["attempt"])["exit_code"] == 0


def test_an_interpreter_that_cannot_start_is_told(tmp_path: Path) -> None:
    bench = Bench(tmp_path, python="/bin/false")
    client = bench.client()
    try:
        end = client.run(bench.python(script="pass"))
        assert end["outcome"] == "start_failed"
        assert "worker" in end["error"]["message"]
        assert client.run(bench.shell("true"))["exit_code"] == 0
    finally:
        bench.stop()


def test_a_worker_killed_while_idle_is_replaced(bench: Bench, client: Client) -> None:
    first = worker_of(script(bench, client, PID)[1])
    os.kill(first, signal.SIGKILL)
    wait_until(lambda: procfs.read_stat(first) is None)
    assert worker_of(script(bench, client, PID)[1]) != first


def test_workers_leave_with_their_runner(bench: Bench, client: Client) -> None:
    worker = worker_of(script(bench, client, PID)[1])
    os.kill(bench.runner_pid, signal.SIGKILL)
    wait_until(lambda: procfs.read_stat(worker) is None)


def test_idle_workers_leave(bench: Bench, client: Client) -> None:
    worker = worker_of(script(bench, client, PID)[1])
    began = time.monotonic()
    wait_until(lambda: procfs.read_stat(worker) is None)
    assert time.monotonic() - began > 5


def test_a_worker_is_renewed_after_many_attempts(bench: Bench, client: Client) -> None:
    seen: Counter[int] = Counter()
    for _ in range(1100):  # one after the other: the worker that has just answered gets the next
        spec = bench.python(script="import os; outputs['pid'] = os.getpid()")
        seen[client.run(spec)["outputs"]["pid"]] += 1
        client.ack(spec["attempt"])
    assert len(seen) > 1
    assert 500 < max(seen.values()) <= 1000


def test_usage_is_the_attempts_own(bench: Bench, client: Client) -> None:
    busy, _ = script(bench, client, "sum(range(10_000_000))")
    idle, _ = script(bench, client, "pass")
    assert busy["cpu_s"] > 0.05
    assert idle["cpu_s"] < busy["cpu_s"]
    assert busy["max_rss_bytes"] > 5_000_000
