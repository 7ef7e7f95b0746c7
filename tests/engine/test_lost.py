"""What cannot be restored has ended as everything ends: alerts tell it, flows follow it."""

from __future__ import annotations

import apsw

from engine.paths import Home
from tests.alerts.receivers import http
from tests.engine.api import Engine, states, until

BAD = """
alerts: [{on: failed, to: ops}]
steps: [{id: s, run: 'sleep 85'}]
"""
FOLLOWS = """
triggers: [{after: bad, status: [failed], inputs: {number: "${{ event.number }}"}}]
inputs: {number: {type: integer}}
steps: [{id: s, run: 'true'}]
"""


def test_alerts_inbox_and_what_follows_hear_of_it_once(home: Home) -> None:
    with http() as hook:
        home.config_file.write_text(f'channels = {{ops = "json://127.0.0.1:{hook.port}"}}')
        for name, text in (("bad", BAD), ("follows", FOLLOWS)):
            (home.flows / f"{name}.yaml").write_text(text)
        engine = Engine(home)
        until(lambda: engine.get("/v1/triggers")["triggers"])
        bad = engine.post("/v1/executions", {"flow": "bad"})
        until(lambda: states(engine.show(bad["id"]))["s"] == "running")
        engine.kill()
        db = apsw.Connection(str(home.database))
        db.execute("UPDATE events SET data = '{\"step\": \"nothing\"}' WHERE type = 'attempt.starting'")
        db.close()
        engine.begin()
        until(lambda: engine.get("/v1/executions?flow=follows&state=completed")["executions"])
        until(lambda: hook.titles == ["bad#1 failed"])
        assert "it cannot go on" in hook.got[0][1]["message"]
        (entry,) = engine.get("/v1/inbox")["entries"]
        assert (entry["flow"], entry["type"], entry["execution"]) == ("bad", "lost", bad["id"])
        engine.kill()
        engine.begin()
        until(lambda: engine.get("/v1/triggers")["triggers"])
        (ran,) = engine.get("/v1/executions?flow=follows")["executions"]
        assert (ran["inputs"]["number"], ran["trigger"]) == (1, "after")
        assert len(hook.titles) == 1
