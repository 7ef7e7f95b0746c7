"""A terminal for tests: a program on a real pty, queries answered, bytes counted."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import re
import select
import signal
import struct
import sys
import termios
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pyte

ROOT = Path(__file__).parent.parent.parent
WAIT_S = 40.0
QUIET_S = 0.25
KEYS = {
    "down": "\x1b[B", "up": "\x1b[A", "pagedown": "\x1b[6~", "pageup": "\x1b[5~", "home": "\x1b[H",
    "end": "\x1b[F", "tab": "\t", "enter": "\r", "escape": "\x1b", "left": "\x1b[D",
    "right": "\x1b[C", "ctrl+c": "\x03", "ctrl+l": "\x0c", "ctrl+z": "\x1a", "ctrl+p": "\x10",
}  # fmt: skip
# what pyte would print as text
_UNKNOWN_TO_PYTE = re.compile(rb"\x1b\[[<>=?][0-9;]*[a-zA-Z]|\x1b\[\?[0-9;]*\$p|\x1b\[5n")
_BEGUN = re.compile(rb"\x1b(\[[<>=?0-9;$]*)?\Z")  # the start of a sequence whose rest is to come
_QUERY = re.compile(rb"\x1b\[\?(\d+)\$p|\x1b\[([56])n")


class Terminal:
    """One program on one pty."""

    def __init__(
        self,
        home: Path,
        *arguments: str,
        size: tuple[int, int] = (80, 24),
        env: dict[str, str] | None = None,
        program: Sequence[str] | None = None,
        answers: bool = True,
    ) -> None:
        """Starts the console; `program` replaces it, `answers=False` is a mute terminal."""
        self.size = size
        self._shown: tuple[tuple[int, int], pyte.Screen, pyte.ByteStream] | None = None
        self._fed = 0  # how much of the output the screen has taken in
        self.output = b""
        self.answers = answers
        self.status: int | None = None
        self._unanswered = b""
        words = list(program or [sys.executable, "-m", "wingman_tui", *arguments])
        environment = {
            "PATH": os.environ["PATH"], "HOME": str(home.parent), "LANG": "C.UTF-8", "TZ": "UTC",
            "TERM": "xterm-256color", "COLORTERM": "truecolor", "WINGMAN_HOME": str(home),
            "PYTHONPATH": str(ROOT), **(env or {}),
        }  # fmt: skip
        self.pid, self.fd = os.forkpty()
        if self.pid == 0:
            try:
                self._set_size(0, size)
                os.execvpe(words[0], words, environment)
            finally:
                os._exit(127)
        self._set_size(self.fd, size)
        self.modes = termios.tcgetattr(self.fd)
        os.set_blocking(self.fd, False)

    @staticmethod
    def _set_size(fd: int, size: tuple[int, int]) -> None:
        fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", size[1], size[0], 0, 0))

    # reading

    def pump(self, seconds: float, until: Callable[[], bool] = lambda: False) -> None:
        """Read for a while, answering; ends early when `until` holds or the program is gone."""
        deadline = time.monotonic() + seconds
        while not until() and (left := deadline - time.monotonic()) > 0:
            if not select.select([self.fd], [], [], min(left, 0.05))[0]:
                continue
            try:
                data = os.read(self.fd, 65_536)
            except OSError as error:
                if error.errno == errno.EIO:
                    return
                raise
            if not data:
                return
            self.output += data
            self._answer(data)

    def _answer(self, data: bytes) -> None:
        if not self.answers:
            return
        text = self._unanswered + data
        end = 0
        for match in _QUERY.finditer(text):
            end = match.end()
            mode, report = match.groups()
            if mode is not None:
                self.write(f"\x1b[?{mode.decode()};{2 if mode == b'2026' else 0}$y")
            else:
                self.write("\x1b[0n" if report == b"5" else "\x1b[1;1R")
        self._unanswered = text[max(end, len(text) - 16) :]

    def settle(self, quiet_s: float = QUIET_S) -> None:
        """Read until nothing has come for a while."""
        deadline = time.monotonic() + WAIT_S
        while time.monotonic() < deadline:
            before = len(self.output)
            self.pump(quiet_s)
            if len(self.output) == before:
                return

    def until(self, condition: Callable[[], Any], what: str = "it") -> None:
        """Read until something holds."""
        self.pump(WAIT_S, lambda: bool(condition()))
        assert condition(), f"{what} did not happen; the screen:\n{self.text()}"

    def sees(self, text: str) -> None:
        """Read until the screen shows a text."""
        self.until(lambda: text in self.text(), repr(text))

    def screen(self) -> pyte.Screen:
        """What the terminal shows; after a resize, as if it had always been so large."""
        if self._shown is None or self._shown[0] != self.size:
            screen = pyte.Screen(*self.size)
            self._shown, self._fed = (self.size, screen, pyte.ByteStream(screen)), 0
        _, screen, stream = self._shown
        begun = _BEGUN.search(self.output, self._fed)
        end = begun.start() if begun else len(self.output)
        stream.feed(_UNKNOWN_TO_PYTE.sub(b"", self.output[self._fed : end]))
        self._fed = end
        return screen

    def text(self) -> str:
        """The same as text."""
        return "\n".join(line.rstrip() for line in self.screen().display)

    # writing

    def write(self, text: str) -> None:
        """Type raw bytes."""
        with contextlib.suppress(OSError):
            os.write(self.fd, text.encode())

    def press(self, *keys: str) -> None:
        """Press keys by name, each after the screen has settled."""
        for key in keys:
            self.write(KEYS.get(key, key))
            self.settle(0.15)

    def cost(self, key: str) -> int:
        """How many bytes the reaction to a key takes."""
        before = len(self.output)
        self.write(KEYS.get(key, key))
        self.pump(WAIT_S, lambda: len(self.output) > before)
        self.settle()
        return len(self.output) - before

    def resize(self, columns: int, rows: int) -> None:
        """Make the window another size."""
        self.size = (columns, rows)
        self._set_size(self.fd, self.size)
        os.kill(self.pid, signal.SIGWINCH)

    # ending

    def wait(self) -> int:
        """The exit code, 128 and the signal's number for one that was killed."""
        deadline = time.monotonic() + WAIT_S
        while self.status is None and time.monotonic() < deadline:
            self.pump(0.05)
            found, status = os.waitpid(self.pid, os.WNOHANG)
            if found:
                code = os.waitstatus_to_exitcode(status)
                self.status = code if code >= 0 else 128 - code
        assert self.status is not None, f"it has not ended; the screen:\n{self.text()}"
        self.pump(0.1)
        return self.status

    def hang_up(self) -> None:
        """Take the terminal away."""
        os.close(self.fd)
        self.fd = -1

    def close(self) -> None:
        """End what still runs."""
        if self.status is None:
            with contextlib.suppress(OSError):
                os.kill(self.pid, signal.SIGKILL)
                os.waitpid(self.pid, 0)
        if self.fd >= 0:
            os.close(self.fd)

    def is_restored(self) -> bool:
        """Whether every mode that was set has been taken back, and the line modes are as before."""
        modes = dict(re.findall(rb"\x1b\[\?(\d+)([hl])", self.output))
        for name in (b"1049", b"1000", b"1003", b"1006", b"1015", b"2004", b"1004", b"2026"):
            if modes.get(name, b"l") != b"l":
                return False
        pushed, popped = self.output.count(b"\x1b[>"), self.output.count(b"\x1b[<u")
        shown = modes.get(b"25", b"h") == b"h" and modes.get(b"7", b"h") == b"h"
        return shown and popped >= min(pushed, 1) and termios.tcgetattr(self.fd) == self.modes
