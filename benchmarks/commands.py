"""How long a command takes from its start to its end, beside `python -c pass`.

`python -m benchmarks.commands [--rounds 30]`: the commands take turns, medians are printed, and how
many times `python -c pass` each takes. The cold start begins with no engine running.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import sysconfig
import tempfile
import time
from pathlib import Path

from engine.client.launch import ensure_engine, stop
from engine.paths import home_at

FLOW = "name: nothing\nsteps:\n  - {id: a, run: 'true'}\n"
EXECUTIONS = 20  # in the list
COLD_ROUNDS = 5
ENGINE_UP = ("python -c pass", "wingman version", "wingman list", "wingman run, one `true`",
             "wingman show @last")  # fmt: skip


def took_ms(words: list[str], environment: dict[str, str]) -> float:
    """One run of the command, its output thrown away."""
    away = [(os.POSIX_SPAWN_OPEN, fd, os.devnull, os.O_WRONLY, 0) for fd in (1, 2)]
    began = time.perf_counter()
    pid = os.posix_spawn(words[0], words, environment, file_actions=away)
    _, status = os.waitpid(pid, 0)
    assert os.waitstatus_to_exitcode(status) == 0, words
    return (time.perf_counter() - began) * 1000


def measure(rounds: int, root: Path) -> dict[str, float]:
    """Medians by command, in milliseconds."""
    home = home_at(root / "home")
    environment = {**os.environ, "WINGMAN_HOME": str(home.root)}
    flow = root / "nothing.yaml"
    flow.write_text(FLOW)
    wingman = str(Path(sysconfig.get_path("scripts")) / "wingman")
    run = [wingman, "run", str(flow)]
    commands = dict(zip(ENGINE_UP, (
        [sys.executable, "-c", "pass"], [wingman, "version"], [wingman, "list"], run,
        [wingman, "show", "@last"],
    ), strict=True))  # fmt: skip
    os.environ["WINGMAN_HOME"] = str(home.root)
    ensure_engine(home)
    for _ in range(EXECUTIONS):
        took_ms(run, environment)
    times: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(rounds):
        for name, words in commands.items():
            times[name].append(took_ms(words, environment))
    stop(home, cancel_all=True)
    cold = times["wingman run, nothing running"] = []
    for _ in range(COLD_ROUNDS):
        cold.append(took_ms(run, environment))
        stop(home, cancel_all=True)
    return {name: statistics.median(each) for name, each in times.items()}


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=30)
    with tempfile.TemporaryDirectory(prefix="wingman-") as folder:
        medians = measure(parser.parse_args().rounds, Path(folder))
    bare = medians[ENGINE_UP[0]]
    print(f"{'command':<32} {'ms':>8} {'x python -c pass':>17}")
    for name, median in medians.items():
        print(f"{name:<32} {median:>8.1f} {median / bare:>17.1f}")


if __name__ == "__main__":
    main()
