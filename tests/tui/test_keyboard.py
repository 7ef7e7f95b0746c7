"""What is typed, as the console's own reader takes it from the terminal."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import AsyncIterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from textual import events
from textual.app import App
from textual.message import Message

from wingman_tui import keyboard
from wingman_tui.keyboard import PatientDriver
from wingman_tui.pasted import BEGIN, END, Pastes

ENOUGH_S = 20.0


class Typing:
    """A driver that reads from a pipe, as another one's end types into it."""

    def __init__(self) -> None:
        reader, self.writer = os.pipe()
        self.driver = PatientDriver(App())
        self.driver.fileno = reader
        self.keys: list[str] = []
        self.pasted: list[str] = []
        self.has_pasted = threading.Event()
        self.driver.process_message = self._take  # type: ignore[method-assign]
        self.thread = threading.Thread(target=self.driver.run_input_thread, daemon=True)
        self.thread.start()

    def _take(self, message: Message) -> None:
        if isinstance(message, events.Key):
            self.keys.append(message.key)
        elif isinstance(message, events.Paste):
            self.pasted.append(message.text)
            self.has_pasted.set()

    def hang_up(self) -> None:
        """There is nobody any more who could type."""
        os.close(self.writer)
        self.writer = -1

    def end(self) -> None:
        """Have the reader end, as a console does that is left."""
        self.driver.exit_event.set()
        self.thread.join(ENOUGH_S)

    def close(self) -> None:
        """Close what was opened."""
        for fd in (self.driver.fileno, self.writer, self.driver.exit_event.reader):
            if fd >= 0:
                os.close(fd)
        os.close(self.driver.exit_event._writer)


@pytest.fixture
async def typing() -> AsyncIterator[Typing]:
    typing = Typing()
    yield typing
    typing.end()
    typing.close()


async def test_a_terminal_that_is_gone_is_not_read_from_any_more(typing: Typing) -> None:
    os.write(typing.writer, b"ab")
    typing.hang_up()
    typing.thread.join(ENOUGH_S)
    assert not typing.thread.is_alive(), "it reads the end of its input again and again"
    assert typing.keys == ["a", "b"]


async def test_bytes_that_are_no_text_are_shown_as_such(typing: Typing) -> None:
    os.write(typing.writer, b"a\xff\xfe\xc3(b")
    typing.end()
    assert typing.keys[0] == "a"
    assert typing.keys[-1] == "b"
    assert len(typing.keys) == 6


async def test_nothing_that_is_pasted_presses_a_key(typing: Typing) -> None:
    os.write(typing.writer, b"q\x1b[200~a\x1b[2Jb\x07 \x1bxy\tT\n\x03\x1b[20")
    os.write(typing.writer, b"1~w\x1b[B")
    typing.end()
    assert typing.keys == ["q", "w", "down"]
    assert typing.pasted == ["a[2Jb xy\tT\n"]


@given(st.lists(st.sampled_from(["\x1b", "[", "20", "0~", "1~", "a", "\x07", "漢", "\n"])), st.data())
def test_a_paste_is_one_however_it_comes_in_pieces(words: list[str], data: st.DataObject) -> None:
    inside = "".join(words)
    while END in inside:
        inside = inside.replace(END, "")
    text = f"x{BEGIN}{inside}{END}y"
    whole = Pastes().feed(text)
    assert whole.count("\x1b") == 2
    pastes, parts, at = Pastes(), [], 0
    while at < len(text):
        size = data.draw(st.integers(1, 9))
        parts.append(pastes.feed(text[at : at + size]))
        at += size
    assert "".join(parts) == whole


async def test_a_paste_whose_end_is_lost_ends_by_itself(
    typing: Typing, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keyboard, "UNFINISHED_S", 0.0)
    os.write(typing.writer, b"\x1b[200~abc")
    await asyncio.to_thread(typing.has_pasted.wait, ENOUGH_S)
    assert typing.pasted == ["abc"]


@pytest.mark.parametrize("noise", ["1114112u", "99999999999999999999u", "57444;1u[\x9b<", "55296u"])
async def test_a_sequence_that_no_terminal_sends_is_passed_over(typing: Typing, noise: str) -> None:
    os.write(typing.writer, f"a\x1b[{noise}".encode())
    while not typing.has_pasted.is_set():  # a paste is sure to be read by itself
        os.write(typing.writer, f"{BEGIN}b{END}".encode())
        await asyncio.to_thread(typing.has_pasted.wait, 0.1)
    typing.end()
    assert typing.keys[0] == "a"


async def test_what_was_typed_before_the_end_is_handed_on(typing: Typing) -> None:
    os.write(typing.writer, "é\x1b[B".encode())
    typing.end()
    assert typing.keys == ["é", "down"]
