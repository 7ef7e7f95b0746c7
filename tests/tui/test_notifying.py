"""Alerts on the terminal itself: bell, title, desktop; no name can break out of a sequence."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tui.conftest import OpenConsole
from tests.tui.fake_engine import FakeEngine
from wingman_tui.notifying import desktop_sequence, title_sequence
from wingman_tui.settings import SettingsError, load_settings

EVIL = "x\x07\x1b]52;c;aGk=\x07\x1b\\\x9c\u202e\n9;4;1;50"


def told(key: str, title: str, kind: str = "failed") -> dict[str, Any]:
    return {"key": key, "title": title, "text": "", "kind": kind}


async def test_each_is_told_once_in_the_ways_that_are_wanted(
    engine: FakeEngine, open_console: OpenConsole, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("TMUX", raising=False)
    monkeypatch.delenv("STY", raising=False)
    async with open_console(notify=("bell", "title", "desktop")) as console:
        sent: list[str] = []
        console.app.write_aside = sent.append  # type: ignore[method-assign]
        engine.told = [told("a", "nightly#5 failed")]
        engine.changed()
        await console.sees("nightly#5 failed; I shows the inbox")
        await console.until(lambda: sent)
        assert sent == [
            "\a\x1b[22;2t\x1b]2;wingman: nightly#5 failed\x07\x1b]9;Wingman: nightly#5 failed\x07"
        ]
        engine.told = [told("a", "nightly#5 failed"), told("b", "c"), told("d", EVIL, "recovered")]
        engine.changed()
        await console.until(lambda: len(sent) == 2)
        assert sent[1].count("\x1b") == 2, "its own two sequences and nothing of the name's"
        assert sent[1].count("\a") == 3
        assert "(and 1 more)" in sent[1]
        await console.press("I")
        await console.until(lambda: len(sent) == 3)
        assert sent[2] == "\x1b]2;wingman\x07"
        console.app.notifying.close()
        assert sent[3] == "\x1b[23;2t"


async def test_nothing_is_asked_for_where_nobody_wants_it(
    engine: FakeEngine, open_console: OpenConsole
) -> None:
    async with open_console():
        assert not [each for each in engine.opened if each.get("terminal")]


@given(st.text())
def test_no_name_ends_a_sequence_or_begins_one(name: str) -> None:
    for text in (name, EVIL + name, name + EVIL):
        assert re.fullmatch(r"\x1b\]2;[^\x00-\x1f\x7f-\x9f]*\x07", title_sequence(text))
        plain = desktop_sequence(text, {})
        assert re.fullmatch(r"\x1b\]9;Wingman: [^\x00-\x1f\x7f-\x9f]*\x07", plain)
        assert len(plain) < 240
        through = desktop_sequence(text, {"TMUX": "/tmp/x"})
        assert re.fullmatch(
            r"\x1bPtmux;\x1b\x1b\]9;Wingman: [^\x00-\x1f\x7f-\x9f]*\x07\x1b\\", through
        )
        assert desktop_sequence(text, {"STY": "1"}) == f"\x1bP{plain}\x1b\\"


@pytest.mark.parametrize("value", ['"bell"', '["bells"]', "[3]", "true"])
def test_what_is_no_way_to_tell_is_refused(tmp_path: Path, value: str) -> None:
    file = tmp_path / "config.toml"
    file.write_text(f"[console]\nnotify = {value}\n")
    with pytest.raises(SettingsError, match=r"console\.notify"):
        load_settings(file, {})
    file.write_text('[console]\nnotify = ["desktop", "bell"]\n')
    assert load_settings(file, {}).notify == ("desktop", "bell")
