"""What is asked of the flow folders is answered by what lies in them now."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path
from typing import Any, cast

import pytest

from engine import library as library_module
from engine.callees import Callees
from engine.library import Library
from engine.sandbox.client import Sandbox


class NamesOnly:
    """Takes any text for a flow; the first one when it is told to."""

    def __init__(self) -> None:
        self.is_asked, self.may_answer = asyncio.Event(), asyncio.Event()
        self.may_answer.set()

    async def compile(self, text: bytes, source: str) -> dict[str, Any]:
        self.is_asked.set()
        await self.may_answer.wait()
        return {"name": Path(source).stem}


async def test_who_looked_before_a_file_was_there_hides_it_from_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two look at the same time, and the one who began first ends last."""
    library = Library([tmp_path], cast("Sandbox", NamesOnly()))
    has_listed, may_end, has_ended = threading.Event(), threading.Event(), threading.Event()
    list_files, scan = library_module._flow_files, library._scan
    first: list[threading.Thread] = []

    def listed(folder: Path) -> list[Path]:
        found = list_files(folder)
        if folder == tmp_path and not first:
            first.append(threading.current_thread())
            has_listed.set()
            assert may_end.wait(30)
        return found

    def scanned() -> Any:
        found = scan()
        if threading.current_thread() in first:
            has_ended.set()
        else:
            may_end.set()
            assert has_ended.wait(30)
        return found

    monkeypatch.setattr(library_module, "_flow_files", listed)
    monkeypatch.setattr(library, "_scan", scanned)
    before = asyncio.ensure_future(library.own_files())
    assert await asyncio.to_thread(has_listed.wait, 30)
    (tmp_path / "late.yaml").write_text("name: late")
    assert (await library.find("late")).name == "late"
    assert await before == []


async def test_who_calls_after_an_edit_gets_what_was_edited(tmp_path: Path) -> None:
    """Also while a look that began before the edit is still under way."""
    slow = NamesOnly()
    slow.may_answer.clear()
    callees = Callees(Library([tmp_path], cast("Sandbox", slow)))
    path = tmp_path / "leaf.yaml"
    path.write_text("v=1")
    before = asyncio.ensure_future(callees.find("leaf", "/m.yaml"))
    await slow.is_asked.wait()
    edited = tmp_path / "other"
    edited.write_text("v=2")
    edited.rename(path)
    after = asyncio.ensure_future(callees.find("leaf", "/m.yaml"))
    await asyncio.sleep(0)
    slow.may_answer.set()
    assert (await after).text == b"v=2"
    await before
