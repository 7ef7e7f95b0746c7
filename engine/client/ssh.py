"""A server far away, through the operator's own ssh: its socket is forwarded to one of ours.

Nothing has to be opened or configured there: whoever may log in may use the engine of that login.
One login serves a whole process and ends with it; what was lost is begun anew when it is needed.
Where the operator's ssh shares a login already (ControlMaster), that one is used.
"""

from __future__ import annotations

import atexit
import os
import socket
import subprocess
import tempfile
import threading
import time

from engine.client.transport import UnixTransport
from engine.errors import Unavailable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import BinaryIO

    from engine.client.transport import Connection

LOGIN_TIMEOUT_S = 60.0  # where nobody is asked for anything
MASTER = ("-M", "-N", "-o", "ControlPersist=no", "-o", "ClearAllForwardings=yes",
          "-o", "ServerAliveInterval=15")  # fmt: skip
FIND = "wingman engine start --json"
LONGEST_FOLDER = 60  # a socket's path has about a hundred characters at most, ssh adds some
NOT_FOUND = 127  # of a shell: a login shell may know more places
# a Ctrl-C is meant for what waits at the terminal, not for the line
UNTOUCHED = ("/bin/sh", "-c", 'trap "" INT QUIT; exec "$@"', "sh")

_forwards: dict[str, Forward] = {}
_forwards_lock = threading.Lock()
_may_ask = True  # whether the terminal is free for a question of ssh


class Forward:
    """One login there, and the socket that leads to its engine."""

    def __init__(self, url: str) -> None:
        self._where = url
        self._words = _target(url)
        short = len(tempfile.gettempdir()) <= LONGEST_FOLDER
        self._folder = tempfile.mkdtemp(prefix="wingman-ssh-", dir=None if short else "/tmp")
        self.path = os.path.join(self._folder, "engine.sock")
        self._control = os.path.join(self._folder, "login")
        self._master: subprocess.Popen[bytes] | None = None
        self._forwarding = ""  # as it was asked for
        self._lock = threading.Lock()

    def ready(self) -> str:
        """The path of our socket, once it leads there. Raises Unavailable."""
        with self._lock:
            if not self._is_up():
                self._start()
            return self.path

    def log_in(self) -> None:
        """Begin with what may ask for a passphrase. Raises Unavailable."""
        with self._lock:
            if self._master is None and not self._is_shared():
                self._open_master()

    def end(self) -> None:
        """At the end of the process."""
        self._stop()
        for name in os.listdir(self._folder):
            os.unlink(os.path.join(self._folder, name))
        os.rmdir(self._folder)

    def _is_up(self) -> bool:
        if not self._forwarding:
            return False
        if self._master is not None:
            return self._master.poll() is None and os.path.exists(self.path)
        with socket.socket(socket.AF_UNIX) as probe:  # the shared login may have ended
            return probe.connect_ex(self.path) == 0

    def _start(self) -> None:
        """Log in, find the engine's socket there (starting one if there is none), forward it."""
        has_begun = self._master is not None and self._master.poll() is None
        if self._forwarding or not has_begun:
            self._stop()
            if not self._is_shared():
                self._open_master()
        forwarding = f"{self.path}:{self._find()}"
        done = self._ssh("-O", "forward", "-L", forwarding)
        if done.returncode or not os.path.exists(self.path):
            self._stop()
            raise Unavailable(
                f"the socket of {self._where} could not be forwarded{_said(done.stderr)}",
                "its sshd has to allow it: AllowStreamLocalForwarding yes",
            )
        self._forwarding = forwarding

    def _is_shared(self) -> bool:
        """Whether the operator's ssh has a login there that others may use."""
        return self._ssh("-O", "check").returncode == 0

    def _open_master(self) -> None:
        """Log in; ssh asks at the terminal for what it needs, where there may be a question."""
        batch = () if _may_ask else ("-o", "BatchMode=yes")
        words = [*UNTOUCHED, "ssh", *MASTER, *batch, "-S", self._control, *self._words]
        said = os.path.join(self._folder, "said")
        with open(said, "wb") as file:
            self._master = _started(words, file)
        deadline = time.monotonic() + LOGIN_TIMEOUT_S
        while not os.path.exists(self._control):
            if self._master.poll() is not None or (batch and time.monotonic() > deadline):
                self._stop()
                with open(said, "rb") as file:
                    raise Unavailable(
                        f"no login at {self._where}{_said(file.read())}",
                        f"does this work: {' '.join(['ssh', *self._words])}",
                    )
            time.sleep(0.01)

    def _find(self) -> str:
        import json

        done = self._ssh("-T", after=FIND)
        if done.returncode == NOT_FOUND:
            done = self._ssh("-T", after=f"sh -lc '{FIND}'")
        try:
            return str(json.loads(done.stdout.splitlines()[-1])["socket"])
        except (ValueError, LookupError, TypeError):
            self._stop()
            raise Unavailable(
                f"no engine could be found at {self._where} "
                f"(ssh ended with {done.returncode}){_said(done.stderr)}",
                f"what does this say: {' '.join(['ssh', *self._words, FIND])}",
            ) from None

    def _ssh(self, *options: str, after: str = "") -> subprocess.CompletedProcess[bytes]:
        """One use of the login; never asks, and takes nothing of what is typed to us."""
        control = ("-S", self._control) if self._master is not None else ()
        command = (after,) if after else ()
        words = ["ssh", "-o", "BatchMode=yes", *control, *options, *self._words, *command]
        try:
            return subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, check=False)
        except OSError as error:
            raise Unavailable(f"ssh cannot be started: {error.strerror}") from None

    def _stop(self) -> None:
        """End our login, or what we asked of the operator's, and take our socket away."""
        if self._master is not None:
            if self._master.poll() is None:
                self._master.terminate()
            self._master.wait()
        elif self._forwarding:
            self._ssh("-O", "cancel", "-L", self._forwarding)
        self._master, self._forwarding = None, ""
        for path in (self.path, self._control):
            if os.path.exists(path):
                os.unlink(path)


class SshTransport(UnixTransport):
    """The engine of another login, behind a forwarded socket."""

    def __init__(self, url: str) -> None:
        super().__init__("")
        self._url = url

    def connect(self) -> Connection:
        """A new connection; starts ssh, again if it was lost."""
        self.path = forwarded(self._url)
        return super().connect()


def forwarded(url: str) -> str:
    """The path of a socket that leads to the engine there."""
    return _forward_to(url).ready()


def log_in(url: str) -> None:
    """Log in while the terminal is free for what ssh may ask. Raises Unavailable."""
    _forward_to(url).log_in()


def never_ask() -> None:
    """From now on the terminal is somebody else's: what would have to ask fails."""
    global _may_ask
    _may_ask = False


def _forward_to(url: str) -> Forward:
    with _forwards_lock:
        forward = _forwards.get(url)
        if forward is None:
            forward = _forwards[url] = Forward(url)
            atexit.register(forward.end)
        return forward


def _started(words: list[str], errors: BinaryIO) -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(
            words, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=errors
        )
    except OSError as error:
        raise Unavailable(f"ssh cannot be started: {error.strerror}") from None


def _said(data: bytes) -> str:
    """The last thing that ssh said, for the end of a sentence."""
    lines = data.decode(errors="replace").split("\n")
    last = next((line.strip() for line in reversed(lines) if line.strip()), "")
    return f": {''.join(c if c.isprintable() else '?' for c in last[:300])}" if last else ""


def _target(url: str) -> list[str]:
    """`ssh://user@host:port` as words for ssh; `--` so that a host is never an option."""
    rest = url.removeprefix("ssh://").rstrip("/")
    host, _, port = rest.rpartition(":")
    if not host or not port.isdigit():
        return ["--", rest]
    return ["-p", port, "--", host]
