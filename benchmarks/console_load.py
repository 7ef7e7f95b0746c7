"""An engine that only changes rows, for `benchmarks.console`: the real protocol, so many changes a second.

`python -m benchmarks.console_load HOME KIND CHANGES_S` with KIND table, tree or all; it serves until
it is killed. `all` is an opened execution whose steps, figures and log change. Windows are sent as the real engine sends them: ten times a second, whole rows.
"""

from __future__ import annotations

import random
import sys
import time
from pathlib import Path

from tests.tui.fake_engine import FakeEngine
from tests.tui.rows import execution, line, stamp, step

BATCH_S = 0.02
ROWS = 40
STEPS = 10_000
IN_SIGHT = 30
FEW_STEPS = 8


class Load:
    """The rows, and what happens to them."""

    def __init__(self, engine: FakeEngine, kind: str) -> None:
        self.engine, self.kind = engine, kind
        self.told = 0  # changes so far
        self.chance = random.Random(5)
        now = stamp(time.time())
        engine.executions = [
            execution(f"flow-{n:02d}", n, "running", started_at=now,
                      progress={"ended": 0, "running": 1, "total": 1_000})
            for n in range(ROWS, 0, -1)
        ]  # fmt: skip
        self.opened = engine.executions[0]["id"]
        count = STEPS if kind == "tree" else FEW_STEPS
        engine.steps[self.opened] = [
            step(f"g{n // 100:03d}/s{n % 100:02d}", "pending") for n in range(count)
        ]

    def change(self, count: int) -> None:
        """So many changes, told at once."""
        if self.kind == "all":
            self._all(count)
        else:
            for _ in range(count):
                getattr(self, "_" + self.kind)()
        self.engine.changed()

    def _all(self, count: int) -> None:
        """Of ten changes six are lines of the log, three states of steps, one figures of a step."""
        self.told += count
        now = time.time()
        self.engine.log(self.opened, *(
            line(now, f"g000/s{n % FEW_STEPS:02d}", "info", f"line {self.told + n} of it, {self.chance.random()}")
            for n in range(count * 6 // 10)
        ))  # fmt: skip
        for _ in range(count * 3 // 10):
            self._tree()
        steps = self.engine.steps[self.opened]
        for index in range(FEW_STEPS):
            live = {"cpu_s": now % 1000, "cpu_share": self.chance.random(),
                    "rss_bytes": self.chance.randrange(1 << 30), "read_bytes": self.told}  # fmt: skip
            steps[index] = {**steps[index], "live": live}

    def _table(self) -> None:
        index = self.chance.randrange(ROWS)
        row = self.engine.executions[index]
        done = (row["progress"]["ended"] + 1) % 1_000
        progress = {"ended": done, "running": 1, "total": 1_000}
        self.engine.executions[index] = {**row, "progress": progress}

    def _tree(self) -> None:
        steps = self.engine.steps[self.opened]
        # as many as a screen holds are looked at: each fourth change is among the first of them
        most = min(IN_SIGHT, len(steps)) if not self.chance.randrange(4) else len(steps)
        index = self.chance.randrange(most)
        state = self.chance.choice(("running", "completed", "failed", "pending"))
        steps[index] = {**steps[index], "state": state}


def main() -> None:
    """Serve and change until killed."""
    engine = FakeEngine(Path(sys.argv[1]))
    engine.frame_pause_s = 0.1
    load, rate = Load(engine, sys.argv[2]), int(sys.argv[3])
    engine.start()
    print("ready", flush=True)
    due = time.monotonic()
    owed = 0.0
    while True:
        due += BATCH_S
        time.sleep(max(0.0, due - time.monotonic()))
        owed += rate * BATCH_S
        count = int(owed)
        owed -= count
        load.change(count)


if __name__ == "__main__":
    main()
