"""Machine mode: gauges with histories, what steps take, sorted; pure first, then on the screen."""

from __future__ import annotations

import math
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tests.tui.conftest import OpenConsole
from tests.tui.fake_engine import FakeEngine
from wingman_tui.machine import HISTORY, Machine
from wingman_tui.sparkline import ASCII, BLOCKS, scale, spark

GAUGES = {
    "cpu": 0.5,
    "cores": [0.9, 0.1],
    "load": [1.25, 1.0, 0.5],
    "memory_used_bytes": 3 << 30,
    "memory_total_bytes": 4 << 30,
    "swap_used_bytes": 0,
    "swap_total_bytes": 0,
    "disk_used_bytes": 95 << 30,
    "disk_total_bytes": 100 << 30,
    "disk_read_bytes_s": 0,
    "disk_written_bytes_s": 5 << 20,
    "net_received_bytes_s": 2_000,
    "net_sent_bytes_s": 0,
    "running_steps": 2,
}


def taking(path: str, cpu: float, rss_bytes: int, written: int = 0) -> dict[str, Any]:
    """What a step takes."""
    return {
        "key": f"0193-nightly-backup-000128:{path}", "id": "0193-nightly-backup-000128",
        "flow": "nightly-backup", "number": 128, "path": path, "started_at": None, "cpu": cpu,
        "rss_bytes": rss_bytes, "read_bytes_s": 0, "written_bytes_s": written, "processes": 1,
    }  # fmt: skip


STEPS = [taking("dump", 0.9, 10 << 20), taking("zip", 0.1, 900 << 20), taking("ship", 0.0, 1, 99)]


def frame(sample: int, **fields: Any) -> dict[str, Any]:
    """A frame of the window."""
    return {"gauges": GAUGES, "sample": sample, "steps": STEPS, **fields}


def text_of(machine: Machine, width: int = 80, ascii_only: bool = False) -> list[str]:
    return [
        "".join(text for text, _ in parts).rstrip() for parts in machine.lines(width, ascii_only)
    ]


def test_a_history_is_drawn_as_high_as_its_values() -> None:
    assert spark([0, 0.5, 1], 4, 1) == " " + BLOCKS[0] + BLOCKS[4] + BLOCKS[8]
    assert spark([0.001], 1, 1) == BLOCKS[1], "what is not nothing is seen"
    assert spark([5, 5, 5], 2, 1, ascii_only=True) == ASCII[-1] * 2
    assert scale([3_000.0], 1_000.0) == 4_000.0


@given(st.lists(st.floats()), st.integers(-1, 300), st.floats())
def test_a_history_has_always_its_width(values: list[float], width: int, highest: float) -> None:
    assert len(spark(values, width, highest)) == max(0, width)


def test_a_line_a_gauge_and_none_for_what_is_not_there() -> None:
    machine = Machine()
    assert text_of(machine) == [" measuring …"]
    machine.apply(frame(1, history={"cpu": [0.0, 1.0], "memory_used_bytes": [1 << 30]}))
    lines = text_of(machine)
    assert [line.split()[0] for line in lines] == [
        "cpu", "memory", "disk", "disk", "network", "steps",
    ]  # fmt: skip
    assert "50% of 2 cores, load 1.2" in lines[0]
    assert lines[0].endswith("█")
    assert "75% of 4.0 GB, 1.0 GB free" in lines[1]
    assert "5.0 MB/s written" in lines[3]
    roles = {line[0][0].strip(): line[1][1] for line in machine.lines(80)}
    assert roles["memory"] == "warning"
    assert roles["disk I/O"] == "text"
    assert ("  95% of 100.0 GB" in lines[2]) == (machine.lines(80)[2][1][1] == "error")


def test_samples_that_were_not_sent_were_as_the_one_before() -> None:
    machine = Machine()
    machine.apply(frame(10, history={"cpu": [0.1, 0.2]}))
    machine.apply(frame(14))
    assert machine.history["cpu"] == [0.1, 0.2, 0.2, 0.2, 0.2, 0.5]
    machine.apply(frame(100_000))
    assert len(machine.history["cpu"]) == HISTORY


def test_steps_are_sorted_by_what_they_take() -> None:
    machine = Machine()
    machine.apply(frame(1, history={}))

    def paths() -> list[str]:
        return [machine.rows[key]["path"] for key in machine.order]

    assert paths() == ["dump", "zip", "ship"]
    machine.sort_by("rss_bytes")
    assert paths() == ["zip", "dump", "ship"]
    machine.sort_by("io")
    assert paths() == ["ship", "dump", "zip"]
    machine.sort_by("name")
    assert paths() == ["dump", "ship", "zip"]
    assert [machine.index_of(key) for key in machine.order] == [0, 1, 2]
    assert not math.isnan(machine.total)


async def test_the_mode_shows_both_and_opens_a_step(
    engine: FakeEngine, open_console: OpenConsole
) -> None:
    engine.machine = {**frame(1), "history": {"cpu": [0.5] * 20}}
    async with open_console() as console:
        await console.press("m")
        await console.sees("50% of 2 cores")
        await console.sees("nightly-backup#128 › dump")
        await console.press("o")
        await console.sees("Machine › by memory")
        first = next(line for line in console.text().splitlines() if "nightly-backup#" in line)
        assert "› zip" in first
        await console.press("enter")
        await console.sees("Executions › nightly-backup#128")
        await console.until(
            lambda: any(m["op"] == "close" for m in engine.opened), "nobody looks any more"
        )
        await console.press("escape")
        await console.sees("Machine › by memory")


def test_a_large_screen_has_histories_several_lines_high() -> None:
    machine = Machine()
    machine.apply(frame(1, history={"cpu": [0.25, 1.0], "disk_written_bytes_s": [0, 5 << 20]}))
    lines = ["".join(text for text, _ in parts) for parts in machine.lines(120, rows=37)]
    assert {len(line) for line in lines} == {118}, "all alike wide"
    assert "cpu 50% of 2 cores, load 1.2 ▇▁ ─" in lines[0]
    assert "memory 75% of 4.0 GB" in lines[0], "beside it"
    column = [line[57] for line in lines[1:8]]
    assert column == ["█"] * 7, "the newest, which filled it"
    assert [line[56] for line in lines[1:8]] == [" "] * 5 + ["▆", "█"], "a quarter of seven lines"
    roles = {role for _, role in machine.lines(120, rows=37)[1]}
    assert "warning" in roles, "where it gets full"
    assert machine.lines(99, rows=37) == machine.lines(99), "each in a line where it is narrow"
    assert machine.lines(120, rows=20) == machine.lines(120), "and where it is low"


async def test_the_gauges_follow_the_size_of_the_terminal(
    engine: FakeEngine, open_console: OpenConsole
) -> None:
    history = {name: [0.5] * 20 for name in ("cpu", "memory_used_bytes")}
    engine.machine = frame(1, kind="snapshot", history=history)
    async with open_console(size=(200, 50)) as console:
        await console.press("m")
        await console.sees("PROCESSES")
        gauges = console.app.mode_screen.query_one("#gauges")
        await console.until(lambda: gauges.size.height > 15)
        await console.pilot.resize_terminal(60, 15)
        await console.until(lambda: gauges.size.height == 6)
        await console.sees("dump")
        await console.pilot.resize_terminal(120, 40)
        await console.until(lambda: gauges.size.height > 15)


async def test_the_top_line_tells_how_busy_the_machine_is_while_it_is_measured(
    engine: FakeEngine, open_console: OpenConsole
) -> None:
    engine.shares = {"cpu": 95, "memory": 40}
    async with open_console() as console:
        await console.sees("cpu 95%  mem 40%  ● live")
        await console.press("f")
        await console.sees("Flows")
        assert "cpu 95%  mem 40%" in console.text().splitlines()[0]
        await console.press("m")
        await console.sees("Machine")
        assert "mem 40%" not in console.text().splitlines()[0], "the gauges below tell it exactly"
        await console.press("escape")
        await console.sees("mem 40%")
        engine.stop()
        await console.sees("engine gone")
        assert "cpu" not in console.text().splitlines()[0], "that is over"
