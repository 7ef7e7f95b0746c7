"""`wingman resume`: the plan, the linked execution, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path

from tests.cli.flowtext import FAIL, write
from tests.conftest import Wingman

FIXED = FAIL.replace("echo broken >&2; exit 7", "echo mended")


def test_plan_then_resume_with_a_corrected_file(wingman: Wingman, tmp_path: Path) -> None:
    flow = write(tmp_path, FAIL)
    assert wingman("run", flow).returncode == 1
    other = tmp_path / "corrected.yaml"
    other.write_text(FIXED)
    said = wingman("resume", "fail@last", "--file", other, "--plan", check=True).stdout
    lines = [line.split() for line in said.splitlines()]
    assert lines[0] == ["PLAN", "STEP", "WAS", "BECAUSE"]
    assert [line[:3] for line in lines[1:5]] == [
        ["reuse", "good", "completed"], ["run", "bad", "failed"],
        ["run", "never", "skipped"], ["run", "clean", "completed"],
    ]  # fmt: skip
    assert said.splitlines()[-1].endswith("1 reused, 3 to run")
    plan = json.loads(
        wingman("resume", "@last", "--file", other, "--plan", "--json", check=True).stdout
    )
    assert plan["counts"] == {"reuse": 1, "run": 3, "invalidated": 0}
    assert json.loads(wingman("show", "@last", "--json").stdout)["number"] == 1
    done = wingman("resume", "fail@last", "--file", other)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "fine\nmended\nnever\ncleaned\n"
    assert "reuse" in done.stderr
    shown = wingman("show", "@last", check=True).stdout
    assert "resumed from" in shown
    assert "taken over from fail#1" in shown


def test_resume_takes_the_file_as_it_is_now(wingman: Wingman, tmp_path: Path) -> None:
    flow = write(tmp_path, FAIL)
    assert wingman("run", flow).returncode == 1
    write(tmp_path, FIXED)
    found = json.loads(wingman("resume", "@last", "--json", "--run", "good").stdout)
    assert (found["state"], found["number"], found["trigger"]) == ("completed", 2, "resume")
    assert {step["state"] for step in found["steps"]} == {"completed"}


def test_what_is_wrong_is_told_and_starts_nothing(wingman: Wingman, tmp_path: Path) -> None:
    assert wingman("run", write(tmp_path, FAIL)).returncode == 1
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text("name: fail\nsteps: [{id: a, rn: x}]\n")
    done = wingman("resume", "@last", "--file", wrong)
    assert (done.returncode, "wrong.yaml:2:" in done.stderr) == (2, True)
    assert wingman("resume", "@last", "--file", tmp_path / "no.yaml").returncode == 2
    assert "not safe" not in wingman("resume", "@last", "--plan", "--reuse", "good").stderr
    refused = wingman("resume", "@last", "--reuse", "bad", "--unsafe")
    assert (refused.returncode, "it failed" in refused.stderr) == (2, True)
    assert json.loads(wingman("show", "@last", "--json").stdout)["number"] == 1
