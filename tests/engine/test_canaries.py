"""`wingman doctor --masking`: it proves something, and would tell if there was anything to tell."""

from __future__ import annotations

import json

from engine.canaries import CONTROL, _judge
from tests.conftest import Wingman


def test_planted_secrets_are_found_nowhere(wingman: Wingman) -> None:
    done = wingman("doctor", "--masking", "--json")
    findings = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.returncode == 0, done.stdout
    assert len(findings) == 7
    assert {finding["verdict"] for finding in findings} == {"ok"}
    assert not wingman.home.socket.exists(), "the home itself has nothing to do with it"
    assert wingman("doctor", "--masking", "--server", "x").returncode == 2


def test_what_is_found_is_told_with_its_place() -> None:
    canaries = {"raw": ["canary"], "hex": ["63616e617279"]}
    found = [("index", CONTROL.encode()), ("1.log", b"x 63616e617279 y")]
    raw, hexadecimal = _judge(canaries, found)
    assert raw.verdict == "ok"
    assert (hexadecimal.verdict, hexadecimal.message) == ("fail", "hex form found in 1.log")
    nothing, *_ = _judge(canaries, [("index", b"")])
    assert nothing.verdict == "fail"
