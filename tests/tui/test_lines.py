"""The console's lines to its engine: kept, shared by threads, and changes that are made once."""

from __future__ import annotations

import threading

import pytest

from engine.client.http import Client
from engine.paths import Home
from tests.cli.fake_engine import FakeEngine, Request
from wingman_tui.lines import Lines, Refused


def test_one_line_serves_request_after_request(home: Home) -> None:
    routes = {"GET /v1/me": lambda _: {"user": "anna"}, "GET /text": lambda _: b"plain"}
    with FakeEngine(home, routes) as fake:
        lines = Lines(lambda: Client(home))
        for _ in range(5):
            assert lines.request("GET", "/v1/me") == {"user": "anna"}
            assert lines.text("/text") == {"text": "plain"}
        with pytest.raises(Refused):
            lines.request("GET", "/nothing")
        assert lines.request("GET", "/v1/me") == {"user": "anna"}
        lines.close()
    assert fake.connections == 1


def test_what_is_asked_at_the_same_time_has_a_line_each(home: Home) -> None:
    both = threading.Barrier(2)

    def answer(_: Request) -> dict[str, bool]:
        both.wait(30)
        return {"ok": True}

    with FakeEngine(home, {"POST /v1/x": answer}) as fake:
        lines = Lines(lambda: Client(home))
        threads = [threading.Thread(target=lines.request, args=("POST", "/v1/x", {})) for _ in "ab"]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        lines.close()
    assert fake.connections == 2
    keys = {request.headers["idempotency-key"] for request in fake.requests}
    assert len(keys) == 2, "each change has a key of its own"
