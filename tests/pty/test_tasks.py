"""The twelve tasks of an operator, from the shell prompt, with the keys that docs/console.md tells."""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.pty.conftest import OpenTerminal
from tests.pty.terminal import ROOT, Terminal
from tests.tui.demo import fill
from tests.tui.fake_engine import FakeEngine
from tests.tui.rows import execution, step
from tests.tui.test_machine import GAUGES, STEPS

NAMES = {"⏎": "enter", "⇥": "tab", "↓": "down", "ctrl+u": "\x15", "ctrl+g": "\x07"}


def told() -> dict[str, list[str]]:
    """The keys of each task, as the document has them; its counts are right."""
    found: dict[str, list[str]] = {}
    for row in re.findall(r"^\| (.+) \| (.*) \| (\d+) \|$", (ROOT / "docs/console.md").read_text(), re.M):  # fmt: skip
        keys = re.findall("`([^`]+)`", row[1])
        assert len(keys) == int(row[2]), row
        found[row[0]] = [NAMES.get(key, key) for key in keys]
    return found


TASKS = told()


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[FakeEngine]:
    """An afternoon on which something runs, and two executions of one flow that hang."""
    fake = FakeEngine(tmp_path / "home")
    fill(fake, time.time())
    for number in (1, 2):
        row = execution("stuck", number, "running", id=f"stuck-{number}")
        fake.add(row, [step("wait", "running"), step("later", "pending")])
    fake.machine = {"gauges": GAUGES, "steps": STEPS, "sample": 1, "history": {"cpu": [0.1]}}
    fake.explained["definition"] = "steps: []\n"
    steps = [{"path": "compress", "does": {"run": 'zstd "$database.sql"\n'}, "env": {}}]
    fake.explained["plan"] = {"steps": steps, "inputs": {"database": "app"}}
    fake.start()
    yield fake
    fake.stop()


def asked(engine: FakeEngine, ending: str) -> list[str]:
    return [path for method, path, _ in engine.requests if method == "POST" and path.endswith(ending)]


def bodies(engine: FakeEngine) -> list[dict[str, object]]:
    return [body for _, path, body in engine.requests if path.endswith("/rerun")]


SEEN: dict[str, Callable[[FakeEngine, Terminal], bool]] = {
    "What is running?": lambda engine, terminal: "▸ running" in terminal.text(),
    "Why did the last failed execution fail?":
        lambda engine, terminal: "compress: exit:1: zstd: error 70" in terminal.text(),
    "The log lines around its error":
        lambda engine, terminal: "W warning: /var/backups is 100% full" in terminal.text()
        and "E zstd: error 70" in terminal.text(),
    "Retry it": lambda engine, terminal: bool(asked(engine, "000128/retry")),
    "Run it again with one input changed":
        lambda engine, terminal: any(b["inputs"]["database"] == "shop" for b in bodies(engine)),  # type: ignore[index]
    "Run it again in debug mode":
        lambda engine, terminal: any(body["debug"] is True for body in bodies(engine)),
    "Cancel all executions of one flow": lambda engine, terminal: len(asked(engine, "/cancel")) == 2,
    "Follow the log of one step":
        lambda engine, terminal: "log wait" in terminal.text() and "following" in terminal.text(),
    "Find a flow executed yesterday and save its log":
        lambda engine, terminal: "saved" in terminal.text(),
    "What takes the machine's memory?":
        lambda engine, terminal: "Machine › by memory" in terminal.text(),
    "Copy the command of the step that failed":
        lambda engine, terminal: (engine.home / "run/copied").exists()
        and (engine.home / "run/copied").read_text() == 'export database=app\nzstd "$database.sql"\n',
    "Change the theme": lambda engine, terminal: "theme Colour-blind" in terminal.text(),
}  # fmt: skip


def test_the_document_names_the_twelve() -> None:
    assert list(TASKS) == list(SEEN)
    assert len(TASKS) == 12
    assert len(TASKS["Why did the last failed execution fail?"]) <= 3


@pytest.mark.parametrize("task", TASKS)
def test_a_task_takes_the_keys_that_the_document_tells(
    engine: FakeEngine, open_terminal: OpenTerminal, tmp_path: Path, task: str
) -> None:
    command = f"cd {tmp_path} && exec {sys.executable} -m wingman_tui"
    terminal = open_terminal(program=["/bin/sh", "-c", command])
    terminal.sees("stuck#2")
    for key in TASKS[task]:
        terminal.press(key)
        # a person looks before the next key; and one that is held down answers no question
        terminal.settle(0.5)
    terminal.until(lambda: SEEN[task](engine, terminal), task)
    if "save" in task:
        assert list(tmp_path.glob("*.log"))
