"""A console and commands over a bad line: nothing lost, nothing doubled, never the past as present."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from engine.client import feed as feed_module
from engine.client import pulse
from engine.client.feed import Feed
from engine.client.pulse import Pulse
from tests.conftest import ROOT, Wingman
from tests.engine.api import Engine
from tests.engine.fault_proxy import FaultProxy
from tests.engine.served import Served
from tests.pty.terminal import Terminal
from wingman_tui.log_window import LogWindow
from wingman_tui.state import ExecutionsWindow

PATIENCE_S = 90.0
LINES = 300
TALKS = f"name: talks\nsteps: [{{id: s, run: 'for i in $(seq {LINES}); do echo line-$i; sleep 0.02; done'}}]"


@pytest.fixture
def line(served: Served) -> Iterator[FaultProxy]:
    proxy = FaultProxy(served.port)
    yield proxy
    proxy.close()


@pytest.fixture
def far(tmp_path: Path, served: Served, line: FaultProxy) -> Wingman:
    """Somebody at the other end of the line."""
    return served.far_away(tmp_path / "far", line.port)


class Console:
    """The console's feed and what it holds of a list and of a log."""

    def __init__(self, id_: str) -> None:
        self.feed = Feed("", self._status)
        self.list, self.log = ExecutionsWindow(), LogWindow()
        self.lost: list[str] = []
        self.snapshots = 0
        self.log.loaded = False
        self.feed.open({"window": "executions", "limit": 60}, self._take_list)
        log = {"window": "log", "ref": id_, "limit": 2000, "burst": 2000}
        self.feed.open(log, lambda frame: self._take_log(frame))

    def _status(self, live: bool, why: str) -> None:
        if not live:
            self.lost.append(why)

    def _take_list(self, frame: dict[str, Any]) -> None:
        assert frame["kind"] != "error", frame
        self.snapshots += frame["kind"] == "snapshot"
        self.list.apply(frame)

    def _take_log(self, frame: dict[str, Any]) -> None:
        assert frame["kind"] != "error", frame
        self.log.apply(frame, following=True)

    @property
    def texts(self) -> list[str]:
        return [line["text"] for line in self.log.lines]

    async def until(self, holds: Callable[[], bool]) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while not holds():  # noqa: ASYNC110
                await asyncio.sleep(0.02)


@contextlib.asynccontextmanager
async def console(
    far: Wingman, id_: str, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Console]:
    monkeypatch.setenv("WINGMAN_HOME", str(far.home.root))
    monkeypatch.setenv("WINGMAN_SERVER", "far")
    monkeypatch.setattr(feed_module, "FAR_RETRY_LAST_S", 0.5)
    held = Console(id_)
    task = asyncio.ensure_future(held.feed.run())
    yield held
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


async def test_a_line_that_breaks_at_any_byte_leaves_no_gap_and_no_double(
    served: Served, far: Wingman, line: FaultProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = random.Random(6)
    engine, stop = Engine(served.home), served.home.root / "stop"
    talks = f"i=0; while [ ! -e {stop} ]; do i=$((i+1)); echo line-$i; sleep 0.05; done"
    id_ = engine.start(f'name: talks\nsteps: [{{id: s, run: "{talks}"}}]')["id"]
    async with console(far, id_, monkeypatch) as held:
        for _ in range(12):
            before = held.snapshots
            await held.until(lambda: held.feed.is_live and held.snapshots > before)  # noqa: B023
            line.cut_after(rng.randrange(1, 1500))
            await held.until(lambda: not held.feed.is_live)
        await held.until(lambda: held.feed.is_live)
        stop.touch()
        await asyncio.to_thread(engine.ended, id_)
        lines = engine.client.text(f"/v1/executions/{id_}/logs").splitlines()
        await held.until(lambda: held.texts == lines[-2000:])
        assert lines == [f"line-{n}" for n in range(1, len(lines) + 1)]
        await held.until(lambda: held.list.counts.get("completed") == 1)
        assert line.cuts >= 12
    # the other stream, page by page over the same line: each event once, none left out
    seen, after = [], 0
    while True:
        page = engine.get(f"/v1/events?after={after}&limit=7")
        if not page["events"]:
            break
        seen += [event["seq"] for event in page["events"]]
        after = page["next"]
    assert seen == list(range(seen[0], seen[0] + len(seen)))


async def test_a_half_open_line_is_noticed_and_left(
    served: Served, far: Wingman, line: FaultProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pulse, "ASK_S", 0.2)
    monkeypatch.setattr(pulse, "GONE_S", 1.5)
    id_ = Engine(served.home).start("name: n\nsteps: [{id: s, run: 'echo there; sleep 60'}]")["id"]
    async with console(far, id_, monkeypatch) as held:
        await held.until(lambda: held.texts == ["there"])
        await asyncio.sleep(3.0)
        assert not held.lost, "a line that is only quiet is asked, and answers"
        line.swallow()
        await held.until(lambda: not held.feed.is_live)
        assert held.feed.pulse.silent_s >= 1.5, "what is shown is as old as the last byte"
        line.heal()
        await held.until(lambda: held.feed.is_live and held.snapshots == 2)
    Engine(served.home).act(id_, "kill")


async def test_seconds_of_latency_and_a_thin_line_carry_everything_in_bounds(
    served: Served, far: Wingman, line: FaultProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pulse, "ASK_S", 0.5)
    monkeypatch.setattr(pulse, "GONE_S", 6.0)
    engine = Engine(served.home)
    id_ = engine.start(TALKS)["id"]
    line.latency_s, line.bytes_s = 0.7, 16_000
    async with console(far, id_, monkeypatch) as held:
        loop = asyncio.get_running_loop()
        await held.until(lambda: held.feed.is_live)
        began, before = loop.time(), line.down_bytes
        await held.until(lambda: held.texts == [f"line-{n}" for n in range(1, LINES + 1)])
        assert (line.down_bytes - before) / (loop.time() - began) < 16_500
        assert held.feed.pulse.bytes_s > 0
        assert not held.lost, "it is slow, and it is there"


async def test_loss_is_waited_for_and_what_comes_late_is_in_order(
    served: Served, far: Wingman, line: FaultProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = Engine(served.home)
    id_ = engine.start(TALKS)["id"]
    async with console(far, id_, monkeypatch) as held:
        for _ in range(6):
            await held.until(lambda: held.feed.is_live and len(held.texts) > 0)
            line.stall()
            await asyncio.sleep(0.4)
            line.heal()
            await asyncio.sleep(0.1)
        await held.until(lambda: held.texts == [f"line-{n}" for n in range(1, LINES + 1)])
        assert not held.lost


def test_no_command_is_lost_or_doubled_wherever_its_line_is_cut(
    served: Served, far: Wingman, line: FaultProxy
) -> None:
    """Before the request arrived, in the middle of its answer, after all: it is done once."""
    engine = Engine(served.home)
    begun = done = len(engine.get("/v1/executions?limit=100")["executions"])
    for cut_bytes in (1, 400, 1200, 1700, 2100):  # in the handshake, and at some places behind it
        line.cut_after(cut_bytes)
        ended = far("run", "practice-failure", "--detach", "-i", "port=1")
        found = len(engine.get("/v1/executions?limit=100")["executions"])
        assert found - done == (1 if ended.returncode == 0 else 0), (cut_bytes, ended.stderr)
        done = found
    assert done - begun >= 2, "once the server can be heard, the command is done"
    line.refuses = True
    assert far("run", "practice-failure", "--detach", "-i", "port=1").returncode == 6
    assert len(engine.get("/v1/executions?limit=100")["executions"]) == done


def test_who_follows_goes_on_however_often_the_line_is_cut(
    served: Served, far: Wingman, line: FaultProxy
) -> None:
    """And where the log was: a line that never holds for all of it brings all of it."""
    engine = Engine(served.home)
    id_ = engine.run("name: long\nsteps: [{id: s, run: 'seq 1 90000'}]")["id"]
    line.each_bytes = 40_000
    done = far("logs", "-f", id_)
    assert done.returncode == 0, done.stderr
    assert done.stdout == engine.client.text(f"/v1/executions/{id_}/logs")
    assert line.cuts > 6
    assert line.down_bytes < 3 * len(done.stdout), "what came is not asked for again"


def test_a_lost_line_is_shown_with_the_age_of_what_is_left_and_nothing_is_done_by_it(
    served: Served, far: Wingman, line: FaultProxy
) -> None:
    engine = Engine(served.home)
    id_ = engine.start("name: lasts\nsteps: [{id: s, run: 'sleep 60'}]")["id"]
    far.environment.pop("WINGMAN_SERVER")
    terminal = Terminal(
        far.home.root, program=far.words("attach", "far"), env={"PYTHONPATH": str(ROOT)}
    )
    try:
        terminal.sees("● live")
        terminal.sees("lasts#1")
        line.refuses = True
        line.cut()
        terminal.sees("gone")
        terminal.sees("reconnecting")
        terminal.sees("lasts#1")  # the last that was known
        terminal.press("x")
        terminal.sees("not possible now")
        line.heal()
        terminal.sees("● live")
        assert engine.show(id_)["state"] == "running", "nothing was done on the past"
        terminal.press("q")
    finally:
        terminal.close()
    engine.act(id_, "kill")


# -- what is pure --


def test_a_pulse_tells_silence_and_a_rate() -> None:
    now = [100.0]
    found = Pulse(lambda: now[0])
    found.came(5000)
    now[0] += 1
    found.came(5000)
    assert (found.silent_s, found.bytes_s) == (0, 2000)
    now[0] += 4.5
    assert (found.silent_s, found.bytes_s) == (4.5, 1000)
    now[0] += 10
    assert found.bytes_s == 0
    found.begin()
    assert found.silent_s == 0
