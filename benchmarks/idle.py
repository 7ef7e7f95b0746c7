"""What an engine and its runner take while nobody looks: `python -m benchmarks.idle`.

Started, used once by a shell and a Python step, then left alone. Resident memory counts shared pages
with each process; proportional (PSS) counts them once.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

from engine.client.launch import ensure_engine, stop
from engine.paths import Home, home_at

FLOW = "steps: [{id: a, run: 'echo x'}, {id: b, python: {script: 'print(1)'}}]"
SETTLE_S = 3.0


def ticks(pid: int) -> int:
    """Processor time used so far, in hundredths of a second."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


def memory_mb(pid: int, name: str) -> float:
    """A figure of the kernel about a process's memory, in MB (10^6 bytes)."""
    text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    return int(text.partition(f"{name}:")[2].split()[0]) * 1024 / 1e6


def use_once(home: Home) -> dict[str, int]:
    """The processes by name, after one execution and when no client is connected any more."""
    client = ensure_engine(home)
    started = client.request("POST", "/v1/executions", {"text": FLOW, "source": "/idle.yaml"})
    client.request("GET", f"/v1/executions/{started['id']}?wait=true")
    status = client.request("GET", "/v1/engine")
    client.close()
    return {"engine": status["pid"], "runner": status["runner_pid"]}


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--span", type=float, default=20.0, help="how long to look, in seconds")
    span_s = parser.parse_args().span
    with tempfile.TemporaryDirectory(prefix="wingman-idle-") as folder:
        home = home_at(folder)
        home.create()
        pids = use_once(home)
        try:
            time.sleep(SETTLE_S)
            before = {name: ticks(pid) for name, pid in pids.items()}
            time.sleep(span_s)
            print("| idle, nobody looking | CPU | resident | proportional |")
            print("|---|---|---|---|")
            total = [0.0, 0.0, 0.0]
            for name, pid in pids.items():
                share = (ticks(pid) - before[name]) / span_s  # of a core, in percent
                row = [share, memory_mb(pid, "Rss"), memory_mb(pid, "Pss")]
                total = [a + b for a, b in zip(total, row, strict=True)]
                print(f"| {name} | {row[0]:.2f} % | {row[1]:.1f} MB | {row[2]:.1f} MB |")
            print(f"| together | {total[0]:.2f} % | {total[1]:.1f} MB | {total[2]:.1f} MB |")
        finally:
            stop(home, cancel_all=True)


if __name__ == "__main__":
    main()
