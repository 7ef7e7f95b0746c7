"""E on a failed execution: the operator's editor on a real terminal, the plan, the start, the file."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from engine.paths import Home
from tests.engine.api import Engine, states
from tests.pty.terminal import Terminal

BROKEN = """name: ship
inputs: {where: {type: string, default: here, pattern: "^[a-z]+$"}}
steps:
  - {id: dump, run: echo dumped}
  - {id: pack, run: cat missing}
"""
OpenReal = Callable[..., Terminal]


@pytest.fixture
def failed(home: Home, tmp_path: Path) -> Engine:
    """An engine in production, with one failed execution of a file in its flow folder."""
    home.config_file.write_text("[environment]\nproduction = true\n")
    engine = Engine(home)
    home.flows.mkdir(exist_ok=True)
    (home.flows / "ship.yaml").write_text(BROKEN)
    assert engine.ended(engine.post("/v1/executions", {"flow": "ship"})["id"])["state"] == "failed"
    return engine


@pytest.fixture
def open_real(home: Home, tmp_path: Path) -> Iterator[OpenReal]:
    """Opens the console with an editor that is a script of these commands."""
    opened: list[Terminal] = []

    def open_(script: str) -> Terminal:
        editor = tmp_path / "editor.sh"
        editor.write_text(f"#!/bin/bash\nf=$2\n{script}\n")
        editor.chmod(0o755)
        terminal = Terminal(home.root, "ship@last-failed", env={"EDITOR": f"{editor} --now"})
        opened.append(terminal)
        terminal.sees("● live")
        terminal.settle()
        return terminal

    yield open_
    for terminal in opened:
        terminal.close()


def test_a_fix_is_edited_planned_run_and_saved(failed: Engine, open_real: OpenReal) -> None:
    terminal = open_real(
        "trap 'echo INTERRUPTED' INT\n"
        "stty -a </dev/tty | grep -q ' icanon' || exit 9\n"
        "echo; echo IN THE EDITOR; until read -rp 'go? ' </dev/tty; do :; done; sed -i 's/cat missing/echo packed/' $f"
    )
    terminal.write("E")
    terminal.sees("IN THE EDITOR")
    terminal.write("\x03")  # the editor's key now: the console must not end by it
    terminal.sees("INTERRUPTED")
    terminal.write("y\r")
    terminal.sees("Resume ship#1")
    lines = [line.split() for line in terminal.text().splitlines()]
    assert any(words[1:4] == ["reuse", "dump", "unchanged"] for words in lines), terminal.text()
    assert any(words[1:4] == ["run", "pack", "it"] for words in lines)
    terminal.press("enter")
    terminal.sees("Save the fix into")
    assert "+  - {id: pack, run: echo packed}" in terminal.text()
    done = failed.show("ship@last")
    assert states(done) == {"dump": "reused", "pack": "completed"}
    assert (failed.home.flows / "ship.yaml").read_text() == BROKEN
    terminal.settle(0.4)
    terminal.press("y")
    terminal.sees("save it why?")
    terminal.press("enter")
    terminal.sees("save it why?")
    assert (failed.home.flows / "ship.yaml").read_text() == BROKEN, "not without a reason"
    terminal.write("the file is gone\r")
    terminal.sees("saved into")
    (line,) = failed.get("/v1/audit?text=the%20file%20is%20gone")["lines"]
    assert line["subject"].startswith("ship")
    assert "echo packed" in (failed.home.flows / "ship.yaml").read_text()
    terminal.press("q", "q", "q")
    assert terminal.wait() == 0
    assert terminal.is_restored()


def test_a_mistake_is_shown_with_its_line_and_keeps_the_text(
    failed: Engine, open_real: OpenReal
) -> None:
    terminal = open_real(
        'if grep -q "rnu:" $f; then sed -i "s/rnu:/run:/;s/missing/dev.null/" $f\n'
        'else sed -i "s/run: cat/rnu: cat/" $f; fi'
    )
    terminal.press("E")
    terminal.sees("cannot be resumed like this")
    assert "ship.yaml:5:" in terminal.text()
    terminal.settle(0.4)
    terminal.press("E")
    terminal.sees("Resume ship#1")
    terminal.press(" ")
    terminal.sees("you chose so")
    terminal.sees("inputs as they were")
    terminal.write("iwhere=THERE\r")
    terminal.sees("does not match its pattern")
    terminal.write("\x15where=there\r")
    terminal.sees("with another where")
    terminal.press("escape")
    terminal.sees("nothing was started")
    assert len(failed.get("/v1/executions?flow=ship")["executions"]) == 1
    assert (failed.home.flows / "ship.yaml").read_text() == BROKEN


def test_an_editor_that_fails_changes_nothing(failed: Engine, open_real: OpenReal) -> None:
    terminal = open_real("echo no >$f; exit 3")
    terminal.press("E")
    terminal.sees("ended with 3: nothing was taken over")
    terminal.sees("ship#1")
    (failed.home.flows / "ship.yaml").write_text(BROKEN.replace("missing", "/dev/null"))
    terminal.write("E")
    terminal.settle()
    assert len(failed.get("/v1/executions?flow=ship")["executions"]) == 1
