"""Log bytes on their way to stdout: as they are into a pipe, made harmless for a terminal.

To a terminal, colours (SGR) pass and everything else that a terminal would obey is shown as text.
Used by the commands that print logs; works on any cut of the stream.
"""

from __future__ import annotations

import codecs
import os
import re
import sys

from engine.cli.terminal import HOSTILE, is_terminal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import BinaryIO

ESCAPE = "\x1b"
SGR = re.compile(r"\x1b\[[0-9;:]*m")
# the start of what the next bytes may make an SGR sequence or a line end
SGR_BEGUN = re.compile(r"(\x1b(\[[0-9;:]{0,64})?|\r)\Z")
RESET = "\x1b[0m"


class LogText:
    """Takes a log's bytes and writes them to stdout."""

    def __init__(self) -> None:
        self._out: BinaryIO = sys.stdout.buffer
        self._is_terminal = is_terminal(sys.stdout)
        self._cleaner = Cleaner(not os.environ.get("NO_COLOR"))
        sys.stdout.flush()

    def write(self, data: bytes) -> None:
        """Print these bytes, the next ones of the log."""
        self._out.write(self._cleaner.feed(data) if self._is_terminal else data)
        self._out.flush()

    def end(self) -> None:
        """The log has ended: print what was held back."""
        if self._is_terminal:
            self._out.write(self._cleaner.end())
            self._out.flush()


class Cleaner:
    """Makes a stream of log bytes safe for a terminal, whichever way it is cut."""

    def __init__(self, keep_colours: bool = True) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("backslashreplace")
        self._keep_colours = keep_colours
        self._held = ""
        self._is_coloured = False

    def feed(self, data: bytes) -> bytes:
        """The next bytes, harmless; the start of a sequence is held until its rest is there."""
        text = self._held + self._decoder.decode(data)
        begun = SGR_BEGUN.search(text)
        self._held = text[begun.start() :] if begun else ""
        return self._harmless(text[: begun.start()] if begun else text).encode()

    def end(self) -> bytes:
        """What was held, and the terminal's own colours back."""
        text = self._harmless(self._held + self._decoder.decode(b"", final=True))
        self._held = ""
        return (text + (RESET if self._is_coloured else "")).encode()

    def _harmless(self, text: str) -> str:
        text = text.replace("\r\n", "\n")
        if ESCAPE not in text:
            return self._end_colours(text.translate(HOSTILE))
        parts = []
        at = 0
        for found in SGR.finditer(text):
            parts.append(self._end_colours(text[at : found.start()].translate(HOSTILE)))
            if self._keep_colours:
                parts.append(found.group())
                self._is_coloured = found.group() not in ("\x1b[m", RESET)
            at = found.end()
        parts.append(self._end_colours(text[at:].translate(HOSTILE)))
        return "".join(parts)

    def _end_colours(self, text: str) -> str:
        """No line colours the next one."""
        if self._is_coloured and "\n" in text:
            self._is_coloured = False
            return text.replace("\n", f"{RESET}\n", 1)
        return text
