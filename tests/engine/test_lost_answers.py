"""Commands over a line that is cut after they were taken: none is lost, none is done twice."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import apsw
import pytest

from engine.errors import Conflict
from engine.server.once import KEPT_S, Taken
from tests.conftest import Wingman
from tests.engine.api import Engine, until
from tests.engine.proxy import CuttingPort
from tests.engine.served import Served

FAILS = "name: plain\nsteps: [{id: a, run: 'true'}, {id: b, run: 'exit 1', needs: [a]}]"
ASKS = "name: asks\nsteps: [{id: ask, approve: {message: go?}}]"


@pytest.fixture
def line(served: Served) -> Iterator[CuttingPort]:
    port = CuttingPort(served.port)
    yield port
    port.close()


@pytest.fixture
def far(tmp_path: Path, served: Served, line: CuttingPort) -> Wingman:
    """Somebody at another machine, whose line to the server is cut now and then."""
    return served.far_away(tmp_path / "far", line.port)


def test_a_command_whose_answer_is_lost_is_done_once(
    served: Served, far: Wingman, line: CuttingPort
) -> None:
    engine = Engine(served.home)
    plain = engine.run(FAILS)["id"]
    asks = engine.start(ASKS)["id"]
    until(lambda: engine.show(asks)["waiting_for"])

    def executions() -> int:
        return len(Engine(served.home).get("/v1/executions?limit=100")["executions"])

    def notes() -> int:
        return len(Engine(served.home).get(f"/v1/executions/{plain}/notes")["notes"])

    def attempt() -> int:
        return int(Engine(served.home).show(plain)["attempt"])

    def decided() -> int:
        return int(Engine(served.home).show(asks)["state"] == "completed")

    cases: list[tuple[Callable[[], int], tuple[str, ...]]] = [
        (executions, ("rerun", "plain@last", "--detach")),
        (executions, ("resume", plain, "--detach")),
        (executions, ("run", "practice-failure", "--detach", "-i", "port=1")),
        (attempt, ("retry", plain, "--detach")),
        (notes, ("note", plain, "seen")),
        (decided, ("approve", asks)),
    ]
    for count, words in cases:
        before = count()
        line.cut_once(lambda count=count, before=before: count() > before)  # type: ignore[misc]
        done = far(*words)
        assert done.returncode == 0, (words, done.stderr)
        assert line.cuts == 1, words
        assert count() == before + 1, words


def test_a_change_that_is_never_answered_is_told_as_what_it_is(
    served: Served, far: Wingman, line: CuttingPort
) -> None:
    """Lost again and again it is asked again; in the end nobody is told to try what is done."""

    def executions() -> int:
        return len(Engine(served.home).get("/v1/executions?limit=100")["executions"])

    words = ("run", "practice-failure", "--detach", "-i", "port=1")
    before = executions()
    line.cut_once(lambda: executions() > before, times=2)
    done = far(*words)
    assert (done.returncode, line.cuts, executions()) == (0, 2, before + 1), done.stderr
    line.cut_once(lambda: executions() > before + 1, times=1000)
    done = far(*words)
    assert done.returncode == 6
    assert "may have been done, or not" in done.stderr
    assert "look before you ask" in done.stderr
    assert executions() == before + 2, "once"


def test_a_key_gives_the_same_rerun_and_resume_over_a_restart(engine: Engine) -> None:
    old = engine.run(FAILS)["id"]
    key = {"Idempotency-Key": "again"}
    for verb in ("rerun", "resume"):
        path = f"/v1/executions/{old}/{verb}"
        header = {"Idempotency-Key": verb}
        first = engine.post(path, {}, **header)
        assert engine.post(path, {}, **header)["id"] == first["id"]
        engine.ended(first["id"])
        engine.kill()
        engine.begin()
        assert engine.post(path, {}, **header)["id"] == first["id"]
        with pytest.raises(Conflict, match="another request"):
            engine.post(path, {"debug": True}, **header)
    engine.post(f"/v1/executions/{old}/retry", {}, **key)
    engine.ended(old)
    assert engine.post(f"/v1/executions/{old}/retry", {}, **key)["id"] == old
    assert engine.show(old)["attempt"] == 2, "the second was the first one's repetition"
    with pytest.raises(Conflict, match="another request"):
        engine.post(f"/v1/executions/{old}/rerun", {}, **key)


def test_a_change_is_made_once_over_a_death(engine: Engine) -> None:
    """Also where the engine died between the change and its answer."""
    old = engine.run(FAILS)["id"]
    asks = engine.start(ASKS)["id"]
    until(lambda: engine.show(asks)["waiting_for"])
    changes = {
        f"/v1/executions/{old}/retry": {},
        f"/v1/executions/{old}/notes": {"text": "seen"},
        f"/v1/executions/{asks}/approve": {},
        "/v1/flows/practice-failure/debug": {"mode": "on"},
    }

    def all_of_them() -> list[dict[str, Any]]:
        return [
            engine.post(path, body, **{"Idempotency-Key": path}) for path, body in changes.items()
        ]

    first = all_of_them()
    engine.ended(old)
    engine.ended(asks)
    audit = len(engine.get("/v1/audit?limit=1000")["lines"])
    engine.kill()
    engine.begin()
    assert all_of_them() == first
    engine.kill()
    connection = apsw.Connection(str(engine.home.database))
    connection.execute("UPDATE taken SET status = NULL, body = NULL")
    connection.close()
    engine.begin()
    retried, note, approved, _ = all_of_them()
    assert (retried["id"], retried["state"]) == (old, "failed")
    assert (note["id"], note["text"]) == (first[1]["id"], "seen")
    assert (approved["id"], approved["state"]) == (asks, "completed")
    assert engine.show(old)["attempt"] == 2
    assert len(engine.get(f"/v1/executions/{old}/notes")["notes"]) == 1
    assert len(engine.get("/v1/audit?limit=1000")["lines"]) == audit, "nothing was done again"
    path = f"/v1/executions/{old}/retry"
    with pytest.raises(Conflict, match="another request"):
        engine.post(path, {"reason": "x"}, **{"Idempotency-Key": path})


def test_no_key_keeps_a_token_or_a_secret(engine: Engine) -> None:
    engine.client.request("PUT", "/v1/users/anna", {"role": "viewer"})
    key = {"Idempotency-Key": "k"}
    token = engine.post("/v1/tokens", {"user": "anna", "days": 1}, **key)["token"]
    assert engine.post("/v1/tokens", {"user": "anna", "days": 1}, **key)["token"] == token
    engine.client.request("PUT", "/v1/secrets/A", {"value": "hunter2hunter2"}, {"Idempotency-Key": "s"})
    engine.stop()
    data = b"".join(path.read_bytes() for path in engine.home.data.iterdir() if path.is_file())
    for secret in (token.split("_")[2], "hunter2hunter2"):
        assert secret.encode() not in data


async def test_what_is_remembered_is_bounded_in_time_and_belongs_to_one_user() -> None:
    now, made = [0.0], []

    class Answer:
        status_code = 200

    async def make() -> Any:
        made.append(Answer())
        return made[-1]

    async def refuse() -> Any:
        raise Conflict("no")

    taken = Taken(lambda: now[0])
    first = await taken.answer("anna", "k", "d", make)
    assert await taken.answer("anna", "k", "d", make) is first
    assert await taken.answer("otto", "k", "other", make) is not first
    with pytest.raises(Conflict, match="another request"):
        await taken.answer("anna", "k", "other", make)
    with pytest.raises(Conflict, match="no"):
        await taken.answer("anna", "refused", "d", refuse)
    await taken.answer("anna", "refused", "d", make)
    now[0] = KEPT_S + 1
    assert await taken.answer("anna", "k", "d", make) is not first
