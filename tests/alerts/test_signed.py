"""Signed webhooks as a channel: genuine to whoever checks them, also to another Wingman's hook."""

from __future__ import annotations

import base64
import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.alerts.webhook import BadAddress, request_of, target_of
from engine.errors import Unauthenticated
from engine.paths import Home
from engine.triggers.hooks import verify
from tests.alerts.receivers import http
from tests.engine.api import Engine, until
from tests.engine.test_deliveries import post, unix

SECRET = "whsec_" + base64.b64encode(b"a key of some thirty-two bytes, +/+").decode()
TOLD = """
name: told
alerts: [{on: failed, to: hook}]
steps: [{id: a, run: exit 3}]
"""
TAKER = """
name: taker
inputs: {title: {type: string}}
triggers:
  - webhook: alerts
    signature: standard
    secret: HOOK
    if: body.type == 'alert.failed'
    inputs: {title: "${{ body.data.title }}"}
steps: [{id: a, run: 'true'}]
"""


def test_a_failure_reaches_a_receiver_and_a_flow_and_proves_itself(home: Home) -> None:
    with http() as hook:
        url = f"webhook://127.0.0.1:{hook.port}/a/b?x=1&secret=${{secret:HOOK}}"
        home.config_file.write_text(f'[channels]\nhook = "{url}"\n')
        engine = Engine(home)
        engine.client.request("PUT", "/v1/secrets/HOOK", {"value": SECRET})
        (home.flows / "taker.yaml").write_text(TAKER)
        hook.status = 503
        engine.run(TOLD)
        (row,) = until(lambda: [r for r in engine.get("/v1/alerts")["alerts"] if r["tries"]])
        assert row["error"] == "it answered 503 Service Unavailable"
        assert row["addresses"][0]["address"] == "webhook"
        hook.status = 200
        # what has changed is tried at once
        home.config_file.write_text(f'[channels]\nhook = "{url}"\nother = "json://x"\n')
        until(lambda: engine.get("/v1/alerts")["alerts"][0]["state"] == "sent")
        (first, body), (second, again) = hook.raw
        assert body == again, "what comes twice says the same"
        assert first["webhook-id"] == second["webhook-id"]
        assert verify("standard", SECRET, second, again, time.time()) == first["webhook-id"]
        with pytest.raises(Unauthenticated):
            verify("standard", SECRET, second, again + b" ", time.time())
        content = json.loads(again)
        assert content["type"] == "alert.failed"
        assert content["data"]["title"] == "told#1 failed"
        assert content["data"]["flows"] == ["told"]
        until(lambda: engine.get("/v1/triggers")["triggers"])
        lines = [f"{name}: {value}" for name, value in second.items() if name != "host"]
        head = "\r\n".join(["POST /hooks/alerts HTTP/1.1", "Host: x", *lines, ""])
        with unix(home) as sock:
            assert post(sock, head, again)[0] == 202
        (taken,) = engine.get("/v1/executions?flow=taker")["executions"]
        assert taken["inputs"] == {"title": "told#1 failed"}
        assert SECRET not in str(engine.get("/v1/alerts")) + home.system_log.read_text()


@pytest.mark.parametrize("address", [
    "webhooks://h/p", "webhooks://h/p?secret=short", "webhooks://h/p?secret=whsec_!!",
    "webhooks://h/p?secret=whsec_aGk=", "webhooks:///p?secret=" + SECRET, "webhook://[bad?secret=x",
    "webhook://h:99999/?secret=" + SECRET,
])  # fmt: skip
def test_an_address_that_could_not_be_checked_is_refused(address: str) -> None:
    with pytest.raises(BadAddress):
        target_of(address)


def test_an_address_keeps_its_own_query_and_gives_no_secret_away() -> None:
    target = target_of(f"webhooks://user:word@h:8443/p?a=1&secret={SECRET}&b=%2B&verify=no#f")
    assert target.url == "https://user:word@h:8443/p?a=1&b=%2B"
    assert (target.key, target.verify) == (b"a key of some thirty-two bytes, +/+", False)
    assert target_of(f"webhook://h?secret={SECRET.replace('/', '%2F')}").url == "http://h"


@given(st.text(), st.text(), st.text(min_size=1))
def test_whatever_is_told_is_genuine(title: str, text: str, key: str) -> None:
    order = {"kind": "failed", "at": "x", "title": title, "text": text, "flows": ["", "f"],
             "key": key.encode("utf-8", "replace").decode()}  # fmt: skip
    body, headers = request_of(order, base64.b64decode(SECRET[6:]), 1000)
    assert json.loads(body)["data"]["flows"] == ["f"]
    assert verify("standard", SECRET, headers, body, 1000.0) == headers["webhook-id"]
