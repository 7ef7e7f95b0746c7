"""The inbox of a real engine."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import apsw
import pytest

from engine.errors import Conflict, UnknownReference, UsageError
from engine.paths import Home
from tests.conftest import Wingman
from tests.engine.api import Engine, until
from tests.engine.feeds import feed_of

FAILS = """
name: {name}
inputs: {{code: {{type: integer, default: 1}}}}
steps: [{{id: load, run: exit $code}}]
"""
NEEDS_HOST = """
name: {name}
inputs: {{works: {{type: boolean, default: false}}}}
steps: [{{id: {step}, python: {{script: "if not {works}: raise OSError('no answer from store:443')",
         args: {{works: "${{{{ inputs.works }}}}"}}}}}}]
"""


def needs_host(name: str, step: str) -> str:
    return NEEDS_HOST.format(name=name, step=step, works="works")


def inbox(engine: Engine, query: str = "") -> list[dict[str, Any]]:
    return list(engine.get(f"/v1/inbox?{query}")["entries"])


def test_failures_that_are_alike_are_one_entry_until_their_flows_recover(engine: Engine) -> None:
    for name, step in (("fetch", "get"), ("fetch", "get"), ("send", "put")):
        assert engine.run(needs_host(name, step))["state"] == "failed"
    engine.run(FAILS.format(name="other"))
    other, entry = inbox(engine)
    assert (other["type"], other["flows"], other["times"]) == ("exit:1", 1, 1)
    assert (entry["times"], entry["flows"], entry["state"]) == (3, 2, "open")
    assert (entry["flow"], entry["step"], entry["number"]) == ("send", "put", 1)
    assert [(p["flow"], p["step"], p["times"]) for p in entry["places"]] == [
        ("send", "put", 1), ("fetch", "get", 2),
    ]  # fmt: skip
    assert entry["first"] < entry["last"]
    assert "no answer from store:443" in entry["message"]

    engine.run(needs_host("fetch", "get"), inputs={"works": True})
    entry = inbox(engine)[1]
    assert (entry["times"], entry["flows"], entry["total"]) == (1, 1, 3)
    assert [p["open"] for p in entry["places"]] == [True, False]
    engine.run(needs_host("send", "put"), inputs={"works": True})
    assert [each["flow"] for each in inbox(engine)] == ["other"]
    gone = inbox(engine, "show=recovered")[0]
    assert (gone["id"], gone["state"], gone["left_by"]) == (entry["id"], "recovered", None)

    engine.run(needs_host("send", "put"))
    back = inbox(engine)[0]
    assert (back["id"], back["times"], back["total"]) == (entry["id"], 1, 4)
    assert back["first"] == entry["first"]
    assert back["since"] == back["last"]


def test_people_acknowledge_snooze_assign_and_close(engine: Engine) -> None:
    flow = FAILS.format(name="nightly")
    engine.run(flow)
    name = inbox(engine)[0]["id"]
    me = engine.get("/v1/me")["user"]

    found = engine.post(f"/v1/inbox/{name[:6]}/ack")
    assert (found["state"], found["acked_by"]) == ("acknowledged", me)
    with pytest.raises(Conflict, match=f"acknowledged by {me}"):
        engine.post(f"/v1/inbox/{name}/ack")
    engine.run(flow)
    assert inbox(engine)[0]["state"] == "acknowledged", "it is known that this flow fails"
    assert engine.post(f"/v1/inbox/{name}/ack", {"undo": True})["state"] == "open"

    assert engine.post(f"/v1/inbox/{name}/assign")["assigned_to"] == me
    assert engine.post(f"/v1/inbox/{name}/assign", {"nobody": True})["assigned_to"] is None
    with pytest.raises(UsageError, match="there is no user 'nobody-at-all'"):
        engine.post(f"/v1/inbox/{name}/assign", {"user": "nobody-at-all"})

    assert engine.post(f"/v1/inbox/{name}/snooze", {"duration": "1h"})["state"] == "snoozed"
    engine.run(flow)
    assert inbox(engine) == [], "a snoozed one stays away, also when it fails again"
    assert engine.get("/v1/inbox")["counts"] == {"open": 0, "acknowledged": 0, "snoozed": 1}
    assert [each["id"] for each in inbox(engine, "show=snoozed")] == [name]
    assert engine.post(f"/v1/inbox/{name}/snooze")["state"] == "open"
    engine.post(f"/v1/inbox/{name}/snooze", {"duration": "500ms"})
    until(lambda: [each["id"] for each in inbox(engine)] == [name])

    assert engine.post(f"/v1/inbox/{name}/close")["state"] == "closed"
    assert inbox(engine) == []
    with pytest.raises(Conflict, match=f"closed by {me}"):
        engine.post(f"/v1/inbox/{name}/ack")
    engine.run(flow)
    assert inbox(engine)[0]["state"] == "open", "it failed again, and nobody knows of that yet"
    audited = [line["action"] for line in engine.get("/v1/audit?limit=20")["lines"]]
    assert [a for a in audited if a.startswith("inbox")] == [
        "inbox close", "inbox snooze", "inbox snooze", "inbox snooze", "inbox assign",
        "inbox assign", "inbox unack", "inbox ack",
    ]  # fmt: skip


@pytest.mark.parametrize(("body", "words"), [
    ({"duration": "soon"}, "is no duration"), ({"until": "tomorrow"}, "is no time"),
    ({"until": "2001-01-01"}, "has passed"), ({"duration": "600d"}, "more than a year"),
    ({"duration": "1h", "until": "2999-01-01"}, "say the same"), ({"for": "1h"}, "no key"),
])  # fmt: skip
def test_a_snooze_that_makes_no_sense_is_refused(
    engine: Engine, body: dict[str, str], words: str
) -> None:
    engine.run(FAILS.format(name="nightly"))
    with pytest.raises(UsageError, match=words):
        engine.post(f"/v1/inbox/{inbox(engine)[0]['id']}/snooze", body)


def test_what_is_not_there_is_refused(engine: Engine) -> None:
    for name in ("abcd", "%20", "x", "00", "g" * 12):
        with pytest.raises(UnknownReference):
            engine.post(f"/v1/inbox/{name}/ack")
    with pytest.raises(UsageError, match="one of open, snoozed"):
        engine.get("/v1/inbox?show=everything")


def test_it_is_the_same_after_a_death_and_another_flow_is_news(engine: Engine) -> None:
    engine.run(needs_host("fetch", "get"))
    name = inbox(engine)[0]["id"]
    engine.post(f"/v1/inbox/{name}/ack")
    engine.kill()
    engine.begin()
    assert inbox(engine)[0]["state"] == "acknowledged"
    engine.run(needs_host("send", "put"))
    entry = inbox(engine)[0]
    assert (entry["id"], entry["state"], entry["flows"]) == (name, "open", 2)
    engine.kill()
    engine.begin()
    for flow, step in (("send", "put"), ("fetch", "get")):
        engine.run(needs_host(flow, step), inputs={"works": True})
    assert inbox(engine) == []


def test_a_retry_that_completes_recovers_and_notes_are_found(engine: Engine, home: Home) -> None:
    flag = home.root / "flag"
    flow = f"name: n\nsteps: [{{id: s, run: 'test -e {flag}'}}]"
    failed = engine.run(flow)
    entry = inbox(engine)[0]
    engine.post(f"/v1/executions/{failed['id']}/notes", {"text": "make the flag", "step": "s"})
    engine.run(flow)
    found = engine.get(f"/v1/inbox/{entry['id']}")
    assert [note["text"] for note in found["notes"]] == ["make the flag"]
    assert found["alerts"] == []
    flag.touch()
    engine.act(failed["id"], "retry")
    engine.ended(failed["id"])
    assert inbox(engine) == []


def test_words_find_entries(engine: Engine) -> None:
    engine.run(needs_host("fetch", "get"))
    engine.run(FAILS.format(name="nightly"))
    assert [each["flow"] for each in inbox(engine, "text=STORE%20get")] == ["fetch"]
    assert inbox(engine, "text=store%20nightly") == []
    assert len(inbox(engine, "limit=1")) == 1


def test_a_home_from_before_the_inbox_is_filled_from_its_history(engine: Engine) -> None:
    fails = FAILS.format(name="nightly")
    engine.run(fails, inputs={"code": 0})
    engine.run(fails)
    engine.run(FAILS.format(name="mended"))
    engine.run(FAILS.format(name="mended"), inputs={"code": 0})
    engine.run(fails)
    last = engine.show("nightly@last")
    engine.stop()
    journal = apsw.Connection(str(engine.home.database))
    for statement in ("DELETE FROM inbox", "DELETE FROM inbox_places",
                      "DELETE FROM meta WHERE key = 'inbox_filled'"):  # fmt: skip
        journal.execute(statement)
    journal.close()
    engine.begin()
    (entry,) = inbox(engine)
    assert (entry["flow"], entry["times"], entry["execution"]) == ("nightly", 2, last["id"])
    assert entry["last"] == last["ended_at"]
    engine.stop()
    engine.begin()
    assert inbox(engine)[0]["times"] == 2, "once"
    engine.run(fails, inputs={"code": 0})
    assert inbox(engine) == []


def test_a_flow_that_always_fails_otherwise_fills_nothing(
    engine: Engine, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    flow = """
name: riddle
inputs: {word: {type: string}}
steps: [{id: s, python: {script: "raise OSError(word)", args: {word: "${{ inputs.word }}"}}}]
"""
    words = [f"{a}{b}" for a in "abcdefghijk" for b in "abcdefghij"]
    started = [engine.start(flow, inputs={"word": word})["id"] for word in words]
    for each in started:
        engine.ended(each)
    found = inbox(engine, "limit=500")
    assert 100 <= len(found) <= 101
    assert sum(each["times"] for each in found) == len(words)


def test_the_command_line_does_all_of_it(wingman: Wingman, tmp_path: Path) -> None:
    flow = tmp_path / "nightly.yaml"
    flow.write_text(FAILS.format(name="nightly"))
    assert "nothing is in the inbox" in wingman("inbox", check=True).stderr
    assert wingman("run", flow).returncode == 1
    (entry,) = map(json.loads, wingman("inbox", "--json", check=True).stdout.splitlines())
    name = entry["id"]
    assert "acknowledged by" in wingman("inbox", "ack", name[:5], check=True).stderr
    assert name in wingman("inbox", check=True).stdout
    assert wingman("inbox", "ack", name).returncode == 1
    assert "open" in wingman("inbox", "ack", name, "--undo", check=True).stderr
    assert "snoozed until" in wingman("inbox", "snooze", name, "2h", check=True).stderr
    assert "1 snoozed (--show snoozed)" in wingman("inbox", check=True).stderr
    assert wingman("inbox", "snooze", name, "2998-12-31").returncode == 2
    wingman("inbox", "snooze", name, "--undo", check=True)
    wingman("note", "nightly@last", "load", "look at the disk", check=True)
    wingman("inbox", "assign", name, check=True)
    shown = wingman("inbox", "show", name, check=True).stdout
    assert "note by" in shown
    assert "look at the disk" in shown
    assert "nightly load: 1 times, the last was nightly#1" in shown
    wingman("inbox", "assign", name, "nobody", check=True)
    assert "closed by" in wingman("inbox", "close", name, check=True).stderr
    assert wingman("inbox", "list", "--show", "all", "--json", check=True).stdout.count("\n") == 1
    for words in (["ack"], ["show", name, "x"], ["list", "x"], ["snooze", name], ["snooze", name, "x"]):
        assert wingman("inbox", *words).returncode == 2


async def test_the_window_tells_what_comes_changes_and_leaves(engine: Engine) -> None:
    async with feed_of(engine.home) as opened:
        view = await opened.open(1, "inbox")
        await opened.until(lambda: view.rest.get("order") == [])
        await asyncio.to_thread(engine.run, FAILS.format(name="nightly"))
        await opened.until(lambda: len(view.rest["order"]) == 1)
        (row,) = view.ordered()
        assert row["times"] == 1
        snooze = f"/v1/inbox/{row['id']}/snooze"
        await asyncio.to_thread(engine.post, snooze, {"duration": "1s"})
        await opened.until(lambda: view.rest["order"] == [])
        assert view.rest["counts"]["snoozed"] == 1
        await opened.until(lambda: view.rest["order"] == [row["id"]])  # by itself: it is over
        await asyncio.to_thread(
            engine.run, FAILS.format(name="nightly"), inputs={"code": 0}
        )
        await opened.until(lambda: view.rest["order"] == [])
        bad = await opened.open(2, "inbox", show="everything")
        await opened.until(lambda: bad.errors)
