"""Each standard flow has tests of its own, good and bad ends among them, and they pass."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.flowfile import compile_flow
from engine.rehearsal.trials import run_tests
from tests.conftest import ROOT

FLOWS = sorted((ROOT / "engine" / "standard").glob("*.yaml"))


@pytest.mark.parametrize("path", FLOWS, ids=lambda path: path.stem)
def test_its_own_tests_pass(path: Path) -> None:
    flow = compile_flow(path.read_bytes(), str(path))
    assert {test["expect"]["state"] for test in flow["tests"]} >= {"completed", "failed"}
    assert [trial for trial in run_tests(flow) if not trial.passed] == []
