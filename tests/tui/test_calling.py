"""A step that calls another flow: Enter opens what it calls, `u` leads back to the caller."""

from __future__ import annotations

from tests.tui.conftest import OpenConsole
from tests.tui.fake_engine import FakeEngine
from tests.tui.rows import execution, step


async def test_enter_opens_what_a_step_calls_and_u_leads_back(
    engine: FakeEngine, open_console: OpenConsole
) -> None:
    child = execution("patch-host", 7, "running")
    caller = execution("patch-all", 2, "running")
    child["parent"] = {"execution": caller["id"], "flow": "patch-all", "number": 2, "step": "patch"}
    link = {"execution": child["id"], "flow": "patch-host", "number": 7}
    engine.add(child, [step("reboot", "running")])
    engine.add(caller, [step("patch", "running", kind="flow", child=link)])
    async with open_console() as console:
        await console.press("home", "enter")
        await console.sees("patch-host#7")
        await console.press("down")
        await console.sees("(enter opens it)")
        await console.press("enter")
        await console.sees("reboot")
        await console.sees("patch-all#2 patch (u)")
        await console.press("u")
        await console.sees("running · patch-host#7")
        await console.press("home", "u")
        await console.until(lambda: "no other execution" in console.notice)


async def test_a_caller_waits_with_what_it_calls_and_a_answers_there(
    engine: FakeEngine, open_console: OpenConsole
) -> None:
    question = {"kind": "approval", "step": "sure", "message": "Reboot web1?", "role": "operator"}
    child = execution("patch-host", 7, "running", waiting_for=question)
    link = {"execution": child["id"], "flow": "patch-host", "number": 7}
    waiting = {"kind": "flow", "step": "patch", **link, "waiting_for": question}
    caller = execution("patch-all", 2, "running", waiting_for=waiting)
    engine.add(child, [step("sure", "waiting", attempts=0, kind="approve", waiting_for=question)])
    engine.add(caller, [step("patch", "running", kind="flow", child=link, waiting_for=waiting)])
    async with open_console() as console:
        await console.press("home")
        await console.sees("waits for patch-host#7 (patch), which waits for your answer")
        await console.press("enter")
        await console.sees("◌ waiting")
        await console.press("A")
        await console.sees("sure of patch-host#7 asks")
        await console.sees("Reboot web1?")
