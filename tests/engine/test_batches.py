"""Batches with a real engine and real processes: items from anywhere, kills in the middle, retries."""

from __future__ import annotations

import json
import time
from typing import Any

from tests.engine.api import Engine, states, step_of

NUMBERS = """
name: numbers
steps:
  - {id: make, run: 'seq 0 59 >items.txt'}
  - id: verify
    batch: {items: {file: items.txt}, size: 4, max_parallel: 3}
    run: |
      sleep 0.1
      cat "$WINGMAN_NUMBERS_FILE" >>../seen-$WINGMAN_EXECUTION
"""
SOME_FAIL = """
name: some
steps:
  - id: verify
    batch: {items: "${{ inputs.items }}", size: 3, tolerate: 50%, items_format: lines}
    run: |
      cat "$WINGMAN_ITEMS_FILE"
      paste "$WINGMAN_NUMBERS_FILE" "$WINGMAN_ITEMS_FILE" | while read -r number item; do
        test "$item" != bad || test -e mended || echo "$number" >>"$WINGMAN_FAILED_ITEMS"
      done
  - {id: after, run: 'echo "${{ steps.verify.outputs.failed }} of ${{ steps.verify.outputs.items }}"'}
inputs: {items: {default: [a, b, bad, c, bad, d, e]}}
"""
KINDS = """
name: kinds
steps:
  - {id: make, run: 'printf "host,port\\nweb1,80\\ndb,5432\\n" >h.csv; printf "{\\"n\\": 1}\\n\\n\\"x\\"\\n" >v.jsonl'}
  - {id: csv, needs: [make], batch: {items: {file: h.csv}}, run: 'echo "$WINGMAN_ITEM_NUMBER $WINGMAN_ITEM" ${{ quote(item.host) }}'}
  - {id: json, needs: [make], batch: {items: {file: v.jsonl}}, run: 'echo "$WINGMAN_ITEM"'}
  - {id: list, needs: [make], batch: {items: [1, two, {n: 3}], size: 5}, run: 'cat "$WINGMAN_ITEMS_FILE"'}
  - {id: none, needs: [make], batch: {items: []}, run: exit 1}
  - id: python
    needs: [make]
    batch: {items: "${{ ['x', 'y', 'z'] }}", size: 2}
    python: {script: "print(len(items))", args: {items: "${{ items }}"}}
"""


SECRET_ITEMS = """
name: secretive
inputs: {token: {type: string, sensitive: true, default: ""}}
steps:
  - {id: each, batch: {items: ["${{ inputs.token }}", open]}, run: 'echo "$WINGMAN_ITEM"'}
"""


def batches_of(found: dict[str, Any], path: str) -> dict[str, str]:
    return {
        step["path"]: step["state"]
        for step in found["steps"]
        if step["path"].startswith(f"{path}/")
    }


def test_a_killed_engine_loses_no_batch_and_repeats_none(engine: Engine) -> None:
    started = engine.start(NUMBERS)
    for n in range(3):
        engine.until(
            started["id"], lambda found, n=n: len(batches_of(found, "verify")) > 3 * n + 1
        )
        engine.kill()
        engine.begin()
    ended = engine.ended(started["id"])
    assert ended["state"] == "completed"
    assert step_of(ended, "verify")["outputs"] == {
        "items": 60, "batches": 15, "failed": 0, "failed_items": [],
    }  # fmt: skip
    seen = (engine.home.work / f"seen-{started['id']}").read_text().split()
    assert sorted(map(int, seen)) == list(range(60)), "each item once, and only once"
    assert batches_of(ended, "verify") == {f"verify/{n}": "completed" for n in range(15)}


def test_retry_runs_only_what_failed(engine: Engine) -> None:
    started = engine.start(SOME_FAIL)
    ended = engine.ended(started["id"])
    assert ended["state"] == "partial"
    assert states(ended)["verify"] == "partial"
    verify = step_of(ended, "verify")
    assert verify["outputs"]["failed_items"] == [2, 4]
    assert verify["batch"]["batches"] == 3
    assert verify["error"] == {"type": "items", "message": "2 of 7 items failed"}
    assert batches_of(ended, "verify") == {
        "verify/0": "partial", "verify/1": "partial", "verify/2": "completed",
    }  # fmt: skip
    (engine.home.work / started["id"] / "mended").touch()
    engine.post(f"/v1/executions/{started['id']}/retry", {})
    ended = engine.ended(started["id"])
    assert ended["state"] == "completed"
    assert step_of(ended, "verify/0")["attempts"] == 2
    assert step_of(ended, "verify/2")["attempts"] == 1
    log = engine.log(started["id"], "step=verify/0")
    assert log.split() == ["a", "b", "bad", "bad"]


def test_beyond_what_is_tolerated_the_step_has_failed(engine: Engine) -> None:
    started = engine.start(SOME_FAIL.replace("50%", "1"))
    ended = engine.ended(started["id"])
    assert states(ended) | {"verify": "failed", "after": "skipped"} == states(ended)
    assert ended["error"] == {
        "step": "verify", "type": "items", "message": "2 of 7 items failed",
    }  # fmt: skip


def test_items_come_from_lists_expressions_and_files(engine: Engine) -> None:
    started = engine.start(KINDS)
    ended = engine.ended(started["id"])
    assert ended["state"] == "completed", ended["error"]
    assert states(ended)["none"] == "completed"
    assert step_of(ended, "none")["reason"] == "there are no items"
    lines = engine.log(started["id"], "step=csv").splitlines()
    assert sorted(lines) == [
        '0 {"host":"web1","port":"80"} web1', '1 {"host":"db","port":"5432"} db',
    ]  # fmt: skip
    assert sorted(engine.log(started["id"], "step=json").splitlines()) == ["x", '{"n":1}']
    values = [json.loads(x) for x in engine.log(started["id"], "step=list").splitlines()]
    assert values == [1, "two", {"n": 3}]
    assert sorted(engine.log(started["id"], "step=python").split()) == ["1", "2"]


def test_items_that_are_none_are_told_with_their_number(engine: Engine) -> None:
    wrong = {
        "[1, [2]]": "items: item 1 is a list: an item is a text, a number or an object",
        "[null]": "items: item 0 is null: an item is a text, a number or an object",
        "{file: nothing.txt}": "items: nothing.txt: No such file or directory",
        '"${{ inputs.n }}"': "items: ${{ inputs.n }} is 3, and no list",
        "{file: /dev/zero}": "items: /dev/zero is no file",
    }
    for items, message in wrong.items():
        started = engine.start(
            f"name: wrong\nsteps: [{{id: v, run: x, batch: {{items: {items}}}}}]\n"
            "inputs: {n: {default: 3}}\n"
        )
        ended = engine.ended(started["id"])
        assert step_of(ended, "v")["error"]["message"] == message
        assert ended["state"] == "failed"


def test_numbers_that_are_none_of_the_batch_fail_it(engine: Engine) -> None:
    flow = 'steps: [{id: v, batch: {items: [a, b]}, run: \'echo "%s" >>"$WINGMAN_FAILED_ITEMS"\'}]'
    for text, message in (("x", "b'x' is no number"), ("7", "7 is no item of this batch")):
        ended = engine.ended(engine.start("name: listed\n" + flow % text)["id"])
        assert message.removeprefix("b") in step_of(ended, "v/0")["error"]["message"]


def test_a_cancel_ends_all_batches_and_a_retry_goes_on_where_it_was(engine: Engine) -> None:
    started = engine.start(NUMBERS)
    engine.until(started["id"], lambda found: len(batches_of(found, "verify")) > 4)
    engine.post(f"/v1/executions/{started['id']}/cancel", {})
    ended = engine.ended(started["id"])
    assert states(ended)["verify"] == ended["state"] == "cancelled"
    engine.post(f"/v1/executions/{started['id']}/retry", {})
    assert engine.ended(started["id"])["state"] == "completed"
    seen = (engine.home.work / f"seen-{started['id']}").read_text().split()
    assert {int(number) for number in seen} == set(range(60))


def test_many_batches_are_counted_and_only_some_are_listed(engine: Engine) -> None:
    started = engine.start(
        "name: many\nmax_parallel: 8\nsteps: [{id: v, batch: {items: {file: n.txt}}, "
        "needs: [make], python: {script: 'x = 1'}}, {id: make, needs: [], run: 'seq 300 >n.txt'}]"
    )
    before = time.monotonic()
    ended = engine.ended(started["id"])
    assert ended["state"] == "completed", time.monotonic() - before
    assert step_of(ended, "v")["batch"]["ended"] == 300
    assert len(batches_of(ended, "v")) == 200
    assert ended["progress"]["total"] == 2
    page = engine.get(f"/v1/executions/{started['id']}/batches?step=v&limit=120&after=199")
    assert [row["path"] for row in page["batches"]] == [f"v/{n}" for n in range(200, 300)]
    assert page["next"] is None
    page = engine.get(f"/v1/executions/{started['id']}/batches?step=v&limit=50&state=completed")
    assert (len(page["batches"]), page["next"]) == (50, 49)


def test_a_sensitive_value_is_no_item_for_items_are_written_to_the_disk(engine: Engine) -> None:
    started = engine.start(SECRET_ITEMS, inputs={"token": "geheimer-als-alles"})
    ended = engine.ended(started["id"])
    error = step_of(ended, "each")["error"]
    assert (ended["state"], error["type"]) == ("failed", "input")
    assert "a sensitive value is among them" in error["message"]
    found = [path for path in engine.home.work.rglob("*") if path.is_file()]
    assert not [path for path in found if b"geheimer" in path.read_bytes()]
