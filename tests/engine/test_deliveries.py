"""What comes from outside with a real engine: killed while it comes, over a port, too long, unfit."""

from __future__ import annotations

import contextlib
import http.client
import json
import random
import socket
import ssl
import threading
import time
from collections import Counter
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from engine.client.http import Client
from engine.errors import WingmanError
from engine.paths import Home
from tests.conftest import Wingman
from tests.engine.api import Engine, until
from tests.engine.deaths import Deaths
from tests.engine.served import Served
from tests.engine.test_bad_luck import fill, small_home  # noqa: F401

TOKEN = "a token that is long enough"
STEPS = "steps: [{id: a, python: {script: 'pass'}}]\n"
HOOK = (
    "name: hooked\ninputs: {n: {type: integer}}\n"
    "triggers: [{webhook: in, signature: token, secret: HOOK, rate: 10000, "
    "inputs: {n: '${{ body.n }}'}}]\n" + STEPS
)
EVENT = (
    "name: told\ninputs: {n: {type: integer}}\n"
    "triggers: [{event: came, inputs: {n: '${{ event.data.n }}'}}]\n" + STEPS
)
KILLS = 8


def watch(folder: Path) -> str:
    return (
        "name: watching\ninputs: {file: {type: string}}\n"
        f"triggers: [{{watch: '{folder}/**/*.in', settle: 0s, on: [created, deleted], "
        "inputs: {file: '${{ event.change }} ${{ event.name }}'}}]\n" + STEPS
    )


class Sender(threading.Thread):
    """Sends numbered deliveries and events, each until it is answered, some of them twice."""

    def __init__(self, home: Home, first: int) -> None:
        super().__init__(daemon=True)
        self.ends = threading.Event()
        self.answers: list[tuple[int, str]] = []
        self.events: set[int] = set()
        self._client = Client(home)
        self._first = first

    def run(self) -> None:
        n = self._first
        while not self.ends.is_set():
            for _ in range(1 + n % 3 % 2):
                self.answers.append((n, self._until_told(self._deliver, n)))
            self._until_told(self._emit, n)
            self.events.add(n)
            n += 1

    def _until_told(self, send: Any, n: int) -> Any:
        while True:
            with contextlib.suppress(WingmanError, OSError, http.client.HTTPException):
                return send(n)
            time.sleep(0.02)

    def _deliver(self, n: int) -> str:
        headers = {"X-Webhook-Token": TOKEN, "Idempotency-Key": f"d{n}"}
        told = self._client.request("POST", "/hooks/in", {"n": n}, headers, timeout_s=10)
        assert told["execution"], told
        return str(told["execution"])

    def _emit(self, n: int) -> None:
        event = {"type": "came", "id": f"e{n}", "data": {"n": n}}
        told = self._client.request("POST", "/v1/events", event, timeout_s=10)
        assert told["outcomes"][0]["execution"], told


@pytest.mark.timeout(300)
def test_what_is_accepted_is_neither_lost_nor_doubled_whenever_the_engine_dies(
    home: Home, tmp_path: Path
) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    chance = random.Random(5)
    deaths = Deaths(home, 5)
    deaths.start_engine()
    deaths.runner_pid()
    Client(home).request("PUT", "/v1/secrets/HOOK", {"value": TOKEN})
    for name, text in (("h", HOOK), ("e", EVENT), ("w", watch(folder))):
        (home.flows / f"{name}.yaml").write_text(text)
    until(lambda: len(Client(home).request("GET", "/v1/triggers")["triggers"]) == 3)
    until(lambda: _has_looked(home))
    senders = [Sender(home, first) for first in (0, 1_000_000)]
    for sender in senders:
        sender.start()
    files = 0
    for _ in range(KILLS):
        for _ in range(4):
            (folder / f"sub{files % 3}").mkdir(exist_ok=True)
            (folder / f"sub{files % 3}" / f"{files}.in").write_text("x")
            files += 1
            time.sleep(chance.random() * 0.15)
        deaths.kill_engine()
        deaths.start_engine()
        deaths.runner_pid()
    for sender in senders:
        sender.ends.set()
    for sender in senders:
        sender.join()
    made = until(lambda: _all_made(home, files), "every file has started its flow")
    answers = [answer for sender in senders for answer in sender.answers]
    assert len(answers) > KILLS
    ids = {row["id"]: row["inputs"] for row in made if row["flow"] == "hooked"}
    assert Counter(each["n"] for each in ids.values()) == Counter({n for n, _ in answers})
    assert all(ids[execution] == {"n": n} for n, execution in answers)
    told = Counter(row["inputs"]["n"] for row in made if row["flow"] == "told")
    assert told == Counter({n for sender in senders for n in sender.events})
    seen = Counter(row["inputs"]["file"] for row in made if row["flow"] == "watching")
    assert seen == Counter({f"created {n}.in" for n in range(files)})
    deaths.kill_engine()


def _has_looked(home: Home) -> bool:
    """The first look of the trigger on files is over: what comes now is new."""
    (home.root / "probe").touch()
    return '"has_looked"' in _triggers(home)


def _triggers(home: Home) -> str:
    import apsw

    database = apsw.Connection(str(home.database), flags=apsw.SQLITE_OPEN_READONLY)
    try:
        return str(database.execute("SELECT data FROM triggers").fetchall())
    finally:
        database.close()


def _all_made(home: Home, files: int) -> list[dict[str, Any]] | None:
    found: list[dict[str, Any]] = []
    cursor = ""
    while True:
        page = Client(home).request("GET", f"/v1/executions?limit=1000{cursor}")
        found += page["executions"]
        if not page["next"]:
            break
        cursor = f"&cursor={page['next']}"
    return found if sum(row["flow"] == "watching" for row in found) >= files else None


def post(sock: socket.socket, head: str, body: bytes = b"") -> tuple[int, dict[str, str]]:
    """Send a request as it is; the status and the headers of the answer."""
    with contextlib.suppress(OSError):  # an answer may come before all of it is sent
        sock.sendall(head.encode() + b"\r\n" + body)
    answer = http.client.HTTPResponse(sock)
    answer.begin()
    headers = {name.lower(): value for name, value in answer.getheaders()}
    answer.read()
    return answer.status, headers


def unix(home: Home) -> socket.socket:
    sock = socket.socket(socket.AF_UNIX)
    sock.settimeout(30)
    sock.connect(home.text("socket"))
    return sock


def test_a_body_of_two_gigabytes_is_refused_before_it_is_sent(engine: Engine, home: Home) -> None:
    engine.client.request("PUT", "/v1/secrets/HOOK", {"value": TOKEN})
    (home.flows / "h.yaml").write_text(HOOK)
    until(lambda: engine.get("/v1/triggers")["triggers"])
    head = "POST /hooks/in HTTP/1.1\r\nHost: x\r\nX-Webhook-Token: t\r\n"
    with unix(home) as sock:
        status, headers = post(sock, head + f"Content-Length: {2 << 30}\r\n")
        assert (status, headers["connection"]) == (413, "close")
    with unix(home) as sock:  # one that does not say how long it is
        chunk = b"10000\r\n" + b"x" * 65536 + b"\r\n"
        assert post(sock, head + "Transfer-Encoding: chunked\r\n", chunk * 20)[0] == 413
    with unix(home) as sock:
        right = head.replace(": t\r", f": {TOKEN}\r")
        assert post(sock, right + "Content-Length: 1\r\n", b"{")[0] == 400
    with unix(home) as sock:
        assert post(sock, head + "Content-Length: 2\r\n", b"{}")[0] == 401
    assert engine.get("/v1/executions")["executions"] == []
    (shown,) = engine.get("/v1/triggers")["triggers"]
    assert [each["reason"].partition(":")[0] for each in shown["refusals"]] == [
        "the token is wrong (Authorization", "the body is not JSON",
        *["a delivery has at most 1,048,576 bytes"] * 2,
    ]  # fmt: skip


def test_cloud_events_come_as_an_object_or_as_headers(engine: Engine, home: Home) -> None:
    (home.flows / "e.yaml").write_text(EVENT)
    whole = {"specversion": "1.0", "type": "came", "source": "/s", "id": "7", "data": {"n": 7},
             "traceparent": "00-1"}  # fmt: skip
    first = engine.post("/v1/events", whole)["outcomes"][0]
    parts = {"ce-specversion": "1.0", "ce-type": "came", "ce-source": "/s", "ce-id": "7"}
    (again,) = engine.post("/v1/events", {"n": 7}, **parts)["outcomes"]
    assert (again["execution"], again["duplicate"]) == (first["execution"], True)
    parts["ce-id"] = "8"
    (other,) = engine.post("/v1/events", {"n": 8}, **parts)["outcomes"]
    assert engine.ended(other["execution"])["inputs"] == {"n": 8}
    with pytest.raises(WingmanError, match="is no type of an event"):
        engine.post("/v1/events", {}, **{"ce-type": "a b"})
    with pytest.raises(WingmanError, match="data_base64 is not taken"):
        engine.post("/v1/events", {**whole, "data_base64": "aGk="})
    head = "POST /v1/events HTTP/1.1\r\nHost: x\r\nce-type: came\r\nce-id: 9\r\nContent-Length: 2\r\n"
    for type_, body, status in (
        ("text/plain", b"hi", 202), ("text/plain", b"\xff\xff", 400), ("image/png", b"hi", 400)
    ):  # fmt: skip
        with unix(home) as sock:
            assert post(sock, f"{head}Content-Type: {type_}\r\n", body)[0] == status
    row = engine.get("/v1/triggers/told/ledger")["occasions"][0]
    assert "`event.data` is text" in row["reason"]


def test_hooks_are_served_on_a_port_without_a_users_token(home: Home, wingman: Wingman) -> None:
    (home.flows / "h.yaml").write_text(HOOK)
    wingman("secret", "set", "HOOK", input=TOKEN, check=True)
    served = Served(home)
    until(lambda: served.client().request("GET", "/v1/triggers")["triggers"])
    context = ssl._create_unverified_context()
    sent = {"X-Webhook-Token": TOKEN, "Idempotency-Key": "k", "Content-Type": "application/json"}

    def ask(path: str, body: str, headers: dict[str, str]) -> tuple[int, Any]:
        line = http.client.HTTPSConnection("127.0.0.1", served.port, context=context, timeout=30)
        line.request("POST", path, body, headers)
        answer = line.getresponse()
        return answer.status, json.loads(answer.read())

    status, told = ask("/hooks/in", '{"n": 1}', sent)
    assert (status, told["outcome"], told["duplicate"]) == (202, "ran", False)
    status, again = ask("/hooks/in", '{"n": 1}', sent)
    assert (status, again["execution"], again["duplicate"]) == (202, told["execution"], True)
    assert ask("/hooks/in", '{"n": 1}', {**sent, "X-Webhook-Token": "wrong"})[0] == 401
    assert ask("/hooks/in", '{"n": "x"}', {**sent, "Idempotency-Key": "l"})[0] == 422
    assert ask("/hooks/other", "{}", sent)[0] == 404
    assert ask("/v1/events", '{"type": "came"}', sent)[0] == 401
    served.process.terminate()
    served.process.wait()


def test_a_full_disk_tells_senders_to_come_again_and_loses_no_moment(
    small_home: Home,  # noqa: F811
) -> None:
    engine = Engine(small_home)
    engine.client.request("PUT", "/v1/secrets/HOOK", {"value": TOKEN})
    (small_home.flows / "h.yaml").write_text(HOOK)
    (small_home.flows / "s.yaml").write_text(
        "name: ticks\ntriggers: [{every: 1s, overlap: allow, catchup: all}]\n" + STEPS
    )
    until(lambda: engine.get("/v1/executions?flow=ticks")["executions"])
    filler = fill(small_home)
    head = f"POST /hooks/in HTTP/1.1\r\nHost: x\r\nX-Webhook-Token: {TOKEN}\r\nIdempotency-Key: k\r\nContent-Length: 8\r\n"
    with unix(small_home) as sock:
        status, headers = post(sock, head, b'{"n": 1}')
        assert (status, headers["retry-after"]) == (503, "10")
    refused = engine.get("/v1/triggers/hooked")["refusals"][0]["reason"]
    assert refused.startswith("not now: no new execution can start: only ")
    filler.unlink()

    def is_taken() -> bool:
        with unix(small_home) as sock:
            return post(sock, head, b'{"n": 1}')[0] == 202

    until(is_taken)
    assert len(engine.get("/v1/executions?flow=hooked")["executions"]) == 1
    freed_at = time.time()
    until(lambda: _seconds(engine)[-1] > freed_at + 1)
    seconds = _seconds(engine)
    assert seconds == [seconds[0] + n for n in range(len(seconds))], "each has its execution"
    engine.stop(all=True)


def _seconds(engine: Engine) -> list[float]:
    """The moments that have started an execution, in order."""
    rows = engine.get("/v1/triggers/ticks/ledger?limit=1000")["occasions"]
    assert all(row["execution"] and row["times"] == 1 for row in rows), rows
    return [datetime.fromisoformat(row["at"]).timestamp() for row in reversed(rows)]
