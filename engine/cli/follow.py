"""Follow an execution to its end: its log on stdout, what happens to it on stderr.

Used by `run`, `retry`, `rerun` and `logs -f`. Whoever stops following stops nothing: SIGTERM,
SIGHUP and Ctrl-C without a terminal detach; Ctrl-C at a terminal asks (it ends `logs -f`). An
engine that dies is started again, one that was stopped is waited for, and the log goes on.
"""

from __future__ import annotations

import _thread
import os
import signal
import sys
import time

from engine.cli import states
from engine.cli.logtext import LogText
from engine.cli.terminal import clean, is_terminal, tell
from engine.client.http import quote, with_query
from engine.client.launch import ensure_engine
from engine.errors import Unavailable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, NoReturn, TypeVar

    from engine.cli.holds import Holds
    from engine.client.http import Client
    from engine.paths import Home

    T = TypeVar("T")

SERVER_WAIT_S = 600.0
RESTART_WAIT_S = 20.0  # how long a stopped engine is waited for
ASK_AGAIN_S = 0.1
JUST_NOW_S = 1.0  # a thread that is woken comes later than what it was woken by
RESTARTS = 5  # how often a dying engine is started again
STEADY_S = 5.0  # of a line that was of use
USELESS_LINES = 20  # one after the other, to a server far away
LONGEST_PAUSE_S = 10.0


class Detached(Exception):
    """Somebody stopped following; `exit_code` is 128 + the signal's number."""

    def __init__(self, signal_number: int) -> None:
        super().__init__(signal_number)
        self.exit_code = 128 + signal_number


class Follower:
    """Follows one execution, named by its id, through restarts of the engine."""

    def __init__(
        self, home: Home, client: Client, execution: dict[str, Any], *, asks: bool = True
    ) -> None:
        """Ctrl-C ends the following of one that only looks, and `asks` what to do otherwise."""
        self.name = f"{execution['flow']}#{execution['number']}"
        self._home = home
        self._client = client
        self._path = f"/v1/executions/{quote(execution['id'])}"
        self._asks = asks
        self._lost = 0
        self._printed_bytes = 0
        self._holds: Holds | None = None
        self._is_in_line = False  # of what is printed: begun, and not ended

    def follow(self, options: dict[str, object] | None = None, *, quiet: bool = False) -> int:
        """Print the log until the execution has ended; `quiet` only waits. The exit code."""
        return states.exit_code(self.result(options, quiet=quiet)["state"])

    def result(
        self, options: dict[str, object] | None = None, *, quiet: bool = False
    ) -> dict[str, Any]:
        """The same, and the execution as it ended."""
        if not quiet and is_terminal(sys.stderr):
            self._watch_holds()
        try:
            with _Signals(asks=self._asks):
                while True:
                    try:
                        if not quiet:
                            self._print_log(options or {})
                        return self._again(self._wait)
                    except KeyboardInterrupt:
                        self._interrupted()
        finally:
            if self._holds is not None:
                self._holds.end()

    def _watch_holds(self) -> None:
        """Tell what it waits for, to whoever sits there."""
        from engine.cli.holds import Holds

        self._holds = Holds(self._home, self._path, lambda: self._is_in_line)
        self._holds.begin()

    def _wait(self) -> dict[str, Any]:
        path = with_query(self._path, wait=True)
        return self._client.request("GET", path, timeout_s=None)

    def _print_log(self, options: dict[str, object]) -> None:
        log = LogText()

        def copy() -> None:
            wanted = {**self._prefix(options), **options}
            if self._printed_bytes:  # the log is the same each time it is asked for
                wanted["skip"] = self._printed_bytes
            path = with_query(f"{self._path}/logs", follow=True, **wanted)
            for data in self._client.stream("GET", path):
                try:
                    log.write(data)
                finally:  # Ctrl-C comes just behind the line that it answers
                    self._printed_bytes += len(data)
                    self._is_in_line = not data.endswith(b"\n")

        try:
            self._again(copy)
        finally:
            log.end()

    def _prefix(self, options: dict[str, object]) -> dict[str, object]:
        """Lines name their step where several steps write to one terminal."""
        if options.get("step") or options.get("json") or "prefix" in options:
            return {}
        if not is_terminal(sys.stdout):
            return {}
        steps = self._client.request("GET", self._path).get("steps", [])
        return {"prefix": len(steps) > 1}

    def _again(self, action: Callable[[], T]) -> T:
        """The action, repeated when the engine goes away under it."""
        while True:
            began, printed_bytes = time.monotonic(), self._printed_bytes
            try:
                return action()
            except Unavailable:
                was_of_use = (
                    time.monotonic() - began > STEADY_S or self._printed_bytes > printed_bytes
                )
                self._count_loss(was_of_use=was_of_use)
                self._reconnect()

    def _count_loss(self, *, was_of_use: bool) -> None:
        """Raises what was raised where it is of no use to go on.

        A line to a server far away may break as often as it likes, if it held for a while or
        brought something.
        """
        self._lost += 1
        if not os.environ.get("WINGMAN_SERVER"):
            if self._lost > RESTARTS:
                raise
            return
        if was_of_use:
            self._lost = 0
        elif self._lost > USELESS_LINES:
            raise
        else:
            time.sleep(min(ASK_AGAIN_S * 2**self._lost, LONGEST_PAUSE_S))

    def _reconnect(self) -> None:
        """Start an engine that died; wait for one that somebody stopped."""
        if os.environ.get("WINGMAN_SERVER"):
            self._reach_server()
            return
        deadline = time.monotonic() + RESTART_WAIT_S
        tell(f"the engine went away; {self.name} goes on, waiting for the engine")
        while not os.path.exists(self._home.text("socket")):
            if time.monotonic() > deadline:
                raise Unavailable(
                    f"the engine was stopped; {self.name} goes on without it",
                    f"start it and follow again: wingman logs -f {self.name}",
                )
            time.sleep(0.05)
        self._client.close()
        self._client = ensure_engine(self._home)

    def _reach_server(self) -> None:
        """Ask a server far away again and again, less and less often."""
        tell(f"the connection is lost; {self.name} goes on, connecting again")
        self._client.close()
        deadline, pause_s = time.monotonic() + SERVER_WAIT_S, 0.5
        while True:
            try:
                self._client = ensure_engine(self._home)
                return
            except Unavailable:
                if time.monotonic() > deadline:
                    raise
            time.sleep(pause_s)
            pause_s = min(pause_s * 2, LONGEST_PAUSE_S)

    def _interrupted(self) -> None:
        """Ctrl-C: ask what to do; returns to go on following."""
        if not self._asks:
            raise KeyboardInterrupt
        if not (is_terminal(sys.stdin) and is_terminal(sys.stderr)):
            self._detach(signal.SIGINT)
        try:
            answer = _ask(f"\n{clean(self.name)} is running. d detach, c cancel, f follow on [d]: ")
            if answer == "c":
                self._client.close()
                self._again(lambda: self._client.request("POST", f"{self._path}/cancel", {}))
                tell(f"cancelling {clean(self.name)}")
            elif answer != "f":
                self._detach(signal.SIGINT)
        except KeyboardInterrupt:
            tell("")  # the answer's line
            self._detach(signal.SIGINT)

    def _detach(self, number: int) -> NoReturn:
        raise Detached(number)


def tell_detached(name: str) -> None:
    """Say how to come back."""
    tell(f"detached; {clean(name)} goes on: wingman logs -f {clean(name)}")


def _ask(question: str) -> str:
    """The first letter of the answer, d for none and at the end of input."""
    print(question, end="", file=sys.stderr, flush=True)
    return (sys.stdin.readline().strip().lower() or "d")[0]


class _Signals:
    """While following, SIGTERM and SIGHUP raise Detached, and a Ctrl-C is surely heard.

    Python hears of a signal between two steps of its own: one that comes just before it blocks in
    `recv` would wait for the next line of the log, and one in a destructor would be lost. A thread
    that is woken at once asks again: until the end, but for a Ctrl-C that asks what to do.
    """

    def __init__(self, *, asks: bool = True) -> None:
        self._asks = asks
        self._heard_s = 0.0  # when a Ctrl-C was heard

    def __enter__(self) -> None:
        self._over = False
        self._turn = _thread.allocate_lock()
        raising = {signal.SIGTERM: self._detach, signal.SIGHUP: self._detach,
                   signal.SIGINT: self._interrupt}  # fmt: skip
        self._before = {
            number: signal.signal(number, handler)
            for number, handler in raising.items()
            if signal.getsignal(number) is not signal.SIG_IGN  # nohup stays nohup
        }
        self._woken, self._wake = os.pipe()
        os.set_blocking(self._wake, False)
        signal.set_wakeup_fd(self._wake, warn_on_full_buffer=False)
        _thread.start_new_thread(self._insist, (_thread.get_ident(),))

    def __exit__(self, *_: object) -> None:
        with self._turn:
            self._over = True
        signal.set_wakeup_fd(-1)
        os.close(self._wake)
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _detach(self, number: int, _frame: object) -> None:
        if not self._over:
            raise Detached(number)

    def _interrupt(self, number: int, _frame: object) -> None:
        self._heard_s = time.monotonic()
        raise KeyboardInterrupt

    def _insist(self, main: int) -> None:
        """Send a signal again until it has ended the following, or a Ctrl-C is heard."""
        while number := os.read(self._woken, 1):
            came_s = time.monotonic()
            while number[0] in self._before:
                time.sleep(ASK_AGAIN_S)
                with self._turn:
                    if self._over or (number[0] == signal.SIGINT and self._is_heard(came_s)):
                        break
                    signal.pthread_kill(main, number[0])
        os.close(self._woken)

    def _is_heard(self, came_s: float) -> bool:
        """Whether a question answers the Ctrl-C that came then; it may have been heard before."""
        return self._asks and self._heard_s > came_s - JUST_NOW_S
