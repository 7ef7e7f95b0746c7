"""The terminal: what it can do, whether we may start on it, and how it is given back.

Read by `__main__` before Textual is imported. Standard library only.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import sys
import termios
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

HANG_UP_S = 5.0
MIN_COLUMNS, MIN_ROWS = 60, 15
WIDE_COLUMNS = 120  # from here on tree and log stand side by side, each wide enough to read
# leave every mode that Textual or we may have set: synchronised output, mouse, paste, focus,
# in-band resize, kitty keys, margins, wrap; then attributes, cursor, alternate screen
RESTORE = (
    "\x1b[?2026l\x1b[?1000l\x1b[?1003l\x1b[?1015l\x1b[?1006l\x1b[?1016l\x1b[?2004l\x1b[?1004l"
    "\x1b[?2048l\x1b[<u\x1b[r\x1b[?7h\x1b[m\x1b[?1049l\x1b[?25h"
)


@dataclass(frozen=True)
class Terminal:
    """What the environment says about the terminal."""

    ascii_only: bool
    no_color: bool
    over_ssh: bool


def look_at_terminal(environ: Mapping[str, str] = os.environ) -> Terminal:
    """The capabilities that are known without asking the terminal anything."""
    from engine.client.console import shows_glyphs

    encoding = getattr(sys.__stderr__, "encoding", None) or "ascii"
    return Terminal(
        ascii_only=not shows_glyphs(encoding, environ),
        no_color=bool(environ.get("NO_COLOR")),
        over_ssh=bool(environ.get("SSH_CONNECTION") or environ.get("SSH_TTY")),
    )


def reason_not_to_start(environ: Mapping[str, str] = os.environ) -> str:
    """Why the console cannot open here, with what works instead; empty when it can."""
    plain = "use the commands instead, for example: wingman list, wingman logs -f @last"
    if not (_is_tty(sys.__stdin__) and _is_tty(sys.__stdout__) and _is_tty(sys.__stderr__)):
        return f"the console needs a terminal on stdin, stdout and stderr; {plain}"
    if environ.get("TERM", "dumb") in ("dumb", "", "unknown"):
        return f"the console cannot draw on TERM={environ.get('TERM', '')!s}; {plain}"
    return ""


def _is_tty(file: Any) -> bool:
    try:
        return bool(file is not None and file.isatty())
    except ValueError:
        return False


class Keeper:
    """Remembers the terminal's modes, to give it back as it was whatever happens."""

    def __init__(self) -> None:
        self._attributes: list[Any] | None = None
        with contextlib.suppress(termios.error, ValueError, OSError):
            self._attributes = termios.tcgetattr(0)

    def restore(self) -> None:
        """Put the modes back; harmless where nothing was changed, silent where nobody listens."""
        if self._attributes is None:
            return
        with contextlib.suppress(termios.error, OSError):
            if termios.tcgetattr(0) == self._attributes:
                return  # Textual has tidied up
        with contextlib.suppress(OSError, ValueError):
            os.write(2, RESTORE.encode())
        with contextlib.suppress(termios.error, OSError):
            termios.tcsetattr(0, termios.TCSANOW, self._attributes)


def watch_for_hangup(on_hangup: Callable[[], None]) -> None:
    """Call back when the terminal goes away; for those who were told to ignore SIGHUP.

    Waits in the kernel: it costs nothing until it happens. A console that has not ended some
    seconds later never will: what it still wants to say fills a queue that nobody empties any more,
    while its input is at an end again and again. There is nothing left to give back.
    """

    def wait() -> None:
        poller = select.poll()
        poller.register(0, 0)  # errors and hang-ups are always reported
        while True:
            if any(event & (select.POLLHUP | select.POLLERR) for _, event in poller.poll()):
                with contextlib.suppress(RuntimeError):  # its loop has ended already
                    on_hangup()
                time.sleep(HANG_UP_S)
                os._exit(128 + signal.SIGHUP)

    threading.Thread(target=wait, name="hang-up", daemon=True).start()
