"""Colours of steps in the log, saving it, copying from it."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tui.conftest import OpenConsole
from tests.tui.demo import NOW
from tests.tui.fake_engine import FakeEngine
from tests.tui.rows import line
from wingman_tui.sanitise import clean, clean_coloured
from wingman_tui.save_log import FileIsThere, file_name, save
from wingman_tui.screens.confirm import ConfirmDialog
from wingman_tui.screens.execution import ExecutionScreen
from wingman_tui.sgr import PLAIN, after

BACKUP = "0193-nightly-backup-000128"
HOSTILE = [
    "\x1b[31m", "\x1b[1;4;32m", "\x9b33m", "\x1b[38;5;208m", "\x1b[48:2:1:2:3m", "\x1b[0m", "\x1b[m",
    "\x1b[2J", "\x1b[10;20H", "\x1b]0;title\x07", "\x1b]52;c;ZXZpbA==\x1b\\", "\x1bP1$r\x1b\\",
    "\x1b[?2004h", "\x1b[200~", "\x9d8;;x\x9c", "\x90q\x9c", "\x1bc", "\x1b", "\x1b[", "\x1b[3",
    "\u202e", "\u2066", "\u200b", "\u200d", "\ufeff", "\r", "\t", "\n", "\x07", "\x08", "\x00", "\x7f",
    "a", "bc", "漢", "e\u0301\u0301\u0301\u0301\u0301", "\u0301", "\U0001f1e8\U0001f1ed", "\ud800",
]  # fmt: skip


@given(st.lists(st.sampled_from(HOSTILE), max_size=20).map("".join))
def test_coloured_text_is_the_clean_text_whatever_was_printed(text: str) -> None:
    pieces = clean_coloured(text)
    whole = "".join(piece for piece, _ in pieces)
    assert whole == clean(text)
    assert all(char.isprintable() for char in whole)


def test_what_a_step_coloured_is_told_in_words() -> None:
    assert clean_coloured("a\x1b[1;31mb\x1b[0mc") == [("a", ""), ("b", "bold red"), ("c", "")]
    assert clean_coloured("\x1b[32mold\r\x1b[33mnew") == [("new", "yellow")]
    many = clean_coloured("e" + "\u0301" * 9 + "\x1b[1m3\x1b[0m\u0301")
    assert [text for text, _ in many][1:] == ["3", "\u0301"], "each letter has its own marks"
    assert clean_coloured("\x1b[94;43mx") == [("x", "bright_blue on yellow")]
    assert clean_coloured("\x1b[38;5;196mx\x1b[39my") == [("x", "red"), ("y", "")]
    assert clean_coloured("\x1b[38;2;0;0;250mx")[0][1].endswith("blue")
    assert clean_coloured("\x1b[30;40mseen\x1b[8;5mstill") == [("seen", ""), ("still", "")]


@given(st.text("0123456789;:", max_size=30))
def test_no_colour_makes_styles_without_end(parameters: str) -> None:
    from rich.style import Style

    pen = after(PLAIN, parameters)
    Style.parse(pen.words)
    assert pen.front.removeprefix("bright_") in ("", "black", "red", "green", "yellow", "blue",
                                                 "magenta", "cyan", "white")  # fmt: skip


async def test_the_colours_of_steps_are_shown_until_they_are_switched_off(
    engine: FakeEngine, open_console: OpenConsole
) -> None:
    engine.log(BACKUP, line(NOW, "clean", "info", "\x1b[32mgreen\x1b[0m \x1b]0;t\x07\x1b[2Jplain"))

    async with open_console(reference=BACKUP) as console:
        await console.press("home")
        await console.sees("green plain")
        screen = console.app.mode_screen
        assert isinstance(screen, ExecutionScreen)

        def colours() -> set[str]:
            pane = screen.log_pane
            strips = [pane.render_line(y) for y in range(pane.size.height)]
            return {
                str(segment.style.color.name)
                for strip in strips
                for segment in strip
                if segment.text == "green" and segment.style and segment.style.color
            }

        assert colours() == {"green"}
        await console.press("C")
        assert "off" in console.notice
        assert colours() == set()
        await console.press("C")
        assert colours() == {"green"}


async def test_no_colour_stays_no_colour(engine: FakeEngine, open_console: OpenConsole) -> None:
    engine.log(BACKUP, line(NOW, "clean", "info", "\x1b[32mgreen\x1b[0m"))
    async with open_console(reference=BACKUP, theme="mono") as console:
        await console.press("home")
        await console.sees("green")
        strips = console.app.screen._compositor.render_strips(console.app.size)
        named = {
            str(segment.style.color.name)
            for strip in strips
            for segment in strip
            if segment.style and segment.style.color
        }
        assert "green" not in named


def saved_in(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


async def test_a_log_is_saved_with_its_filters_and_nothing_is_replaced_unasked(
    engine: FakeEngine,
    open_console: OpenConsole,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    async with open_console(reference=BACKUP) as console:
        await console.sees("log compress")
        await console.press("3", "s", "enter")
        saved = tmp_path / "nightly-backup-128-compress-warning.log"
        await console.until(saved.exists)
        assert len(saved.read_text().splitlines()) == 3
        await console.until(lambda: "saved" in console.notice and str(saved) in console.notice)
        saved.write_text("mine")
        await console.press("s", "enter")
        await console.until(lambda: isinstance(console.app.screen, ConfirmDialog))
        await console.press("escape")
        await console.until(lambda: console.notice == "not saved")
        assert saved.read_text() == "mine"
        await console.press("s", "ctrl+u")
        await console.type(f"{saved.name}x")
        await console.press("enter")
        await console.until((tmp_path / f"{saved.name}x").exists)
        await console.press("s")
        await console.press("ctrl+u")
        await console.type("no/such/folder")
        await console.press("enter")
        await console.until(lambda: "cannot write no/such/folder" in console.notice)
        (tmp_path / "logs").mkdir()
        await console.press("s")
        await console.sees("save the log of compress as no/such/folder")  # to be mended
        await console.press("ctrl+u")
        await console.type("lo")
        await console.press("tab", "enter")
        await console.until((tmp_path / "logs" / saved.name).exists, "a file in the folder")
    assert not [path for path in saved_in(tmp_path) if ".part" in path]


def test_a_file_appears_whole_or_not_at_all(tmp_path: Path) -> None:
    name = str(tmp_path / "x.log")

    def torn() -> object:
        yield b"half"
        raise OSError("the engine went away")

    with pytest.raises(OSError, match="went away"):
        save(torn(), name, replace=False)  # type: ignore[arg-type]
    assert list(tmp_path.iterdir()) == []
    assert save([b"ab", b"c"], name, replace=False) == (name, 3)
    with pytest.raises(FileIsThere):
        save([b"other"], name, replace=False)
    assert save([b"other"], name, replace=True) == (name, 5)
    assert [path.name for path in tmp_path.iterdir()] == ["x.log"]
    assert file_name("etl/../x", 7, "a b\x1b", "") == "etl-..-x-7-a-b.log"


async def test_what_is_copied_is_told(engine: FakeEngine, open_console: OpenConsole) -> None:
    async with open_console(reference=BACKUP) as console:
        await console.sees("log compress")
        await console.press("y")
        await console.until(lambda: console.notice == "copied the error")
        copied = engine.home / "run" / "copied"
        assert "No space left on device" in copied.read_text()
        await console.press("tab", "b")
        await console.sees("▌13:59:13 E zstd")
        await console.press("y")
        await console.until(lambda: console.notice == "copied the marked line")
        assert copied.read_text().startswith("zstd: error 70")
        await console.press("F", "y")
        await console.until(lambda: "lines" in console.notice)
        await console.press("tab", "home", "down", "y")
        await console.until(lambda: copied.read_text() == "nightly-backup#128")
