"""What the terminal sends, waited for in the kernel: an idle console does not wake up at all.

Textual's own thread looks ten times a second whether something has come or it shall end. This one
looks at the clock only while a key may be unfinished: an escape is one when nothing follows it.
Used by `app`; it stands on Textual's driver for Linux and macOS.
"""

from __future__ import annotations

import contextlib
import os
import select
import threading
import time
from codecs import getincrementaldecoder
from typing import Any

from textual._parser import ParseError
from textual._xterm_parser import XTermParser
from textual.drivers.linux_driver import LinuxDriver

from wingman_tui.pasted import Pastes

READ_BYTES = 4096
LOOK_S = 0.1
UNFINISHED_S = 1.0  # for so long after the last byte a sequence may still be given up


class _Ending(threading.Event):
    """An event that also wakes who waits for input."""

    def __init__(self) -> None:
        super().__init__()
        self.reader, self._writer = os.pipe()
        os.set_blocking(self.reader, False)

    def set(self) -> None:
        super().set()
        os.write(self._writer, b"\0")

    def clear(self) -> None:
        super().clear()
        with contextlib.suppress(BlockingIOError):
            os.read(self.reader, READ_BYTES)


class PatientDriver(LinuxDriver):
    """Textual's driver, but for how it waits."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.exit_event: _Ending = _Ending()

    def run_input_thread(self) -> None:
        """Read and hand on until the driver ends; what has come by then is read, too."""
        parser = XTermParser(self._debug)
        decode = getincrementaldecoder("utf-8")("replace").decode  # what is pasted may be anything
        pastes = Pastes()
        sources = [self.fileno, self.exit_event.reader]  # macOS cannot poll a terminal
        came_at, ended = 0.0, False
        while not ended:
            unfinished = time.monotonic() - came_at < UNFINISHED_S
            waits = unfinished or pastes.is_inside
            ready, _, _ = select.select(sources, [], [], LOOK_S if waits else None)
            ended = self.exit_event.is_set()
            if self.fileno in ready:
                came_at = time.monotonic()
                data = os.read(self.fileno, READ_BYTES)
                if not data:
                    break  # the terminal is gone: to read on would never wait again
                parser = self._hand_on(parser, pastes.feed(decode(data, final=ended)))
            elif pastes.is_inside and not unfinished:
                parser = self._hand_on(parser, pastes.give_up())
            for message in parser.tick():
                self.process_message(message)
        with contextlib.suppress(EOFError, ParseError):
            for _ in parser.feed(""):
                pass

    def _hand_on(self, parser: XTermParser, text: str) -> XTermParser:
        """Hand on what text means, and the parser for what follows.

        Another one where this one came upon a sequence that no terminal should send.
        """
        messages = iter(parser.feed(text) if text else ())
        while True:
            try:
                message = next(messages, None)
            except (ValueError, OverflowError):  # a number that is none, or no character's
                return XTermParser(self._debug)
            if message is None:
                return parser
            self.process_message(message)
