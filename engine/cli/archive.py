"""`wingman export REF` and `wingman open FILE`: an execution as one file, and a look at it."""

from __future__ import annotations

import os
import sys

from engine.cli.terminal import clean, print_json, tell
from engine.client.http import segment
from engine.client.launch import ensure_engine, python_environment
from engine.errors import UsageError
from engine.paths import find_home, home_at

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from engine.cli.parser import Arguments, Parser
    from engine.paths import Home

SUFFIX = ".wingman"
PREFIX, HELD = "wingman-open-", "held"  # of the folder of an opened file; what says who is there


def arguments(parser: Parser, name: str) -> None:
    """Declare the arguments."""
    if name == "export":
        parser.argument("subject", metavar="REF", help="as flow#12, flow@last, @last")
        parser.option("--output", "-o", metavar="FILE", help="the file; - is standard output")
    else:
        parser.argument("subject", metavar="FILE", help="what wingman export has written")
    parser.json_flag()


def execute(args: Arguments, name: str) -> int:
    """Write the file, or open one."""
    return _export(args) if name == "export" else _open(args)


def _export(args: Arguments) -> int:
    client = ensure_engine(find_home())
    path = f"/v1/executions/{segment(args.subject)}"
    found = client.request("GET", path)
    target = args.output or f"{found['flow']}-{found['number']}{SUFFIX}"
    chunks = client.stream("GET", f"{path}/export")
    if target == "-":
        if args.json:
            raise UsageError("--json and -o - do not go together", "-o FILE")
        if sys.stdout.isatty():
            raise UsageError("the file would go to the terminal", "-o FILE, or into a pipe")
        for chunk in chunks:
            sys.stdout.buffer.write(chunk)
        return 0
    size_bytes = write_whole(target, chunks)
    tell(f"{clean(target)}: {size_bytes:,} bytes; look at it by: wingman open {clean(target)}")
    print_written(target, size_bytes, args.json)
    return 0


def print_written(target: str, size_bytes: int, as_json: bool) -> None:
    """The file's name, for scripts; as JSON with its size."""
    if as_json:
        print_json({"file": target, "size_bytes": size_bytes})
    else:
        print(target)


def write_whole(target: str, chunks: Any) -> int:
    """The file, which is there only when it is whole; its size."""
    part = f"{target}.part"
    try:
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with open(descriptor, "wb") as file:
            for chunk in chunks:
                file.write(chunk)
            size_bytes = file.tell()
        os.link(part, target)  # never over another file
    except OSError as error:
        raise UsageError(f"{target}: {error.strerror}", "name another one by -o") from error
    finally:
        if os.path.exists(part):
            os.unlink(part)
    return size_bytes


def _open(args: Arguments) -> int:
    """A home of its own for as long as somebody looks; nothing of this machine's changes."""
    import shutil
    import signal

    from engine.archive.unpack import unpack

    for number in (signal.SIGHUP, signal.SIGTERM):  # a lost terminal leaves nothing behind
        signal.signal(number, lambda number, _frame: sys.exit(128 + number))
    folder, lock = _own_folder()
    home = home_at(folder)
    try:
        manifest = unpack(args.subject, home)
        os.environ.pop("WINGMAN_SERVER", None)
        os.environ["WINGMAN_HOME"] = folder
        return _look(home, manifest, args)
    finally:
        _end_engine(home)
        shutil.rmtree(folder, ignore_errors=True)
        os.close(lock)


def _own_folder() -> tuple[str, int]:
    """A folder that this process holds while it lives; those that nobody holds any more go."""
    import fcntl
    import shutil
    import tempfile

    for old in _left_behind(tempfile.gettempdir()):
        _end_engine(home_at(old))
        shutil.rmtree(old, ignore_errors=True)
    folder = tempfile.mkdtemp(prefix=PREFIX)
    lock = os.open(os.path.join(folder, HELD), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    fcntl.flock(lock, fcntl.LOCK_EX)
    return folder, lock


def _left_behind(parent: str) -> list[str]:
    """The folders of this user whose process was killed before it could remove them."""
    import fcntl
    import stat

    found = []
    for entry in os.scandir(parent):
        if not entry.name.startswith(PREFIX):
            continue
        try:
            status = entry.stat(follow_symlinks=False)
            if status.st_uid != os.geteuid() or not stat.S_ISDIR(status.st_mode):
                continue
            lock = os.open(os.path.join(entry.path, HELD), os.O_RDWR | os.O_CLOEXEC)
        except OSError:
            continue  # it is being made, or goes just now
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            found.append(entry.path)
        except OSError:
            pass  # somebody looks at it
        finally:
            os.close(lock)
    return found


def _look(home: Home, manifest: dict[str, Any], args: Arguments) -> int:
    ensure_engine(home)
    if args.json or not (sys.stdin.isatty() and sys.stdout.isatty()):
        from engine.cli import show
        from engine.cli.parser import Parser

        parser = Parser("show", "")
        show.arguments(parser, "show")
        words = [manifest["id"], *(["--json"] if args.json else [])]
        return show.execute(parser.parse(words), "show")
    words = [sys.executable, "-P", "-m", "wingman_tui"]
    pid = os.posix_spawn(sys.executable, words, python_environment(home))
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def _end_engine(home: Home) -> None:
    """End the engine of this home alone; one that only shows has nothing to lose."""
    import signal
    import time

    from engine.client.launch import is_alive, status
    from engine.errors import WingmanError

    try:
        pid = int(status(home)["pid"])
        os.kill(pid, signal.SIGTERM)
    except (WingmanError, OSError):
        return
    deadline = time.monotonic() + 10
    while is_alive(pid) and time.monotonic() < deadline:
        time.sleep(0.02)
