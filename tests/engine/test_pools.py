"""Pools with real executions: limits, order, what is told about them, and deaths at random."""

from __future__ import annotations

import json
import os
import random
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from engine.errors import UsageError
from engine.paths import Home
from tests.conftest import Wingman
from tests.engine.api import Engine, states, until
from tests.engine.deaths import Deaths
from tests.engine.test_kill_loop import check_journal

HOLD = """
name: hold
steps:
  - {id: hold, pools: {db: 1}, run: "until test -e ../go; do sleep 0.02; done"}
"""
WANT = """
name: want
steps:
  - {id: want, pools: {db: 1}, run: "true"}
  - {id: free, needs: [], run: "true"}
"""


def configure(home: Home, text: str) -> None:
    home.config_file.parent.mkdir(parents=True, exist_ok=True)
    # as an editor does it
    new = home.config_file.with_name("new")
    new.write_text(text)
    os.replace(new, home.config_file)


def let_go(home: Home) -> None:
    (home.work / "go").touch()


def test_a_step_waits_for_a_slot_and_everybody_says_who_holds_it(
    home: Home, wingman: Wingman
) -> None:
    configure(home, "[pools]\ndb = 1\n")
    engine = Engine(home)
    held = engine.start(HOLD)["id"]
    engine.until(held, lambda found: states(found)["hold"] == "running")
    wanted = engine.start(WANT)["id"]
    found = engine.until(wanted, lambda found: states(found)["free"] == "completed")
    assert states(found)["want"] == "waiting"
    waiting = found["waiting_for"]
    assert (waiting["kind"], waiting["pool"], waiting["step"]) == ("pool", "db", "want")
    assert waiting["holders"][0]["flow"] == "hold"
    # the list is what is stored, a moment behind what the engine knows
    until(lambda: [e["id"] for e in engine.get("/v1/executions?state=waiting")["executions"]] == [wanted])
    why = engine.get(f"/v1/executions/{wanted}/why")
    assert "pool db: 1 of 1 slots taken by hold#1 hold" in why["answer"]
    holder = next(cause for cause in why["causes"] if cause["subject"] == "hold#1 hold")
    assert holder["what"] == "holds 1 of pool db"
    assert holder["since"]
    assert "wingman pools" in [each["command"] for each in why["helps"]]
    (pool,) = [json.loads(line) for line in wingman("pools", "--json").stdout.splitlines()]
    assert (pool["name"], pool["capacity"], pool["used"]) == ("db", 1, 1)
    assert [claim["step"] for claim in pool["waiters"]] == ["want"]
    table = wingman("pools", check=True).stdout
    assert "hold#1 hold" in table
    assert "want#1 want" in table
    let_go(home)
    assert engine.ended(wanted)["state"] == "completed"
    assert engine.get("/v1/pools")["pools"][0]["used"] == 0


def test_what_could_never_start_is_refused_with_all_misses(home: Home, wingman: Wingman) -> None:
    configure(home, "[pools]\ndb = 1\n")
    text = "name: x\nsteps:\n  - {id: a, run: x, pools: {db: 2, tape: 1}}\n"
    file = home.root / "x.yaml"
    file.write_text(text)
    with pytest.raises(UsageError) as error:
        Engine(home).start(text)
    assert "pool `db` has 1 slots, and a step wants 2; there is no pool `tape`" in str(error.value)
    assert "[pools]" in error.value.hint
    done = wingman("run", file)
    assert done.returncode == 2
    checked = wingman("validate", file)
    assert checked.returncode == 2
    assert f"{file}:3:33: pool `db` has 1 slots here" in checked.stdout
    assert f"{file}:3:36: there is no pool `tape` here" in checked.stdout


def test_a_change_of_the_configuration_counts_at_once(home: Home) -> None:
    configure(home, "[pools]\ndb = 1\n")
    engine = Engine(home)
    held = [engine.start(HOLD)["id"] for _ in range(3)]
    engine.until(held[0], lambda found: states(found)["hold"] == "running")
    configure(home, "[pools]\ndb = 3\n")
    for one in held:
        engine.until(one, lambda found: states(found)["hold"] == "running")
    configure(home, "[pools]\n")
    waiting = engine.get("/v1/pools")["pools"]
    assert [(pool["name"], pool["capacity"], pool["used"]) for pool in waiting] == [("db", None, 3)]
    configure(home, "[pools]\ndb = lots\n")
    assert "config.toml" in engine.get("/v1/pools")["problem"]
    configure(home, "[pools]\ndb = 1\n")
    assert engine.get("/v1/pools")["problem"] == ""
    let_go(home)
    assert {engine.ended(one)["state"] for one in held} == {"completed"}


def test_cancelling_and_pausing_who_waits_frees_the_line(home: Home) -> None:
    configure(home, "[pools]\ndb = 1\n")
    engine = Engine(home)
    held = engine.start(HOLD)["id"]
    engine.until(held, lambda found: states(found)["hold"] == "running")
    cancelled, paused, last = (engine.start(WANT)["id"] for _ in range(3))
    for one in (cancelled, paused, last):
        engine.until(one, lambda found: states(found)["want"] == "waiting")
    engine.act(cancelled, "cancel")
    engine.act(paused, "pause")
    let_go(home)
    assert engine.ended(last)["state"] == "completed"
    assert engine.show(paused)["state"] == "paused"
    engine.act(paused, "continue")
    assert engine.ended(paused)["state"] == "completed"
    assert engine.ended(cancelled)["state"] == "cancelled"


def test_an_engine_that_died_finds_holders_and_waiters_in_their_order(home: Home) -> None:
    configure(home, "[pools]\ndb = 2\n")
    engine = Engine(home)
    held = [engine.start(HOLD)["id"] for _ in range(2)]
    for one in held:
        engine.until(one, lambda found: states(found)["hold"] == "running")
    wanted = [engine.start(WANT)["id"] for _ in range(5)]
    engine.until(wanted[-1], lambda found: states(found)["want"] == "waiting")
    before = engine.get("/v1/pools")["pools"]
    engine.kill()
    engine.begin()
    assert engine.get("/v1/pools")["pools"] == before
    assert [claim["execution"] for claim in before[0]["waiters"]] == wanted
    let_go(home)
    found = [engine.ended(one) for one in wanted]
    starts = [next(s["started_at"] for s in one["steps"] if s["id"] == "want") for one in found]
    assert starts == sorted(starts)


def test_a_slot_that_is_free_when_an_engine_starts_is_given_at_once(home: Home) -> None:
    configure(home, "[pools]\ndb = 1\n")
    engine = Engine(home)
    first = engine.start(HOLD)["id"]
    engine.until(first, lambda found: states(found)["hold"] == "running")
    second = engine.start(WANT)["id"]
    engine.until(second, lambda found: states(found) == {"want": "waiting", "free": "completed"})
    engine.kill()  # from here on nothing happens by itself
    configure(home, "[pools]\ndb = 2\n")
    engine.begin()
    engine.ended(second)
    assert states(engine.get(f"/v1/executions/{first}"))["hold"] == "running"
    let_go(home)


# one line into the file at the begin and one at the end of each step that holds the pool
WORK = """
name: work
steps:
%s
"""
STEP = (
    "  - {id: s%d, needs: [], pools: {db: %d}, retry: {max_attempts: 9}, run: "
    '\'echo "+%d $WINGMAN_EXECUTION $WINGMAN_STEP $WINGMAN_ATTEMPT" >> ../pool; sleep 0.0%d; '
    'echo "-%d $WINGMAN_EXECUTION $WINGMAN_STEP $WINGMAN_ATTEMPT" >> ../pool\'}'
)


def work(weights: list[int]) -> str:
    return WORK % "\n".join(STEP % (n, w, w, n + 1, w) for n, w in enumerate(weights))


@pytest.mark.timeout(600)
@pytest.mark.parametrize("seed", range(3))
def test_no_slot_is_leaked_or_given_twice_whatever_dies(home: Home, seed: int) -> None:
    configure(home, "[pools]\ndb = 3\n")
    deaths, dice = Deaths(home, 500 + seed), random.Random(seed)
    client = deaths.client
    started: list[str] = []
    for _ in range(12):
        deaths.start_engine()
        pid = deaths.runner_pid()
        weights = [dice.randint(1, 3) for _ in range(4)]
        request = {"text": work(weights), "source": "/work.yaml"}
        started.append(client.request("POST", "/v1/executions", request, timeout_s=30)["id"])
        time.sleep(dice.random() * 0.2)
        if dice.random() < 0.5 and pid:
            os.kill(pid, signal.SIGKILL)
            time.sleep(dice.random() * 0.05)
        deaths.kill_engine()
    deaths.start_engine()
    until(lambda: deaths.runner_pid())
    for one in started:
        found = client.request("GET", f"/v1/executions/{one}?wait=true", timeout_s=60)
        assert found["state"] == "completed", found["error"]
    (pool,) = client.request("GET", "/v1/pools", timeout_s=30)["pools"]
    assert (pool["used"], pool["holders"], pool["waiters"]) == (0, [], [])
    check_use(home.work / "pool", 3)
    check_journal(home)
    deaths.kill_engine()


def check_use(file: Path, capacity: int) -> None:
    """What the steps themselves saw: at no moment more in use than there is."""
    ended: set[tuple[str, ...]] = set()
    lines = [line.split() for line in file.read_text().splitlines()]
    for line in lines:
        if line[0].startswith("-"):
            ended.add(tuple(line[1:]))
    used = 0
    for what, *who in lines:
        if tuple(who) in ended:  # who was killed left no end: its time is not known
            used += int(what)
        assert used <= capacity
    assert used == 0
    assert ended


def test_a_pool_with_many_waiters_stays_responsive(home: Home) -> None:
    configure(home, "[pools]\ndb = 4\n")
    engine = Engine(home)
    steps = "\n".join(
        f"  - {{id: s{n}, needs: [], run: 'true', pools: {{db: 1}}}}" for n in range(300)
    )
    found: dict[str, Any] = engine.run(f"name: many\nsteps:\n{steps}\n")
    assert set(states(found).values()) == {"completed"}
