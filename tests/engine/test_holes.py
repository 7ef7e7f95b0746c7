"""The published holes of programs of this kind, each tried: none of them is one here."""

from __future__ import annotations

import hmac
import json
import os
import re
from collections.abc import Iterator
from typing import Any

import pytest

from engine.access import tokens
from engine.access.roles import ROLES
from engine.errors import from_json
from engine.paths import Home, home_at
from tests.conftest import Wingman, kill_leftovers
from tests.engine.api import Engine, until
from tests.engine.matrix import BODIES, MATRIX, NOBODY, PUBLIC
from tests.engine.served import Served
from tests.engine.someone_else import as_user, ask, bearer, fresh_address

MARK = "guarded-flow"
UPGRADE = (
    "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
)


class Far(Served):
    """A server with a flow that all may see, and one that only editors may."""

    def __init__(self, home: Home) -> None:
        flow = "permissions: {view: [editor], run: [editor]}\n"
        fails = "steps: [{id: s, run: 'echo words; exit 3'}]\n"
        (home.flows / f"{MARK}.yaml").write_text(
            f"name: {MARK}\n{flow}triggers: [{{name: soon, schedule: '0 3 * * *'}}]\n{fails}"
        )
        (home.flows / "plain.yaml").write_text(f"name: plain\n{fails}")
        super().__init__(home)
        self.engine = Engine(home)
        self.ids = {
            flow: self.engine.ended(self.engine.post("/v1/executions", {"flow": flow})["id"])["id"]
            for flow in (MARK, "plain")
        }
        self.notes = {
            flow: self.engine.post(f"/v1/executions/{id_}/notes", {"text": f"about {flow}"})["id"]
            for flow, id_ in self.ids.items()
        }


@pytest.fixture(scope="module")
def far(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Far]:
    home = home_at(tmp_path_factory.mktemp("holes") / "home")
    home.create()
    made = Far(home)
    yield made
    Wingman(home)("engine", "stop", "--all")
    kill_leftovers(home)


def filled(template: str, **values: object) -> str:
    """A route's path with these parameters; one that is not given names nothing."""
    return re.sub(r"\{(\w+)\}", lambda found: str(values.get(found[1], "none")), template)


# -- without a token --


def tricks(path: str) -> list[str]:
    """Other ways to write a path, each of which some server has taken for one that is open."""
    head, _, tail = path.rpartition("/")
    return [
        path, f"/{path}", f"{head}//{tail}", f"{path}/", f"{path}/.", f"{head}/./{tail}",
        f"/healthz/..{path}", f"/healthz/%2e%2e{path}", f"/healthz/..;{path}", f"/healthz{path}",
        f"/healthz;{path}", f"{path};x=/healthz", f"{path};.css", f"{path}.css", f"{path}.json",
        f"{path}/healthz", f"{path}?x=/healthz", f"{path}?.css", f"{path}%23/healthz", f"{path}%3f",
        f"{path}%00", f"{path}%20", f"{path}%2f", f"{head}%2f{tail}", path.replace("v1", "%761"),
        path.upper(), path.replace("v1", "V1"), f"\\{path}", f"{path}\\", f"/hooks/..{path}",
        f"/hooks/x/..{path}", f"http://localhost{path}", f"//localhost{path}", f"/.{path}",
        f"/static{path}", f"/v1/openapi.json/..{path}",
    ]  # fmt: skip


def test_no_other_way_to_write_a_path_leads_past_the_gate(far: Far) -> None:
    id_ = far.ids["plain"]
    for path in ("/v1/me", "/v1/executions", f"/v1/executions/{id_}", "/metrics", "/v1/secrets",
                 f"/v1/executions/{id_}/logs", f"/v1/executions/{id_}/export"):  # fmt: skip
        for trick in tricks(path):
            for method in ("GET", "HEAD"):
                status, body = ask(far, method, trick)
                assert status in (0, 400, 401, 404, 405), (method, trick, status)
                assert id_.encode() not in body.replace(path.encode(), b""), trick
    for trick in tricks("/v1/feed"):
        status, _ = ask(far, "GET", trick, UPGRADE)
        assert status in (0, 400, 401, 403, 404, 405), trick


def test_a_token_comes_in_its_header_or_not_at_all(far: Far) -> None:
    token = far.tokens["admin"]
    assert ask(far, "GET", "/v1/me", bearer(token))[0] == 200
    for name in ("token", "access_token", "authorization", "bearer", "api_key", "key"):
        assert ask(far, "GET", f"/v1/me?{name}={token}")[0] == 401
        assert ask(far, "GET", f"/v1/feed?{name}={token}", UPGRADE)[0] == 401
    for header in (
        f"Cookie: token={token}", f"X-Api-Key: {token}", f"Authorization: Basic {token}",
        f"Authorization: {token}", f"X-Forwarded-User: {far.tokens}", "X-Forwarded-For: 127.0.0.1",
        "X-Remote-User: admin", "X-HTTP-Method-Override: GET", "X-Original-URL: /healthz",
        f"Sec-WebSocket-Protocol: bearer, {token}", "Authorization: Bearer", "Authorization: ",
    ):  # fmt: skip
        assert ask(far, "GET", "/v1/me", f"{header}\r\n")[0] == 401, header
        assert ask(far, "GET", "/v1/feed", f"{UPGRADE}{header}\r\n")[0] == 401, header
    assert ask(far, "GET", "/v1/feed", UPGRADE + bearer(token))[0] == 101


def test_a_header_that_decides_stands_once_in_a_request(far: Far) -> None:
    """Else what stands in between may have looked at the other one."""
    right, wrong = bearer(far.tokens["admin"]), bearer(tokens.new_token()[1])
    for headers in (
        right + wrong, wrong + right, right + right,
        f"Host: localhost\r\nHost: evil.example\r\n{right}",
        f"{right}Idempotency-Key: a\r\nIdempotency-Key: b\r\n",
    ):  # fmt: skip
        assert ask(far, "GET", "/v1/me", headers)[0] == 400, headers
        assert ask(far, "GET", "/v1/feed", UPGRADE + headers)[0] == 400, headers


def test_wrong_tokens_shut_out_nobody_who_has_one(far: Far) -> None:
    """Others sit behind the same address; and what proves itself otherwise is no guess, either."""
    here = fresh_address()
    wrong, right = bearer(tokens.new_token()[1]), bearer(far.tokens["viewer"])
    for path, more in (("/v1/me", ""), ("/v1/feed", UPGRADE)):
        statuses = [ask(far, "GET", path, more + wrong, source=here)[0] for _ in range(12)]
        assert statuses[-1] == 429
        assert set(statuses) <= {401, 429}
    assert ask(far, "GET", "/v1/me", source=here)[0] == 429
    assert ask(far, "GET", "/v1/me", right, source=here)[0] == 200
    assert ask(far, "GET", "/v1/feed", UPGRADE + right, source=here)[0] == 101
    assert ask(far, "GET", "/healthz", source=here)[0] == 200


def test_a_page_that_rebinds_its_name_gets_neither_http_nor_a_websocket(far: Far) -> None:
    token = bearer(far.tokens["admin"])
    for header, status in (
        ("Host: evil.example", 400), (f"Host: evil.example:{far.port}", 400),
        ("Host: localhost.evil.example", 400), ("Host: 127.0.0.1.evil.example", 400),
        ("Host: localhost@evil.example", 400), ("Host: evil.example#localhost", 400), ("Host: ", 400),
        ("Host: localhost\r\nOrigin: null", 403), ("Host: localhost\r\nOrigin: https://localhost", 403),
        ("Host: localhost\r\nSec-Fetch-Site: same-origin", 403),
    ):  # fmt: skip
        for path, more in (("/v1/me", ""), ("/v1/feed", UPGRADE), ("/healthz", "")):
            assert ask(far, "GET", path, f"{header}\r\n{more}{token}")[0] == status, (header, path)


def test_the_same_work_is_done_for_every_token(monkeypatch: pytest.MonkeyPatch, far: Far) -> None:
    """No comparison ends early, and none is left out where there is no such token."""
    from engine.access.users import Users
    from engine.errors import Unauthenticated

    compared: list[tuple[int, int]] = []
    compare = hmac.compare_digest

    def counted(a: str, b: str) -> bool:
        compared.append((len(a), len(b)))
        return compare(a, b)

    monkeypatch.setattr(tokens.hmac, "compare_digest", counted)
    users = Users.__new__(Users)
    id_, text, digest = tokens.new_token()

    class Clock:
        def now_us(self) -> int:
            return 1

    class Token:
        revoked_at_us, expires_at_us, user, used_at_us = None, 0, "anna", None

    token = Token()
    token.digest = digest  # type: ignore[attr-defined]
    users._tokens, users._users, users._clock = {id_: token}, {}, Clock()  # type: ignore
    messages = set()
    unknown, wrong = tokens.new_token()[1], text.replace(text.split("_")[2], "x" * 43)
    for given in (unknown, wrong, "", "x", text[:-1]):
        with pytest.raises(Unauthenticated) as refused:
            users.by_token(given, "far")
        messages.add(refused.value.message)
    assert compared == [(64, 64)] * 5
    assert messages == {"the token is not valid"}


# -- with too little of a right --


def test_what_is_hidden_stands_in_no_answer(far: Far) -> None:
    """Every route that can be read, by the ids of both flows."""
    token = bearer(far.tokens["viewer"])
    until(lambda: MARK in json.dumps(far.engine.get("/v1/triggers")))
    tried = 0
    for method, template in MATRIX:
        if method != "GET" or MATRIX[method, template] == PUBLIC:
            continue
        for flow, other in ((MARK, "plain"), ("plain", MARK)):
            path = filled(
                template,
                ref=far.ids[flow], name=flow, id="1", note=far.notes[flow], user="viewer"
            ) + f"?against={far.ids[other]}"  # fmt: skip
            tried += 1
            for asked in (path, path.partition("?")[0]):
                status, body = ask(far, "GET", asked, token)
                assert status < 500, asked
                told = body.decode("utf-8", "replace").replace(f"'{MARK}'", "")
                told = told.replace(f"no flow named {MARK}", "")  # as of what never was
                assert MARK not in told, asked
                assert f"about {MARK}" not in told
                if flow == MARK and ("{ref}" in template or "flows/{name}" in template):
                    assert status in (403, 404), asked
    assert tried > 60


def test_an_id_of_another_flow_in_a_path_changes_nothing_there(far: Far) -> None:
    """A note, or a decision, is found by the execution of the path; the right was asked of that."""
    operator = bearer(far.tokens["operator"])
    hidden, open_ = far.notes[MARK], far.ids["plain"]
    for method, body in (("PUT", b'{"text": "changed"}'), ("DELETE", b"")):
        path = f"/v1/executions/{open_}/notes/{hidden}"
        assert ask(far, method, path, operator, body)[0] == 404
        path = f"/v1/executions/{far.ids[MARK]}/notes/{hidden}"
        assert ask(far, method, path, operator, body)[0] == 404
    notes = far.engine.get(f"/v1/executions/{far.ids[MARK]}/notes")["notes"]
    assert [note["text"] for note in notes] == [f"about {MARK}"]


def test_every_change_of_what_may_not_be_seen_is_refused(far: Far) -> None:
    before = far.engine.show(far.ids[MARK])
    operator = bearer(far.tokens["operator"])
    for method, template in MATRIX:
        if method in ("GET", "WS") or not ("{ref}" in template or "flows/{name}" in template):
            continue
        for verb in ("retry", "rerun", "cancel", "kill", "pause", "continue", "debug"):
            path = filled(
                template, ref=far.ids[MARK], name=MARK, verb=verb, note=far.notes[MARK], id="x"
            )
            body = json.dumps(BODIES.get(template, {})).encode()
            assert ask(far, method, path, operator, body)[0] in (403, 404), path
            if "{verb}" not in template:
                break
    for path, wanted in (
        ("/v1/executions", {"flow": MARK}), ("/v1/plan", {"flow": MARK}),
        ("/v1/executions", {"text": f"name: {MARK}\nsteps: [{{id: s, run: 'true'}}]"}),
    ):  # fmt: skip
        assert ask(far, "POST", path, operator, json.dumps(wanted).encode())[0] in (403, 404), path
    assert far.engine.show(far.ids[MARK]) == before
    assert len(far.engine.get(f"/v1/executions?flow={MARK}")["executions"]) == 1


# -- odd requests --


@pytest.mark.parametrize(
    "range_",
    [
        "bytes=0-0",
        "bytes=-1",
        "bytes=5-2",
        "bytes=0-,0-,0-,0-",
        "bytes=0-99999999999999999999",
        "bytes=" + ",".join(f"{n}-{n}" for n in range(1500)),
        "lines=1-2",
        "bytes=a-b",
        "bytes=",
    ],
    ids=str.__len__,
)
def test_a_range_is_nothing_that_is_obeyed(far: Far, range_: str) -> None:
    token = bearer(far.tokens["viewer"])
    for tail in ("logs", "export", "definition"):
        path = f"/v1/executions/{far.ids['plain']}/{tail}"
        status, body = ask(far, "GET", path, f"{token}Range: {range_}\r\n")
        assert status == 200, (tail, status)
        if tail == "logs":
            assert b"words" in body


def test_smuggled_and_broken_bodies_end_with_the_request(far: Far) -> None:
    token = bearer(far.tokens["viewer"])
    inner = b"POST /v1/engine/stop HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n"
    for headers in (
        "Transfer-Encoding: chunked\r\nContent-Length: 4\r\n", "Content-Length: -1\r\n",
        "Transfer-Encoding: xchunked\r\n", "Content-Length: 4\r\nContent-Length: 90\r\n",
        "Content-Length: 99999999999999999999\r\n", "Content-Encoding: gzip\r\n",
    ):  # fmt: skip
        status, _ = ask(far, "POST", "/v1/validate", token + headers, inner)
        assert status < 500, headers
    assert far.engine.get("/healthz") == {"status": "ok"}


# -- the matrix by every way in --


def code(body: bytes) -> str:
    try:
        return str(json.loads(body)["error"]["code"])
    except (ValueError, LookupError, TypeError):
        return ""


def asked(far: Far, template: str) -> str:
    path = filled(
        template,
        ref=far.ids["plain"],
        name="plain",
        verb="pause",
        user="other",
        id="none",
        note="99999",
    )
    return path.replace("secrets/plain", "secrets/A_NAME")


def wrong_rows(role: str, template: str, least: str, status: int, told: str) -> str:
    """What is wrong with an answer, by the matrix; nothing if it is as it should be."""
    if status >= 500 or status == 0:
        return f"{status}"
    if least == PUBLIC:
        return "refused" if status == 403 else ""
    if role == NOBODY:
        return "" if status == 401 else f"{status} for nobody"
    may = ROLES.index(role) >= ROLES.index(least)
    if may:
        return f"refused: {told}" if status in (401, 403) else ""
    return "" if status == 403 else f"{status} for a {role}"


@pytest.mark.parametrize("role", [NOBODY, *ROLES])
def test_the_whole_matrix_over_the_network(far: Far, role: str) -> None:
    headers = "" if role == NOBODY else bearer(far.tokens[role])
    wrong = []
    for (method, template), least in MATRIX.items():
        if (role, template) == ("admin", "/v1/engine/stop"):
            continue
        if method == "WS":
            status, body = ask(far, "GET", template, headers + UPGRADE)
            assert status == (401 if role == NOBODY else 101)
        else:
            body = json.dumps(BODIES.get(template, {})).encode()
            status, body = ask(far, method, asked(far, template), headers, body)
        found = wrong_rows(role, template, least, status, code(body))
        wrong += [f"{method} {template}: {found}"] if found else []
    assert not wrong


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
@pytest.mark.parametrize("role", [NOBODY, *ROLES])
def test_the_whole_matrix_for_users_of_this_machine(far: Far, role: str) -> None:
    """Known by the kernel, without a token: who is not named as a user may nothing."""
    name = {NOBODY: "nobody", "viewer": "daemon", "operator": "bin", "editor": "sys",
            "admin": "games"}[role]  # fmt: skip
    if role != NOBODY:
        far.engine.client.request("PUT", f"/v1/users/{name}", {"role": role})
    rows = [
        (method, asked(far, template), BODIES.get(template, {}), template, least)
        for (method, template), least in MATRIX.items()
        if method != "WS" and (role, template) != ("admin", "/v1/engine/stop")
    ]

    def ask_all(client: Any) -> list[tuple[int, str]]:
        found = []
        for method, path, body, *_ in rows:
            try:
                list(client._send(method, path, body, None, 60.0))
                found.append((200, ""))
            except Exception as error:
                code = str(getattr(error, "code", ""))
                found.append((int(getattr(error, "status", 500)), code))
        return found

    wrong = []
    for (method, _, _, template, least), (status, told) in zip(
        rows, as_user(far.home, name, ask_all), strict=True
    ):
        found = wrong_rows(
            role, template, least, 401 if role == NOBODY and status == 403 else status, told
        )
        wrong += [f"{method} {template}: {found}"] if found else []
    assert not wrong


def test_errors_come_back_as_what_they_are() -> None:
    """The status that the tests above go by is the one of the class."""
    assert from_json({"code": "not_allowed", "message": "x"}).status == 403
