"""Ends of other flows, events and deliveries, with a real journal."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from engine.errors import Unauthenticated, UnknownReference, UsageError
from tests.triggers.test_hooks import signed
from tests.triggers.world import World

STEPS = "steps: [{id: a, run: 'true'}]\n"
AFTER = (
    "inputs: {n: {type: integer}, how: {type: string, default: ''}}\n"
    "triggers: [{after: first, status: [completed, failed], inputs: "
    "{n: '${{ event.number }}', how: '${{ event.state }}'}}]\n" + STEPS
)
EVENT = (
    "inputs: {file: {type: string}}\n"
    "triggers: [{event: file.came, if: event.data.size > 3, inputs: "
    "{file: '${{ event.data.file }}'}}]\n" + STEPS
)
HOOK = (
    "inputs: {ref: {type: string, maxLength: 20}}\n"
    "triggers: [{webhook: deploy, signature: github, secret: HOOK, rate: 2, "
    "if: \"body.ref.startsWith('refs/')\", inputs: {ref: '${{ body.ref }}'}}]\n" + STEPS
)
SECRET = "a secret of sixteen"


async def run(world: World, name: str, exit_code: int = 0) -> str:
    answer = await world.engine.service.start({"flow": name}, "me")
    await world.settle()
    await world.finish(answer["id"], exit_code)
    return str(answer["id"])


def event(**data: Any) -> dict[str, Any]:
    return {"type": "file.came", "id": "e1", "source": "", "subject": "", "time": "", "data": data,
            "actor": "me"}  # fmt: skip


async def settle(world: World) -> None:
    for _ in range(50):
        await world.settle()
        if not world.keeper.arrivals._tasks:
            return
        await asyncio.sleep(0.005)


async def test_the_end_of_a_flow_starts_what_comes_after_it(world: World) -> None:
    world.write("first", STEPS)
    world.write("second", AFTER)
    async with world.serving():
        await run(world, "first")
        await settle(world)
        await run(world, "first", 3)
        await settle(world)
        found = [row for row in await world.executions() if row["flow"] == "second"]
        assert [row["inputs"] for row in found] == [
            {"n": 1, "how": "completed"}, {"n": 2, "how": "failed"}]  # fmt: skip
        assert {row["trigger"] for row in found} == {"after"}


async def test_an_end_that_the_engine_did_not_live_to_act_on_is_acted_on_by_the_next(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.write("first", STEPS)
    world.write("second", AFTER)
    async with world.serving():
        monkeypatch.setattr(world.keeper.arrivals, "wake", lambda trigger: None)
        await run(world, "first")
        assert await world.ledger("second:after") == [("2027-03-01T00:00", "waiting", 1)]
    async with world.serving():
        await settle(world)
        assert [row["outcome"] for row in await world.rows("second:after")] == ["ran"]
    async with world.serving():
        await settle(world)
        assert len(await world.executions()) == 2


async def test_flows_that_would_start_each_other_for_ever_say_so(world: World) -> None:
    for one, other in (("a", "c"), ("b", "a"), ("c", "b")):
        world.write(one, f"triggers: [{{after: {other}}}]\n" + STEPS)
    async with world.serving():
        problem = world.keeper.find("a").problem
        assert problem == "it would start in a circle: a → b → c → a"
        await run(world, "a")
        await settle(world)
        assert len(await world.executions()) == 1
        (world.home.flows / "c.yaml").unlink()
        await world.edited()
        assert world.keeper.find("b").problem == ""


async def test_an_event_starts_who_waits_for_it_once_by_its_id(world: World) -> None:
    world.write("f", EVENT)
    world.write("g", EVENT.replace("size > 3", "size > 100"))
    async with world.serving():
        emit = world.keeper.arrivals.emit
        first, second = await emit(event(size=5, file="x"), "s/1")
        assert (first["outcome"], second["outcome"]) == ("ran", "skipped")
        assert "event.data.size = 5 (integer)" in second["reason"]
        again = await emit(event(size=5, file="x"), "s/1")
        assert [(one["execution"], one["duplicate"]) for one in again] == [
            (first["execution"], True), (None, False)]  # fmt: skip
        assert (again[1]["outcome"], len(await world.rows("g:event"))) == ("skipped", 1)
        both = await asyncio.gather(*(emit(event(size=9, file="y"), "s/2") for _ in range(5)))
        assert len({one[0]["execution"] for one in both}) == 1
        (third, _) = await emit(event(size="big"), "s/3")
        assert third["outcome"] == "missed"
        await emit(event(size=5, file=7), "s/5")  # a number is a text where one is asked for
        await world.keeper.pause("f", "ada", "a rest")
        (fourth, _) = await emit(event(size=5, file="x"), "s/4")
        assert (fourth["outcome"], fourth["reason"]) == ("skipped", "paused by ada: a rest")
        assert [row["inputs"]["file"] for row in await world.executions()] == ["x", "y", "7"]


async def deliver(world: World, body: bytes, **more: str) -> Any:
    headers = {**signed(SECRET, body), "content-type": "application/json", **more}
    return await world.keeper.deliveries.take(world.keeper.deliveries.hook("deploy"), headers, body)


async def test_a_delivery_starts_the_flow_once_and_answers_when_it_is_durable(world: World) -> None:
    world.write("f", HOOK)
    body = json.dumps({"ref": "refs/heads/main"}).encode()
    async with world.serving():
        assert "there is no secret HOOK" in world.keeper.showing.rows()[0]["problem"]
        with pytest.raises(Unauthenticated, match="can check nobody now"):
            await deliver(world, body)
        await world.engine.secrets.set("HOOK", SECRET, "me")
        assert world.keeper.showing.rows()[0]["problem"] == ""
        status, told, _ = await deliver(world, body)
        assert status == 202
        (found,) = await world.executions()
        assert (told["execution"], found["inputs"]) == (found["id"], {"ref": "refs/heads/main"})
        status, again, _ = await deliver(world, body, **{"x-github-delivery": "another"})
        assert (status, again["execution"], again["duplicate"]) == (202, found["id"], True)
        with pytest.raises(Unauthenticated, match="signature is wrong"):
            await deliver(world, body, **{"x-hub-signature-256": "sha256=00"})
        assert [one["reason"][:22] for one in world.keeper.find("f").refusals] == [
            "the signature is wrong", "nobody can be checked:"]  # fmt: skip
    async with world.serving():  # remembered by the next engine
        assert [one["reason"][:22] for one in world.keeper.find("f").refusals] == [
            "the signature is wrong", "nobody can be checked:"]  # fmt: skip
        assert (await deliver(world, body)).body["duplicate"]
        assert len(await world.executions()) == 1


async def test_a_delivery_that_the_ledger_has_forgotten_is_known_by_its_execution(
    world: World,
) -> None:
    world.write("f", HOOK)
    body = json.dumps({"ref": "refs/heads/main"}).encode()
    async with world.serving():
        await world.engine.secrets.set("HOOK", SECRET, "me")
        _, told, _ = await deliver(world, body)
        world.wall_us += 40 * 86_400_000_000
        world.elapsed_us += 40 * 86_400_000_000
        world.keeper.thin_ledger()
        assert await world.rows("f:deploy") == []
        _, again, _ = await deliver(world, body)
        assert (again["execution"], again["duplicate"]) == (told["execution"], True)
        assert len(await world.executions()) == 1


async def test_a_delivery_that_has_started_nothing_may_be_sent_again(world: World) -> None:
    text = HOOK.replace("rate: 2", "rate: 100")
    world.write("f", text)
    body = json.dumps({"ref": "refs/heads/a-long-name"}).encode()
    async with world.serving():
        await world.engine.secrets.set("HOOK", SECRET, "me")
        assert (await deliver(world, body)).status == 422
        world.write("f", text.replace("maxLength: 20", "maxLength: 30"))
        await world.edited()
        await world.keeper.pause("f", "ada", "")
        assert (await deliver(world, body)).body["outcome"] == "skipped"
        await world.keeper.continue_("f", "ada", "")
        both = await asyncio.gather(*(deliver(world, body) for _ in range(5)))
        assert [one.status for one in both] == [202] * 5
        assert len({one.body["execution"] for one in both}) == 1
        assert len(await world.rows("f:deploy")) == len(await world.executions()) == 1


async def test_what_does_not_fit_is_told_and_starts_nothing(world: World) -> None:
    world.write("f", HOOK.replace("rate: 2", "rate: 100"))
    async with world.serving():
        await world.engine.secrets.set("HOOK", SECRET, "me")
        answers = [await deliver(world, json.dumps(body).encode()) for body in (
            {"ref": "tags/1"}, {"ref": "refs/" + "x" * 30}, {"other": 1}, [], None)]  # fmt: skip
        assert [answer.status for answer in answers] == [200, 422, 422, 422, 422]
        assert "`ref`" in answers[1].body["error"]["message"]
        with pytest.raises(UsageError, match="not JSON"):
            await deliver(world, b"{")
        assert await world.executions() == []
        with pytest.raises(UnknownReference, match="no hook 'other'"):
            world.keeper.deliveries.hook("other")


async def test_githubs_ping_is_answered_and_starts_nothing(world: World) -> None:
    world.write("f", HOOK)
    async with world.serving():
        await world.engine.secrets.set("HOOK", SECRET, "me")
        body = b'{"zen": "Keep it logically awesome.", "hook_id": 109948940}'
        answer = await deliver(world, body, **{"x-github-event": "ping"})
        assert (answer.status, answer.body["outcome"]) == (200, "skipped")
        assert "ping" in (await world.rows("f:deploy"))[0]["reason"]


async def test_a_storm_is_told_when_to_come_again(world: World) -> None:
    world.write("f", HOOK)
    async with world.serving():
        await world.engine.secrets.set("HOOK", SECRET, "me")
        answers = [await deliver(world, json.dumps({"ref": f"refs/{n}"}).encode())
                   for n in range(8)]  # fmt: skip
        assert [answer.status for answer in answers] == [202] * 4 + [429] * 4
        assert answers[-1].headers["Retry-After"] == "1"
        world.wall_us += 1_000_000
        world.elapsed_us += 1_000_000
        assert (await deliver(world, b'{"ref": "refs/new"}')).status == 202


async def test_two_hooks_of_one_name_say_whose_it_is(world: World) -> None:
    world.write("f", HOOK)
    world.write("g", HOOK)
    async with world.serving():
        assert world.keeper.deliveries.hook("deploy").flow == "f"
        assert world.keeper.find("g").problem == "the hook belongs to f:deploy"
        (world.home.flows / "f.yaml").unlink()
        await world.edited()
        assert (world.keeper.deliveries.hook("deploy").flow, world.keeper.find("g").problem) == ("g", "")


async def test_a_delivery_can_be_tried_without_sending_it(world: World) -> None:
    world.write("f", HOOK)
    async with world.serving():
        trigger = world.keeper.find("deploy")
        found = await world.keeper.showing.rehearse(trigger, {"payload": {"ref": "refs/x"}})
        assert (found["outcome"], found["inputs"]) == ("start", {"ref": "refs/x"})
        found = await world.keeper.showing.rehearse(trigger, {"payload": {"ref": "x"}})
        assert (found["outcome"], 'body.ref = "x"' in found["reason"]) == ("skipped", True)
        assert await world.executions() == []
