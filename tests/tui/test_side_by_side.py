"""Two servers in one console: one list, each key to the right one, and what a lost one looks like."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from engine.errors import UsageError
from engine.paths import home_at
from tests.tui.conftest import Console, OpenConsole
from tests.tui.demo import NOW
from tests.tui.fake_engine import FakeEngine
from tests.tui.rows import execution, stamp
from wingman_tui.screens.run_form import RunForm
from wingman_tui.session import Session

SERVERS = '[prod]\nurl = "ssh://prod"\nproduction = true\n[staging]\nurl = "ssh://staging"\n'


class Named(FakeEngine):
    """An engine that says who we are there."""

    role = "operator"

    def _app(self) -> Starlette:
        app = super()._app()
        app.router.routes.insert(0, Route("/v1/me", self._me))
        return app

    async def _me(self, request: Request) -> JSONResponse:
        return JSONResponse({"user": "anna", "role": self.role, "origin": "x", "environment": ""})


@pytest.fixture
def servers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, Named]]:
    """Two engines far away, behind sockets that ssh would have forwarded."""
    found = {name: Named(tmp_path / name) for name in ("prod", "staging")}
    for at, (name, fake) in enumerate(found.items()):
        for number in range(3):
            when = stamp(NOW - (2 - number) * 60 - at * 30)
            made = {"id": f"{name}-{number}", "created_at": when, "started_at": when}
            fake.add(execution("ship", number, "failed", **made))
        fake.start()
    monkeypatch.setattr(
        "engine.client.ssh.forwarded",
        lambda url: str(found[url.removeprefix("ssh://")].home / "run" / "engine.sock"),
    )
    home = tmp_path / "home"
    home.mkdir(exist_ok=True)
    (home / "servers.toml").write_text(SERVERS)
    monkeypatch.setenv("WINGMAN_HOME", str(home))
    monkeypatch.setenv("WINGMAN_SERVER", "prod,staging")
    yield found
    for fake in found.values():
        fake.stop()


Open = AbstractAsyncContextManager[Console]


def opened(open_console: OpenConsole, **options: Any) -> Open:
    return open_console(settled=False, **options)


async def both(console: Console) -> None:
    await console.until(
        lambda: console.app.executions.total == 6 and all(k.me for k in console.app.session.links),
        "both servers",
    )


def listed(console: Console) -> list[str]:
    """Server and execution of each row, from the top."""
    lines = [line.split() for line in console.text().splitlines()]
    return [f"{words[2]} {words[3]}" for words in lines if len(words) > 3 and words[1] == "failed"]


def asked(fake: FakeEngine, verb: str) -> list[str]:
    return [path for method, path, _ in fake.requests if method == "POST" and verb in path]


async def test_rows_of_both_stand_in_one_order(
    servers: dict[str, Named], open_console: OpenConsole
) -> None:
    async with opened(open_console) as console:
        await both(console)
        # a column that was too narrow for what came is wide enough in the next frame
        order = [f"{name} ship#{number}" for number in (2, 1, 0) for name in ("prod", "staging")]
        await console.until(lambda: listed(console) == order)
        text = console.text()
        assert "SERVER" in text
        assert "prod PRODUCTION" in text
        assert text.count("anna:operator") >= 2
        assert "6 failed" in text
        await console.press("slash")
        await console.type("server:staging")
        await console.press("enter")
        await console.until(lambda: console.app.executions.total == 3)
        assert {line.split()[0] for line in listed(console)} == {"staging"}
        assert "hidden" in console.text()
        closed = [message for message in servers["prod"].opened if message.get("op") == "close"]
        assert closed, "what is not shown is not asked for"
        assert all("server:" not in str(m.get("filter")) for m in servers["staging"].opened)
        await console.press("escape")
        await both(console)
        await console.press("slash")
        await console.type("server:prood")
        await console.press("enter")
        await console.until(lambda: "did you mean prod?" in console.notice)


async def test_a_long_way_down_and_up_again(
    servers: dict[str, Named], open_console: OpenConsole
) -> None:
    for at, fake in enumerate(servers.values()):
        for number in range(400):
            when = stamp(NOW - 90_000 + number * 60 - at * 30)
            made = {"id": f"old-{number}", "created_at": when, "started_at": when}
            fake.executions.append(execution("old", number, "failed", **made))
        fake.executions.sort(key=lambda row: str(row["created_at"]), reverse=True)
    async with opened(open_console) as console:
        await console.until(lambda: console.app.executions.total == 806)
        await console.press("G")
        await console.until(lambda: "staging old#0" in listed(console))
        assert listed(console)[-4:] == [
            "prod old#1", "staging old#1", "prod old#0", "staging old#0",
        ]  # fmt: skip
        for _ in range(3):
            await console.press("pageup")
            await console.until(lambda: len(listed(console)) > 15)
        numbers = [int(line.partition("#")[2]) for line in listed(console)]
        assert numbers == sorted(numbers, reverse=True)
        await console.press("g")
        await console.until(lambda: listed(console)[:1] == ["prod ship#2"])
        most = max(m.get("limit", 0) for fake in servers.values() for m in fake.opened)
        assert most <= 200, "never more than a few screens of each"


async def test_a_key_goes_to_the_server_of_the_row(
    servers: dict[str, Named], open_console: OpenConsole
) -> None:
    async with opened(open_console) as console:
        await both(console)
        await console.press("down", "R")
        await console.until(lambda: asked(servers["staging"], "retry"))
        assert asked(servers["staging"], "retry") == ["/v1/executions/staging-2/retry"]
        assert not asked(servers["prod"], "retry")
        await console.press("enter")
        await console.until(
            lambda: any(m.get("ref") == "staging-2" for m in servers["staging"].opened)
        )
        await console.sees("staging anna:operator")
        assert not any(m.get("ref") for m in servers["prod"].opened)
        await console.press("q", "up", "enter")
        await console.until(lambda: any(m.get("ref") == "prod-2" for m in servers["prod"].opened))
        await console.sees("prod anna:operator PRODUCTION")


async def test_a_typed_name_goes_where_it_is_and_is_asked_where_two_have_it(
    servers: dict[str, Named], open_console: OpenConsole
) -> None:
    prod, staging = servers["prod"], servers["staging"]
    staging.executions.append(execution("only", 7, "failed", id="staging-only"))
    staging.flows.append({"name": "tidy", "inputs": [], "debug": "off"})

    async def typed(line: str) -> None:
        await console.press("colon")
        await console.type(line)
        await console.press("enter")

    async with opened(open_console) as console:
        await console.until(lambda: all(k.me for k in console.app.session.links))
        await typed("retry ship#2")
        await console.sees("ship#2 is on prod and staging: say prod:ship#2 or staging:ship#2")
        await typed("retry staging:ship#2")
        await console.sees("retrying ship#2 on staging")
        assert asked(staging, "retry") == ["/v1/executions/ship#2/retry"]
        assert not asked(prod, "retry")
        await typed("retry only#7")
        await console.sees("retrying only#7 on staging")
        await typed("retry nope#1")
        await console.sees("there is no execution nope#1 on prod and staging")
        await typed("debug tidy once")
        await console.sees("debug mode of tidy on staging is once")
        await typed("why only#7")
        await console.sees("staging anna:operator")
        assert any(m.get("ref") == "only#7" for m in staging.opened)
        await typed("executions")
        staging.stop()
        await console.sees("gone")
        await typed("retry ship#2")
        await console.sees("staging does not answer, and may have ship#2, too: say prod:ship#2")
        await typed("retry staging:ship#2")
        await console.sees("staging does not answer: that is not possible now")
        await typed("retry prod:ship#2")
        await console.sees("retrying ship#2 on prod")
        assert asked(prod, "retry") == ["/v1/executions/ship#2/retry"]


async def test_a_form_starts_where_it_was_asked_for(
    servers: dict[str, Named], open_console: OpenConsole
) -> None:
    """Also when another server's execution has come under the cursor meanwhile."""
    for fake in servers.values():
        fake.flows.append({"name": "ship", "inputs": [], "debug": "off"})
    async with opened(open_console) as console:
        await both(console)
        await console.press("down", "r")
        await console.until(lambda: isinstance(console.app.screen, RunForm))
        console.app.mean_server("prod")
        await console.press("enter")
        await console.until(lambda: asked(servers["staging"], "rerun"))
        assert not asked(servers["prod"], "rerun")


async def test_many_are_counted_by_server_and_refusals_too(
    servers: dict[str, Named], open_console: OpenConsole
) -> None:
    error = {"code": "not_allowed", "message": "not for you", "hint": "", "details": {}}
    servers["staging"].refusals["/retry"] = (403, error)
    async with opened(open_console) as console:
        await both(console)
        await console.press("asterisk")
        await console.until(lambda: "6 marked" in console.text())
        await console.press("R")
        assert "Retry 6 executions (prod 3, staging 3)?" in console.text()
        await console.press("6", "enter")
        await console.until(lambda: "refused" in console.notice)
        assert "retrying 3 executions (prod 3); 3 refused (staging 3)" in console.notice
        assert len(asked(servers["prod"], "retry")) == 3


async def test_only_what_the_role_may_on_that_server(
    servers: dict[str, Named], open_console: OpenConsole
) -> None:
    servers["staging"].role = "viewer"
    async with opened(open_console) as console:
        await both(console)
        await console.until(lambda: "R retry" in console.text())
        await console.press("down")
        await console.until(lambda: "R retry" not in console.text())
        assert "READ-ONLY" in console.text().splitlines()[0]
        await console.press("R")
        assert "is for the role operator; you are viewer" in console.notice
        assert not asked(servers["staging"], "retry")
        await console.press("up")
        await console.until(lambda: "R retry" in console.text())


async def test_a_lost_server_is_told_and_the_other_goes_on(
    servers: dict[str, Named], open_console: OpenConsole
) -> None:
    async with opened(open_console) as console:
        await both(console)
        servers["staging"].stop()
        await console.sees("gone")
        assert len(listed(console)) == 6, "what was seen last stays, dimmed"
        assert not console.app.view.stale, "the rows of the other one are the present"
        await console.press("down", "R")
        await console.until(lambda: "not possible now" in console.notice)
        await console.press("up", "R")
        await console.until(lambda: asked(servers["prod"], "retry"))
        servers["prod"].add(execution("new", 1, "failed", id="prod-new", created_at=stamp(NOW)))
        await console.sees("new#1")
        servers["staging"].start()
        await console.until(lambda: all(link.is_live for link in console.app.session.links))


def test_servers_that_cannot_stand_side_by_side(
    tmp_path: Path, servers: dict[str, Named], monkeypatch: pytest.MonkeyPatch
) -> None:
    for words, what in (("prod,nope", "no server named 'nope'"), ("prod,ssh://prod", "named twice")):
        monkeypatch.setenv("WINGMAN_SERVER", words)
        with pytest.raises(UsageError, match=what):
            Session(home_at(tmp_path / "home"), lambda: None)
    monkeypatch.setenv("WINGMAN_SERVER", "prod,staging")
    monkeypatch.setenv("WINGMAN_TOKEN", "wm_x")
    with pytest.raises(UsageError, match="token of one server"):
        Session(home_at(tmp_path / "home"), lambda: None)
