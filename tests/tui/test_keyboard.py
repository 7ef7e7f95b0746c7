"""What is typed, as the console's own reader takes it from the terminal."""

from __future__ import annotations

import os
import threading
from collections.abc import AsyncIterator

import pytest
from textual import events
from textual.app import App
from textual.message import Message

from wingman_tui.keyboard import PatientDriver

ENOUGH_S = 20.0


class Typing:
    """A driver that reads from a pipe, as another one's end types into it."""

    def __init__(self) -> None:
        reader, self.writer = os.pipe()
        self.driver = PatientDriver(App())
        self.driver.fileno = reader
        self.keys: list[str] = []
        self.driver.process_message = self._take  # type: ignore[method-assign]
        self.thread = threading.Thread(target=self.driver.run_input_thread, daemon=True)
        self.thread.start()

    def _take(self, message: Message) -> None:
        if isinstance(message, events.Key):
            self.keys.append(message.key)

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


async def test_what_was_typed_before_the_end_is_handed_on(typing: Typing) -> None:
    os.write(typing.writer, "é\x1b[B".encode())
    typing.end()
    assert typing.keys == ["é", "down"]
