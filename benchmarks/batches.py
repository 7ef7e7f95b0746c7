"""A batch step over 100,000 items beside a plain fan-out: what a batch costs.

`python -m benchmarks.batches`: both in turn, `--rounds` times, on one engine; medians are printed. A step
is `true` in bash in both. The time of a batch step counts from the end of the step before it, so that
counting the items and putting them aside is in it.
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

ITEMS, SIZE, AT_ONCE = 100_000, 1_000, 32
STEPS = ITEMS // SIZE
BATCH = f"""
name: batch
max_parallel: {AT_ONCE}
steps:
  - {{id: make, run: 'seq {ITEMS} >items.txt'}}
  - {{id: over, batch: {{items: {{file: items.txt}}, size: {SIZE}}}, run: 'true'}}
"""
FAN = f"name: fan\nmax_parallel: {AT_ONCE}\nsteps:\n  - {{id: make, run: 'true'}}\n" + "".join(
    f"  - {{id: s{n}, needs: [make], run: 'true'}}\n" for n in range(STEPS)
)


def seconds(client: Client, text: str) -> float:
    """From the end of the first step to the end of all."""
    body = {"source": "/f.yaml", "text": text}
    started = client.request("POST", "/v1/executions", body)
    found = client.request("GET", f"/v1/executions/{started['id']}?wait=true")
    assert found["state"] == "completed", found["error"]
    first = next(step for step in found["steps"] if step["path"] == "make")
    return (from_text(found["ended_at"]) - from_text(first["ended_at"])) / 1e6


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=7)
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory() as folder:
        os.environ["WINGMAN_HOME"] = folder
        home = home_at(Path(folder))
        client = ensure_engine(home)
        seconds(client, FAN), seconds(client, BATCH)  # the first ones start what is needed
        fans, batches = [], []
        for _ in range(rounds):
            fans.append(seconds(client, FAN))
            batches.append(seconds(client, BATCH))
        stop(home, cancel_all=True)
    fan, batch = statistics.median(fans), statistics.median(batches)
    print(f"fan-out of {STEPS} steps: {fan * 1000 / STEPS:.2f} ms a step")
    print(f"batch of {ITEMS:,} items of size {SIZE:,}: {batch * 1000 / STEPS:.2f} ms a batch")
    print(f"ratio of the medians {batch / fan:.2f}, of the fastest {min(batches) / min(fans):.2f}")


if __name__ == "__main__":
    main()
