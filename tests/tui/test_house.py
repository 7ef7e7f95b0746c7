"""Who may import whom, and what the first paint may cost to import."""

from __future__ import annotations

import ast
import importlib
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
FILES = sorted((ROOT / "wingman_tui").rglob("*.py"))
ALLOWED = ("engine.client", "engine.wire")
# nothing of these is needed before the first paint
LATE = ("websockets", "httpx", "pydantic")


@pytest.mark.parametrize("file", FILES, ids=lambda path: path.stem)
def test_the_console_reaches_the_engine_through_its_client_alone(file: Path) -> None:
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module]
        for name in names:
            if name.split(".")[0] == "engine":
                assert name.startswith(ALLOWED), f"{file}: {name}"


def test_what_is_needed_later_is_imported_later() -> None:
    code = (
        "import sys, wingman_tui.__main__, wingman_tui.early, wingman_tui.app, "
        "wingman_tui.screens.executions; print('\\n'.join(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True
    )
    loaded = set(done.stdout.split())
    assert not [name for name in LATE if name in loaded]
    assert not [n for n in loaded if n.startswith("wingman_tui.screens.") and "execution" not in n
                and not n.endswith(("base", "filtering", "marking"))]  # fmt: skip


def test_no_widget_has_a_method_that_a_key_calls_by_its_name() -> None:
    """Textual calls `key_at` for `@`: what a key does stands in the one table of actions."""
    from textual.message_pump import MessagePump

    for file in FILES:
        importlib.import_module(".".join(file.relative_to(ROOT).with_suffix("").parts))
    classes = {MessagePump}
    while more := {sub for cls in classes for sub in cls.__subclasses__()} - classes:
        classes |= more
    ours = [cls for cls in classes if cls.__module__.startswith("wingman_tui")]
    assert len(ours) > 10
    for cls in ours:
        assert not [name for name in vars(cls) if name.startswith(("key_", "_key_"))], cls


def test_the_door_to_the_engine_is_light() -> None:
    code = "import sys, wingman_tui.early; print('\\n'.join(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True
    )
    assert not {"textual", "rich", "asyncio", "pathlib"} & set(done.stdout.split())


@pytest.mark.parametrize("file", FILES, ids=lambda path: path.stem)
def test_modules_stay_small(file: Path) -> None:
    assert len(file.read_text(encoding="utf-8").splitlines()) <= 400
