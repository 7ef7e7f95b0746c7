"""The sandbox answers what is right, refuses what is costly, and never holds the event loop."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from engine.errors import ExpressionError, FlowFileError
from engine.expression import NOW
from engine.sandbox import Sandbox

FLOW = b"name: demo\nsteps: [{id: a, run: echo}]\n"
COSTLY = "inputs.l.map(x, x + 1).map(y, y + 1)"


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    box = Sandbox(evaluate_limit_s=30.0)  # the machine may be busy
    yield box
    await box.close()


def pid_of(box: Sandbox) -> int:
    assert box._child is not None
    return box._child.pid


def lives(pid: int) -> bool:
    """Whether a process runs; one that is dead and waits for its parent does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def wait_until_gone(pid: int) -> None:
    deadline = time.monotonic() + 30
    while lives(pid):
        assert time.monotonic() < deadline
        time.sleep(0.01)


async def until_gone(pid: int) -> None:
    await asyncio.to_thread(wait_until_gone, pid)


async def test_a_flow_is_compiled(sandbox: Sandbox) -> None:
    flow = await sandbox.compile(FLOW, "/flows/demo.yaml")
    assert (flow["name"], flow["source"], flow["steps"][0]["id"]) == (
        "demo", "/flows/demo.yaml", "a")


async def test_problems_cross_whole(sandbox: Sandbox) -> None:
    with pytest.raises(FlowFileError) as caught:
        await sandbox.compile(b"nme: x\nsteps: [{id: a}]", "/flows/x.yaml")
    assert [problem["line"] for problem in caught.value.details["problems"]] == [1, 2]
    assert "/flows/x.yaml:1:1: a flow has no key `nme`" in caught.value.message


async def test_values_cross_whole(sandbox: Sandbox) -> None:
    names = {"inputs": {"l": list(range(2_000)), "o": {"ü": [None, True, 1.5, "x"]}},
             NOW: "2026-01-01T00:00:00.000000Z"}
    assert await sandbox.evaluate("inputs.l.exists(x, x == 1999)", names) is True
    assert await sandbox.evaluate("inputs.o", names) == names["inputs"]["o"]
    assert await sandbox.evaluate("now()", names) == "2026-01-01T00:00:00.000000Z"
    assert await sandbox.resolve({"n": "${{ size(inputs.l) }}", "t": "${{ now() }}!"}, names) == {
        "n": 2000, "t": "2026-01-01T00:00:00.000000Z!"}


async def test_a_failure_has_its_values_but_masked(sandbox: Sandbox) -> None:
    names = {"inputs": {"n": 1, "token": "hunter2!"}}
    with pytest.raises(ExpressionError) as caught:
        await sandbox.evaluate("inputs.token > inputs.n", names, masked={"inputs.token"})
    assert "inputs.token = *** (text), inputs.n = 1 (integer)" in caught.value.message
    assert "hunter2" not in str(caught.value)


async def test_costly_things_never_hold_the_event_loop() -> None:
    """A 40 kB sum, nested maps, 100,000 items: refused or ended, while others go on."""
    box = Sandbox(evaluate_limit_s=1.0)
    gaps: list[float] = []

    async def tick() -> None:
        loop = asyncio.get_running_loop()
        last = loop.time()
        while True:
            await asyncio.sleep(0.005)
            gaps.append(loop.time() - last)
            last = loop.time()

    nested: Any = 1
    for _ in range(100_000):
        nested = [nested]
    cases: list[tuple[str, dict[str, Any]]] = [
        ("+".join(["1"] * 20_000), {}),
        ("inputs.l.map(x, inputs.l.map(y, inputs.l.map(z, x + y + z)))", {"l": [1] * 100}),
        (COSTLY, {"l": list(range(100_000))}),
        ("inputs.n == 1", {"n": nested}),
        ("lists.range(100000).map(x, 'a' + 'b')", {}),
    ]
    ticking = asyncio.create_task(tick())
    try:
        for expression, inputs in cases:
            with pytest.raises(ExpressionError):
                await box.evaluate(expression, {"inputs": inputs})
        assert await box.evaluate("1 + 1", {}) == 2  # and it still answers
    finally:
        ticking.cancel()
        await box.close()
    assert len(gaps) > 50
    assert max(gaps) < 1.0  # a held loop would show a gap as long as the limit


async def test_a_killed_process_is_replaced(sandbox: Sandbox) -> None:
    assert await sandbox.evaluate("1 + 1", {}) == 2
    pid = pid_of(sandbox)
    os.kill(pid, signal.SIGKILL)
    assert await sandbox.evaluate("2 + 2", {}) == 4
    await until_gone(pid)
    assert pid_of(sandbox) != pid


async def test_a_process_that_is_stopped_counts_as_too_slow() -> None:
    box = Sandbox(evaluate_limit_s=0.05)
    try:
        await box.evaluate("1 + 1", {})
        pid = pid_of(box)
        os.kill(pid, signal.SIGSTOP)
        with pytest.raises(ExpressionError, match=r"takes more than 0\.05 s"):
            await box.evaluate("2 + 2", {})
        await until_gone(pid)
    finally:
        await box.close()


async def test_what_waits_for_a_busy_machine_is_not_too_slow() -> None:
    box = Sandbox(evaluate_limit_s=0.3)
    try:
        assert await box.evaluate("1 + 1", {}) == 2
        os.kill(pid_of(box), signal.SIGSTOP)  # others have the processor
        asking = asyncio.ensure_future(box.evaluate("inputs.n + 1", {"inputs": {"n": 4}}))
        await asyncio.sleep(0.7)
        assert not asking.done()
        os.kill(pid_of(box), signal.SIGCONT)
        assert await asking == 5
    finally:
        await box.close()


async def test_requests_queue(sandbox: Sandbox) -> None:
    names = {"inputs": {"n": 1}}
    values = await asyncio.gather(*(sandbox.evaluate(f"inputs.n + {i}", names) for i in range(20)))
    assert values == [i + 1 for i in range(20)]


async def test_a_cancelled_request_leaves_no_answer_for_the_next(sandbox: Sandbox) -> None:
    await sandbox.evaluate("1", {})
    asking = asyncio.create_task(sandbox.evaluate(COSTLY, {"inputs": {"l": list(range(9_000))}}))
    await asyncio.sleep(0.05)
    asking.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await asking
    assert await sandbox.evaluate("40 + 2", {}) == 42


async def test_it_ends_when_nobody_asks_and_starts_again() -> None:
    box = Sandbox(idle_s=0.1)
    try:
        await box.compile(FLOW, "")
        child = box._child
        assert child is not None
        await asyncio.wait_for(child.ended.wait(), 30)
        assert not lives(child.pid)
        assert (await box.compile(FLOW, ""))["name"] == "demo"
    finally:
        await box.close()


async def test_prestart_and_close_leave_nothing_behind() -> None:
    box = Sandbox()
    box.prestart()
    pid = pid_of(box)
    box.prestart()
    assert pid_of(box) == pid
    await box.close()
    assert not lives(pid)
    await box.close()


async def test_it_has_nothing_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    """No variable of the engine's environment and none of its descriptors."""
    monkeypatch.setenv("CANARY", "hunter2")
    box = Sandbox()
    await box.evaluate("1 + 1", {})
    process = Path(f"/proc/{pid_of(box)}")
    environment = (process / "environ").read_bytes()
    targets = {os.readlink(descriptor) for descriptor in (process / "fd").iterdir()}
    await box.close()
    assert b"hunter2" not in environment
    assert {target.split(":")[0] for target in targets} <= {"socket", os.devnull}


def test_it_ends_with_its_parent() -> None:
    """An engine that is killed leaves no sandbox."""
    program = (
        "import asyncio, os, sys, time\n"
        "from engine.sandbox import Sandbox\n"
        "async def main():\n"
        "    box = Sandbox()\n"
        "    await box.evaluate('1 + 1', {})\n"
        "    print(box._child.pid, flush=True)\n"
        "    await asyncio.sleep(60)\n"
        "asyncio.run(main())\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    with parent.stdout:
        pid = int(parent.stdout.readline())
    parent.kill()
    parent.wait()
    wait_until_gone(pid)


def test_importing_the_client_loads_neither_yaml_nor_cel() -> None:
    program = ("import sys; import engine.sandbox;"
               "heavy = {'yaml', 'pydantic', 're2', 'engine.flowfile.compile',"
               " 'engine.expression._cel.cel'} & set(sys.modules); assert not heavy, heavy")
    subprocess.run([sys.executable, "-c", program], check=True)
