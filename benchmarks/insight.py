"""How long the answers about one large execution take: why, diff, the plan of resume, a replay.

`python -m benchmarks.insight [--steps 1000] [--rounds 9]`: an execution of so many steps completes,
the next one fails at its last step; then each question is asked in turn over the engine's socket.
Medians and the slowest are printed. The aim for 1,000 steps: 200 ms.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

from engine.client.launch import ensure_engine, stop
from engine.paths import home_at

PATIENCE_S = 600.0


def flow_of(steps: int) -> str:
    """Steps side by side, each with an output; the last one fails where it is told to."""
    rows = [
        f"  - {{id: s{n}, needs: [], run: 'echo n={n} >>\"$WINGMAN_OUTPUT\"'}}"
        for n in range(1, steps)
    ]
    last = "  - {id: last, needs: [], run: 'exit \"$code\"'}"
    inputs = "inputs: {code: {type: integer, default: 0}}"
    return "\n".join(["name: large", inputs, "max_parallel: 16", "steps:", *rows, last, ""])


def measure(steps: int, rounds: int, root: Path) -> dict[str, list[float]]:
    """Milliseconds of each question, by its name."""
    home = home_at(root / "home")
    os.environ["WINGMAN_HOME"] = str(home.root)
    client = ensure_engine(home)

    def run(code: int) -> str:
        body = {"text": flow_of(steps), "source": "/large.yaml", "inputs": {"code": code}}
        id_ = str(client.request("POST", "/v1/executions", body)["id"])
        path = f"/v1/executions/{id_}?wait=true"
        client.request("GET", path, timeout_s=PATIENCE_S)
        return id_

    run(0)
    failed = f"/v1/executions/{run(3)}"
    last: dict[str, Any] = client.request("GET", f"{failed}/replay")
    middle = (last["first"] + last["last"]) // 2
    fixed = {"text": flow_of(steps), "inputs": {"code": 0}}
    questions: dict[str, tuple[str, str, dict[str, Any] | None]] = {
        "why": ("GET", f"{failed}/why", None),
        "why of a step": ("GET", f"{failed}/why?step=last", None),
        "diff": ("GET", f"{failed}/diff", None),
        "plan of resume": ("POST", f"{failed}/resume/plan", fixed),
        "replay, in its middle": ("GET", f"{failed}/replay?at={middle}", None),
    }
    times: dict[str, list[float]] = {name: [] for name in questions}
    for _ in range(rounds):
        for name, (method, path, body) in questions.items():
            began = time.perf_counter()
            client.request(method, path, body)
            times[name].append((time.perf_counter() - began) * 1000)
    client.close()
    stop(home, cancel_all=True)
    return times


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=9)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        times = measure(args.steps, args.rounds, Path(folder))
    print(f"{'question':<24}{'median ms':>10}{'slowest':>10}   {args.steps:,} steps")
    for name, each in times.items():
        print(f"{name:<24}{statistics.median(each):>10.1f}{max(each):>10.1f}")


if __name__ == "__main__":
    main()
