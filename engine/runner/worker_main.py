"""A warm Python worker: runs `python` attempts one after the other in one interpreter.

Role: started by workers.py with its socket as descriptor 3, and run by its path: it imports
nothing of Wingman, so that a step's own modules are never shadowed. Standard library only.

A request is one packet of JSON with the write ends of two fresh pipes; the answer is one packet.
A packet that does not fit is passed as a memory file.
"""

from __future__ import annotations

import contextlib
import gc
import json
import os
import resource
import signal
import socket
import sys
import types

# without the wrapper that looks every handler up among the enumerations
from _signal import getsignal  # type: ignore[import-not-found]

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, TextIO

SOCKET_FD = 3
PACKET_BYTES = 1 << 15
MESSAGE_LIMIT = 4096
NAME_LIMIT = 256
SCRIPTS_KEPT = 64
DESCRIPTORS = 3
WATCHED_SIGNALS = (
    signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGALRM, signal.SIGCHLD,
    signal.SIGUSR1, signal.SIGUSR2,
)  # fmt: skip
FD_BYTES = 4
OPTIONS = ("-E", "-P", "-X", "utf8")  # as workers.py starts it
TRUTH = (b"false", b"true")
dump = json.JSONEncoder(separators=(",", ":"), allow_nan=False).encode
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
        argv = [sys.executable, *OPTIONS, __file__, str(out), str(err), str(fd)]
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


class ModuleWatch:
    """The step's own modules: which files they came from, and whether those have changed since."""

    def __init__(self) -> None:
        self.count = len(sys.modules)
        self.known = set(sys.modules)
        self.files: dict[str, tuple[int, int]] = {}
        self.wants_fresh = False

    def changed(self) -> bool:
        """True when a module of the step is not what is on the disk any more."""
        try:
            for path, seen in self.files.items():
                status = os.stat(path)
                if (status.st_mtime_ns, status.st_size) != seen:
                    return True
        except OSError:
            return True
        return False

    def note_new(self) -> bool:
        """Take note of modules imported since the last call; True if there are any."""
        if len(sys.modules) == self.count:
            return False
        for name in [name for name in list(sys.modules) if name not in self.known]:
            self.known.add(name)
            self.note(sys.modules[name])
        self.count = len(sys.modules)
        return True

    def note(self, module: types.ModuleType) -> None:
        """Take note of one module, unless it belongs to the interpreter or is installed."""
        self.wants_fresh = self.wants_fresh or getattr(module, "WINGMAN_FRESH", False) is True
        path = getattr(module, "__file__", None)
        if not path or "site-packages" in path or path.startswith(sys.base_prefix):
            return
        try:
            status = os.stat(path)
        except (OSError, TypeError, ValueError):
            return
        self.files[path] = (status.st_mtime_ns, status.st_size)


def returned(value: object, limit: int) -> str:
    """The answer for a value: a mapping is the outputs, anything else is called result."""
    outputs = value if isinstance(value, dict) else {"result": value}
    try:
        text = dump(outputs)
    except (TypeError, ValueError, RecursionError) as error:
        return failed("output", f"what the step returned is no JSON: {error}", 0)
    if len(text) > limit:
        return failed("output", f"the outputs are over {limit} bytes; use a file", 0)
    return f'"exit_code":0,"outputs":{text},"error":null'


def raised(error: BaseException) -> str:
    """The answer for an exception; the traceback goes to stderr, without this file's frames."""
    import traceback

    frames = error.__traceback__
    while frames is not None and frames.tb_frame.f_code.co_filename == __file__:
        frames = frames.tb_next
    try:
        traceback.print_exception(type(error), error, frames)
        message = str(error)
    except BaseException as second:  # an exception that cannot be shown is still an outcome
        message = f"(its text cannot be shown: {type(second).__name__})"
    kind = type(error)
    name = kind.__qualname__
    if kind.__module__ not in ("builtins", "__main__"):
        name = f"{kind.__module__}.{name}"
    return failed(name[:NAME_LIMIT], message[:MESSAGE_LIMIT], 1)


def told(kind: str, message: str, more: dict[str, Any]) -> str:
    """The answer of a step that is Wingman's own code, and knows the type of its error."""
    error = dump({"type": kind, "message": message[:MESSAGE_LIMIT], **more})
    exit_code = "0" if kind == "output" else "null"  # the request itself was good
    return f'"exit_code":{exit_code},"outputs":{{}},"error":{error}'


def failed(kind: str, message: str, exit_code: int) -> str:
    """The answer for an error."""
    error = dump({"type": kind, "message": message})
    return f'"exit_code":{exit_code},"outputs":{{}},"error":{error}'


def exited(exit_: SystemExit) -> str:
    """The answer for an exit: its code as the interpreter would make it, its text as the error."""
    code = exit_.code
    if code is None or isinstance(code, int):
        return f'"exit_code":{(code or 0) & 0xFF},"outputs":{{}},"error":null'
    try:
        text = str(code)
        sys.stderr.write(f"{text}\n")
    except BaseException as error:  # whatever its text raises is the step's outcome
        return raised(error)
    return failed("exit:1", text[:MESSAGE_LIMIT], 1)


def set_environment(wanted: dict[str, str]) -> None:
    """Make os.environ exactly `wanted`, touching only what differs."""
    environ = os.environ
    timezone = environ.get("TZ")
    for name in [name for name in environ if name not in wanted]:
        del environ[name]
    for name, value in wanted.items():
        if environ.get(name) != value:
            environ[name] = value
    if timezone != wanted.get("TZ"):
        import time

        time.tzset()


def open_stream(fd: int) -> TextIO:
    """A text stream for the step: whole lines at once, so that its log is live."""
    return open(fd, "w", buffering=1, encoding="utf-8", errors="backslashreplace", closefd=False)


def is_untouched(stream: TextIO) -> bool:
    """True when the step has not closed, detached or reconfigured its stream."""
    try:
        return not stream.closed and bool(stream.line_buffering) and stream.encoding == "utf-8"
    except ValueError:
        return False


def left_behind() -> bool:
    """True when a thread or a child process of the attempt is still there."""
    if len(sys._current_frames()) > 1:
        return True
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass  # a zombie that the step did not wait for
    except ChildProcessError:
        return False
    return True


def usage() -> bytes:
    """What this process and its children have used in all, as the inside of a JSON object."""
    own = resource.getrusage(resource.RUSAGE_SELF)
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu_s = own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime
    return b'"cpu_s":%.6f,"max_rss_kb":%d,"in":%d,"out":%d' % (
        cpu_s, max(own.ru_maxrss, children.ru_maxrss),
        own.ru_inblock + children.ru_inblock, own.ru_oublock + children.ru_oublock,
    )  # fmt: skip


def load_fflush() -> Callable[[object], object] | None:
    """libc's fflush: what a C extension printed must not appear in the next step."""
    try:
        import ctypes

        return ctypes.CDLL(None).fflush
    except (ImportError, OSError, AttributeError):
        return None


def read_memory_file(fd: int) -> bytes:
    """All of a memory file, which is closed then."""
    with open(fd, "rb") as file:
        file.seek(0)
        return file.read()


def main() -> None:
    """Serve, first of all the request that came in the arguments."""
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


if __name__ == "__main__":
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # the runner is gone
        main()
