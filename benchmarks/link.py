"""A program on a real pty, as a terminal at the end of a link sees it; used by `benchmarks.console`.

Bytes are counted from outside, with the moment of their arrival. A link may be slow: what the program
writes is taken from the pty at once, as sshd does, and carried with so many bytes a second; answers and
keys take half the round trip, too.
"""

from __future__ import annotations

import collections
import contextlib
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

from tests.pty.terminal import KEYS, ROOT

WINDOW_BYTES = 2 << 20  # what ssh lets be under way
PIECE_BYTES = 512
TICKS_S = os.sysconf("SC_CLK_TCK")
CLOSE_PROMPT = "\x03"
_QUERY = re.compile(rb"\x1b\[\?(\d+)\$p|\x1b\[([56])n")


class Link:
    """One program, its output as it arrives, its keys as they are sent."""

    def __init__(
        self, words: Sequence[str], home: Path, *, bytes_s: float = 0, round_trip_s: float = 0,
        size: tuple[int, int] = (80, 24), env: dict[str, str] | None = None,
    ) -> None:  # fmt: skip
        self.bytes_s, self.half_s = bytes_s, round_trip_s / 2
        self.output = bytearray()
        self.taken = 0  # bytes that the program has written, arrived or not
        self._tail = b""
        self._under_way: collections.deque[tuple[float, bytes]] = collections.deque()
        self._typed: collections.deque[tuple[float, bytes]] = collections.deque()
        self._free_at = 0.0
        environment = {
            "PATH": os.environ["PATH"], "HOME": str(home.parent), "LANG": "C.UTF-8", "TZ": "UTC",
            "TERM": "xterm-256color", "COLORTERM": "truecolor", "WINGMAN_HOME": str(home),
            "PYTHONPATH": str(ROOT), **(env or {}),
        }  # fmt: skip
        self.began = time.perf_counter()
        self.pid, self.fd = os.forkpty()
        if self.pid == 0:
            try:
                fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", size[1], size[0], 0, 0))
                os.execvpe(words[0], list(words), environment)
            finally:
                os._exit(127)
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", size[1], size[0], 0, 0))
        os.set_blocking(self.fd, False)

    # the link

    @property
    def backlog_bytes(self) -> int:
        """What is written and has not arrived."""
        return self.taken - len(self.output)

    def pump(self, seconds: float, until: Callable[[], bool] = lambda: False) -> float | None:
        """Carry what there is for a while; the moment of the last byte that arrived."""
        deadline, last = time.perf_counter() + seconds, None
        while True:
            now = time.perf_counter()
            while self._typed and self._typed[0][0] <= now:
                with contextlib.suppress(OSError):
                    os.write(self.fd, self._typed.popleft()[1])
            while self._under_way and self._under_way[0][0] <= now:
                data = self._under_way.popleft()[1]
                self.output += data
                last = now
                self._answer(data)
            if until() or now >= deadline:
                return last
            waits = [queue[0][0] for queue in (self._under_way, self._typed) if queue]
            pause = max(0.0, min([deadline, *waits]) - now)
            reads = [self.fd] if self.backlog_bytes < WINDOW_BYTES else []
            if select.select(reads, [], [], pause)[0] and not self._take():
                return last

    def _take(self) -> bool:
        try:
            data = os.read(self.fd, 65_536)
        except BlockingIOError:
            return True
        except OSError:
            return False
        self.taken += len(data)
        now = time.perf_counter()
        for start in range(0, len(data), PIECE_BYTES):
            piece = data[start : start + PIECE_BYTES]
            if self.bytes_s:
                self._free_at = max(self._free_at, now) + len(piece) / self.bytes_s
            self._under_way.append((max(now, self._free_at) + self.half_s, piece))
        return bool(data)

    def _answer(self, data: bytes) -> None:
        text = self._tail + data
        end = 0
        for match in _QUERY.finditer(text):
            end = match.end()
            mode, report = match.groups()
            if mode is not None:
                self.write(f"\x1b[?{mode.decode()};{2 if mode == b'2026' else 0}$y")
            else:
                self.write("\x1b[0n" if report == b"5" else "\x1b[1;1R")
        self._tail = text[max(end, len(text) - 16) :]

    def write(self, text: str) -> float:
        """Type raw bytes; the moment."""
        now = time.perf_counter()
        self._typed.append((now + self.half_s, text.encode()))
        return now

    # what is asked

    def press(self, *keys: str, quiet_s: float = 0.3) -> None:
        """Press keys by name, each after the screen has settled."""
        for key in keys:
            self.write(KEYS.get(key, key))
            self.settle(quiet_s)

    def settle(self, quiet_s: float = 0.3, limit_s: float = 60.0) -> float | None:
        """Carry until nothing has arrived for a while; the moment of the last byte."""
        deadline, last = time.perf_counter() + limit_s, None
        while time.perf_counter() < deadline:
            came = self.pump(quiet_s)
            if came is None:
                return last
            last = came
        return last

    def sees(self, token: str, since: int = 0, limit_s: float = 60.0) -> float:
        """Carry until a text has arrived; the moment. It must be written in one piece."""
        sought = token.encode()
        place = since

        def came() -> bool:
            nonlocal place
            found = self.output.find(sought, place) >= 0
            place = max(since, len(self.output) - len(sought))
            return found

        self.pump(limit_s, came)
        if self.output.find(sought, since) < 0:
            raise TimeoutError(f"{token!r} did not come; the screen:\n{self.text()}")
        return time.perf_counter()

    def reaction(self, key: str, quiet_s: float = 0.12) -> tuple[float, int]:
        """Milliseconds to the last byte of the reaction to a key on a screen at rest, and its bytes."""
        before = len(self.output)
        began = self.write(KEYS.get(key, key))
        self.pump(5.0, lambda: len(self.output) > before)
        first = time.perf_counter()
        last = self.settle(quiet_s) or first
        return (last - began) * 1000, len(self.output) - before

    def probe(self, token: str = "filter ") -> float:
        """Milliseconds to the prompt of `/`, on a screen that is never at rest."""
        since = len(self.output)
        began = self.write("/")
        took = (self.sees(token, since, 10.0) - began) * 1000
        self.write(CLOSE_PROMPT)
        self.pump(0.3)
        return took

    def cpu_s(self) -> float:
        """Processor time of the program, so far."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS_S

    def memory_mb(self) -> float:
        """Its resident memory."""
        return int(Path(f"/proc/{self.pid}/statm").read_text().split()[1]) * 4096 / 1e6

    def text(self) -> str:
        """What the terminal shows."""
        import pyte

        from tests.pty.terminal import _UNKNOWN_TO_PYTE

        screen = pyte.Screen(80, 24)
        pyte.ByteStream(screen).feed(_UNKNOWN_TO_PYTE.sub(b"", bytes(self.output)))
        return "\n".join(line.rstrip() for line in screen.display)

    def close(self) -> None:
        """End it."""
        with contextlib.suppress(OSError):
            os.kill(self.pid, signal.SIGTERM)
        self.pump(1.0)
        with contextlib.suppress(OSError):
            os.kill(self.pid, signal.SIGKILL)
        with contextlib.suppress(OSError):
            os.waitpid(self.pid, 0)
        os.close(self.fd)

    def __enter__(self) -> Link:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def console(home: Path, *arguments: str, **options: object) -> Link:
    """The console on a home."""
    return Link([sys.executable, "-m", "wingman_tui", *arguments], home, **options)  # type: ignore[arg-type]
