"""`wingman run --dry-run` and `wingman test`: exit codes, JSON, and no side effect."""

from __future__ import annotations

import json
from pathlib import Path

from tests.cli.flowtext import write
from tests.conftest import Wingman

FLOW = """
name: touchy
inputs:
  token: {type: string, sensitive: true, default: ""}
  count: {type: integer, default: 2}
steps:
  - {id: touch, run: 'touch MARK; echo ${{ quote(6 / inputs.count) }}', env: {T: "${{ inputs.token }}"}}
tests:
  - {name: works}
  - {name: fails, mock: {touch: {error: "exit:3"}}, expect: {steps: {touch: completed}}}
"""


def test_a_dry_run_tells_all_and_does_nothing(wingman: Wingman, tmp_path: Path) -> None:
    flow = write(tmp_path, FLOW.replace("MARK", str(tmp_path / "mark")))
    done = wingman("run", flow, "--dry-run", "-i", "token=s3cret-word")
    assert done.returncode == 0, done.stderr
    assert "echo '3'" in done.stdout
    assert "T=***" in done.stdout
    assert "s3cret" not in done.stdout + done.stderr
    plan = json.loads(wingman("run", flow, "--dry-run", "--json", check=True).stdout)
    assert [step["path"] for step in plan["steps"]] == ["touch"]
    bad = wingman("run", flow, "--dry-run", "-i", "count=0")
    assert (bad.returncode, "division by zero" in bad.stderr) == (1, True)
    assert wingman("run", flow, "--dry-run", "-i", "count=x").returncode == 2
    assert wingman("run", "no-such-flow", "--dry-run").returncode == 2
    assert wingman("list", "--json", check=True).stdout == ""
    assert not (tmp_path / "mark").exists()


def test_a_dry_run_misses_a_flow_that_is_called_unless_it_is_beside_the_caller(
    wingman: Wingman, tmp_path: Path
) -> None:
    text = "name: caller\nrequires: {flows: [patch]}\nsteps: [{id: p, flow: {name: patch}}]\n"
    flow = write(tmp_path, text.replace("requires: {flows: [patch]}\n", ""))
    done = wingman("run", flow, "--dry-run")
    assert (done.returncode, "there is no flow named patch" in done.stderr) == (1, True)
    (tmp_path / "patch.yaml").write_text("steps: [{id: a, run: 'true'}]\n")
    assert wingman("run", flow, "--dry-run").returncode == 0
    assert wingman("run", write(tmp_path, text)).returncode == 0


def test_the_tests_of_a_file_run_without_an_engine(wingman: Wingman, tmp_path: Path) -> None:
    flow = write(tmp_path, FLOW.replace("MARK", str(tmp_path / "mark")))
    done = wingman("test", flow)
    assert done.returncode == 1
    assert done.stdout.splitlines() == [
        "ok      touchy: works",
        "FAILED  touchy: fails",
        "        step touch",
        "          - expected completed",
        "          + found    failed",
        "            exited with 3 (exit:3)",
    ]
    assert done.stderr == "2 tests, 1 failed\n"
    assert wingman("test", flow, "--name", "WORKS").returncode == 0
    assert wingman("test", flow, "--name", "none").returncode == 2
    found = [json.loads(line) for line in wingman("test", flow, "--json").stdout.splitlines()]
    assert [one["passed"] for one in found] == [True, False]
    assert not (tmp_path / "mark").exists()
    assert wingman("engine", "status").returncode == 6
    (tmp_path / "broken.yaml").write_text(FLOW + "  - {name: works}\n")
    assert wingman("test", tmp_path / "broken.yaml", flow).returncode == 2


def test_flows_are_tested_by_name(wingman: Wingman) -> None:
    done = wingman("test", "retry-demo", check=True)
    assert "ok      retry-demo: refused twice, then given" in done.stdout
    assert wingman("test", "nope").returncode == 2
