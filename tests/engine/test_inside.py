"""What a step calls, seen from its caller: its steps in the tree, its log by the step's path."""

from __future__ import annotations

import asyncio
import json

import pytest

from engine.errors import UnknownReference, UsageError
from engine.paths import Home
from tests.conftest import Wingman
from tests.engine.api import Engine, states, step_of
from tests.engine.feeds import feed_of

APPLY = """
name: apply
steps:
  - {id: copy, run: 'echo copied'}
  - {id: check, run: 'echo "no such host" >&2; exit 3'}
"""
PATCH = """
name: patch
steps:
  - {id: fetch, run: 'echo fetched'}
  - {id: apply, flow: {name: apply}}
"""
MAIN = """
name: main
steps:
  - {id: patch, flow: {name: patch}, on_error: [{match: any, steps: [{id: fetch, run: 'echo mended'}]}]}
  - {id: good, flow: {name: fine}, needs: []}
"""
FINE = "name: fine\nsteps: [{id: only, run: 'echo all is well'}]\n"


@pytest.fixture
def called(home: Home, engine: Engine) -> Engine:
    home.flows.mkdir(parents=True, exist_ok=True)
    for name, text in (("apply", APPLY), ("patch", PATCH), ("fine", FINE)):
        (home.flows / f"{name}.yaml").write_text(text)
    return engine


def test_a_failed_call_is_opened_down_to_the_cause(called: Engine, wingman: Wingman) -> None:
    ended = called.run(MAIN)
    path = f"/v1/executions/{ended['id']}"
    assert [step["path"] for step in ended["steps"]] == ["patch", "patch/fetch", "good"]
    found = called.get(f"{path}?calls=failed")
    # `patch/fetch` is the handler of its failure: what is called has another way
    assert states(found) == {
        "patch": "failed",
        "patch/patch#1/fetch": "completed",
        "patch/patch#1/apply": "failed",
        "patch/patch#1/apply/copy": "completed",
        "patch/patch#1/apply/check": "failed",
        "patch/fetch": "completed",
        "good": "completed",
    }
    check = step_of(found, "patch/patch#1/apply/check")
    assert check["error"]["type"] == "exit:3"
    assert check["needs"] == ["patch/patch#1/apply/copy"]
    assert check["of"]["path"] == "check"
    assert "good/only" in states(called.get(f"{path}?calls=all"))
    with pytest.raises(UsageError, match="failed or all"):
        called.get(f"{path}?calls=some")
    said = wingman("show", "main@last", check=True).stdout
    assert "apply/check" in said
    assert "good/only" not in said
    assert "good/only" in wingman("show", "main@last", "--calls", check=True).stdout
    plain = json.loads(wingman("show", "main@last", "--json", check=True).stdout)
    assert len(plain["steps"]) == 3


def test_the_log_of_such_a_step_is_that_of_what_it_calls(called: Engine, wingman: Wingman) -> None:
    ended = called.run(MAIN)["id"]
    assert "all is well" not in called.log(ended)
    assert called.log(ended, "step=good") == "all is well\n"
    assert called.log(ended, "step=good/only") == "all is well\n"
    assert called.log(ended, "step=patch/fetch") == "mended\n"
    assert called.log(ended, "step=patch/patch%231/fetch") == "fetched\n"
    assert called.log(ended, "step=patch/patch%231/apply/check") == "no such host\n"
    page = called.get(f"/v1/executions/{ended}/logs/lines?step=good")
    assert [line["text"] for line in page["lines"]] == ["all is well"]
    with pytest.raises(UnknownReference):
        called.get(f"/v1/executions/{ended}/logs/lines?step=good/nothing")
    assert wingman("logs", "main@last", "--step", "good", check=True).stdout == "all is well\n"


async def test_the_window_has_the_steps_of_open_calls_only(called: Engine) -> None:
    ended = (await asyncio.to_thread(called.run, MAIN))["id"]
    async with feed_of(called.home) as feed:
        tree = await feed.open(1, "execution", ref=ended)
        await feed.until(lambda: bool(tree.rows))
        assert "good/only" not in tree.rows
        await feed.send({"op": "move", "id": 1, "calls": ["good"]})
        await feed.until(lambda: "good/only" in tree.rows)
        log = await feed.open(2, "log", ref=ended, step=["good/only"])
        await feed.until(lambda: bool(log.rows))
        assert log.texts() == ["all is well"]
        await feed.send({"op": "move", "id": 2, "level": "error"})
        await feed.until(lambda: not log.rows)
