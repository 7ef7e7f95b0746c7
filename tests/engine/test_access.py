"""Who may: every route with every role, flows that say who, tokens that end, refusals written down."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable
from functools import partial

import pytest

from engine.access.roles import ROLES, Caller
from engine.access.tokens import new_token, parts_of
from engine.errors import NotAllowed, Unauthenticated, UnknownReference, UsageError, WingmanError
from engine.paths import Home
from engine.server.gate import Guarded, GuardedSocket
from engine.server.table import ROUTES
from tests.conftest import Wingman
from tests.engine.api import Engine, until
from tests.engine.matrix import BODIES, FLOW, MATRIX, NOBODY, PUBLIC
from tests.engine.someone import As, token_of, windows, write_flow


def methods_of(route: Guarded | GuardedSocket) -> list[str]:
    if isinstance(route, GuardedSocket):
        return ["WS"]
    return sorted(set(route.methods or ()) - {"HEAD"})


def test_every_route_has_a_row_and_every_row_a_route() -> None:
    there = {(method, route.path) for route in ROUTES for method in methods_of(route)}
    assert there == set(MATRIX), "a route without a row is nobody's to use"


def test_a_route_that_does_not_say_what_it_needs_is_not_taken() -> None:
    from starlette.routing import Route

    from engine.server.app import only_guarded

    with pytest.raises(TypeError, match="does not say who may use it"):
        only_guarded([*ROUTES, Route("/v1/more", lambda request: None)])


@pytest.mark.parametrize("role", [*ROLES, NOBODY])
def test_the_whole_matrix(engine: Engine, home: Home, role: str) -> None:
    reference = engine.run(FLOW)["id"]
    token = token_of(engine, "someone", role) if role != NOBODY else new_token()[1]
    someone = As(home, token)
    tried = 0
    for (method, template), least in MATRIX.items():
        if (role, template) == ("admin", "/v1/engine/stop"):
            continue
        tried += 1
        path = template.format(
            ref=reference, name="practice-failure", verb="pause", user="other", id="none", note="1",
            version="000000",
        ).replace("secrets/practice-failure", "secrets/A_NAME")
        if method == "WS":
            error = asyncio.run(feed_refusal(home, token))
        else:
            error = someone.refusal(method, path, BODIES.get(template, {}))
        if least == PUBLIC:
            assert not isinstance(error, NotAllowed), path
        elif role == NOBODY:
            assert isinstance(error, Unauthenticated), path
        elif ROLES.index(role) >= ROLES.index(least):
            assert not isinstance(error, NotAllowed), (path, error)
            assert error is None or error.status < 500, (path, error)
        else:
            assert type(error) is NotAllowed, (path, error)
            assert role in error.message
    assert tried > 40


async def feed_refusal(home: Home, token: str) -> WingmanError | None:
    from websockets.asyncio.client import unix_connect
    from websockets.exceptions import InvalidStatus

    from engine.errors import from_json

    try:
        async with unix_connect(
            home.text("socket"),
            "ws://localhost/v1/feed",
            additional_headers={"Authorization": f"Bearer {token}"},
        ):
            return None
    except InvalidStatus as error:
        return from_json(json.loads(error.response.body or b"{}")["error"])


def test_a_flow_says_who_may_run_and_see_it(engine: Engine, home: Home) -> None:
    write_flow(home, "{run: [editor, 'user:vera'], view: [operator, 'user:vera']}")
    id_ = engine.ended(engine.post("/v1/executions", {"flow": "guarded"})["id"])["id"]
    plain = engine.run(FLOW)["id"]
    viewer, vera, operator, editor = (
        As(home, token_of(engine, name, role))
        for name, role in (
            ("victor", "viewer"), ("vera", "viewer"), ("otto", "operator"), ("edda", "editor"),
        )
    )  # fmt: skip
    for path in (f"/v1/executions/{id_}", "/v1/flows/guarded", f"/v1/executions/{id_}/logs",
                 f"/v1/executions/{plain}/diff?against={id_}", f"/v1/events?execution={id_}"):  # fmt: skip
        assert isinstance(viewer.refusal("GET", path), UnknownReference), path
        assert not isinstance(operator.refusal("GET", path), NotAllowed), path
    listed = [row["flow"] for row in viewer.request("GET", "/v1/executions")["executions"]]
    assert listed == ["plain"]
    assert len(operator.request("GET", "/v1/executions")["executions"]) == 2
    events = viewer.request("GET", "/v1/events?limit=1000")
    assert {event["execution"] for event in events["events"]} == {plain}
    assert events["next"] == operator.request("GET", "/v1/events?limit=1000")["next"]
    assert "guarded" not in json.dumps(viewer.request("GET", "/v1/flows"))
    frames = asyncio.run(windows(home, viewer, id_))
    assert "guarded" not in json.dumps([frames[0], frames[1]])
    assert frames[0]["total"] == 1
    assert frames[0]["counts"] == {"completed": 1}
    assert frames[2]["kind"] == frames[3]["kind"] == "error"

    start = ("POST", "/v1/executions", {"flow": "guarded"})
    assert isinstance(viewer.refusal(*start), UnknownReference)
    refusal = operator.refusal(*start)
    assert type(refusal) is NotAllowed
    assert "editor or user:vera" in refusal.message
    assert isinstance(operator.refusal("POST", f"/v1/executions/{id_}/rerun"), NotAllowed)
    assert vera.refusal(*start) is None
    assert vera.refusal("POST", f"/v1/executions/{id_}/rerun") is None
    assert editor.refusal(*start) is None
    # the right is asked of the flow as it is now
    write_flow(home, "{run: [admin]}")
    for someone in (vera, editor):
        assert isinstance(someone.refusal("POST", f"/v1/executions/{id_}/rerun"), NotAllowed)
        assert isinstance(someone.refusal("POST", f"/v1/executions/{id_}/retry"), NotAllowed)
    engine.kill()
    engine.begin()
    for someone in (vera, editor):
        assert isinstance(someone.refusal("POST", f"/v1/executions/{id_}/rerun"), NotAllowed)


def test_a_text_of_ones_own_is_for_editors(engine: Engine, home: Home) -> None:
    write_flow(home, "{view: [viewer]}")
    operator = As(home, token_of(engine, "otto", "operator"))
    editor = As(home, token_of(engine, "edda", "editor"))
    text = {"text": FLOW, "source": "/tmp/plain.yaml"}
    assert isinstance(operator.refusal("POST", "/v1/executions", text), NotAllowed)
    assert isinstance(operator.refusal("POST", "/v1/plan", text), NotAllowed)
    assert editor.refusal("POST", "/v1/executions", text) is None
    same = {"text": (home.flows / "guarded.yaml").read_text(), "source": "/x/guarded.yaml"}
    assert operator.refusal("POST", "/v1/executions", same) is None
    failed = engine.run("name: f\nsteps: [{id: s, run: 'false'}]")["id"]
    fixed = {"text": "name: f\nsteps: [{id: s, run: 'true'}]"}
    assert isinstance(
        operator.refusal("POST", f"/v1/executions/{failed}/resume", fixed), NotAllowed
    )
    assert editor.refusal("POST", f"/v1/executions/{failed}/resume", fixed) is None
    # nobody gets around what a flow says by a text of its name
    write_flow(home, "{run: [admin]}")
    forged = {"text": "name: guarded\nsteps: [{id: s, run: 'true'}]"}
    assert isinstance(editor.refusal("POST", "/v1/executions", forged), NotAllowed)
    engine.start(forged["text"])
    assert isinstance(editor.refusal("POST", "/v1/executions", {"flow": "guarded"}), NotAllowed)


def test_an_approval_is_for_whom_the_step_names(engine: Engine, home: Home) -> None:
    text = "steps: [{id: ask, approve: {message: go?, role: 'user:anna'}}]"
    anna = As(home, token_of(engine, "anna", "viewer"))
    editor = As(home, token_of(engine, "edda", "editor"))
    id_ = engine.start(text)["id"]
    until(lambda: engine.show(id_)["waiting_for"])
    assert isinstance(editor.refusal("POST", f"/v1/executions/{id_}/approve", {}), NotAllowed)
    assert anna.refusal("POST", f"/v1/executions/{id_}/approve", {}) is None
    assert engine.ended(id_)["state"] == "completed"


def test_tokens_end_at_once_with_all_that_is_open_by_them(engine: Engine, home: Home) -> None:
    id_ = engine.start("steps: [{id: s, run: 'echo there; sleep 60'}]")["id"]
    token = token_of(engine, "anna", "viewer")
    anna = As(home, token)
    ended: list[str] = []

    def follow() -> None:
        parts = anna.client._send(
            "GET", f"/v1/executions/{id_}/logs?follow=true", None, anna.headers, 60.0
        )
        ended.extend(part.decode() for part in parts)
        ended.append("end")

    async def feed() -> None:
        from websockets.asyncio.client import unix_connect

        async with unix_connect(
            home.text("socket"), "ws://localhost/v1/feed", additional_headers=anna.headers
        ) as ws:
            ended.append("open")
            await asyncio.wait_for(ws.wait_closed(), 60)
            ended.append(f"feed {ws.close_code}")

    threads = [
        threading.Thread(target=follow),
        threading.Thread(target=lambda: asyncio.run(feed())),
    ]
    for thread in threads:
        thread.start()
    until(lambda: {"there\n", "open"} <= set(ended))
    (row,) = engine.get("/v1/tokens")["tokens"]
    assert row["works"]
    engine.client.request("DELETE", f"/v1/tokens/{row['id']}")
    for thread in threads:
        thread.join(30)
    assert {"end", "feed 4401"} <= set(ended)
    assert isinstance(As(home, token).refusal("GET", "/v1/me"), Unauthenticated)
    (row,) = engine.get("/v1/tokens")["tokens"]
    assert not row["works"]
    assert token not in json.dumps(row)
    engine.act(id_, "kill")


def test_what_is_open_ends_where_a_file_hides_its_flow_and_goes_on_for_others(
    engine: Engine, home: Home
) -> None:
    """Nobody asks for anything: the file alone has changed. A wait, a followed log and a feed of
    one who may not see it any more end at once; those of one who may are not disturbed."""
    step = "steps: [{id: s, run: 'echo there; until [ -e go ]; do sleep 0.05; done; echo after'}]"
    file = home.flows / "guarded.yaml"
    file.write_text(f"name: guarded\npermissions: {{view: [viewer]}}\n{step}\n")
    outer = home.flows / "outer.yaml"
    outer.write_text("name: outer\nsteps: [{id: inner, flow: {name: guarded}}]\n")
    outer_id = engine.post("/v1/executions", {"flow": "outer"})["id"]
    inner = until(lambda: engine.get("/v1/executions?flow=guarded")["executions"])[0]["id"]
    told: dict[str, list[str]] = {}
    threads = []

    def begin(name: str, ask: Callable[[list[str]], None]) -> None:
        told[name] = []
        threads.append(threading.Thread(target=ask, args=(told[name],)))
        threads[-1].start()

    for name, role in (("victor", "viewer"), ("otto", "operator")):
        someone = As(home, token_of(engine, name, role))
        begin(f"{name} waits", partial(wait_for, someone, f"/v1/executions/{inner}?wait=true"))
        for log in (f"{inner}/logs?follow=true", f"{outer_id}/logs?follow=true&step=inner"):
            begin(f"{name} {log}", partial(stream_of, someone, f"/v1/executions/{log}"))
        begin(f"{name} feed", partial(feed_of, home, someone))
    until(lambda: all(said for name, said in told.items() if "waits" not in name))
    file.write_text(f"name: guarded\npermissions: {{view: [operator]}}\n{step}\n")
    until(lambda: all(said[-1:] == ["end"] for name, said in told.items() if "victor" in name))
    assert told["victor waits"][0].startswith("there is no execution")
    assert told["victor feed"] == ["open", "4401", "end"]
    assert told[f"victor {inner}/logs?follow=true"] == ["there\n", "end"]
    assert not any("end" in said for name, said in told.items() if "otto" in name)
    (home.work / inner / "go").touch()
    until(lambda: all("end" in said for name, said in told.items() if name != "otto feed"))
    assert told["otto waits"] == ["completed", "end"]
    for log in (f"{inner}/logs?follow=true", f"{outer_id}/logs?follow=true&step=inner"):
        assert "".join(told[f"otto {log}"]) == "there\nafter\nend"
    assert told["otto feed"] == ["open"]
    engine.client.request("DELETE", "/v1/users/otto")
    for thread in threads:
        thread.join(30)
    assert told["otto feed"] == ["open", "4401", "end"]


def test_a_wait_ends_with_its_token(engine: Engine, home: Home) -> None:
    id_ = engine.start("steps: [{id: s, run: 'sleep 60'}]")["id"]
    anna = As(home, token_of(engine, "anna", "viewer"))
    said: list[str] = []
    waiting = threading.Thread(
        target=wait_for, args=(anna, f"/v1/executions/{id_}?wait=true", said)
    )
    waiting.start()
    until(lambda: engine.get("/v1/tokens")["tokens"][0]["used_at"])
    engine.client.request("DELETE", "/v1/users/anna")
    waiting.join(30)
    assert said in (["what this token may has changed", "end"], ["the token is not valid", "end"])
    engine.act(id_, "kill")


def wait_for(someone: As, path: str, said: list[str]) -> None:
    try:
        said.append(someone.request("GET", path)["state"])
    except WingmanError as error:
        said.append(error.message)
    said.append("end")


def stream_of(someone: As, path: str, said: list[str]) -> None:
    parts = someone.client._send("GET", path, None, someone.headers, 90.0)
    said.extend(part.decode() for part in parts)
    said.append("end")


def feed_of(home: Home, someone: As, said: list[str]) -> None:
    async def look() -> None:
        from websockets.asyncio.client import unix_connect

        async with unix_connect(
            home.text("socket"), "ws://localhost/v1/feed", additional_headers=someone.headers
        ) as ws:
            said.append("open")
            await asyncio.wait_for(ws.wait_closed(), 90)
            said.append(str(ws.close_code))

    asyncio.run(look())
    said.append("end")


def test_a_role_that_sinks_and_a_user_who_goes(engine: Engine, home: Home) -> None:
    token = token_of(engine, "anna", "admin")
    anna = As(home, token)
    me = anna.request("GET", "/v1/me")
    assert (me["user"], me["role"], me["origin"]) == ("anna", "admin", "socket")
    engine.client.request("PUT", "/v1/users/anna", {"role": "viewer"})
    assert isinstance(anna.refusal("GET", "/v1/users"), NotAllowed)
    engine.kill()
    engine.begin()
    assert anna.request("GET", "/v1/me")["role"] == "viewer"
    engine.client.request("DELETE", "/v1/users/anna")
    assert isinstance(anna.refusal("GET", "/v1/me"), Unauthenticated)
    engine.client.request("PUT", "/v1/users/anna", {"role": "admin"})
    assert isinstance(anna.refusal("GET", "/v1/me"), Unauthenticated), "her tokens went with her"


def test_a_token_works_for_its_time(engine: Engine, home: Home) -> None:
    token = token_of(engine, "anna", "viewer", days=1e-5)  # 0.9 s
    anna = As(home, token)
    until(lambda: anna.refusal("GET", "/v1/me"))
    refusal = anna.refusal("GET", "/v1/me")
    assert isinstance(refusal, Unauthenticated)
    assert "has expired" in refusal.message
    for wrong in ("", "x", token[:-1], token[:-1] + "!", new_token()[1], "wm_" + "a" * 8):
        assert isinstance(As(home, wrong).refusal("GET", "/v1/me"), Unauthenticated), wrong
    with pytest.raises(UsageError):
        engine.post("/v1/tokens", {"user": "anna", "days": 0})
    with pytest.raises(UnknownReference, match="wingman user set nobody"):
        engine.post("/v1/tokens", {"user": "nobody"})


def test_the_commands(wingman: Wingman, engine: Engine, home: Home) -> None:
    assert wingman("user", "set", "anna", "--role", "operator", check=True).stdout == (
        "anna is operator\n"
    )
    done = wingman("token", "create", "anna", "--expires", "12h", "--label", "laptop", check=True)
    token = done.stdout.strip()
    assert parts_of(token)
    assert "shown this once" in done.stderr
    assert As(home, token).request("GET", "/v1/me")["role"] == "operator"
    row = json.loads(wingman("token", "list", "--json", check=True).stdout)
    assert (row["user"], row["label"], row["works"]) == ("anna", "laptop", True)
    assert token not in wingman("token", "list", check=True).stdout
    assert "anna" in wingman("user", "list", check=True).stdout
    wingman("token", "revoke", row["id"], check=True)
    assert isinstance(As(home, token).refusal("GET", "/v1/me"), Unauthenticated)
    wingman("user", "rm", "anna", check=True)
    for words in (["user", "set", "anna"], ["user", "rm"], ["token", "create"],
                  ["token", "create", "anna", "--expires", "soon"], ["user", "rm", "anna"]):  # fmt: skip
        assert wingman(*words).returncode == 2, words


def test_no_token_is_written_anywhere(engine: Engine, home: Home) -> None:
    token = token_of(engine, "anna", "viewer")
    As(home, token).request("GET", "/v1/me")
    secret = token.split("_")[2].encode()
    engine.stop()
    for path in home.root.rglob("*"):
        assert not path.is_file() or secret not in path.read_bytes(), path


# -- what is pure --


def test_roles_are_ordered_and_an_admin_always_may() -> None:
    operator = Caller("otto", "operator")
    assert operator.is_one_of(["viewer"])
    assert operator.is_one_of(["operator"])
    assert operator.is_one_of(["admin", "user:otto"])
    assert not operator.is_one_of(["editor", "user:ott"])
    assert not operator.is_one_of([])
    assert not operator.is_one_of(["boss"])
    assert Caller("root", "admin").is_one_of([])


def test_a_token_is_told_apart_from_what_is_none() -> None:
    id_, text, _ = new_token()
    assert parts_of(text) == (id_, text.split("_")[2])
    for wrong in (text[:-1] + ("a" if text[-1] != "a" else "b"), text + "x", " " + text, ""):
        assert parts_of(wrong) is None
    assert len({new_token()[1] for _ in range(100)}) == 100
