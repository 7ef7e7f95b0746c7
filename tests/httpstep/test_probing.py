"""`why` asks the server of a failed step again: name, connection, TLS, HTTP, one by one."""

from __future__ import annotations

import asyncio
import json
import socket
from pathlib import Path

import pytest

from engine.paths import Home
from engine.probing import Probe, probe
from tests.conftest import Wingman
from tests.engine.api import Engine
from tests.httpstep.conftest import Serve
from tests.httpstep.server import Answer, own_authority


def asked(url: str, **options: object) -> tuple[str, list[Probe]]:
    return asyncio.run(probe(url, **options))  # type: ignore[arg-type]


def test_all_is_well(serve: Serve) -> None:
    server = serve(Answer(404))
    host, probes = asked(f"http://localhost:{server.port}/a%20b/ü?token=sesame#x")
    assert host == f"localhost:{server.port}"
    assert [(each.name, each.is_well) for each in probes] == [
        ("DNS", True), ("TCP", True), ("HTTP", True)]  # fmt: skip
    assert "404" in probes[-1].words
    assert (server.got[0].method, server.got[0].target) == ("HEAD", "/a%20b/%C3%BC")


def test_tls_is_told_with_how_long_it_holds(serve: Serve, tmp_path: Path) -> None:
    authority, certificate = own_authority(tmp_path)
    url = serve(Answer(200), certificate=certificate).url
    _, probes = asked(url)
    assert [each.name for each in probes if not each.is_well] == ["TLS"]
    assert "not trusted" in probes[-1].words
    _, probes = asked(url, verify=str(authority))
    assert [each.is_well for each in probes] == [True] * 4
    assert "the certificate holds until " in probes[2].words
    _, probes = asked(url, verify=False)
    assert "is not checked" in probes[2].words
    assert "No such file" in asked(url, verify="/no/such.pem")[1][-1].words


@pytest.mark.parametrize(
    ("url", "fails", "words"),
    [
        ("http://no-such-host.invalid/", "DNS", ""),
        ("http://a..b/", "DNS", ""),
        ("ftp://x/", "URL", "no address"),
        ("http://x:99999/", "URL", "no address"),
        ("nonsense", "URL", "no address"),
    ],
)
def test_the_first_that_fails_is_the_last(url: str, fails: str, words: str) -> None:
    _, probes = asked(url)
    assert [each.name for each in probes if not each.is_well] == [fails]
    assert probes[-1].name == fails
    assert words in probes[-1].words


def test_a_server_that_says_nothing_or_something_else() -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        port = silent.getsockname()[1]
        assert "refused" in asked(f"http://127.0.0.1:{port}/")[1][-1].words
        silent.listen()
        _, probes = asked(f"http://127.0.0.1:{port}/", bound_s=0.3)
        assert [each.is_well for each in probes] == [True, True, False]
        assert "no answer within" in probes[-1].words


FLOW = """
name: asks
inputs: {{key: {{type: string, sensitive: true}}}}
steps:
  - {{id: before, run: 'echo "port={port}" >>"$WINGMAN_OUTPUT"'}}
  - id: ask
    http: {{url: "http://127.0.0.1:${{{{ steps.before.outputs.port }}}}/${{{{ inputs.key }}}}"}}
"""


def test_why_asks_again_after_a_failure(home: Home, wingman: Wingman, serve: Serve) -> None:
    server = serve(Answer(503, b"busy"))
    engine = Engine(home)
    found = engine.run(FLOW.format(port=server.port), inputs={"key": "sesame-key"})
    assert found["error"]["type"] == "http:503"
    assert len(server.got) == 1
    assert engine.get(f"/v1/executions/{found['id']}/why")["probe"] == "ask"
    assert len(server.got) == 1
    why = wingman("why", "asks@last", check=True).stdout
    assert f"now  127.0.0.1:{server.port} answers" in why
    assert "TCP  ok" in why
    assert "HTTP ok" in why
    assert "503 Service Unavailable" in why
    assert "sesame" not in why
    assert server.got[1].method == "HEAD"
    server.close()
    why = wingman("why", "asks@last", "--step", "ask", check=True).stdout
    assert "does not answer as it should" in why
    assert "TCP  FAILS" in why
    said = json.loads(wingman("why", "asks@last", "--no-probe", "--json", check=True).stdout)
    assert "now" not in [cause["subject"] for cause in said["causes"]]
