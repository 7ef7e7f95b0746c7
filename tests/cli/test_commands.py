"""Every command against a real engine, as a script would use it."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from engine.wire import EXECUTION_KEYS, STEP_KEYS, LogLine
from tests.cli.flowtext import FAIL, GATE, PARTIAL, TALK, TRUE, write
from tests.conftest import Wingman


def json_of(done: subprocess.CompletedProcess[str]) -> Any:
    assert done.stdout.count("\n") == 1, (done.stdout, done.stderr)
    return json.loads(done.stdout)


# ── run ───────────────────────────────────────────────────────────────────────────────────────


def test_run_prints_the_log_on_stdout_and_the_rest_on_stderr(
    wingman: Wingman, tmp_path: Path
) -> None:
    done = wingman("run", write(tmp_path, TALK), "-i", "who=Zoë", "-i", "times=2")
    assert done.returncode == 0
    assert sorted(done.stdout.splitlines()) == [
        "ERROR only in words", "WARNING nearly full", "hello Zoë", "hello Zoë",
    ]  # fmt: skip
    assert done.stderr.startswith("started talk#1, id ")
    assert "completed  talk#1 after" in done.stderr


def test_run_json_is_one_line_with_the_keys_in_order(wingman: Wingman, tmp_path: Path) -> None:
    done = wingman("run", write(tmp_path, TALK), "--json", "-i", "times=3")
    result = json_of(done)
    assert tuple(result) == EXECUTION_KEYS
    assert [tuple(step) for step in result["steps"]] == [STEP_KEYS, STEP_KEYS]
    assert (result["flow"], result["number"], result["state"]) == ("talk", 1, "completed")
    assert (result["inputs"], result["outputs"]) == ({"who": "you", "times": 3}, {"count": 3})
    assert (result["type"], result["tags"], result["error"]) == ("demo", ["one", "two"], None)
    assert done.stderr == ""
    shown = json_of(wingman("show", "talk#1", "--json"))
    assert {**shown, "warnings": 0} == {**result, "warnings": 0}


@pytest.mark.parametrize(
    ("text", "code", "state"),
    [(FAIL, 1, "failed"), (PARTIAL, 4, "partial"), (TRUE, 0, "completed")],
)
def test_the_exit_code_tells_the_outcome(
    wingman: Wingman, tmp_path: Path, text: str, code: int, state: str
) -> None:
    done = wingman("run", write(tmp_path, text), "--json")
    assert (done.returncode, json_of(done)["state"]) == (code, state)


def test_a_failure_names_the_step_and_the_commands_that_help(
    wingman: Wingman, tmp_path: Path
) -> None:
    done = wingman("run", write(tmp_path, FAIL))
    assert done.returncode == 1
    assert "step bad: " in done.stderr
    assert "(exit:7)" in done.stderr
    assert "wingman logs fail#1 --step bad" in done.stderr
    assert "wingman retry fail#1" in done.stderr


def test_what_cannot_start_is_exit_2_with_every_problem(wingman: Wingman, tmp_path: Path) -> None:
    path = tmp_path / "wrong.yaml"
    path.write_text("name: wrong\nsteps:\n  - {id: a, rum: x}\n  - {id: b, run: x, needs: [c]}\n")
    done = wingman("run", path)
    assert (done.returncode, done.stdout) == (2, "")
    assert f"{path}:3:" in done.stderr
    assert f"{path}:4:" in done.stderr


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["run", "no-such-flow"], "no flow named no-such-flow"),
        (["run", "./missing.yaml"], "cannot read ./missing.yaml"),
        (["run", "FILE", "-i", "times=many"], "times"),
        (["run", "FILE", "-i", "tines=3"], "tines"),
        (["run", "FILE", "-i", "=3"], "the name is missing"),
        (["run", "FILE", "--inputs-file", "/missing"], "/missing"),
        (["show", "talk#99"], "talk#99"),
        (["logs", "@last"], "@last"),
        (["cancel", "nothing#1"], "nothing#1"),
        (["debug", "talk", "maybe"], "maybe"),
    ],
)
def test_bad_usage_is_exit_2(
    wingman: Wingman, tmp_path: Path, words: list[str], message: str
) -> None:
    path = write(tmp_path, TALK)
    done = wingman(*[str(path) if word == "FILE" else word for word in words])
    assert (done.returncode, done.stdout) == (2, "")
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_detach_returns_at_once_and_holds_no_pipe(wingman: Wingman, tmp_path: Path) -> None:
    gate = tmp_path / "gate.open"
    command = " ".join(wingman.words("run", "--detach", write(tmp_path, GATE)))
    script = f'x=$({command} -i gate={gate}); echo "got $x"'
    done = subprocess.run(
        ["bash", "-c", script],
        env=wingman.environment, capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    assert done.stdout == "got gate#1\n"
    gate.touch()
    assert json_of(wingman("rerun", "gate#1", "--json"))["rerun_of"]


def test_detach_json_and_idempotency_key(wingman: Wingman, tmp_path: Path) -> None:
    path = write(tmp_path, TRUE)
    words = ("run", path, "--detach", "--json", "--idempotency-key", "once")
    first, second = json_of(wingman(*words)), json_of(wingman(*words))
    assert tuple(first) == ("id", "flow", "number", "state")
    assert first["id"] == second["id"]
    other = json_of(wingman("run", path, "--detach", "--json"))
    assert other["number"] == 2


# ── looking ───────────────────────────────────────────────────────────────────────────────────


def test_list_filters_and_prints_a_table_or_json(wingman: Wingman, tmp_path: Path) -> None:
    assert wingman("list").stdout == ""
    wingman("run", write(tmp_path, TALK))
    wingman("run", write(tmp_path, FAIL))
    lines = wingman("list", check=True).stdout.splitlines()
    assert lines[0].split()[:5] == ["STATE", "EXECUTION", "STARTED", "TOOK", "TRIGGER"]
    assert ["failed" in lines[1], "fail#1" in lines[1], "talk#1" in lines[2]] == [True] * 3
    assert not any("\x1b" in line for line in lines)
    rows = [json.loads(each) for each in wingman("list", "--json").stdout.splitlines()]
    assert [row["flow"] for row in rows] == ["fail", "talk"]
    assert tuple(rows[0]) == EXECUTION_KEYS[:-1]
    failed = wingman("list", "--json", "--state", "failed,partial", "--since", "1h").stdout
    assert [json.loads(each)["flow"] for each in failed.splitlines()] == ["fail"]
    typed = wingman("list", "--json", "--type", "demo", "--flow", "talk").stdout
    assert len(typed.splitlines()) == 1
    assert wingman("list", "--limit", "1").stdout.count("\n") == 2
    assert "bad: broken (exited with 7)" in lines[1], "the step's own words, and how it ended"


def test_references(wingman: Wingman, tmp_path: Path) -> None:
    wingman("run", write(tmp_path, FAIL))
    talk = json_of(wingman("run", write(tmp_path, TALK), "--json"))
    references = ("talk#1", "talk@last", "@last", talk["id"], talk["id"][-8:], talk["id"][:30])
    found = {json_of(wingman("show", each, "--json"))["id"] for each in references}
    assert found == {talk["id"]}
    assert json_of(wingman("show", "fail@last-failed", "--json"))["flow"] == "fail"


def test_show_tells_the_error_before_the_steps(wingman: Wingman, tmp_path: Path) -> None:
    wingman("run", write(tmp_path, FAIL), "--detach")
    wingman("logs", "-f", "@last")
    text = wingman("show", "@last", check=True).stdout
    assert text.index("error step bad: ") < text.index("4 steps, 2 completed")
    assert "exit code 7" in text
    assert "skipped" in text
    assert "wingman retry fail#1" in text
    assert wingman("show", "@last", "--definition").stdout == FAIL


def test_a_path_of_another_encoding_is_refused_before_anything_starts(
    wingman: Wingman, tmp_path: Path
) -> None:
    folder = tmp_path / os.fsdecode(b"latin-\xe9")
    folder.mkdir()
    found = wingman("run", write(folder, TALK))
    assert found.returncode == 2
    assert "is no UTF-8 text" in found.stderr
    assert "rename the file or its folder" in found.stderr
    assert not wingman("list", "--json", check=True).stdout


def test_logs_are_the_bytes_that_were_printed(wingman: Wingman, tmp_path: Path) -> None:
    flow = "name: raw\nsteps:\n  - {id: a, run: \"printf 'a\\\\0\\\\377\\\\033[2Jb\\\\r\\\\n'\"}\n"
    wingman("run", write(tmp_path, flow), check=True)
    expected = b"a\0\xff\x1b[2Jb\r\n"
    assert wingman("logs", "@last").stdout.encode("utf-8", "surrogateescape") in (
        expected, expected.replace(b"\r\n", b"\n"),  # text mode of the test
    )  # fmt: skip
    wingman("logs", "@last", "-o", tmp_path / "out.log", check=True)
    assert (tmp_path / "out.log").read_bytes() == expected


def test_logs_filter_by_step_level_and_pattern(wingman: Wingman, tmp_path: Path) -> None:
    wingman("run", write(tmp_path, TALK), "-i", "times=2", check=True)
    assert wingman("logs", "@last", "--step", "after").stdout == "ERROR only in words\n"
    assert wingman("logs", "@last", "--level", "error").stdout == "ERROR only in words\n"
    warnings = wingman("logs", "@last", "--level", "warning").stdout.splitlines()
    assert sorted(warnings) == ["ERROR only in words", "WARNING nearly full"]
    assert wingman("logs", "@last", "--grep", "^hel+o").stdout == "hello you\n" * 2
    assert wingman("logs", "@last", "--stream", "stderr").stdout == "WARNING nearly full\n"
    assert "talk#1" in wingman("logs", "@last", "--engine").stdout


def test_logs_are_objects_for_scripts(wingman: Wingman, tmp_path: Path) -> None:
    wingman("run", write(tmp_path, TALK), check=True)
    for words in ([], ["-f"]):
        done = wingman("logs", "@last", "--json", *words, check=True)
        lines = [json.loads(line) for line in done.stdout.splitlines()]
        assert sorted(line["text"] for line in lines) == [
            "ERROR only in words", "WARNING nearly full", "hello you",
        ]  # fmt: skip
        assert all(tuple(line) == tuple(LogLine.__annotations__) for line in lines)
        assert {(line["step"], line["stream"], line["level"]) for line in lines} == {
            ("greet", "stdout", "info"), ("greet", "stderr", "warning"),
            ("after", "stdout", "error"),
        }  # fmt: skip
    done = wingman("logs", "@last", "--json", "--engine", "--step", "after", check=True)
    told = [json.loads(line) for line in done.stdout.splitlines()]
    assert [line["stream"] for line in told].count("stdout") == 1
    assert ("engine", "after: attempt 1 starts") in [(x["stream"], x["text"]) for x in told]
    assert all(tuple(line) == tuple(LogLine.__annotations__) for line in told)


def test_flows_lists_and_explains(wingman: Wingman) -> None:
    write(wingman.home.flows, TALK)
    (wingman.home.flows / "broken.yaml").write_text("steps: 3\n")
    names = [json.loads(x)["name"] for x in wingman("flows", "--json").stdout.splitlines()]
    assert {"talk", "broken", "practice-failure"} <= set(names)
    standard = wingman("flows", "--standard").stdout
    assert "practice-failure" in standard
    assert "talk" not in standard
    table = wingman("flows")
    assert "Prints, warns and counts" in table.stdout
    assert "broken cannot start: " in table.stderr
    one = wingman("flows", "talk", check=True).stdout
    assert "times: integer, default 1" in one
    assert "minimum 1" in one
    assert wingman("flows", "talk", "--definition").stdout == TALK
    assert wingman("run", "talk").returncode == 0


# ── acting ────────────────────────────────────────────────────────────────────────────────────


def test_cancel_ends_as_cancelled_with_exit_3(wingman: Wingman, tmp_path: Path) -> None:
    wingman("run", write(tmp_path, GATE), "-i", f"gate={tmp_path}/never", "--detach", check=True)
    done = wingman("cancel", "gate#1", "--reason", "enough", "--wait", "--json")
    assert json_of(done)["state"] == "cancelled"
    assert wingman("cancel", "gate#1").returncode == 1  # a conflict: it has ended
    both = wingman("kill", "gate#1", "gate#2")
    assert both.returncode in (1, 2)
    assert both.stderr.count("wingman: gate#") == 2


def test_retry_runs_what_failed_again(wingman: Wingman, tmp_path: Path) -> None:
    mark = tmp_path / "mended"
    flow = f"name: mend\nsteps:\n  - {{id: a, run: echo a}}\n  - {{id: b, run: test -e {mark}}}\n"
    assert wingman("run", write(tmp_path, flow)).returncode == 1
    mark.touch()
    result = json_of(wingman("retry", "mend@last-failed", "--json"))
    assert (result["state"], result["attempt"], result["number"]) == ("completed", 2, 1)
    assert [step["attempts"] for step in result["steps"]] == [1, 2]


def test_rerun_takes_other_inputs(wingman: Wingman, tmp_path: Path) -> None:
    first = json_of(wingman("run", write(tmp_path, TALK), "-i", "times=2", "--json"))
    again = json_of(wingman("rerun", "@last", "-i", "who=them", "--json"))
    assert (again["rerun_of"], again["number"]) == (first["id"], 2)
    assert again["inputs"] == {"who": "them", "times": 2}


def test_pause_holds_the_next_step_until_continue(wingman: Wingman, tmp_path: Path) -> None:
    gate = tmp_path / "gate.open"
    flow = GATE + "  - {id: last, run: echo last}\n"
    wingman("run", write(tmp_path, flow), "-i", f"gate={gate}", "--detach", check=True)
    follower = wingman.start("logs", "-f", "gate#1")
    assert json_of(wingman("pause", "gate#1", "--json"))["state"] == "paused"
    gate.touch()
    wingman("continue", "gate#1", check=True)
    out, _ = follower.communicate(timeout=60)
    assert out.splitlines()[-2:] == [b"through", b"last"]


def test_debug_mode_is_a_switch_of_the_flow(wingman: Wingman) -> None:
    write(wingman.home.flows, TALK)
    assert "talk: once" in wingman("debug", "talk", "once", check=True).stdout
    assert json_of(wingman("run", "talk", "--json"))["debug"] is True
    assert json_of(wingman("run", "talk", "--json"))["debug"] is False
    assert json_of(wingman("run", "talk", "--debug", "--json"))["debug"] is True
    wingman("debug", "talk", "on", check=True)
    assert "DEBUG" in wingman("flows").stdout
    wingman("debug", "talk", "off", check=True)
    assert "DEBUG" not in wingman("flows").stdout


# ── files, machine ────────────────────────────────────────────────────────────────────────────


def test_validate_needs_no_engine(wingman: Wingman, tmp_path: Path) -> None:
    good = write(tmp_path, TALK)
    bad = tmp_path / "bad.yaml"
    bad.write_text("name: bad\nsteps:\n  - {id: a, rum: x}\n")
    done = wingman("validate", good, bad, "/missing.yaml")
    assert done.returncode == 2
    assert done.stdout.splitlines()[0].startswith(f"{bad}:3:")
    assert "cannot be read" in done.stdout
    found = json_of(wingman("validate", bad, "--json"))
    assert found["problems"][0]["line"] == 3
    assert wingman("validate", "-", input=TALK).returncode == 0
    assert not wingman.home.socket.exists()


def test_schema_is_json(wingman: Wingman) -> None:
    schema = json.loads(wingman("schema", check=True).stdout)
    assert "steps" in schema["properties"]


def test_doctor_finds_what_others_could_read(wingman: Wingman) -> None:
    found = {x["name"]: x for x in map(json.loads, wingman("doctor", "--json").stdout.splitlines())}
    assert {"python", "sqlite", "home", "disk", "engine", "containment"} <= set(found)
    assert not [each for each in found.values() if each["verdict"] == "fail"], found
    os.chmod(wingman.home.data, 0o755)
    wingman.home.key_file.write_bytes(b"secret")
    os.chmod(wingman.home.key_file, 0o644)
    done = wingman("doctor")
    assert done.returncode == 1
    assert f"chmod 700 {wingman.home.data}" in done.stdout
    assert f"chmod 600 {wingman.home.key_file}" in done.stdout


def test_completion_knows_every_command(wingman: Wingman, tmp_path: Path) -> None:
    script = wingman("completion", "bash", check=True).stdout
    asked = 'COMP_WORDS=(wingman list --st); COMP_CWORD=2; _wingman; echo "${COMPREPLY[@]}"'
    done = subprocess.run(
        ["bash", "-c", f"{script}\n{asked}"], capture_output=True, text=True, check=True
    )
    assert done.stdout == "--state\n"


def test_a_reader_that_leaves_is_no_error(wingman: Wingman, tmp_path: Path) -> None:
    wingman("run", write(tmp_path, TALK), "-i", "times=20000", "--detach", check=True)
    wingman("logs", "-f", "@last", check=True)
    command = " ".join(wingman.words("logs", "@last"))
    done = subprocess.run(
        ["bash", "-c", f"{command} | head -1; echo ${{PIPESTATUS[0]}}"],
        env=wingman.environment, capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    assert done.stdout == "hello you\n141\n"
    assert done.stderr == ""


def test_hostile_text_in_names_and_errors_stays_text(wingman: Wingman, tmp_path: Path) -> None:
    done = wingman("run", "no\x1b]0;owned\x07such", "-i", "a=\x1b[2J")
    assert done.returncode == 2
    assert "\x1b" not in done.stderr
    wingman("run", write(tmp_path, TALK), "-i", "who=\x1b[2J\u202eevil", check=True)
    assert "\\x1b[2J\\u202eevil" in wingman("show", "@last").stdout
