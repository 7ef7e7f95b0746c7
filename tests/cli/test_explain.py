"""`wingman why` and `wingman diff`, against a real engine."""

from __future__ import annotations

import json
from pathlib import Path

from tests.cli.flowtext import FAIL, GATE, TALK, write
from tests.conftest import Wingman


def test_why_tells_the_failing_step_its_last_lines_and_what_helps(
    wingman: Wingman, tmp_path: Path
) -> None:
    assert wingman("run", write(tmp_path, FAIL)).returncode == 1
    said = wingman("why", "fail@last-failed", check=True).stdout.splitlines()
    assert said[0] == "fail#1: step bad: exited with 7 (exit:7)"
    assert "    | broken" in said
    assert any(line.startswith("wingman retry fail#1") for line in said)
    found = json.loads(wingman("why", "fail#1", "--json", check=True).stdout)
    assert found["causes"][0]["subject"] == "bad"
    assert wingman("run", write(tmp_path, FAIL)).returncode == 1
    again = wingman("why", "@last", check=True).stdout
    assert "the same error ended 1 of the 1 executions before: fail#1" in again
    step = wingman("why", "@last", "--step", "never", check=True).stdout
    assert "never was skipped: bad failed" in step
    assert "exited with 7" in step


def test_why_tells_what_is_waited_for(wingman: Wingman, tmp_path: Path) -> None:
    gate = tmp_path / "open"
    flow = write(tmp_path, GATE + "  - {id: last, run: 'true'}\n")
    wingman("run", flow, "-i", f"gate={gate}", "--detach", check=True)
    said = wingman("why", "gate#1", "--step", "last", check=True).stdout
    while "wait  runs" not in said:
        said = wingman("why", "gate#1", "--step", "last", check=True).stdout
    wingman("pause", "gate#1", check=True)
    said = wingman("why", "gate#1", check=True).stdout
    assert "It is paused by " in said
    assert "wingman continue gate#1" in said
    wingman("continue", "gate#1", check=True)
    gate.touch()


def test_why_of_a_flow_and_of_nothing(wingman: Wingman, tmp_path: Path) -> None:
    said = wingman("why", "disk-pressure", check=True).stdout
    assert said.startswith("disk-pressure: disk-pressure can start")
    nothing = wingman("why", "no-such-thing")
    assert (nothing.returncode, "no execution and no flow" in nothing.stderr) == (2, True)
    wingman.home.flows.mkdir(exist_ok=True)
    (wingman.home.flows / "broken.yaml").write_text("name: broken\nsteps: [{id: a, rn: x}]\n")
    broken = wingman("why", "broken", check=True).stdout
    assert "cannot start" in broken
    assert "broken.yaml:2:" in broken
    (wingman.home.flows / "broken.yaml").write_text(
        "name: broken\ntriggers: [{every: 1h}]\nsteps: [{id: a, run: x, pools: {db: 1}}]\n"
    )
    wingman("engine", "stop", "--all", check=True)  # the next one has looked at no file yet
    hindered = wingman("why", "broken", check=True).stdout
    assert "cannot start: there is no pool `db`" in hindered
    assert "every 1h: next at" in hindered
    assert wingman("why", "disk-pressure#9").returncode == 2


def test_diff_tells_inputs_outputs_steps_and_the_first_other_line(
    wingman: Wingman, tmp_path: Path
) -> None:
    flow = write(tmp_path, TALK)
    assert wingman("diff", "@last").returncode == 2
    wingman("run", flow, check=True)
    alone = wingman("diff", "@last")
    assert (alone.returncode, "no execution of talk before #1" in alone.stderr) == (2, True)
    wingman("run", flow, "-i", "times=2", "-i", "who=\x1b[31mme", check=True)
    said = wingman("diff", "talk#2", check=True).stdout
    assert said.startswith("talk#1 completed -> talk#2 completed")
    assert "  times: 1 -> 2" in said
    assert "  count: 1 -> 2" in said
    assert "log, line 1:" in said
    assert "  - hello you" in said
    assert "\x1b" not in said
    found = json.loads(wingman("diff", "talk#1", "talk#2", "--json", check=True).stdout)
    assert (found["from"], found["to"]) == ("talk#2", "talk#1")
    wingman("run", flow, check=True)
    same = wingman("diff", "talk#3", "talk#1", check=True).stdout
    assert "nothing else is different" in same


def test_a_secret_stays_hidden_in_why_and_diff(wingman: Wingman, tmp_path: Path) -> None:
    text = (
        "name: hush\ninputs: {token: {type: string, sensitive: true}}\n"
        "steps:\n  - {id: a, run: 'echo $token; exit 3'}\n"
    )
    flow = write(tmp_path, text)
    for value in ("canary-one-1", "canary-two-2"):
        assert wingman("run", flow, "-i", f"token={value}").returncode == 1
    said = wingman("why", "hush@last").stdout + wingman("diff", "hush#2", "hush#1").stdout
    assert "exited with 3" in said
    assert "canary" not in said


def test_why_of_a_failure_shows_the_runbook(wingman: Wingman, tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    book = tmp_path / "docs" / "fix.md"
    book.write_text("1. look at the \x1b[2Jdisk\n2. call \xfcber\n", "latin-1")
    flow = write(tmp_path, f"{FAIL}runbook: docs/fix.md\n")
    assert wingman("run", flow).returncode == 1
    said = wingman("why", "@last", check=True).stdout
    assert f"runbook  from {book}" in said
    assert "| 1. look at the " in said
    assert "\x1b" not in said
    book.write_text("\n".join(f"line {n}" for n in range(100)))
    said = wingman("why", "@last", "--step", "bad", check=True).stdout
    assert f"… 60 more lines in {book}" in said
    flow.write_text(f"{FAIL}runbook: |\n  Ask the one on duty.\n  Then retry.\n")
    assert wingman("run", flow).returncode == 1
    assert "| Ask the one on duty." in wingman("why", "@last", check=True).stdout
    flow.write_text(f"{FAIL}runbook: /dev/zero\n")
    assert wingman("run", flow).returncode == 1
    assert "| /dev/zero" in wingman("why", "@last", check=True).stdout


def test_a_timeline_tells_each_attempt_with_what_it_tried(
    wingman: Wingman, tmp_path: Path
) -> None:
    mark = tmp_path / "mended"
    flow = (
        "name: mend\nsteps:\n  - {id: a, run: echo a}\n"
        f"  - {{id: b, run: test -e {mark}, retry: {{max_attempts: 2, delay: 10ms}}}}\n"
    )
    assert wingman("run", write(tmp_path, flow)).returncode == 1
    mark.touch()
    wingman("retry", "mend#1", check=True)
    said = wingman("timeline", "mend@last", check=True).stdout.splitlines()
    assert said[0].startswith("took ")
    assert max(map(len, said)) <= 80
    titles = [n for n, line in enumerate(said) if line.startswith("attempt ")]
    assert [said[n].split()[1:4] for n in titles] == [["2", "✓", "completed"], ["1", "✗", "failed"]]
    before = said[titles[1] + 1 :]
    assert [line.split()[0] for line in before] == ["a", "b"], "b once, with both of its tries"
    assert before[1].endswith(" exit:1")
    found = json.loads(wingman("timeline", "mend#1", "--json", check=True).stdout)
    assert [span["path"] for span in found["spans"]] == ["b"], "a ran in the first attempt"
    assert [span["state"] for span in found["former"][0]["spans"]] == [
        "completed", "failed", "failed",
    ]  # fmt: skip
