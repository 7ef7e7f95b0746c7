"""Every action that does or shows something has a command line, and `wingman` understands it."""

from __future__ import annotations

import shlex

import pytest

from engine.cli.main import COMMANDS as OF_WINGMAN
from engine.cli.parser import Parser
from tests.tui.conftest import OpenConsole
from tests.tui.fake_engine import FakeEngine
from wingman_tui.command_lines import (
    COMMANDS,
    ON_EXECUTION,
    command_line,
    of_execution,
    of_filter,
    of_log,
)
from wingman_tui.keymap import ACTIONS
from wingman_tui.log_choice import LogChoice
from wingman_tui.screens.palette import PaletteDialog

ROW = {"flow": "nightly-backup", "number": 128, "state": "failed"}
FACTS = {
    **of_execution({**ROW, "waiting_for": {"kind": "approval", "step": "confirm"}}),
    **of_log(LogChoice(steps=("checks/disk",), level="warning"), "no space"),
    **of_filter("state:failed flow:nightly-backup since:2h 'two words'"),
    "name": "nightly-backup:schedule", "turn": "pause", "list": "inbox", "id": "0123456789ab",
    "until": "2h", "undo_ack_": " --undo", "file": "a.log", "caller": "0193-nightly",
    "earlier": "12", "later": "14", "first": "1",
}  # fmt: skip
# what only moves, marks, copies, or changes how this console looks
OF_THE_CONSOLE_ALONE = {
    "executions.sort", "executions.reverse", "executions.mark", "executions.mark_all",
    "executions.watch", "executions.copy", "execution.pane", "execution.wrap", "execution.freeze",
    "execution.colours", "execution.watch", "execution.copy", "tree.fold", "tree.copy_step",
    "log.left", "log.page", "log.right", "details.next_tab", "details.previous_tab", "details.watch",
    "details.copy", "flows.watch", "inbox.copy", "machine.sort", "system.next_tab",
    "system.previous_tab", "system.follow", "system.level_debug", "system.level_info",
    "system.level_warning", "system.level_error", "system.copy", "audit.copy", "help.search",
    "help.next_match", "help.previous_match", "global.back", "global.quit", "global.leave", "global.interrupt",
    "global.palette", "global.command", "global.theme", "global.themes", "global.suspend",
    "global.redraw", "global.machine",
}  # fmt: skip


def test_every_action_has_a_command_or_is_of_the_console_alone() -> None:
    without = {a.id for a in ACTIONS if a.scope != "list" and not command_line(a.id, FACTS)}
    assert without == OF_THE_CONSOLE_ALONE
    known = {a.id for a in ACTIONS}
    assert COMMANDS.keys() <= known
    assert ON_EXECUTION.keys() <= {a.name for a in ACTIONS}


@pytest.mark.parametrize("id_", [a.id for a in ACTIONS if command_line(a.id, FACTS)])
def test_the_command_line_is_one(id_: str) -> None:
    program, name, *words = shlex.split(command_line(id_, FACTS))
    assert program == "wingman"
    module, summary = OF_WINGMAN[name]
    parser = Parser(name, summary)
    __import__(f"engine.cli.{module}", fromlist=["arguments"]).arguments(parser, name)
    parser.parse(words)


def test_hostile_words_are_quoted() -> None:
    evil = "a; rm -rf ~ $(x) 'y'"
    log = of_log(LogChoice(grep=evil), "")
    for id_, facts in (
        ("execution.hide", {"ref": "a#1", **log}),
        ("executions.filter", of_filter(f'"{evil}"')),
    ):
        assert evil in shlex.split(command_line(id_, facts))[-1]


def test_what_is_not_known_makes_no_line() -> None:
    assert command_line("executions.retry", {}) == ""
    assert command_line("executions.filter", of_filter("warnings:>0")) == ""
    assert command_line("flows.debug", {"flow": "a", "debug": "off"}) == "wingman debug a off"
    assert command_line("executions.pause", of_execution({**ROW, "state": "paused"})) == (
        "wingman continue nightly-backup#128"
    )


async def test_the_palette_shows_and_copies_it(
    engine: FakeEngine, open_console: OpenConsole
) -> None:
    async with open_console() as console:
        await console.press("e", "space")
        await console.press("ctrl+p")
        await console.type("executions.cancel")
        await console.sees("copies wingman cancel nightly-backup#128")
        assert isinstance(console.app.screen, PaletteDialog)
        await console.press("ctrl+y")
        copied = engine.home / "run" / "copied"
        await console.until(lambda: copied.is_file() and copied.read_text())
        assert copied.read_text() == "wingman cancel nightly-backup#128"
