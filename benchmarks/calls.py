"""A fan-out over 1,000 called flows beside a plain fan-out of 1,000 steps: what a call costs.

`python -m benchmarks.calls [--steps 1000] [--rounds 5]`: both in turn on one engine; medians are printed,
with the processor time that engine and runner took for one step. A step is `true` in bash in both; a
called flow is an execution of its own, with that one step. The clock runs from the end of the step
before the fan-out to the end of all.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
from pathlib import Path

from engine.client.http import Client
from engine.client.launch import ensure_engine, stop
from engine.paths import home_at
from engine.times import from_text

AT_ONCE = 32
PATIENCE_S = 600.0
LEAF = "name: leaf\nsteps:\n  - {id: work, run: 'true'}\n"
HEAD = "max_parallel: {at_once}\nsteps:\n  - {{id: make, run: 'true'}}\n"


def fan(name: str, steps: int, what: str) -> str:
    """A flow of one step, and so many side by side after it."""
    rows = "".join(f"  - {{id: s{n}, needs: [make], {what}}}\n" for n in range(steps))
    return f"name: {name}\n" + HEAD.format(at_once=AT_ONCE) + rows


def cpu_s(pids: list[int]) -> float:
    """Processor seconds of these processes and of the steps that have ended."""
    fields = [Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split() for pid in pids]
    return sum(int(n) for each in fields for n in each[11:15]) / os.sysconf("SC_CLK_TCK")


def measured(client: Client, text: str, pids: list[int]) -> tuple[float, float]:
    """Seconds from the end of the first step to the end of all, and processor seconds."""
    before = cpu_s(pids)
    started = client.request("POST", "/v1/executions", {"source": "/f.yaml", "text": text})
    path = f"/v1/executions/{started['id']}?wait=true"
    found = client.request("GET", path, timeout_s=PATIENCE_S)
    assert found["state"] == "completed", found["error"]
    first = next(step for step in found["steps"] if step["path"] == "make")
    span = (from_text(found["ended_at"]) - from_text(first["ended_at"])) / 1e6
    return span, cpu_s(pids) - before


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=5)
    args = parser.parse_args()
    kinds = {"plain fan-out": fan("plain", args.steps, "run: 'true'"),
             "called flows": fan("calls", args.steps, "flow: {name: leaf}")}  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        os.environ["WINGMAN_HOME"] = folder
        home = home_at(Path(folder))
        (Path(folder) / "flows").mkdir()
        (Path(folder) / "flows" / "leaf.yaml").write_text(LEAF)
        client = ensure_engine(home)
        status = client.request("GET", "/v1/engine")
        pids = [status["pid"], status["runner_pid"]]
        for text in kinds.values():  # the first ones start what is needed
            measured(client, text, pids)
        spans: dict[str, list[float]] = {name: [] for name in kinds}
        used: dict[str, list[float]] = {name: [] for name in kinds}
        for _ in range(args.rounds):
            for name, text in kinds.items():
                span, cpu = measured(client, text, pids)
                spans[name].append(span * 1000 / args.steps)
                used[name].append(cpu * 1000 / args.steps)
        stop(home, cancel_all=True)
    print(
        f"{'fan-out of ' + format(args.steps, ','):<20}{'ms a step':>10}{'fastest':>9}{'CPU ms':>8}"
    )
    for name, each in spans.items():
        cpu = statistics.median(used[name])
        print(f"{name:<20}{statistics.median(each):>10.2f}{min(each):>9.2f}{cpu:>8.2f}")
    plain, calls = spans.values()
    ratio = statistics.median(calls) / statistics.median(plain)
    print(
        f"ratio of the medians {ratio:.2f}, of the fastest {min(calls) / min(plain):.2f} (limit 1.5)"
    )


if __name__ == "__main__":
    main()
