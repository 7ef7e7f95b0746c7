"""The window feed: whatever happens meanwhile, each window ends up showing what is."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path
from typing import Any

import pytest

from engine.paths import Home
from tests.engine.api import Engine, until
from tests.engine.feeds import feed_of

BUSY = """
name: busy
type: demo
steps:
  - {id: a, run: 'for i in $(seq 40); do echo "line $i"; done'}
  - {id: b, run: 'echo "warning: slow" >&2; sleep 0.05', retry: {max_attempts: 2}}
  - {id: c, needs: [], run: 'sleep 0.1; test $n -lt 3'}
inputs: {n: {type: integer, default: 0}}
"""
SLOW = """
name: slow
steps: [{id: s, run: 'for i in $(seq 60); do echo "line $i"; printf part; sleep 0.02; echo; done'}]
"""


def without_warnings(execution: dict[str, Any]) -> dict[str, Any]:
    """Warnings are counted when one execution is looked at, and in the background for windows."""
    return {key: value for key, value in execution.items() if key != "warnings"}


def resident_kb(pid: int) -> int:
    return int(Path(f"/proc/{pid}/status").read_text().partition("VmRSS:")[2].split()[0])


async def start(engine: Engine, text: str, **request: Any) -> str:
    return str((await asyncio.to_thread(engine.start, text, **request))["id"])


async def test_every_window_converges_to_what_http_says(engine: Engine, home: Home) -> None:
    (home.flows / "busy.yaml").write_text(BUSY)
    async with feed_of(home) as feed:
        rows = await feed.open(1, "executions", limit=50)
        failed = await feed.open(2, "executions", filter="state:failed flow:busy")
        flows = await feed.open(3, "flows")
        machine = await feed.open(4, "machine")
        slow = await start(engine, SLOW)
        tree = await feed.open(5, "execution", ref=slow)
        log = await feed.open(6, "log", ref=slow, limit=2000)
        ids = [await start(engine, BUSY, inputs={"n": n}) for n in range(6)]
        ends = asyncio.gather(*(asyncio.to_thread(Engine(home).ended, id_) for id_ in [slow, *ids]))

        def all_over() -> bool:
            return (
                ends.done()
                and rows.rest.get("counts", {}).get("running", 0) == 0
                and rows.rest["total"] == 7
                and failed.rest.get("total") == 3
                and tree.rest.get("execution", {}).get("state") == "completed"
                and len(log.texts()) == 120
                and any(
                    len(flow["last"]) == 6 and {r["state"] for r in flow["last"]} != {"running"}
                    for flow in flows.rest.get("flows", ())
                )
            )

        await feed.until(all_over)
        await feed.settle()
        await feed.until(lambda: machine.rest["gauges"]["running_steps"] == 0)
    for view, query in ((rows, "limit=50"), (failed, "state=failed&flow=busy")):
        told = engine.get(f"/v1/executions?{query}")["executions"]
        assert list(map(without_warnings, view.ordered())) == list(map(without_warnings, told))
    shown = engine.show(slow)
    assert list(tree.rows.values()) == shown.pop("steps")
    assert tree.rest["execution"] == shown
    wanted = [line for n in range(1, 61) for line in (f"line {n}", "part")]
    assert log.texts() == wanted
    page = engine.get(f"/v1/executions/{slow}/logs/lines?limit=2000")["lines"]
    assert [line["text"] for line in page] == wanted
    assert {line["cursor"]: line for line in page} == log.rows
    assert flows.rest["flows"] == engine.get("/v1/flows")["flows"]


async def test_warnings_of_a_list_are_counted_in_the_background_and_filtered_by(
    engine: Engine, home: Home
) -> None:
    loud = "steps: [{id: a, run: 'for i in 1 2 3; do echo WARNING $i; done; echo fine'}]"
    for text in ("steps: [{id: a, run: 'echo fine'}]", loud, "steps: [{id: a, run: 'exit 3'}]"):
        await asyncio.to_thread(engine.ended, await start(engine, text))
    async with feed_of(home) as feed:
        rows = await feed.open(1, "executions")
        warned = await feed.open(2, "executions", filter="warnings:>0")
        more = await feed.open(3, "executions", filter="warnings:>3")
        wrong = await feed.open(4, "executions", filter="warnings:many")
        await feed.until(
            lambda: [row["warnings"] for row in rows.ordered()] == [0, 3, 0] if rows.rest else False
        )
        await feed.until(lambda: warned.rest.get("total") == 1 and warned.rest["total_exact"])
        assert [row["warnings"] for row in warned.ordered()] == [3]
        await feed.until(lambda: more.rest.get("total_exact") is True)
        assert more.rest["total"] == 0
        assert "no number" in wrong.errors[0]["message"]
        later = await start(engine, loud.replace("1 2 3", "1 2 3 4"))
        await asyncio.to_thread(engine.ended, later)
        await feed.until(lambda: more.rest["total"] == 1)
        assert more.ordered()[0]["id"] == later


async def test_a_large_log_is_shown_before_its_warnings_are_counted(
    engine: Engine, home: Home
) -> None:
    run = "seq -f '" + "x" * 94 + " %g' 20000; echo WARNING one"
    text = f'name: large\nsteps: [{{id: p, run: "{run}"}}]\n'
    id_ = await start(engine, text)
    await asyncio.to_thread(engine.ended, id_)
    async with feed_of(home) as feed:
        shown = await feed.open(1, "execution", ref=id_)
        await feed.until(lambda: "execution" in shown.rest)
        assert shown.rest["execution"]["state"] == "completed"
        await feed.until(lambda: shown.rest["execution"]["warnings"] == 1)
        assert shown.rows["p"]["warnings"] == 1


async def test_a_hundred_connections_at_random_moments_each_converge(
    engine: Engine, home: Home
) -> None:
    chance = random.Random(7)
    ids = [await start(engine, SLOW) for _ in range(2)]
    for n in range(100):
        if n % 20 == 0:
            ids.append(await start(engine, BUSY, inputs={"n": n}))
        async with feed_of(home) as feed:
            await feed.open(1, "executions")
            await feed.open(2, "execution", ref=ids[0])
            await feed.open(3, "log", ref=ids[1])
            for _ in range(chance.randrange(4)):  # three windows, a snapshot each
                await feed.next()
            if chance.random() < 0.5:
                feed.connection.transport.abort()
    for id_ in ids:
        await asyncio.to_thread(engine.ended, id_)
    async with feed_of(home) as feed:
        rows = await feed.open(1, "executions")
        await feed.until(lambda: bool(rows.rest))
        told = engine.get("/v1/executions")["executions"]
        assert list(map(without_warnings, rows.ordered())) == list(map(without_warnings, told))


async def test_a_list_in_another_order_holds_it_while_executions_go_on(
    engine: Engine, home: Home
) -> None:
    sleeps = "name: {}\nsteps: [{{id: s, run: 'sleep {}'}}]\n"
    async with feed_of(home) as feed:
        longest = await feed.open(1, "executions", sort="duration")
        flows = await feed.open(2, "executions", sort="flow", reverse=True)
        ids = {
            name: await start(engine, sleeps.format(name, seconds))
            for name, seconds in (("brief", 0), ("long", 0.6), ("middle", 0.3))
        }
        by_name = [ids[name] for name in ("middle", "long", "brief")]
        await feed.until(lambda: flows.rest.get("order") == by_name)
        for id_ in ids.values():
            await asyncio.to_thread(engine.ended, id_)

        def lasted() -> list[int]:
            rows = longest.ordered() if "order" in longest.rest else []
            return [row["duration_ms"] for row in rows if row["duration_ms"] is not None]

        await feed.until(lambda: len(lasted()) == 3)
        assert lasted() == sorted(lasted(), reverse=True)
        assert longest.rest["of_newest"] is None
        for wrong in ({"sort": "colour"}, {"sort": ["flow"]}, {"reverse": "yes"}):
            refused = await feed.open(3, "executions", **wrong)
            await feed.until(lambda refused=refused: bool(refused.errors))  # type: ignore[misc]


async def test_moving_a_window_brings_a_fresh_snapshot(engine: Engine, home: Home) -> None:
    for n in range(5):
        engine.run(BUSY, inputs={"n": n})
    async with feed_of(home) as feed:
        view = await feed.open(1, "executions", limit=2)
        await feed.until(lambda: view.version == 1)
        assert [row["number"] for row in view.ordered()] == [5, 4]
        await feed.send({"op": "move", "id": 1, "offset": 3})
        await feed.until(lambda: view.rest.get("offset") == 3)
        assert [row["number"] for row in view.ordered()] == [2, 1]
        await feed.send({"op": "move", "id": 1, "filter": "state:failed", "offset": 0})
        await feed.until(lambda: view.rest["total"] == 2)
        assert [row["number"] for row in view.ordered()] == [5, 4]
        await feed.send({"op": "move", "id": 1, "filter": "since:soon"})
        await feed.until(lambda: bool(view.errors))
        assert "'soon' is no time" in view.errors[0]["message"]
        await feed.send({"op": "move", "id": 1, "filter": "", "offset": 4})
        await feed.until(lambda: view.rest["total"] == 5)
        assert len(view.errors) == 1, "what is refused leaves the window open"
        await feed.send({"op": "move", "id": 1, "filter": "state:failed", "offset": 0})
        await feed.until(lambda: view.rest["total"] == 2)
        await feed.send({"op": "close", "id": 1})
        engine.run(BUSY)
        other = await feed.open(2, "executions")
        await feed.until(lambda: bool(other.rest))
        assert view.rest["total"] == 2, "a closed window is told nothing"


BAD = [
    "no json",
    "[]",
    "5",
    '"text"',
    "{}",
    '{"op": "open", "window": "executions"}',
    '{"id": "x", "op": "open", "window": "executions"}',
    '{"id": 1e300, "op": "open"}',
    '{"id": 1000000000000000000000000000000, "op": "open", "window": "flows"}',
    '{"id": -1, "op": "open", "window": "flows"}',
    '{"id": true, "op": "open", "window": "flows"}',
    '{"id": 9, "op": "dance"}',
    '{"id": 9, "op": ["open"]}',
    '{"id": 9, "op": "open"}',
    '{"id": 9, "op": "open", "window": {}}',
    '{"id": 9, "op": "open", "window": "execution"}',
    '{"id": 9, "op": "open", "window": "execution", "ref": "no-such-thing"}',
    '{"id": 9, "op": "open", "window": "execution", "ref": 5}',
    '{"id": 9, "op": "open", "window": "log", "ref": "../../etc"}',
    '{"id": 9, "op": "open", "window": "log", "ref": "@last", "level": "loud"}',
    '{"id": 9, "op": "open", "window": "log", "ref": "@last", "level": 5}',
    '{"id": 9, "op": "open", "window": "log", "ref": "@last", "grep": "("}',
    '{"id": 9, "op": "open", "window": "log", "ref": "@last", "grep": ["x"]}',
    '{"id": 9, "op": "open", "window": "log", "ref": "@last", "before": "x"}',
    '{"id": 9, "op": "open", "window": "log", "ref": "@last", "before": 7}',
    '{"id": 9, "op": "open", "window": "log", "ref": "@last", "limit": "x"}',
    '{"id": 9, "op": "open", "window": "log", "ref": "@last", "step": {"a": 1}}',
    '{"id": 9, "op": "open", "window": "executions", "limit": -1}',
    '{"id": 9, "op": "open", "window": "executions", "limit": 1.5}',
    '{"id": 9, "op": "open", "window": "executions", "offset": "x"}',
    '{"id": 9, "op": "open", "window": "executions", "filter": 5}',
    '{"id": 9, "op": "open", "window": "executions", "filter": "state:nothing"}',
    '{"id": 9, "op": "open", "window": "executions", "filter": "since:yesterday"}',
    '{"id": 9, "op": "open", "window": "executions", "filter": "\\"open quote"}',
    '{"id": 9, "op": "move", "limit": 5}',
    '{"id": 9, "op": "open", "window": "executions", "filter": "' + "x" * 2000 + '"}',
    b"\x00\xffbytes",
]
ODD = [
    '{"id": 9, "op": "open", "window": "executions", "filter": "since:999999999w"}',
    '{"id": 9, "op": "open", "window": "executions", "filter": "until:0001-01-01"}',
    '{"id": 9, "op": "open", "window": "executions", "filter": "since:9999-12-31"}',
    '{"id": 9, "op": "open", "window": "executions", "filter": "flow:, type:, a:b: %_\\u0000"}',
    '{"id": 9, "op": "open", "window": "executions", "offset": 1000000000000000000000}',
    '{"id": 9, "op": "open", "window": "executions", "limit": 1000000000000000000000}',
    '{"id": 9, "op": "open", "window": "log", "ref": "@last", "before": "99999999999999999999:0"}',
    '{"id": 9, "op": "open", "window": "log", "ref": "@last", "before": "0:99999999999999999"}',
    '{"id": 9, "op": "open", "window": "log", "ref": "@last", "step": "nothing", "limit": 0}',
    '{"id": 9, "op": "close"}',
]


async def test_bad_messages_are_answered_and_the_connection_lives(
    engine: Engine, home: Home
) -> None:
    engine.run(BUSY)
    async with feed_of(home) as feed:
        for message in BAD:
            await feed.connection.send(message)
            frame = await feed.next()
            assert frame["kind"] == "error", message
            assert frame["error"]["code"] in ("usage", "unknown_reference"), (message, frame)
        for message in ODD:  # odd, but not wrong: any frame but a fault of ours
            await feed.connection.send(message)
        rows = await feed.open(3, "executions")
        await feed.until(lambda: bool(rows.rest))
        for view in feed.views.values():
            assert all(error["code"] != "error" for error in view.errors), view.errors
        assert rows.rest["total"] == 1


async def test_too_many_windows_are_refused_and_the_others_go_on(
    engine: Engine, home: Home
) -> None:
    async with feed_of(home) as feed:
        views = [await feed.open(number, "machine") for number in range(40)]
        await feed.until(lambda: sum(bool(view.errors) for view in views) == 8)
        await feed.until(lambda: sum(bool(view.version) for view in views) == 32)


async def test_one_who_never_reads_slows_nobody(engine: Engine, home: Home) -> None:
    loud = "steps: [{id: s, run: 'seq -f \"%099.0f\" 300000'}]"
    async with feed_of(home) as stuck:
        stuck.connection.transport.pause_reading()
        for number in range(8):
            await stuck.open(number, "executions")
        ids = [await start(engine, loud) for _ in range(3)]
        for number, id_ in enumerate(ids):
            await stuck.open(10 + number, "log", ref=id_, limit=2000)
            await stuck.open(20 + number, "execution", ref=id_)
        async with feed_of(home) as feed:
            rows = await feed.open(1, "executions")
            for id_ in ids:
                assert (await asyncio.to_thread(engine.ended, id_))["state"] == "completed"
            for _ in range(20):
                assert (await asyncio.to_thread(engine.run, BUSY))["state"] == "completed"
            await feed.until(lambda: rows.rest.get("counts", {}).get("completed") == 23)
        assert resident_kb(engine.status["pid"]) < 250_000


async def test_a_window_on_what_does_not_exist_is_an_error_and_can_be_opened_later(
    engine: Engine, home: Home
) -> None:
    async with feed_of(home) as feed:
        view = await feed.open(1, "execution", ref="busy@last")
        await feed.until(lambda: bool(view.errors))
        assert view.errors[0]["code"] == "unknown_reference"
        id_ = await start(engine, BUSY)
        await feed.send({"op": "open", "id": 1, "window": "execution", "ref": "busy@last"})
        await feed.until(lambda: view.rest.get("execution", {}).get("state") == "completed")
        assert view.rest["execution"]["id"] == id_


@pytest.mark.parametrize("kill", [False, True])
async def test_windows_converge_over_a_restart_of_the_engine(
    engine: Engine, home: Home, kill: bool
) -> None:
    from engine.client.feed import Feed as ClientFeed

    shown: dict[str, Any] = {}

    def take(frame: dict[str, Any]) -> None:
        if frame["kind"] == "snapshot":
            shown.clear()
        if "execution" in frame:
            shown["execution"] = frame["execution"]
        shown.update({step["path"]: step for step in frame.get("steps", ())})

    started = engine.start("steps: [{id: a, run: 'sleep 1.5'}, {id: b, run: 'true'}]")
    client = ClientFeed(home.text("socket"), lambda live, why: None)
    client.open({"window": "execution", "ref": started["id"]}, take)
    task = asyncio.create_task(client.run())
    await asyncio.sleep(0.3)
    await asyncio.to_thread(engine.kill if kill else engine.stop)
    await asyncio.to_thread(engine.begin)
    await asyncio.to_thread(
        until, lambda: shown.get("execution", {}).get("state") == "completed", "converged"
    )
    task.cancel()
    found = engine.show(started["id"])
    assert [shown["a"], shown["b"]] == found["steps"]


async def test_batches_come_only_where_somebody_looks_at_them(engine: Engine, home: Home) -> None:
    text = "name: b\nsteps: [{id: v, batch: {items: [1, 2, 3, 4]}, run: 'true'}]"
    async with feed_of(home) as feed:
        id_ = await start(engine, text)
        await asyncio.to_thread(engine.ended, id_)
        plain = await feed.open(1, "execution", ref=id_)
        opened = await feed.open(2, "execution", ref=id_, batches=["v"])
        await feed.until(lambda: bool(plain.version and opened.version))
        assert list(plain.rows) == ["v"]
        assert plain.rows["v"]["batch"]["ended"] == 4
        assert list(opened.rows) == ["v", "v/0", "v/1", "v/2", "v/3"]
