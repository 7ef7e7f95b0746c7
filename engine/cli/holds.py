"""What holds up the execution that somebody follows at a terminal, told once: what, and the answer.

A step that asks is silent, and so is one that waits for a pool: without a word it looks like one
that hangs. Asked on a line and a thread of its own, while the log is waited for. Used by `follow`.
"""

from __future__ import annotations

import _thread
import os
import sys
import time

from engine.cli import states
from engine.cli.format import local_time
from engine.cli.report import answering_commands, waiting_words
from engine.cli.terminal import clean, tell, width
from engine.client.http import Client, with_query
from engine.errors import Unavailable, WingmanError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from engine.paths import Home

ASK_AGAIN_S, ASK_FAR_AGAIN_S = 0.5, 10.0  # after a line was lost
SETTLES_S = 1.5  # what goes by itself and is over sooner is not worth a word
BY_PEOPLE = ("approval", "operator")
PAUSED = "paused"


class Holds:
    """Watches one execution until it has ended, through restarts of the engine."""

    def __init__(self, home: Home, path: str, is_in_line: Callable[[], bool]) -> None:
        """`path` is the execution's; `is_in_line`: the log has begun a line and not ended it."""
        self._home = home
        self._path = path
        self._is_in_line = is_in_line
        self._told: set[str] = set()
        self._is_over = False

    def begin(self) -> None:
        """Watch from now on."""
        _thread.start_new_thread(self._watch, ())

    def end(self) -> None:
        """Nothing is told any more."""
        self._is_over = True

    def _watch(self) -> None:
        client, held = Client(self._home), ""
        while not self._is_over:
            try:
                held = self._look(client, held)
            except (Unavailable, OSError):
                # who prints the log tells it, starts an engine, or asks for a passphrase
                is_far = os.environ.get("WINGMAN_SERVER")
                time.sleep(ASK_FAR_AGAIN_S if is_far else ASK_AGAIN_S)
            except WingmanError:
                return  # an older server, or there is no such execution any more

    def _look(self, client: Client, known: str) -> str:
        """Wait for another hold than the known one, and tell it if it lasts."""
        found = self._ask(client, unless=known)
        held: str = found["hold"]
        if found["state"] in states.TERMINAL:
            self._is_over = True
        if held != PAUSED:
            self._told.discard(PAUSED)  # it may be paused again
        if not held or held in self._told:
            return held
        if held != PAUSED and _innermost(found["waiting_for"]).get("kind") not in BY_PEOPLE:
            time.sleep(SETTLES_S)
            found = self._ask(client)
            if found["hold"] != held:
                return known
        self._told.add(held)
        self._tell(found)
        return held

    def _ask(self, client: Client, **parameters: str) -> dict[str, Any]:
        path = with_query(f"{self._path}/hold", **parameters)
        return client.request("GET", path, timeout_s=None)

    def _tell(self, found: dict[str, Any]) -> None:
        if self._is_over:
            return
        lines = [held_words(found)]
        lines += [f"  {line}" for line in answering_commands(found, width(sys.stderr) - 2)]
        tell(("\n" if self._is_in_line() else "") + "\n".join(lines))


def held_words(found: dict[str, Any]) -> str:
    """What an execution is held up by, in a line."""
    if found["state"] == PAUSED:
        return "paused: no new step starts"
    waiting = found["waiting_for"]
    kind, step = waiting.get("kind"), f"step {clean(waiting.get('step'))}"
    if kind == "timer":
        then = "" if waiting.get("reason") == "wait" else "the next attempt of "
        return f"waiting until {local_time(waiting.get('until'))}: {then}{step}"
    if kind == "pool":
        return f"{step} waits: {clean(waiting.get('reason') or waiting.get('pool'))}"
    words = waiting_words(waiting)
    return f"waiting: {words}" if kind == "group" else f"waiting for {words}"


def _innermost(waiting: dict[str, Any] | None) -> dict[str, Any]:
    waiting = waiting or {}
    while waiting.get("kind") == "flow":
        waiting = waiting.get("waiting_for") or {}
    return waiting
