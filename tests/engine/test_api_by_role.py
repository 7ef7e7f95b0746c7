"""Requests that nobody thought of, made as each role: no fault of ours, and no right too many."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from schemathesis.checks import not_a_server_error

from engine.access.roles import ROLES
from engine.access.tokens import new_token
from engine.paths import home_at
from tests.conftest import Wingman, kill_leftovers
from tests.engine.api import Engine
from tests.engine.matrix import MATRIX, NOBODY, PUBLIC
from tests.engine.proxy import tcp_port_to
from tests.engine.someone import token_of

FLOW = """
name: fuzzed
permissions: {run: [editor]}
inputs: {n: {type: integer, default: 1}}
steps:
  - {id: s, run: 'echo a=5 >> "$WINGMAN_OUTPUT"; exit 3'}
"""
HIDDEN = "name: hidden-one\npermissions: {view: [admin]}\nsteps: [{id: s, run: 'exit 3'}]\n"
# what a refusal may look like: unknown, not allowed, not there; or not understood before all that,
# which is also a key of one's own that belongs to another request
REFUSED = {NOBODY: {400, 401, 404, 405, 413}, "": {400, 403, 404, 405, 409, 413}}
TOKENS: dict[str, str] = {}


@pytest.fixture(scope="module")
def described(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    home = home_at(tmp_path_factory.mktemp("roles") / "home")
    home.create()
    (home.flows / "fuzzed.yaml").write_text(FLOW)
    (home.flows / "hidden-one.yaml").write_text(HIDDEN)
    engine = Engine(home)
    for flow in ("fuzzed", "hidden-one"):
        engine.ended(engine.post("/v1/executions", {"flow": flow})["id"])
    TOKENS.update({role: token_of(engine, f"the-{role}", role) for role in ROLES})
    TOKENS[NOBODY] = new_token()[1]
    with tcp_port_to(home.text("socket")) as port:
        yield schemathesis.openapi.from_url(
            f"http://127.0.0.1:{port}/v1/openapi.json",
            headers={"Authorization": f"Bearer {TOKENS['viewer']}"},
        )
    Wingman(home)("engine", "stop", "--all")
    kill_leftovers(home)


schema = schemathesis.pytest.from_fixture("described").exclude(path="/v1/engine/stop")


@pytest.mark.timeout(600)  # all operations count as one test
@schema.parametrize()
@settings(
    max_examples=3,
    phases=(Phase.generate,),  # the odd values of each field are tried by test_api already
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
def test_no_role_gets_more_than_it_may(case: Any) -> None:
    if not case.method.isalpha():
        return
    least = MATRIX.get((case.method.upper(), case.operation.path), "")
    own = dict(case.path_parameters or {})
    for known in ({}, {"ref": "@last", "name": "fuzzed"}):
        if known and not known.keys() & own.keys():
            continue
        case.path_parameters = {
            **own, **{key: value for key, value in known.items() if key in own}
        }  # fmt: skip
        for role in (NOBODY, *ROLES):
            headers = {"Authorization": f"Bearer {TOKENS[role]}"}
            response = case.call(headers=headers, timeout=30)
            case.validate_response(response, checks=[not_a_server_error])
            if role != "admin":
                assert b"hidden-one" not in response.content, role
            if least in (PUBLIC, ""):
                continue
            if role == NOBODY:
                assert response.status_code in REFUSED[NOBODY], response.text
            elif ROLES.index(role) < ROLES.index(least):
                assert response.status_code in REFUSED[""], (role, response.text)
                if response.status_code == 403:
                    assert role in json.loads(response.text)["error"]["message"]
