"""The `:` line and what is copied: verbs, names, completion, lines that come back, the clipboard."""

from __future__ import annotations

import base64
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tui.conftest import OpenConsole
from tests.tui.fake_engine import FakeEngine
from tests.tui.rows import execution, step
from wingman_tui import clipboard
from wingman_tui.keymap import ACTIONS
from wingman_tui.past_lines import LIMIT_LINES, PastLines
from wingman_tui.screens.run_form import RunForm
from wingman_tui.typed import Known, Typed, TypedError, complete, parse, verbs
from wingman_tui.widgets.step_tree import StepTree

INPUTS = {
    "backup": [
        {"name": "keep", "type": "integer", "default": 7},
        {"name": "mode", "type": "string", "schema": {"enum": ["full", "by day"]}},
        {"name": "kind", "type": "boolean"},
        {"name": "key", "type": "string", "sensitive": True},
    ]
}
KNOWN = Known(
    actions=[a for a in ACTIONS if a.scope in ("executions", "global")],
    executions=["backup#12", "ingest#3"],
    flows=["backup", "ingest"],
    types=["maintenance"],
    themes=["dark", "light"],
    modes={"flows": "flows", "help": "help"},
    inputs=lambda flow: INPUTS.get(flow, ()),
    steps=["dump", "checks/disk", "checks/memory"],
)


@pytest.mark.parametrize(
    ("line", "meaning"),
    [
        ("retry backup#12", Typed("retry", "backup#12")),
        ("retry", Typed("retry")),
        ("backup#12", Typed("open", "backup#12")),
        ("@last", Typed("open", "@last")),
        ("filter state:failed flow:etl", Typed("filter", rest="state:failed flow:etl")),
        ("filter", Typed("filter")),
        ("run backup", Typed("run", "backup")),
        ("run backup keep=7 -i mode='by day'",
         Typed("run", "backup", inputs={"keep": "7", "mode": "by day"})),
        ("debug backup once", Typed("debug", "backup", "once")),
        ("theme light", Typed("theme", "light")),
        ("step disk", Typed("step", "disk")),
        ("flows", Typed("go", "flows")),
        ("q", Typed(action=next(a for a in ACTIONS if a.id == "global.leave"))),
        ("journal ingest#3", Typed("journal", "ingest#3")),
    ],
)
def test_a_line_means_one_thing(line: str, meaning: Typed) -> None:
    assert parse(line, KNOWN) == meaning


SEVERAL = replace(
    KNOWN, executions=["prod:backup#12", "local:backup#3"], servers=("prod", "local")
)


@pytest.mark.parametrize(
    ("line", "meaning"),
    [
        ("retry prod:backup#12", Typed("retry", "backup#12", server="prod")),
        ("local:@last", Typed("open", "@last", server="local")),
        ("run prod:backup", Typed("run", "backup", server="prod")),
        ("debug prod:backup once", Typed("debug", "backup", "once", server="prod")),
        ("cancel backup#12", Typed("cancel", "backup#12")),
        ("kill prod:backup#12 wrong host", Typed("kill", "backup#12", "wrong host", server="prod")),
    ],
)
def test_of_several_servers_a_name_can_say_which(line: str, meaning: Typed) -> None:
    assert parse(line, SEVERAL) == meaning


def test_what_a_name_of_several_servers_can_become() -> None:
    assert complete("retry ba", SEVERAL) == ["prod:backup#12", "local:backup#3"]
    assert complete("retry lo", SEVERAL) == ["local:backup#3"]
    for line, words in (
        ("retry prd:backup#12", "did you mean prod?"),
        ("cancel prod:", "name it"),
        ("run prod:", "name it"),
        ("why backup#12 backup#3", "nothing behind it"),
    ):
        with pytest.raises(TypedError, match=words.replace("?", r"\?")):
            parse(line, SEVERAL)
    assert parse("retry x:y", KNOWN) == Typed("retry", "x:y"), "one server has no such names"


@pytest.mark.parametrize("line", ["next_error", "next failure", "executions.next_error"])
def test_every_action_has_its_name(line: str) -> None:
    found = parse(line, KNOWN).action
    assert found is not None
    assert found.id == "executions.next_error"


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("retyr backup#12", "did you mean retry?"),
        ("theme drak", "did you mean dark?"),
        ("run", "run what?"),
        ("run backup keep", "name=value"),
        ("step", "step what?"),
        ("step nowhere", "no step has nowhere in its path"),
        ("run backup mode='by", "quotation mark"),
        ("debug backup perhaps", "on, once or off"),
        ("xyzzy", "Tab offers what there is"),
    ],
)
def test_what_means_nothing_names_what_is_near(line: str, words: str) -> None:
    with pytest.raises(TypedError) as raised:
        parse(line, KNOWN)
    assert words in str(raised.value)


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("ret", ["retry"]),
        ("retry b", ["backup#12"]),
        ("run ", ["backup", "ingest"]),
        ("run backup k", ["keep=", "kind="]),
        ("run backup keep=7 k", ["kind="]),
        ("run backup keep=", ["keep=7"]),
        ("run backup mode=", ["mode=full", "mode='by day'"]),
        ("run backup kind=t", ["kind=true"]),
        ("run nowhere k", []),
        ("step ", ["dump", "checks/disk", "checks/memory"]),
        ("step mem", ["checks/memory"]),
        ("debug backup o", ["on", "once", "off"]),
        ("theme l", ["light"]),
        ("filter state:fa", ["state:failed"]),
        ("filter sa", ["save"]),
        ("filter flow:in", ["flow:ingest"]),
    ],
)
def test_tab_offers_what_fits(line: str, offered: list[str]) -> None:
    assert complete(line, KNOWN) == offered


@given(st.text())
def test_any_line_is_understood_or_refused(line: str) -> None:
    complete(line, KNOWN)
    try:
        found = parse(line, KNOWN)
    except TypedError:
        return
    assert found.action is not None or found.verb in verbs(KNOWN)


async def test_a_verb_is_carried_out_on_what_it_names(
    engine: FakeEngine, open_console: OpenConsole
) -> None:
    async with open_console() as console:
        await console.press("colon")
        await console.type("retry nightly-backup#128 the disk is back")
        await console.press("enter")
        await console.sees("retrying nightly-backup#128")
        await console.press("colon")
        await console.type("filter state:failed")
        await console.press("enter")
        await console.sees("filter state:failed")
        await console.press("colon")
        await console.type("ingst-orders#1")
        await console.press("enter")
        await console.sees("ingst-orders#1")
        for line, title in (("why nightly-backup#128", "nightly-backup#128 › Why"),
                            ("timeline ingst-orders#1", "ingst-orders#1 › Timeline")):  # fmt: skip
            await console.press("colon")
            await console.type(line)
            await console.press("enter")
            await console.sees(title)
    asked = ("POST", "/v1/executions/nightly-backup#128/retry", {"reason": "the disk is back"})
    assert asked in engine.requests


async def test_a_verb_alone_is_about_the_selected_one_and_asks_as_its_key_does(
    engine: FakeEngine, open_console: OpenConsole
) -> None:
    async with open_console() as console:
        await console.press("colon")
        await console.type("rerun")
        await console.press("enter")
        await console.until(lambda: isinstance(console.app.screen, RunForm))
        await console.press("escape", "colon")
        await console.type("run nowhere")
        await console.press("enter")
        await console.sees("there is no flow nowhere")
    assert not [path for method, path, _ in engine.requests if method == "POST"]


async def test_inputs_are_typed_after_the_flow_and_a_secret_is_not_remembered(
    engine: FakeEngine, open_console: OpenConsole
) -> None:
    async with open_console() as console:
        await console.press("colon")
        await console.type("run nightly-backup ke")
        await console.sees("keep=")
        await console.press("tab")
        await console.type("9 mode=f")
        await console.press("tab", "enter")
        await console.until(lambda: isinstance(console.app.screen, RunForm))
        form = console.app.screen
        assert isinstance(form, RunForm)
        assert (form.fields["keep"].text, form.fields["mode"].text) == ("9", "full")
        await console.press("escape", "colon", "up")
        await console.sees(":run nightly-backup keep=9 mode=full")
        await console.press("ctrl+u")
        await console.type("run nightly-backup token=s3cret")
        await console.press("enter")
        await console.until(lambda: isinstance(console.app.screen, RunForm))
        await console.press("escape", "colon")
        await console.type("run nightly-backup kep=3")
        await console.press("enter")
        await console.sees("takes no input kep (did you mean keep?)")
        assert console.app.past_lines.of("commands") == ["run nightly-backup keep=9 mode=full"]


async def test_a_step_is_found_by_a_part_of_its_name(
    engine: FakeEngine, open_console: OpenConsole
) -> None:
    engine.add(
        execution("wide", 1, "running", id="wide-1"),
        [step(f"g{n // 100:02d}/s{n:04d}", "pending") for n in range(1_000)],
    )
    async with open_console() as console:
        await console.press("enter")
        await console.sees("s0000")
        await console.press("home", "space")  # all folded
        for line, path in (("step s0457", "g04/s0457"), ("step 57", "g05/s0557")):
            await console.press("colon")
            await console.type(line)
            await console.press("enter")
            tree = console.app.mode_screen.query_one(StepTree)
            await console.until(lambda path=path, tree=tree: tree.cursor_key == path, path)
            await console.sees(path.partition("/")[2])


async def test_lines_come_back_in_the_next_console(
    engine: FakeEngine, open_console: OpenConsole
) -> None:
    path = Path(engine.home) / "data" / "console-lines.json"
    async with open_console() as console:
        await console.press("slash")
        await console.type("flow:ingest")
        await console.press("enter", "colon")
        await console.type("flows")
        await console.press("enter")
        await console.sees("Automation › Flows")
        await console.until(lambda: path.exists() and "flows" in path.read_text(), "saved")
    assert path.stat().st_mode & 0o777 == 0o600
    async with open_console() as console:
        await console.until(lambda: console.app.past_lines.of("commands"), "loaded")
        await console.press("colon", "up")
        await console.sees(":flows")
        await console.press("escape", "slash", "up")
        await console.sees("filter flow:ingest")


def test_a_damaged_file_is_an_empty_one_and_it_never_grows_beyond_its_bound(tmp_path: Path) -> None:
    path = tmp_path / "lines.json"
    for text in ("not json", "[]", '{"filters": 3}', '{"filters": [3, "good"]}'):
        path.write_text(text)
        lines = PastLines(str(path))
        lines.load()
        assert lines.of("filters") in ([], ["good"])
    for number in range(LIMIT_LINES + 50):
        lines.add("filters", f"text {number}")
    assert not lines.add("filters", f"text {LIMIT_LINES + 49}")
    lines.save()
    again = PastLines(str(path))
    again.add("filters", "newest")
    again.load()
    assert len(again.of("filters")) == LIMIT_LINES
    assert again.of("filters")[-1] == "newest"


def test_lines_that_cannot_be_saved_harm_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    lines = PastLines(str(tmp_path / "file" / "lines.json"))
    lines.add("filters", "a")
    lines.save()
    assert lines.of("filters") == ["a"]


# -- the clipboard


def test_the_clipboard_is_set_by_one_sequence_wrapped_for_what_is_between() -> None:
    coded = base64.b64encode("später".encode()).decode()
    plain = f"\x1b]52;c;{coded}\x07"
    assert clipboard.sequence("später", {}) == plain
    in_tmux = clipboard.sequence("später", {"TMUX": "x"})
    assert in_tmux.startswith(plain)
    assert in_tmux.endswith(f"\x1bPtmux;\x1b\x1b]52;c;{coded}\x07\x1b\\")
    long = "x" * 3_000
    in_screen = clipboard.sequence(long, {"STY": "x"})
    parts = in_screen.split("\x1b\\")[:-1]
    assert all(part.startswith("\x1bP") and len(part) <= 502 for part in parts)
    assert "".join(part[2:] for part in parts) == clipboard.sequence(long, {})


def test_what_is_too_long_for_a_terminal_is_not_sent() -> None:
    assert clipboard.sequence("x" * (clipboard.LIMIT_BYTES + 1), {}) == ""


def test_nothing_hostile_leaves_the_sequence() -> None:
    assert "\x1b]0;" not in clipboard.sequence("\x1b]0;title\x07", {})


async def test_a_name_and_a_command_line_are_copied(
    engine: FakeEngine, open_console: OpenConsole
) -> None:
    path = Path(engine.home) / "run" / "copied"
    async with open_console() as console:
        await console.press("e", "y")
        await console.sees("copied nightly-backup#128")
        assert path.read_text() == "nightly-backup#128"
        assert path.stat().st_mode & 0o777 == 0o600
        await console.press("Y")
        await console.sees("copied wingman show nightly-backup#128")
        await console.press("ctrl+p")
        await console.type("cancel:")
        await console.sees("wingman cancel nightly-backup#128")
        await console.press("ctrl+y")
        await console.sees("copied wingman cancel nightly-backup#128")
        assert path.read_text() == "wingman cancel nightly-backup#128"
