"""What expressions, flow files and the sandbox cost.

    python benchmarks/expressions.py [--rounds 5]

Medians, printed as a table; the limits are those of the engine's design.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from engine.errors import WingmanError  # noqa: E402
from engine.expression import evaluate, render  # noqa: E402
from engine.flowfile import check_inputs, compile_flow  # noqa: E402
from engine.sandbox import Sandbox  # noqa: E402
from tests.flowfile.test_hostile import HOSTILE  # noqa: E402

NAMES: dict[str, Any] = {
    "inputs": {"keep": 7, "name": "app"},
    "steps": {f"s{i}": {"state": "completed", "outputs": {"size": i, "files": ["a", "b"]}}
              for i in range(1_000)},
}
STEPS = "".join(
    f"  - id: s{i}\n    run: echo hello {i}\n    timeout: 10s\n"
    f"    needs: [{f's{i - 1}' if i else ''}]\n"
    f"    retry: {{max_attempts: 3, delay: 1s}}\n" for i in range(1_000))
FLOW = f"name: big\nsteps:\n{STEPS}".encode()
INPUTS = [{"name": f"n{i}", "type": "integer", "required": True, "sensitive": False,
           "schema": {"minimum": 0}} for i in range(10)]


def each_us(action: Callable[[], Any], rounds: int, count: int) -> float:
    """The median time of one call, in microseconds."""
    action()
    taken = []
    for _ in range(rounds):
        began = time.perf_counter()
        for _ in range(count):
            action()
        taken.append((time.perf_counter() - began) / count * 1e6)
    return statistics.median(taken)


def hostile_ms(rounds: int) -> tuple[float, str]:
    """The slowest of the hostile files of the tests, and its name."""

    def refuse(text: str | bytes) -> None:
        with contextlib.suppress(WingmanError):
            compile_flow(text if isinstance(text, bytes) else text.encode(errors="surrogatepass"),
                         "x.yaml")

    return max((each_us(lambda text=text: refuse(text), min(rounds, 3), 1) / 1e3, name)
               for name, text in HOSTILE.items())


async def sandbox_ms(rounds: int) -> tuple[float, float]:
    """From nothing to the first value, and the time of one more."""
    first, more = [], []
    for _ in range(rounds):
        box = Sandbox()
        began = time.perf_counter()
        await box.evaluate("1 + 1", {})
        first.append(time.perf_counter() - began)
        began = time.perf_counter()
        for _ in range(100):
            await box.evaluate("inputs.keep + 1", NAMES)
        more.append((time.perf_counter() - began) / 100)
        await box.close()
    return statistics.median(first) * 1e3, statistics.median(more) * 1e3


def import_ms(module: str, rounds: int) -> float:
    """What importing a module adds to a bare interpreter."""

    def run(program: str) -> float:
        began = time.perf_counter()
        subprocess.run([sys.executable, "-c", program], check=True, cwd=ROOT)
        return time.perf_counter() - began

    pairs = [(run(f"import {module}"), run("pass")) for _ in range(rounds)]
    return statistics.median(one - bare for one, bare in pairs) * 1e3


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    rows: list[tuple[str, str]] = []
    for label, action in (
        ("plain path", lambda: evaluate("steps.s500.outputs.size", NAMES)),
        ("small expression", lambda: evaluate("inputs.keep > 3 && steps.s1.state == 'x'", NAMES)),
        ("expression with quote()", lambda: evaluate("quote(inputs.name + 'x')", NAMES)),
        ("template with two paths",
         lambda: render("a ${{ inputs.keep }} b ${{ inputs.name }}", NAMES)),
        ("ten inputs checked",
         lambda: check_inputs(INPUTS, {}, {f"n{i}": "7" for i in range(10)})),
    ):
        rows.append((label, f"{each_us(action, rounds, 1_000):8.1f} us"))
    rows.append(("compile 1,000 steps",
                 f"{each_us(lambda: compile_flow(FLOW, '/x.yaml'), rounds, 1) / 1e3:8.1f} ms"))
    worst, name = hostile_ms(rounds)
    rows.append((f"slowest hostile file ({name}); limit 250 ms", f"{worst:8.1f} ms"))
    first, more = asyncio.run(sandbox_ms(rounds))
    rows.append(("sandbox: start to first value; limit 350 ms", f"{first:8.1f} ms"))
    rows.append(("sandbox: one more value", f"{more:8.2f} ms"))
    rows += [(f"import {module}", f"{import_ms(module, rounds):8.1f} ms")
             for module in ("engine.expression", "engine.flowfile.inputs", "engine.sandbox")]
    width = max(len(label) for label, _ in rows)
    for label, value in rows:
        print(f"{label:<{width}}  {value}")


if __name__ == "__main__":
    main()
