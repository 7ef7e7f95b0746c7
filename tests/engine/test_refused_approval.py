"""An approval by somebody who is not the one to decide: refused from everywhere, nothing half done."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from engine.client.http import Client
from engine.errors import NotAllowed, WingmanError
from engine.paths import home_at
from tests.conftest import Wingman, kill_leftovers
from tests.engine.api import until
from tests.engine.served import Served
from tests.pty.terminal import Terminal

ASKS = """
name: release
steps:
  - {id: build, run: 'true'}
  - {id: sure, approve: {message: "Ship it to everybody?", role: admin, inputs: {n: {type: integer, default: 1}}}}
  - {id: ship, run: 'echo shipped'}
"""


@pytest.fixture
def waiting(served: Served) -> dict[str, Any]:
    """A release that an admin has started and that waits for one."""
    admin = served.client()
    started = admin.request("POST", "/v1/executions", {"text": ASKS, "source": "/release.yaml"})
    path = f"/v1/executions/{started['id']}"
    until(lambda: admin.request("GET", path)["waiting_for"])
    return dict(admin.request("GET", path))


@pytest.fixture
def operator(tmp_path: Path, served: Served) -> Iterator[Wingman]:
    """Somebody at another machine, with the token of an operator."""
    home = home_at(tmp_path / "here")
    here = Wingman(home)
    url = f"https://127.0.0.1:{served.port}"
    here("server", "add", "far", url, "--fingerprint", served.fingerprint,
         input=served.tokens["operator"] + "\n", check=True)  # fmt: skip
    yield here
    kill_leftovers(home)


def facts(client: Client, id_: str) -> tuple[Any, ...]:
    """What a decision would change: the execution, its journal, and who did what."""
    found = client.request("GET", f"/v1/executions/{id_}")
    events = client.request("GET", f"/v1/events?execution={id_}&limit=1000")["events"]
    audit = client.request("GET", "/v1/audit?limit=100")["lines"]
    done = [line for line in audit if id_ in line["subject"] and line["action"] != "refused"]
    return found["waiting_for"], [step["state"] for step in found["steps"]], len(events), done


def test_by_api_command_and_console(
    served: Served, waiting: dict[str, Any], operator: Wingman
) -> None:
    admin, id_ = served.client(), waiting["id"]
    before = facts(admin, id_)
    someone = served.client("operator")
    for verb in ("approve", "reject"):
        for body in ({}, {"step": "sure", "inputs": {"n": "no number"}}, {"comment": "mine"}):
            with pytest.raises(NotAllowed, match="sure is for admin to decide, and operator is"):
                someone.request("POST", f"/v1/executions/{id_}/{verb}", body)
        said = operator(verb, id_, "--comment", "mine", env={"WINGMAN_SERVER": "far"})
        assert (said.returncode, "sure is for admin to decide" in said.stderr) == (5, True)
    terminal = Terminal(operator.home.root, program=operator.words("attach", "far"))
    try:
        terminal.sees("● live")
        terminal.sees("release#")
        terminal.press("home", "A")
        terminal.sees("Ship it to everybody?")
        terminal.press(" ", "enter")
        terminal.sees("is for admin to decide")
    finally:
        terminal.close()
    assert facts(admin, id_) == before
    refused = [line["actor"] for line in admin.request("GET", "/v1/audit?limit=100")["lines"]
               if line["action"] == "refused"]  # fmt: skip
    assert refused.count("operator") >= 1
    with pytest.raises(WingmanError):
        admin.request("POST", f"/v1/executions/{id_}/approve", {"inputs": {"n": "no number"}})
    assert facts(admin, id_) == before, "nor by a form that does not fit"
    admin.request("POST", f"/v1/executions/{id_}/approve", {"inputs": {"n": 2}})
    ended = admin.request("GET", f"/v1/executions/{id_}?wait=true")
    assert (ended["state"], ended["steps"][1]["outputs"]["n"]) == ("completed", 2)
