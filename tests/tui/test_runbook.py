"""The runbook in the console: read beside a failure, edited by the operator's own editor."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.tui.conftest import OpenConsole
from tests.tui.fake_engine import FakeEngine
from wingman_tui.screens.reading import ReadingDialog


async def test_the_runbook_is_read_and_none_is_said(
    engine: FakeEngine, open_console: OpenConsole
) -> None:
    engine.explained["runbook"] = {
        "text": "1. call ann\n2. \x1b[31mrestart", "path": "/flows/docs/x.md", "version": "v",
    }  # fmt: skip
    async with open_console() as console:
        await console.press("e", "O")
        await console.until(lambda: isinstance(console.app.screen, ReadingDialog))
        text = console.text()
        assert "1. call ann" in text
        assert "edit it" in text
        assert "\x1b" not in text
        await console.press("escape")
        engine.explained["runbook"] = {"text": "", "path": None, "version": "v"}
        await console.press("O")
        await console.until(lambda: "has no runbook" in console.notice)


async def test_an_edited_runbook_is_saved(
    engine: FakeEngine,
    open_console: OpenConsole,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    engine.explained["runbook"] = {"text": "call ann", "path": "/flows/x.md", "version": "v1"}
    monkeypatch.setattr("wingman_tui.screens.runbook.edit", lambda app, text, name: text + "!")
    saved: list[tuple[str, str, str]] = []

    async def save(id_: str, text: str, version: str) -> dict[str, str]:
        saved.append((id_, text, version))
        return {"path": "/flows/x.md"}

    async with open_console() as console:
        monkeypatch.setattr(console.app.session, "save_runbook", save)
        await console.press("e", "O")
        await console.until(lambda: isinstance(console.app.screen, ReadingDialog))
        await console.press("e")
        await console.until(lambda: "saved /flows/x.md" in console.notice)
    assert [(text, version) for _, text, version in saved] == [("call ann!", "v1")]
