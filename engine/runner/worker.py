"""One warm Python worker as the runner sees it: its process, its socket, its share of usage.

Role: made and moved along by workers.py; the other side is in warm/. Imports the standard
library and the runner's own parts.
"""

from __future__ import annotations

import os
import socket
import struct
import sys

from engine.runner import procfs
from engine.runner.frames import dump_json, load_json
from engine.runner.spawn import StartFailed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from engine.runner.attempt import Attempt
    from engine.runner.spawn import Spawner
    from engine.runner.workers import WorkerSet

PACKET_BYTES = 1 << 15  # as in warm/serving.py
SOCKET_FD = 3
WORKER_MAIN = os.path.join(os.path.dirname(os.path.abspath(__file__)), "worker_main.py")
# what an interpreter needs before it knows its attempt; nothing that could be secret
FIRST_ENV = frozenset({
    "PATH", "HOME", "USER", "LOGNAME", "LANG", "LC_ALL", "LC_CTYPE", "TMPDIR", "LD_LIBRARY_PATH",
})  # fmt: skip
_ONE_FD = socket.CMSG_SPACE(4)


class Worker:
    """One interpreter: its socket, its process, and the attempt that it runs."""

    def __init__(
        self, worker_set: WorkerSet, spawner: Spawner, python: str, env: dict[str, str]
    ) -> None:
        self.set = worker_set
        self.marker = procfs.new_marker()
        self.attempt: Attempt | None = None
        self.leaving_with: Attempt | None = None  # its end waits until this worker is gone
        self.attempts = 0
        self.ready = self.leaving = False
        self.idle_since = 0.0
        self._spawner = spawner
        self.sock, self.pid = self._start(python, env)
        self.pidfd = os.pidfd_open(self.pid)
        stat = procfs.read_stat(self.pid)
        self.start_ticks = stat.start_ticks if stat else 0
        self.output_fd, self._output_path = spawner.memory.new("output")
        # in all its life so far
        self.cpu_s = 0.0
        self._blocks_in = self._blocks_out = 0

    def _start(self, python: str, env: dict[str, str]) -> tuple[socket.socket, int]:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        argv = [python, "-E", "-P", "-X", "utf8", WORKER_MAIN]
        first_env = {name: value for name, value in env.items() if name in FIRST_ENV}
        null = self._spawner.null
        try:
            os.chdir("/")
            pid = self._spawner.start(
                argv, first_env, self.marker, null, null, 2, (theirs.fileno(), SOCKET_FD)
            )
        except (StartFailed, OSError):
            ours.close()
            raise
        finally:
            theirs.close()
        ours.setblocking(False)
        return ours, pid

    def send(self, spec: dict[str, Any], stdout: int, stderr: int) -> None:
        """Hand over an attempt with its pipes; raises StartFailed."""
        python = spec["python"]
        spec["env"]["WINGMAN_OUTPUT"] = self._output_path
        request: dict[str, Any] = {
            "env": spec["env"], "cwd": spec["cwd"], "path": python["path"],
            "args": python["args"], "name": spec["step"], "limit": spec["output_limit_bytes"],
        }  # fmt: skip
        kind = "call" if python.get("call") else "script"
        request[kind] = python[kind]
        if spec["kind"] == "http":
            request["own"] = True
        packet = dump_json(request).encode("ascii")
        fds = [stdout, stderr]
        if len(packet) > PACKET_BYTES:
            fds.append(self._spawner.memory.filled("request", packet))
            packet = b"M"
        rights = (socket.SOL_SOCKET, socket.SCM_RIGHTS, struct.pack(f"{len(fds)}i", *fds))
        try:
            self.sock.sendmsg([packet], [rights])
        except OSError as error:
            raise StartFailed(f"the Python worker does not answer: {error.strerror}") from error
        finally:
            for fd in fds[2:]:
                os.close(fd)
        self.attempts += 1

    def receive(self) -> dict[str, Any] | None:
        """The answer that has come, or None when the worker has closed its end."""
        try:
            packet, ancillary, _, _ = self.sock.recvmsg(PACKET_BYTES, _ONE_FD)
        except OSError:
            return None
        if ancillary:
            with open(int.from_bytes(ancillary[0][2][:4], sys.byteorder), "rb") as file:
                file.seek(0)
                packet = file.read()
        answer: dict[str, Any] | None = load_json(packet) if packet else None
        return answer

    def take_declared(self, limit_bytes: int) -> bytes:
        """What the attempt wrote as its outputs; the file is empty then for the next one."""
        if not os.fstat(self.output_fd).st_size:
            return b""
        declared = os.pread(self.output_fd, limit_bytes + 1, 0)
        os.ftruncate(self.output_fd, 0)
        return declared

    def account(self, attempt: Attempt | None, answer: dict[str, Any]) -> None:
        """Count what was used since the last answer as the attempt's."""
        if attempt is not None:
            attempt.cpu_s += answer["cpu_s"] - self.cpu_s
            attempt.max_rss_bytes = answer["max_rss_kb"] * 1024
            attempt.read_bytes += (answer["in"] - self._blocks_in) * 512
            attempt.write_bytes += (answer["out"] - self._blocks_out) * 512
        self.cpu_s = answer["cpu_s"]
        self._blocks_in, self._blocks_out = answer["in"], answer["out"]

    def close(self) -> None:
        """Let go of a worker that has ended; its socket is closed where it leaves its set."""
        os.close(self.pidfd)
        os.close(self.output_fd)
        self.pidfd = self.output_fd = -1
