"""A server far away, through the operator's own ssh: its socket is forwarded to one of ours.

Nothing has to be opened or configured there: whoever may log in may use the engine of that login.
One forwarding serves a whole process and ends with it; a lost one is started anew when needed.
"""

from __future__ import annotations

import atexit
import os
import subprocess
import tempfile
import time

from engine.client.transport import UnixTransport
from engine.errors import Unavailable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from engine.client.transport import Connection

START_TIMEOUT_S = 60.0  # a person may have to type a passphrase
OPTIONS = ("-o", "ExitOnForwardFailure=yes", "-o", "ServerAliveInterval=15")
FIND = ("wingman", "engine", "start", "--json")

_forwards: dict[str, Forward] = {}


class Forward:
    """One running `ssh -L`."""

    def __init__(self, url: str) -> None:
        self._words = _target(url)
        self._folder = tempfile.mkdtemp(prefix="wingman-ssh-")
        self.path = os.path.join(self._folder, "engine.sock")
        self._process: subprocess.Popen[bytes] | None = None
        self._where = url

    @property
    def is_up(self) -> bool:
        """Whether it forwards."""
        running = self._process is not None and self._process.poll() is None
        return running and os.path.exists(self.path)

    def start(self) -> None:
        """Find the engine's socket there, starting an engine if there is none, and forward it."""
        self.stop()
        socket = self._find()
        words = ["ssh", *OPTIONS, "-N", "-L", f"{self.path}:{socket}", *self._words]
        self._process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        deadline = time.monotonic() + START_TIMEOUT_S
        while not os.path.exists(self.path):
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                raise Unavailable(
                    f"the socket of {self._where} could not be forwarded",
                    "its sshd has to allow it: AllowStreamLocalForwarding yes",
                )
            time.sleep(0.02)

    def _find(self) -> str:
        import json

        try:
            done = subprocess.run(
                ["ssh", *self._words, *FIND], stdout=subprocess.PIPE, stdin=None, check=False
            )
        except OSError as error:
            raise Unavailable(f"ssh cannot be started: {error.strerror}") from None
        try:
            return str(json.loads(done.stdout.splitlines()[-1])["socket"])
        except (ValueError, LookupError, TypeError):
            raise Unavailable(
                f"no engine could be found at {self._where} (ssh ended with {done.returncode})",
                f"what does this say: ssh {' '.join([*self._words, *FIND])}",
            ) from None

    def stop(self) -> None:
        """End ssh, and take its socket away."""
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
            self._process.wait()
        self._process = None
        if os.path.exists(self.path):
            os.unlink(self.path)

    def end(self) -> None:
        """At the end of the process."""
        self.stop()
        os.rmdir(self._folder)


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
    forward = _forwards.get(url)
    if forward is None:
        forward = _forwards[url] = Forward(url)
        atexit.register(forward.end)
    if not forward.is_up:
        forward.start()
    return forward.path


def _target(url: str) -> list[str]:
    """`ssh://user@host:port` as words for ssh; `--` so that a host is never an option."""
    rest = url.removeprefix("ssh://").rstrip("/")
    host, _, port = rest.rpartition(":")
    if not host or not port.isdigit():
        return ["--", rest]
    return ["-p", port, "--", host]
