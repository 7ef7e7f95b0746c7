"""Starts the main process of a `run` attempt, with nothing inherited but what it is meant to have.

Role: called by the runner for shells and by workers.py for interpreters. Imports the standard
library and procfs.
"""

from __future__ import annotations

import errno
import os
import resource
import signal
import sys

from engine.runner import procfs

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from engine.runner.attempt import Attempt
    from engine.runner.memory import MemoryFiles

# what `subprocess` and `multiprocessing` spawn with: a fifth cheaper than posix_spawn, which knows
# descriptors beyond 2; only as these versions have it
fork_exec: Callable[..., int] | None = None
if sys.platform == "linux" and sys.version_info < (3, 14):
    import _posixsubprocess

    fork_exec = _posixsubprocess.fork_exec
TEXT_LIMIT_BYTES = 96 << 10  # one argument holds at most 128 KiB
# Python ignores these, and an ignored signal stays ignored through exec
RESET_SIGNALS = [signal.SIGPIPE, signal.SIGXFSZ, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT]


class StartFailed(Exception):
    """The process could not be started; the message names the program and the reason."""


class Spawner:
    """Spawns processes with clean descriptors, signals, limits and working directory."""

    def __init__(self, memory: MemoryFiles) -> None:
        self.null = os.open("/dev/null", os.O_RDWR | os.O_CLOEXEC)
        self.memory = memory
        self._programs: dict[tuple[str, str], str] = {}
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        self._files_for_steps = (soft, hard)
        self._files_for_runner = (min(hard, 1 << 16) if hard > 0 else 1 << 16, hard)
        self._files_differ = self._files_for_steps != self._files_for_runner
        resource.setrlimit(resource.RLIMIT_NOFILE, self._files_for_runner)
        self._within_limit = tuple(os.dup(self.null) for _ in range(4))
        self._lent = False
        # what a child could not do; a vfork is over when it has written that, or runs its program
        self._failure, self._fail = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)

    def start_shell(self, attempt: Attempt, stdout: int, stderr: int) -> int:
        """Start the shell of a `run` attempt; its process id."""
        spec = attempt.spec
        env: dict[str, str] = spec["env"]
        attempt.output_fd, env["WINGMAN_OUTPUT"] = self.memory.empty()
        shell: list[str] = spec["shell"]
        text: str = spec["text"]
        is_long = len(text) > TEXT_LIMIT_BYTES // 4 and len(os.fsencode(text)) > TEXT_LIMIT_BYTES
        if is_long or (spec["masks"] and holds_secret(text, spec["masks"])):
            attempt.script_fd = self.memory.filled("script", os.fsencode(text))
            argv = [*shell, self.memory.path(attempt.script_fd)]
        else:
            argv = [*shell, "-c", text]
        enter_directory(spec["cwd"])
        return self.start(argv, env, attempt.marker, self.null, stdout, stderr)

    def start(
        self, argv: list[str], env: dict[str, str], marker: int | None, stdin: int, stdout: int,
        stderr: int, extra: tuple[int, int] | None = None,
    ) -> int:  # fmt: skip
        """Spawn `argv` as a session of its own; `extra` is one more descriptor and its number."""
        try:
            path = self._find(argv[0], env.get("PATH", os.defpath))
            procfs.wear_marker(marker)
            if self._files_differ:
                resource.setrlimit(resource.RLIMIT_NOFILE, self._files_for_steps)
            try:
                if extra is None and fork_exec is not None:
                    return self._fork(path, argv, env, stdin, stdout, stderr)
                wanted = [(stdin, 0), (stdout, 1), (stderr, 2), *([extra] if extra else [])]
                actions = self._descriptors(wanted)
                return os.posix_spawn(
                    path, argv, env, file_actions=actions, setsid=True, setsigmask=(),
                    setsigdef=RESET_SIGNALS,
                )  # fmt: skip
            finally:
                if self._files_differ:
                    resource.setrlimit(resource.RLIMIT_NOFILE, self._files_for_runner)
                procfs.wear_marker(None)
                if self._lent:
                    self._release()
        except OSError as error:
            self._programs.clear()
            raise StartFailed(_explain(argv[0], error)) from error
        except ValueError as error:  # a NUL byte, or text that is not encodable
            raise StartFailed(f"cannot start {argv[0]!r}: {error}") from error

    def _fork(
        self, path: str, argv: list[str], env: dict[str, str], stdin: int, stdout: int, stderr: int
    ) -> int:
        """The same by vfork and exec, for a process with three descriptors."""
        words = [*argv, *[f"{name}={value}" for name, value in env.items()]]
        encoded = os.fsencode("\0".join(words)).split(b"\0")
        if len(encoded) != len(words) or any("=" in name for name in env):
            raise ValueError("embedded null byte, or = in the name of a variable")
        count = len(argv)
        assert fork_exec is not None
        pid = fork_exec(
            encoded[:count], (os.fsencode(path),), False, (), None, encoded[count:],
            stdin, -1, -1, stdout, -1, stderr, self._failure, self._fail,
            True, True, -1, None, None, None, -1, None, True,
        )  # fmt: skip
        try:
            failed = os.read(self._failure, 256)
        except BlockingIOError:
            return pid
        os.waitpid(pid, 0)
        number = int(failed.split(b":")[1], 16)
        raise OSError(number, os.strerror(number))

    def _descriptors(self, wanted: list[tuple[int, int]]) -> list[tuple[int, int, int]]:
        """What a process gets as which number.

        posix_spawn refuses a descriptor beyond the limit that the process will have: with many
        steps at once ours are, so those go through low numbers that are kept for it.
        """
        soft, _ = self._files_for_steps
        actions = []
        for (fd, number), low in zip(wanted, self._within_limit, strict=False):
            if 0 <= soft <= fd:
                os.dup2(fd, low, inheritable=False)
                fd, self._lent = low, True
            actions.append((os.POSIX_SPAWN_DUP2, fd, number))
        return actions

    def _release(self) -> None:
        """Let go of what the low numbers stood for: a pipe held here would never end."""
        for low in self._within_limit:
            os.dup2(self.null, low, inheritable=False)
        self._lent = False

    def _find(self, program: str, search: str) -> str:
        """The program's file, by the step's own PATH."""
        if "/" in program:
            return program
        known = self._programs.get((program, search))
        if known is not None:
            return known
        for folder in search.split(os.pathsep):
            path = os.path.join(folder or ".", program)
            if os.path.isfile(path) and os.access(path, os.X_OK):
                if path.startswith("/"):
                    self._programs[program, search] = path
                return path
        raise FileNotFoundError(errno.ENOENT, "no such program in PATH", program)


def holds_secret(text: str, masks: list[str]) -> bool:
    """True for a text that must not stand in a command line, where every user can read it."""
    from engine.runner.masking import Masker

    return Masker(masks).mask_text(text) != text


def enter_directory(path: str) -> None:
    """Make `path` the working directory, creating it private where it is missing."""
    try:
        try:
            os.chdir(path)
        except FileNotFoundError:
            os.makedirs(path, mode=0o700, exist_ok=True)
            os.chdir(path)
    except OSError as error:
        raise StartFailed(f"cannot enter the working directory {path}: {error.strerror}") from error


_HINTS = {
    errno.ENOENT: "is it installed, and in the step's PATH?",
    errno.EACCES: "it is not an executable file for this user",
    errno.E2BIG: "the environment is too large; pass large values in a file",
    errno.EAGAIN: "the machine has no room for another process",
    errno.ENOMEM: "the machine has no memory for another process",
    errno.EMFILE: "the runner has too many files open",
    errno.ENOEXEC: "it is neither a program nor a script with a #! line",
}


def _explain(program: str, error: OSError) -> str:
    hint = _HINTS.get(error.errno or 0)
    return f"cannot start {program!r}: {error.strerror}" + (f" ({hint})" if hint else "")
