"""What a user may not see: found by no reference, named by no answer, started by no other flow."""

from __future__ import annotations

import asyncio
import json

from engine.errors import UnknownReference
from engine.paths import Home
from tests.engine.api import Engine
from tests.engine.matrix import FLOW
from tests.engine.someone import As, token_of, windows, write_flow


def test_what_may_not_be_seen_is_found_by_no_reference(engine: Engine, home: Home) -> None:
    write_flow(home, "{view: [editor]}")
    plain = engine.run(FLOW)["id"]
    bad = engine.run("name: plain\nsteps: [{id: s, run: 'false'}]")["id"]
    write_flow(home, "{view: [editor]}", "guarded")
    (home.flows / "guarded.yaml").write_text(
        "name: guarded\npermissions: {view: [editor]}\nsteps: [{id: s, run: 'false'}]\n"
    )
    secret = engine.ended(engine.post("/v1/executions", {"flow": "guarded"})["id"])["id"]
    viewer = As(home, token_of(engine, "victor", "viewer"))
    editor = As(home, token_of(engine, "edda", "editor"))
    assert editor.request("GET", "/v1/executions/@last")["id"] == secret
    assert editor.request("GET", "/v1/executions/@last-failed")["id"] == secret
    assert viewer.request("GET", "/v1/executions/@last")["id"] == bad
    assert viewer.request("GET", "/v1/executions/@last-failed")["id"] == bad
    events = viewer.request("GET", "/v1/events?execution=@last&limit=1000")["events"]
    assert {event["execution"] for event in events} == {bad}
    assert viewer.refusal("GET", f"/v1/executions/@last/diff?against={plain}") is None
    assert viewer.request("GET", "/v1/executions/@last/why")["subject"].startswith("plain#2")
    error = viewer.refusal("GET", "/v1/executions/nothing")
    assert error is not None
    for reference in (secret, secret[-6:], secret[-10:], "guarded#1", "guarded@last", "guarded",
                      "guarded@last-failed"):  # fmt: skip
        found = viewer.refusal("GET", f"/v1/executions/{reference.replace('#', '%23')}")
        assert isinstance(found, UnknownReference), reference
        words = (found.message.replace(repr(reference), ""), found.hint)
        assert words == (error.message.replace("'nothing'", ""), error.hint), reference
    common = next(n for n in range(len(bad)) if bad[:n] != secret[:n]) - 1
    fits = viewer.refusal("GET", f"/v1/executions/{bad[:common]}")
    assert fits is None or (secret not in fits.message and "guarded" not in fits.message)


def test_why_and_pools_do_not_tell_who_may_not_be_seen(engine: Engine, home: Home) -> None:
    (home.root / "config.toml").write_text("[pools]\ndb = 1\n")
    holds = (
        "steps: [{id: hold, run: 'sleep 60', pools: {db: 1}}]\nconcurrency: {group: g, limit: 2}\n"
    )
    (home.flows / "guarded.yaml").write_text(
        f"name: guarded\npermissions: {{view: [editor]}}\n{holds}"
    )
    secret = engine.post("/v1/executions", {"flow": "guarded"})["id"]
    engine.until(secret, lambda found: found["steps"][0]["state"] == "running")
    waits = engine.start(f"name: waits\n{holds}")["id"]
    engine.until(waits, lambda found: bool(found["waiting_for"]))
    third = engine.start(f"name: third\n{holds}")["id"]
    engine.until(third, lambda found: bool(found["waiting_for"]))
    viewer = As(home, token_of(engine, "victor", "viewer"))
    editor = As(home, token_of(engine, "edda", "editor"))
    for path in (f"/v1/executions/{waits}", f"/v1/executions/{waits}/why", "/v1/executions",
                 f"/v1/executions/{third}/why", "/v1/events?limit=1000"):  # fmt: skip
        assert "guarded" in json.dumps(editor.request("GET", path)), path
        shown = json.dumps(viewer.request("GET", path))
        assert "guarded" not in shown, path
        assert secret not in shown, path
    assert "another flow" in json.dumps(viewer.request("GET", f"/v1/executions/{waits}/why"))
    assert "guarded" not in json.dumps(viewer.request("GET", "/v1/pools"))
    frames = asyncio.run(windows(home, viewer, waits))
    assert "guarded" not in json.dumps(frames)
    for each in (secret, waits, third):
        engine.act(each, "kill")


def test_a_called_flow_is_checked_as_whoever_started_the_caller(engine: Engine, home: Home) -> None:
    write_flow(home, "{run: [admin]}", "inner")
    (home.flows / "outer.yaml").write_text("name: outer\nsteps: [{id: call, flow: inner}]\n")
    operator = As(home, token_of(engine, "otto", "operator"))
    started = operator.request("POST", "/v1/executions", {"flow": "outer"})["id"]
    found = engine.ended(started)
    assert found["state"] == "failed"
    assert "otto (operator) may not do this: it is for admin" in found["error"]["message"]
    assert engine.ended(engine.post("/v1/executions", {"flow": "outer"})["id"])["state"] == (
        "completed"
    )
    (line,) = engine.get("/v1/audit?action=refused")["lines"]
    assert (line["actor"], line["subject"]) == ("otto", "call inner")
    # a right that has been given meanwhile counts at once
    write_flow(home, "{run: [operator]}", "inner")
    operator.request("POST", f"/v1/executions/{started}/retry", {})
    assert engine.ended(started)["state"] == "completed"
