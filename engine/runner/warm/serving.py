"""Serves the runner: one attempt after the other, as if each had an interpreter to itself.

A request is one packet of JSON with the write ends of two fresh pipes; the answer is one packet.
A packet that does not fit is passed as a memory file.
"""

from __future__ import annotations

import contextlib
import gc
import json
import os
import signal
import socket
import sys
import types

# without the wrapper that looks every handler up among the enumerations
from _signal import getsignal  # type: ignore[import-not-found]

from .answers import exited, raised, returned, told
from .modules import ModuleWatch
from .process import (
    is_untouched,
    left_behind,
    load_fflush,
    open_stream,
    set_environment,
    usage,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

SOCKET_FD = 3
PACKET_BYTES = 1 << 15
SCRIPTS_KEPT = 64
DESCRIPTORS = 3
WATCHED_SIGNALS = (
    signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGALRM, signal.SIGCHLD,
    signal.SIGUSR1, signal.SIGUSR2,
)  # fmt: skip
FD_BYTES = 4
OPTIONS = ("-E", "-P", "-X", "utf8")  # as worker.py starts it
TRUTH = (b"false", b"true")
load = json.JSONDecoder().decode


class Worker:
    """The state that survives from one attempt to the next."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.pid = os.getpid()
        self.environment = dict(os.environ)
        self.null = os.open("/dev/null", os.O_RDWR)
        self.out = self.err = open_stream(2)
        self.base_path = list(sys.path)
        self.main = sys.modules["__main__"]
        self.scripts: dict[tuple[str, str], types.CodeType] = {}
        self.handlers = [getsignal(number) for number in WATCHED_SIGNALS]
        self.modules = ModuleWatch()
        self.flush_libc: Callable[[object], object] | None = None

    def serve(self) -> None:
        """Answer requests until the runner closes the socket."""
        room = socket.CMSG_SPACE(DESCRIPTORS * FD_BYTES)
        while True:
            packet, ancillary, _, _ = self.sock.recvmsg(PACKET_BYTES, room)
            if not packet:
                return
            raw = ancillary[0][2]
            fds = [
                int.from_bytes(raw[at : at + FD_BYTES], sys.byteorder)
                for at in range(0, len(raw), FD_BYTES)
            ]
            text = packet if packet != b"M" else read_memory_file(fds.pop())
            if self.modules.changed():
                self.start_afresh(text, fds[0], fds[1])
            self.answer(text, fds[0], fds[1])

    def answer(self, text: bytes, out: int, err: int) -> None:
        """Run one attempt and answer for it."""
        request = load(text.decode())
        self.enter(request, out, err)
        try:
            answer = self.run(request)
        finally:
            self.leave()
        if os.getpid() != self.pid:
            os._exit(0)  # a child that the step forked and let run on to here
        left = left_behind()
        retire = left or self.is_spoiled()
        self.send(b'{%b,"left":%b,"retire":%b,%b}' % (
            answer.encode("ascii"), TRUTH[left], TRUTH[retire], usage(),
        ))  # fmt: skip
        if left:
            os._exit(0)  # at once: a thread that was left behind must not go on

    def start_afresh(self, text: bytes, out: int, err: int) -> None:
        """The step's modules have changed on the disk: a new interpreter in this process."""
        fd = os.memfd_create("request", 0)
        with open(fd, "wb", closefd=False) as file:
            file.write(text)
        for inherited in (SOCKET_FD, out, err, fd):
            os.set_inheritable(inherited, True)
        argv = [sys.executable, *OPTIONS, str(self.main.__file__), str(out), str(err), str(fd)]
        os.execve(sys.executable, argv, self.environment)

    def enter(self, request: dict[str, Any], out: int, err: int) -> None:
        """Make the process look as if it had just been started for this attempt."""
        os.dup2(out, 1)
        os.dup2(err, 2)
        os.close(out)
        os.close(err)
        if not (sys.stdout is self.out and is_untouched(self.out)):
            sys.stdout = self.out = open_stream(1)
        if not (sys.stderr is self.err and is_untouched(self.err)):
            sys.stderr = self.err = open_stream(2)
        set_environment(request["env"])
        os.umask(0o077)
        sys.path[:] = request["path"] + self.base_path
        sys.argv[:] = [request["name"]]

    def leave(self) -> None:
        """Give the pipes back; nothing that comes later can reach them."""
        streams: list[Any] = [sys.stdout, sys.stderr, sys.__stdout__, sys.__stderr__]
        for stream in streams:
            with contextlib.suppress(AttributeError, ValueError, OSError):
                stream.flush()  # unless the step has replaced or closed it
        if self.flush_libc is not None:
            self.flush_libc(None)
        os.dup2(self.null, 1)
        os.dup2(self.null, 2)
        signal.alarm(0)
        sys.modules["__main__"] = self.main
        if self.modules.note_new() and self.flush_libc is None:
            self.flush_libc = load_fflush()

    def run(self, request: dict[str, Any]) -> str:
        """Run what is asked for: the inside of the answer's JSON object."""
        try:
            try:
                os.chdir(request["cwd"])
            except FileNotFoundError:
                os.makedirs(request["cwd"], mode=0o700, exist_ok=True)
                os.chdir(request["cwd"])
            if request.get("call"):
                value = self.call(request["call"], request["args"])
            else:
                value = self.execute(request["script"], request["name"], request["args"])
            if value is None:
                return '"exit_code":0,"outputs":{},"error":null'
            return returned(value, request["limit"])
        except SystemExit as exit_:
            return exited(exit_)
        except BaseException as error:  # whatever a step raises is the step's outcome
            kind = getattr(error, "kind", None) if request.get("own") else None
            more = getattr(error, "more", {})
            return raised(error) if kind is None else told(kind, str(error), more)

    def call(self, target: str, args: dict[str, Any]) -> object:
        """Import and call `package.module:function`."""
        module_name, _, names = target.partition(":")
        module = sys.modules.get(module_name)
        if module is None:
            import importlib

            module = importlib.import_module(module_name)
        function: Any = module
        for name in names.split("."):
            function = getattr(function, name)
        return function(**args)

    def execute(self, text: str, name: str, args: dict[str, Any]) -> object:
        """Run a script; what it put into `outputs` is its value."""
        code = self.scripts.get((name, text))
        if code is None:
            import linecache

            if len(self.scripts) >= SCRIPTS_KEPT:
                del self.scripts[next(iter(self.scripts))]
            file = f"<{name}>"
            linecache.cache[file] = (len(text), None, text.splitlines(True), file)
            code = self.scripts[name, text] = compile(text, file, "exec")
        module = types.ModuleType("__main__")
        outputs: dict[str, Any] = {}
        module.__dict__.update(args, outputs=outputs)
        sys.modules["__main__"] = module
        exec(code, module.__dict__)
        found = module.__dict__.get("outputs")
        return found if isinstance(found, dict) else outputs

    def is_spoiled(self) -> bool:
        """True when the next attempt would not find things as they were."""
        changed = [getsignal(number) for number in WATCHED_SIGNALS] != self.handlers
        return changed or self.modules.wants_fresh

    def send(self, answer: bytes) -> None:
        """Send one answer, by a memory file where it is long."""
        if len(answer) <= PACKET_BYTES:
            self.sock.send(answer)
            return
        fd = os.memfd_create("answer", os.MFD_CLOEXEC)
        with open(fd, "wb") as file:
            file.write(answer)
            file.flush()
            socket.send_fds(self.sock, [b"M"], [fd])


def read_memory_file(fd: int) -> bytes:
    """All of a memory file, which is closed then."""
    with open(fd, "rb") as file:
        file.seek(0)
        return file.read()


def main() -> None:
    """Serve until the runner is gone, first of all the request that came in the arguments."""
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        _serve()


def _serve() -> None:
    sock = socket.socket(fileno=SOCKET_FD)
    sock.set_inheritable(False)
    handed_on, sys.argv[1:] = sys.argv[1:], []
    worker = Worker(sock)
    gc.freeze()  # what is here now stays: the collector need not look at it again
    if handed_on:
        out, err, request = map(int, handed_on)
        worker.answer(read_memory_file(request), out, err)
    else:
        sock.send(b"{" + usage() + b"}")
    worker.serve()
