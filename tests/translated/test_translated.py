"""Published examples of other engines, told in flow files: each does what its original says.

Translated by meaning, not copied: Argo Workflows (exit handlers, loops over a result, suspend),
Airflow (branches and their join), Temporal (money transfer), Prefect (mapped tasks with retries),
GitHub Actions (matrix, `needs`, `if: failure()`, `cancel-in-progress`), Dagu (preconditions,
`continueOn`, `handlerOn`, `retryPolicy`, `repeatPolicy`).
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Wingman
from tests.engine.api import Engine, states, step_of

FLOWS = Path(__file__).parent / "flows"
Run = Callable[..., dict[str, Any]]


@pytest.fixture
def run(engine_here: Engine) -> Run:
    """Runs one of the flows to its end: `run("argo-loops", after=31)`."""

    def run(name: str, **inputs: object) -> dict[str, Any]:
        return engine_here.ended(start(engine_here, name, **inputs)["id"])

    return run


@pytest.fixture
def engine_here(home: Any) -> Engine:
    return Engine(home)


def start(engine: Engine, name: str, **inputs: object) -> dict[str, Any]:
    path = FLOWS / f"{name}.yaml"
    return engine.start(path.read_text(), source=str(path), inputs=inputs)


def test_their_own_tests_pass(wingman: Wingman) -> None:
    done = wingman("test", *sorted(FLOWS.glob("*.yaml")), check=True)
    assert done.stdout.count("\nok") + done.stdout.startswith("ok") == 6, done.stdout


def test_an_exit_handler_follows_every_end(run: Run, engine_here: Engine) -> None:
    failed = run("argo-exit-handlers")
    assert states(failed) == {
        "work": "failed", "celebrate": "skipped", "cry": "completed", "notify": "completed",
    }  # fmt: skip
    log = engine_here.log(failed["id"])
    assert "boohoo: work: exited with 1" in log
    assert "mail: argo-exit-handlers, work failed" in log
    good = run("argo-exit-handlers", code=0)
    assert (good["state"], states(good)["celebrate"]) == ("completed", "completed")


def test_a_loop_goes_over_what_was_generated(run: Run, engine_here: Engine) -> None:
    found = run("argo-loops")
    assert (found["state"], found["outputs"]) == ("completed", {"slept": 11})
    said = engine_here.log(found["id"])
    assert all(f"sleeping for {n} milliseconds" in said for n in range(20, 31))


def test_a_suspended_one_waits_for_a_person_then_for_a_while(engine_here: Engine) -> None:
    id_ = start(engine_here, "argo-suspend")["id"]
    engine_here.until(id_, lambda found: bool(found["waiting_for"]))
    engine_here.kill()
    engine_here.begin()
    engine_here.act(id_, "approve", inputs={"to": "production"})
    found = engine_here.ended(id_)
    assert found["state"] == "completed"
    assert step_of(found, "delay")["duration_ms"] >= 200
    by = step_of(found, "sure")["outputs"]["by"]
    assert f"released to production by {by}" in engine_here.log(id_)


@pytest.mark.parametrize("take", ["a", "d"])
def test_one_branch_is_taken_and_joined(run: Run, take: str) -> None:
    found = states(run("airflow-branch", take=take))
    for letter in "abcd":
        wanted = "completed" if letter == take else "skipped"
        assert found[letter] == found[f"{letter}/branch_{letter}"] == wanted
    assert found["join"] == "completed"


def test_a_branch_that_fails_is_not_joined(run: Run) -> None:
    found = run("airflow-branch", take="b", fails=True)
    assert found["state"] == "failed"
    assert states(found)["b/follow_b"] == states(found)["join"] == "skipped"


def test_a_transfer_is_made_once_or_refunded(run: Run, engine_here: Engine) -> None:
    found = run("temporal-money-transfer")
    assert found["state"] == "completed"
    assert step_of(found, "deposit")["attempts"] == 3
    ledger = engine_here.home.work / "ledger"
    assert ledger.read_text() == "-250 85-150\n+250 43-812\n"
    assert len(set(found["outputs"]["transactions"])) == 2
    ledger.unlink()
    broken = run("temporal-money-transfer", broken=True, amount=7)
    assert (broken["state"], broken["error"]["type"]) == ("failed", "exit:64")
    assert states(broken)["deposit/refund"] == "completed"
    assert ledger.read_text() == "-7 85-150\n+7 85-150\n"


def test_only_what_failed_of_a_map_is_tried_again(run: Run, engine_here: Engine) -> None:
    found = run("prefect-mapped-retries")
    assert found["state"] == "completed", found["error"]
    numbers = sorted(map(int, (engine_here.home.work / "mapped").read_text().split()))
    count = step_of(found, "make")["outputs"]["numbers"][-1]
    assert numbers == list(range(1, count + 1)), "each once"


def test_a_matrix_does_not_fail_fast_and_reports(run: Run, engine_here: Engine) -> None:
    good = run("actions-matrix")
    assert (good["state"], states(good)["deploy"]) == ("completed", "completed")
    found = run("actions-matrix", broken="mac-3.11")
    assert found["state"] == "failed"
    assert [states(found)[f"test/{n}"] for n in range(4)] == [
        "completed", "completed", "failed", "completed",
    ]  # fmt: skip
    assert (states(found)["report"], states(found)["deploy"]) == ("completed", "skipped")
    assert "opened an issue about test" in engine_here.log(found["id"])


def test_a_newer_run_of_the_same_branch_ends_the_older(engine_here: Engine) -> None:
    path = FLOWS / "actions-matrix.yaml"
    slow = path.read_text().replace('echo "testing', 'sleep 60; echo "testing')
    old = engine_here.start(slow, source=str(path))["id"]
    engine_here.until(old, lambda found: states(found).get("test") == "running")
    other = engine_here.start(slow, source=str(path), inputs={"ref": "feature"})["id"]
    new = start(engine_here, "actions-matrix")["id"]
    assert engine_here.ended(new)["state"] == "completed"
    assert engine_here.ended(old)["state"] == "cancelled"
    assert engine_here.show(other)["state"] == "running", "another branch is not meant"
    engine_here.act(other, "kill")


def test_handlers_conditions_and_repeats(run: Run, engine_here: Engine) -> None:
    found = run("dagu-handlers")
    assert found["state"] == "partial", "what may fail did"
    assert states(found) == {
        "mondays": "skipped", "optional": "failed", "flaky": "completed", "until": "completed",
        "result": "completed", "ok": "completed", "stopped": "skipped", "cleanup": "completed",
    }  # fmt: skip
    assert step_of(found, "flaky")["attempts"] == step_of(found, "until")["attempts"] == 3
    assert "weekly skipped" in engine_here.log(found["id"])
