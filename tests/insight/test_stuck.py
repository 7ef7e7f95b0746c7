"""What hangs: silence for far too long, the same error again and again, calls without an end."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any, cast

from engine.clock import Clock
from engine.core.state import Execution
from engine.insight import stuck
from engine.insight.answer import Facts, Why
from engine.insight.forecast import Usual
from engine.insight.waits import explain_live
from engine.insight.why import why_step
from engine.server.outlook import Outlook
from engine.server.silences import longest_gaps
from tests.core.flows import flow, step, wait
from tests.insight import made

MINUTE_US = 60_000_000
USUAL = Usual(100_000, {"a": 30_000, "b": 1_000, "w": 1_000}, 5)


def live(begin_us: int, **parent: Any) -> Execution:
    """An execution whose steps a, b and w run since then."""
    ex = Execution(
        id="01a1", ord=1, flow="f", number=1, version="v", source="",
        definition=flow(step("a"), step("b"), wait("w")), inputs={}, trigger="manual",
        actor="me", created_at_us=begin_us, state="running", started_at_us=begin_us, **parent,
    )  # fmt: skip
    for number, running in enumerate(ex.steps.values(), 1):
        running.state, running.started_at_us = "running", begin_us
        running.attempts, running.attempt_number = 1, number
    return ex


def test_silence_is_judged_by_what_the_step_usually_takes() -> None:
    """Three times as long, a minute at least, and only where something is usual."""
    dues = {step.path: due for step, due in stuck.quiet_steps(live(0), USUAL, {})}
    assert dues == {"a": 90_000_000, "b": MINUTE_US}  # `w` has no process that could print
    assert list(stuck.quiet_steps(live(0), Usual(1, {"a": 1}, 2), {})) == []
    assert list(stuck.quiet_steps(live(0), Usual(), {})) == []
    found = stuck.silent("a", 0, USUAL, {}, 4 * MINUTE_US)
    assert found["reason"] == "no output for 4m00s; usually it takes 30.0 s"


def test_who_usually_prints_all_the_time_is_missed_soon() -> None:
    """A step of two hours that prints each second hangs after a minute, not after six hours."""
    usual, second = Usual(1, {"a": 7_200_000, "b": 7_200_000}, 5), 1_000_000
    silences = {"a": second, "b": 40 * second}
    dues = {step.path: due for step, due in stuck.quiet_steps(live(0), usual, silences)}
    assert dues == {"a": 60 * second, "b": 120 * second}
    found = stuck.silent("a", 0, usual, silences, 4 * MINUTE_US)
    assert found["reason"] == "no output for 4m00s; usually it is silent for 1.0 s at most"
    longer = {step.path: due for step, due in stuck.quiet_steps(live(0), USUAL, {"a": 10**12})}
    assert longer["a"] == 90 * second, "never later than by what it takes as a whole"


def test_the_longest_silence_is_found_in_the_log_of_a_good_one() -> None:
    times = {"a": (0, 100), "b": (0, 100), "mute": (20, 90)}
    rows = [(1, 5), (2, 10), (1, 30), (1, 31), (2, 95), (1, 99), (1, 200)]
    records = [(n, SimpleNamespace(attempt=a, time_ns=at * 1000)) for n, (a, at) in enumerate(rows)]
    index = SimpleNamespace(count=len(rows), backward=lambda _: reversed(records))
    reader = cast("Any", SimpleNamespace(index=index))
    found = longest_gaps(reader, {1: "a", 2: "b", 3: "mute"}, times)
    assert found == {"a": 68, "b": 85, "mute": 70}


def test_the_same_error_is_recognised_through_times_and_numbers() -> None:
    ends: list[stuck.End] = [
        (at, "exit:1", f"no answer after {at}.0 s at 2026-11-22T03:00:0{at}Z") for at in (9, 7, 5)
    ]
    found = stuck.same_error("a", ends)
    assert found is not None
    assert found["reason"].startswith("the same error at least 3 times in a row: no answer after 9")
    assert found["since"] == "1970-01-01T00:00:00.000005Z"
    assert stuck.same_error("a", ends[:2]) is None
    assert stuck.same_error("a", [ends[0], (8, "timeout", "no answer"), *ends[1:]]) is None
    assert stuck.same_error("a", [ends[0], ends[1], (6, None, None), ends[2]]) is None


def test_calls_that_go_very_deep_are_told_before_they_are_refused() -> None:
    chain = [f"f{n}" for n in range(stuck.DEEP)]
    assert stuck.deep(live(0, parent={"chain": chain[:-1]})) is None
    found = stuck.deep(live(0, parent={"chain": chain}))
    assert found is not None
    assert found["reason"].endswith("f6 → f7 → f")


def test_why_says_so_first() -> None:
    fact = stuck.silent("a", made.BEGIN_US, USUAL, {}, made.BEGIN_US + 4 * MINUTE_US)
    found = made.execution("running", [made.step("a", "running", ran=(0, None), stuck=fact)])
    why = Why("night#7", "running")
    explain_live(why, {**found, "stuck": fact}, Facts())
    assert why.answer == "It may be stuck: a: no output for 4m00s; usually it takes 30.0 s"
    assert why_step(found, "a", Facts()).answer.startswith("may be stuck: no output for 4m00s")


class Log:
    """The index of a log in which each attempt has printed last at a moment."""

    def __init__(self, last_us: dict[int, int]) -> None:
        rows = sorted(last_us.items(), key=lambda row: -row[1])
        self._records = [
            (0, SimpleNamespace(attempt=attempt, time_ns=at * 1000)) for attempt, at in rows
        ]
        self.index = SimpleNamespace(count=len(rows), backward=lambda _: iter(self._records))
        self.asked = 0

    async def ask(self, question: Any) -> Any:
        self.asked += 1
        return question(self)


def outlook_of(ex: Execution, usual: Usual, log: Log) -> Outlook:
    async def reader(question: Any) -> Any:
        return usual, {}

    async def opened(ord_: int, id_: str) -> Log:
        return log

    async def unknown(ex: Execution, paths: list[str]) -> dict[str, int]:
        return {}

    service = SimpleNamespace(
        scheduler=SimpleNamespace(live={ex.id: ex}), reader=reader, now_us=Clock().now_us
    )
    outlook = Outlook(cast("Any", service), cast("Any", SimpleNamespace(open=opened)))
    outlook._silences = cast("Any", SimpleNamespace(of=unknown))
    return outlook


def row_of(ex: Execution) -> dict[str, Any]:
    steps = [made.step(path, "running") for path in ex.steps]
    return {"id": ex.id, "state": ex.state, "started_at": None, "waiting_for": None, "steps": steps}


def test_output_ends_the_silence_and_says_when_to_look_again() -> None:
    now_us = Clock().now_us()
    ex = live(now_us - 10 * MINUTE_US)
    log = Log({1: now_us - 1_000_000, 2: now_us - 9 * MINUTE_US})
    outlook = outlook_of(ex, USUAL, log)
    row = row_of(ex)
    asyncio.run(outlook.add(row))
    assert row["stuck"]["step"] == "b"
    assert row["stuck"]["reason"].startswith("no output for 9m")
    assert [step["path"] for step in row["steps"] if step.get("stuck")] == ["b"]
    again_s = outlook.next_look_s([ex.id])
    assert again_s is not None
    assert 80 < again_s < 91  # `a` has printed a moment ago, and may be silent for 90 s
    listed = {**row, "stuck": None}
    del listed["steps"]
    asyncio.run(outlook.add_to_rows([listed]))
    assert listed["stuck"]["step"] == "b"
    assert log.asked == 1  # a list does not look again at once


def test_the_log_is_not_read_before_a_step_is_late() -> None:
    now_us = Clock().now_us()
    ex = live(now_us)
    log = Log({})
    outlook = outlook_of(ex, USUAL, log)
    row = row_of(ex)
    asyncio.run(outlook.add(row))
    assert (row["stuck"], log.asked) == (None, 0)
    ex.state = "completed"
    asyncio.run(outlook.add(row))
    assert (row["stuck"], row["expected"]) == (None, None)
