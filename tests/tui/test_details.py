"""What the console explains of one execution: why, timeline, values, definition, diff, journal."""

from __future__ import annotations

from datetime import UTC
from typing import Any

from tests.tui.conftest import OpenConsole
from tests.tui.fake_engine import FakeEngine
from wingman_tui import account
from wingman_tui.journal import event_lines
from wingman_tui.timeline import Bar, drawn, timeline_lines

WHY = {
    "subject": "nightly-backup#128",
    "state": "failed",
    "answer": "It failed because the step dump failed.",
    "causes": [
        {
            "subject": "nightly-backup#128/dump",
            "what": "exit 1: pg_dump could not reach the server db1, which answered nothing at all",
            "since": "2026-11-22T03:00:09.000000Z",
            "depth": 0,
            "lines": ["pg_dump: error: \x1b[31mconnection refused"],
        }
    ],
    "helps": [{"command": "wingman retry nightly-backup#128", "what": "run that step again"}],
}
TIMELINE = {
    "begin_us": 0,
    "end_us": 1_000_000,
    "usual_ms": 500,
    "critical": ["dump"],
    "bottleneck": "dump took 80 % of the time",
    "spans": [
        {"path": "dump", "begin_us": 0, "end_us": 800_000, "slack_us": 0},
        {"path": "list", "begin_us": 0, "end_us": 4_000, "slack_us": 500_000},
    ],
}
DIFF = {
    "from": "nightly-backup#127",
    "to": "nightly-backup#128",
    "state": ["completed", "failed"],
    "duration_ms": [9_000, 1_000],
    "definition": ["@@ -1 +1 @@", "-  run: true", "+  run: false"],
    "inputs": [{"name": "keep", "from": 7, "to": 3}],
    "outputs": [],
    "steps": [
        {
            "path": "dump",
            "state": ["completed", "failed"],
            "error": [None, {"type": "exit:1", "message": "exit 1"}],
            "log": {"line": 3, "from": "done", "to": None},
        },
        {"path": "new", "only_in": "to"},
    ],
}


def plain(lines: list[account.Line]) -> str:
    """The lines as text."""
    return "\n".join("".join(text for text, _ in line).rstrip() for line in lines)


def test_why_gives_the_answer_the_causes_and_what_helps() -> None:
    text = plain(account.why_lines(WHY, 60, UTC))
    assert text.startswith("It failed because the step dump failed.\n")
    assert "since 2026-11-22 03:00:09" in text
    assert "| pg_dump: error: " in text
    assert "\x1b" not in text
    assert "wingman retry nightly-backup#128" in text
    assert max(len(line) for line in text.split("\n")) <= 70


def test_a_timeline_shows_the_critical_path_and_the_slack_of_others() -> None:
    lines = timeline_lines(TIMELINE, 60, ascii_only=True)
    text = plain(lines)
    assert "took 1.0s, usually 500ms" in text
    assert "dump took 80 % of the time" in text
    dump, listed = text.split("\n")[-2:]
    assert dump.startswith("dump")
    assert dump.count("#") > 30
    assert "=...." in listed
    assert listed.endswith("4.0ms")


def test_a_bar_never_leaves_its_room() -> None:
    for begin, end in ((0, 0), (0, 10), (10, 10), (3, 9), (9, 10), (9, 99)):
        for room in (8, 9, 33):
            cells = "".join(text for text, _ in drawn([Bar(begin, end, "#", "text")], 0, 10, room))
            assert len(cells) == room
            assert "#" in cells


def test_each_attempt_is_told_with_all_its_tries() -> None:
    def run(path: str, begin: int, end: int, state: str, error: str | None = None) -> Any:
        return {"path": path, "begin_us": begin, "end_us": end, "state": state, "error": error}

    tried = {**TIMELINE["spans"][0], "state": "completed", "error": None,
             "tries": [run("dump", 0, 100_000, "failed", "exit:7")]}  # fmt: skip
    former = {
        "number": 1, "begin_us": 0, "end_us": 2_000_000, "state": "failed", "more": 3,
        "spans": [run("load\x1b", 0, 1_000_000, "completed"),
                  run("dump", 1_000_000, 1_200_000, "failed", "exit:1"),
                  run("dump", 1_800_000, 2_000_000, "failed", "timeout")],
    }  # fmt: skip
    found = {**TIMELINE, "attempt": 2, "state": "completed", "former": [former],
             "spans": [{**tried, "begin_us": 400_000, "end_us": 800_000}]}  # fmt: skip
    text = plain(timeline_lines(found, 80, ascii_only=True))
    assert "\x1b" not in text
    legend, present, before = text.partition("Attempt 2   completed after 1.0s")
    assert "xxx failed" in legend
    now, title, then = before.partition("Attempt 1   failed after 2.0s")
    assert title
    assert "x" in now.partition("#")[0], "the try that failed stands before the last one"
    rows = then.split("\n")[1:]
    assert "=====" in rows[0]
    assert rows[1].startswith("dump")
    assert rows[1].count("xx") >= 2
    assert rows[1].endswith("1.0s timeout")
    assert rows[2] == "and 3 more"
    assert present


def test_values_are_shown_in_full_and_long_ones_say_that_they_go_on() -> None:
    execution = {
        "inputs": {"name": "app", "hosts": ["a", "b"]},
        "outputs": {},
        "steps": [{"path": "dump", "outputs": {"text": "\n".join(map(str, range(40)))}}],
    }
    text = plain(account.values_lines(execution, 60))
    assert "  name = app" in text
    assert '  hosts = ["a", "b"]' in text, "in a line where it fits"
    assert "Outputs\n  none" in text
    assert "Outputs of dump" in text
    assert text.endswith("…")


def test_a_value_takes_as_many_lines_as_its_parts_need() -> None:
    numbers = plain(account.value_lines({"n": list(range(100))}, 60)).splitlines()
    assert numbers[0].startswith("  n = [0, 1, 2, 3")
    assert len(numbers) < 10
    nested = plain(account.value_lines({"n": [{"host": "x" * 30}, {"host": "y" * 30}]}, 60))
    assert "host" in nested.splitlines()[2], "parts that have parts: each in its line"


def test_a_difference_names_what_changed() -> None:
    text = plain(account.diff_lines(DIFF, 80))
    assert "nightly-backup#127 completed 9.0s -> nightly-backup#128 failed 1.0s" in text
    assert "+  run: false" in text
    assert "keep: 7 -> 3" in text
    assert "state completed -> failed" in text
    assert "exit 1 (exit:1)" in text
    assert "(no more lines)" in text
    assert "new  only in the newer one" in text
    same = {**DIFF, "definition": [], "inputs": [], "steps": []}
    assert "nothing else is different" in plain(account.diff_lines(same, 80))


def test_a_definition_tells_keys_from_comments() -> None:
    lines = account.definition_lines("name: a # why\nsteps:\n  - id: b\n# all\n", 76)
    assert plain(lines) == "1  name: a # why\n2  steps:\n3    - id: b\n4  # all"
    assert ("name:", "accent") in lines[0]
    assert (" # why", "muted") in lines[0]
    assert lines[3][-1] == ("# all", "muted")


def filled(engine: FakeEngine) -> dict[str, Any]:
    """The answers of an engine that explains."""
    engine.explained = {
        "why": WHY,
        "timeline": TIMELINE,
        "diff": DIFF,
        "definition": "name: nightly-backup\n",
        "replay": moment(3, "failed", "failed"),
        "events": {"events": [{
            "seq": 7, "at": "2026-11-22T03:00:09.000000Z", "type": "step.failed", "data": {"a": 1},
        }]},
    }  # fmt: skip
    return engine.explained


async def test_one_key_says_why_and_the_tab_key_goes_through_the_rest(
    engine: FakeEngine, open_console: OpenConsole
) -> None:
    filled(engine)
    async with open_console() as console:
        await console.press("e", "w")
        await console.sees("It failed because the step dump failed.")
        assert "Automation › Executions › nightly-backup#128 › Why" in console.text()
        await console.press("tab")
        await console.sees("critical path")
        await console.press("tab")
        await console.sees("database = app")
        await console.press("tab")
        await console.sees("name: nightly-backup")
        await console.press("equals_sign")
        await console.sees("keep: 7 -> 3")
        await console.press("J")
        await console.sees("step.failed")
        await console.press("tab")
        await console.sees("this was moment 3")
        await console.press("tab")
        await console.sees("It failed because the step dump failed.")
        await console.press("enter")
        await console.until(lambda: console.app.current_mode == "execution", "the execution")
        await console.press("escape")
        await console.until(lambda: console.app.current_mode == "details", "back")


async def test_what_is_explained_follows_a_live_execution(
    engine: FakeEngine, open_console: OpenConsole
) -> None:
    answers = filled(engine)
    async with open_console() as console:
        await console.press("w")
        await console.sees("It failed because")
        answers["why"] = {**WHY, "answer": "It waits for nothing."}
        id_ = console.app.reference
        engine.update(id_, progress={"ended": 1, "running": 1, "total": 3}, state="running")
        await console.sees("It waits for nothing.")


async def test_a_failed_request_shows_what_its_server_answers_now(
    engine: FakeEngine, open_console: OpenConsole
) -> None:
    """First the answer; then, once, with the probe."""
    answers = filled(engine)
    now = {"subject": "now", "what": "store:443 does not answer as it should", "since": None,
           "depth": 1, "lines": ["TCP  FAILS     2.1 ms  10.0.0.7 port 443: refused"]}  # fmt: skip
    answers["why"] = {**WHY, "probe": "dump"}
    answers["why?probe=true"] = {**WHY, "causes": [*WHY["causes"], now], "probe": "dump"}
    async with open_console() as console:
        await console.press("e", "w")
        await console.sees("TCP  FAILS")
        await console.pilot.resize_terminal(100, 30)
        await console.sees("TCP  FAILS")
        await console.press("tab")
        await console.sees("critical path")
        await console.press("w")
        await console.sees("TCP  FAILS")
    assert engine.asked.count("why?probe=true") == 1


def moment(seq: int, state: str, step_state: str) -> dict[str, Any]:
    """A replayed moment of three."""
    one = {"path": "dump", "state": step_state, "attempts": 1, "outputs": {"size": seq * 100}}
    return {
        "seq": seq, "at": "2026-11-22T03:00:09.000000Z", "since_start_ms": seq * 1000, "type": "t",
        "text": f"this was moment {seq}", "index": seq, "count": 3, "first": 1,
        "previous": seq - 1 or None, "next": seq + 1 if seq < 3 else None, "last": 3,
        "execution": {"state": state, "steps": [one], "outputs": {}},
        "pools": [{"name": "db", "used": seq, "waiters": [],
                   "holders": [{"flow": "other", "number": 3, "step": "load", "slots": seq}]}],
    }  # fmt: skip


async def test_the_replay_goes_from_moment_to_moment(
    engine: FakeEngine, open_console: OpenConsole
) -> None:
    answers = filled(engine)
    answers["replay"] = answers["replay?at=3"] = moment(3, "failed", "failed")
    answers["replay?at=2"] = moment(2, "running", "running")
    answers["replay?at=1"] = moment(1, "queued", "pending")
    async with open_console() as console:
        await console.press("e", "w", "comma")
        await console.sees("this was moment 3")
        await console.press("comma")
        await console.sees("this was moment 2")
        assert "2 of 3" in console.text()
        assert "Pool db  2 slots taken" in console.text()
        assert "holds 2  other#3 load" in console.text()
        assert "size = 200" in console.text()
        await console.press("less_than_sign")
        await console.sees("this was moment 1")
        await console.press("comma")  # there is nothing before
        await console.press("full_stop")
        await console.sees("this was moment 2")
        await console.press("greater_than_sign")
        await console.sees("this was moment 3")


async def test_a_part_that_the_engine_refuses_leaves_the_reason(
    engine: FakeEngine, open_console: OpenConsole
) -> None:
    filled(engine)
    engine.refusals["/diff"] = (
        409,
        {"code": "conflict", "message": "there is no good one before it", "hint": ""},
    )
    async with open_console() as console:
        await console.press("e", "equals_sign")
        await console.sees("there is no good one before it")


def test_what_is_longer_than_the_screen_goes_on_below_moved_in() -> None:
    row = "    description: " + "word " * 30
    lines = account.definition_lines(f"name: a\n{row}\n", 40)
    text = plain(lines)
    assert all(len(line) <= 40 for line in text.splitlines())
    assert text.count("word") == 30
    assert all(line.startswith(" " * 8) for line in text.splitlines()[2:])


def test_the_journal_names_the_day_once_and_folds_what_an_event_holds() -> None:
    events = [
        {"seq": 9, "at": "2026-11-22T23:59:59.000000Z", "type": "attempt.starting",
         "data": {"step": "dump", "number": 1, "pools": {"db": 1}}},
        {"seq": 10, "at": "2026-11-23T00:00:01.000000Z", "type": "attempt.ended",
         "data": {"step": "dump", "text": "long " * 30 + "end"}},
    ]  # fmt: skip
    lines = plain(event_lines(events, 60, UTC)).splitlines()
    sealed = {"seq": 1, "at": "2026-11-22T23:59:59Z", "type": "execution.queued",
              "data": {"version": "ab" * 32, "inputs": {"token": {"$sealed": "wm1:xyz"}}}}
    text = plain(event_lines([sealed], 200, UTC))
    assert 'version=abababababab…  inputs={"token": "(sealed)"}' in text
    large = {"seq": 2, "at": "2026-11-22T23:59:59Z", "type": "attempt.ended",
             "data": {"end": {"outputs": {"a": "x" * 1_000_000}}, "text": "y" * 5_000}}  # fmt: skip
    assert "x… (1,000,000 characters)" in plain(event_lines([large], 2_000, UTC))
    assert len(event_lines([large], 100, UTC)) < 15, "it does not push the rest away"
    assert lines[0] == "2026-11-22"
    assert lines[1].startswith(" 9  23:59:59  attempt.starting  step=dump  number=1")
    assert "2026-11-23" in lines
    assert max(len(line) for line in lines) <= 60
    assert lines[-1].endswith("end")


def test_the_commands_that_help_stand_in_columns_where_they_fit() -> None:
    helps = [{"command": "wingman retry a#1", "what": "once more"},
             {"command": "wingman logs a#1 --step load", "what": "what it printed"}]  # fmt: skip
    found = {"answer": "it failed", "causes": [], "helps": helps}
    wide = plain(account.why_lines(found, 70)).splitlines()
    assert wide[-2].index("wingman") == wide[-1].index("wingman")
    narrow = plain(account.why_lines(found, 30)).splitlines()
    assert narrow[-1].strip() == "wingman logs a#1 --step load"


def test_what_helps_names_the_keys_that_do_it_here() -> None:
    helps = [{"command": "wingman retry a#1", "what": "once more"},
             {"command": "wingman retry other#7", "what": "once more, what it calls"}]  # fmt: skip
    found = {"subject": "a#1 load", "answer": "it failed", "causes": [], "helps": helps}
    keys = {"retry": ("R", "retry")}
    own, other, command = plain(account.why_lines(found, 40, keys=keys)).splitlines()[-3:]
    assert own.split() == ["R", "retry", "once", "more"], "a key is told with its name"
    assert other.strip() == "once more, what it calls"
    assert other.index("once") == own.index("once")
    assert command.strip() == "wingman retry other#7"
