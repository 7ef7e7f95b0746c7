"""Steps inside of others on the command line: what JSON tells of them, and how they are named."""

from __future__ import annotations

import json
from pathlib import Path

from engine.wire import STEP_KEYS
from tests.cli.flowtext import write
from tests.conftest import Wingman

NESTED = """
name: nested
steps:
  - id: checks
    parallel:
      - {id: disk, run: 'echo full disk'}
      - id: memory
        run: exit 3
        on_error: [{match: ["exit:3"], steps: [{id: spool, run: 'true'}]}]
  - {id: never, if: "false", run: 'true'}
"""


def test_json_tells_what_was_handled_and_why_a_step_was_skipped(
    wingman: Wingman, tmp_path: Path
) -> None:
    done = wingman("run", write(tmp_path, NESTED), "--json")
    assert done.returncode == 0
    steps = {step["path"]: step for step in json.loads(done.stdout)["steps"]}
    assert (steps["checks/memory"]["state"], steps["checks/memory"]["handled"]) == ("failed", True)
    assert steps["never"]["reason"] == "if: false is false"
    assert tuple(steps["checks/memory/spool"]) == STEP_KEYS


def test_a_step_in_a_group_is_named_by_its_path_or_by_its_id(
    wingman: Wingman, tmp_path: Path
) -> None:
    wingman("run", write(tmp_path, NESTED), check=True)
    for name in ("checks/disk", "disk"):
        logs = wingman("logs", "nested@last", "--step", name, check=True)
        assert logs.stdout == "full disk\n"
        assert wingman("why", "nested@last", "--step", name).returncode == 0
    note = wingman("note", "nested@last", "disk", "is small", "--json", check=True)
    assert json.loads(note.stdout)["step"] == "checks/disk"
    assert wingman("logs", "nested@last", "--step", "dist").returncode == 2
