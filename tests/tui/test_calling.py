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
