"""Batches whose items fail at random, while engine and runner die: what is told of them is true."""

from __future__ import annotations

import os
import random
import signal
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from engine.paths import Home
from tests.engine.api import Engine, states, step_of, until
from tests.engine.deaths import Deaths

ITEMS, SIZE = 60, 4
# an item fails by the file that says so; what was done well is written down, once each time
WORK = """
name: fire
steps:
  - id: all
    batch: {items: {file: items}, size: 4, max_parallel: 3, tolerate: 100%, items_format: lines}
    retry: {max_attempts: 2}
    on_interrupt: retry
    run: |
      paste "$WINGMAN_NUMBERS_FILE" "$WINGMAN_ITEMS_FILE" | while read -r number item; do
        sleep 0.005
        if grep -qx "$item" ../bad; then echo "$number" >>"$WINGMAN_FAILED_ITEMS"
        else echo "$item" >>../good; fi
      done
"""
PREPARED = WORK.replace("steps:\n", "steps:\n  - {id: make, run: 'seq 0 59 >items'}\n", 1)
HELD = """
name: held
steps:
  - id: all
    batch: {items: [a, b, c, d], size: 1, max_parallel: 4, tolerate: 100%}
    on_interrupt: hold
    run: |
      echo "$WINGMAN_ITEM" >>../begun
      test "$WINGMAN_ITEM" != b || exit 3
      test "$WINGMAN_ITEM" = c -o "$WINGMAN_ITEM" = d || exit 0
      until test -e ../go; do sleep 0.02; done
"""


def lines_of(path: Path) -> Counter[str]:
    return Counter(path.read_text().split()) if path.exists() else Counter()


def told(found: dict[str, Any]) -> list[int]:
    return list(step_of(found, "all")["outputs"]["failed_items"])


@pytest.mark.timeout(600)
@pytest.mark.parametrize(("seed", "kills_runner"), [(1, False), (2, False), (3, True)])
def test_what_failed_is_known_and_what_was_done_is_not_repeated(
    home: Home, seed: int, kills_runner: bool
) -> None:
    dice = random.Random(seed)
    bad = sorted(dice.sample(range(ITEMS), 15))
    (home.work / "bad").write_text("".join(f"{n}\n" for n in bad))
    deaths = Deaths(home, 900 + seed, PREPARED)
    deaths.start_engine()
    until(deaths.runner_pid)
    deaths.submit()
    for n in range(6):
        time.sleep(dice.random() * 0.25)
        if kills_runner and n % 2 and (pid := deaths.runner_pid()):
            os.kill(pid, signal.SIGKILL)
        deaths.kill_engine()
        deaths.start_engine()
        until(deaths.runner_pid)
    (found,) = deaths.settle_with_engine()
    assert found["state"] == "partial", found["error"]
    good = set(map(str, range(ITEMS))) - set(map(str, bad))
    done = lines_of(home.work / "good")
    assert set(done) >= good
    if kills_runner:
        # of what was interrupted nobody knows what it did: it is done again, or told as failed
        assert set(told(found)) >= set(bad)
    else:
        assert told(found) == bad
        assert done == Counter(good), "each once, and only once"
    before = set(told(found))
    (home.work / "bad").write_text("")
    (home.work / "good").unlink()
    deaths.client.request("POST", f"/v1/executions/{found['id']}/retry", {}, timeout_s=30)
    again = deaths.client.request("GET", f"/v1/executions/{found['id']}?wait=true", timeout_s=60)
    assert again["state"] == "completed", again["error"]
    assert lines_of(home.work / "good") == Counter(map(str, before)), "only what had failed"
    deaths.kill_engine()


def test_batches_that_are_held_wait_for_an_operator(home: Home) -> None:
    engine = Engine(home)
    id_ = engine.start(HELD)["id"]
    waiting = {"all/0": "completed", "all/1": "failed", "all/2": "running", "all/3": "running"}
    engine.until(id_, lambda found: waiting.items() <= states(found).items())
    os.kill(engine.status["runner_pid"], signal.SIGKILL)
    held = engine.until(id_, lambda found: bool(found["waiting_for"]))
    assert held["waiting_for"]["kind"] == "operator"
    assert held["waiting_for"]["step"] == "all/2"
    assert states(held) == {"all": "running", **waiting} | {
        "all/2": "interrupted", "all/3": "interrupted"
    }  # fmt: skip
    why = engine.get(f"/v1/executions/{id_}/why")
    assert why["answer"].startswith("It waits for you: all/2 was interrupted")
    engine.kill()
    engine.begin()
    again = engine.until(id_, lambda found: bool(found["waiting_for"]))
    assert again["waiting_for"]["step"] == "all/2"
    (home.work / "go").touch()
    engine.act(id_, "retry")
    ended = engine.ended(id_)
    assert ended["state"] == "partial"
    assert told(ended) == [1]
    assert f"all/2: runs again, decided by {ended['actor']}" in engine.log(id_, "engine=true")
    assert lines_of(home.work / "begun") == Counter(a=1, b=1, c=2, d=2)


def test_a_cancel_ends_what_is_held_as_interrupted(home: Home) -> None:
    engine = Engine(home)
    id_ = engine.start(HELD)["id"]
    engine.until(id_, lambda found: states(found).get("all/3") == "running")
    os.kill(engine.status["runner_pid"], signal.SIGKILL)
    engine.until(id_, lambda found: bool(found["waiting_for"]))
    engine.act(id_, "cancel")
    ended = engine.ended(id_)
    assert ended["state"] in ("cancelled", "failed")
    assert not {"running", "pending", "waiting"} & set(states(ended).values())
    told_of = f"all/2: stays interrupted, decided by {ended['actor']}"
    assert told_of in engine.log(id_, "engine=true")
