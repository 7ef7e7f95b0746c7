"""Starts the main process of a `run` attempt, with nothing inherited but what it is meant to have.

Role: called by the runner for shells and by workers.py for interpreters. Imports the standard
library and procfs.
"""

from __future__ import annotations

import errno
import os
import resource
import signal

from engine.runner import procfs

TYPE_CHECKING = False
if TYPE_CHECKING:
    from engine.runner.attempt import Attempt

TEXT_LIMIT_BYTES = 96 << 10  # one argument holds at most 128 KiB
# Python ignores these, and an ignored signal stays ignored through exec
RESET_SIGNALS = [signal.SIGPIPE, signal.SIGXFSZ, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT]


class StartFailed(Exception):
    """The process could not be started; the message names the program and the reason."""


class Spawner:
    """Spawns processes with clean descriptors, signals, limits and working directory."""

    def __init__(self) -> None:
        self.null = os.open("/dev/null", os.O_RDWR | os.O_CLOEXEC)
        self._programs: dict[tuple[str, str], str] = {}
        self._own_folder = f"/proc/{os.getpid()}/fd"
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        self._files_for_steps = (soft, hard)
        self._files_for_runner = (min(hard, 1 << 16) if hard > 0 else 1 << 16, hard)
        self._files_differ = self._files_for_steps != self._files_for_runner
        resource.setrlimit(resource.RLIMIT_NOFILE, self._files_for_runner)
        self._within_limit = tuple(os.dup(self.null) for _ in range(4))
        self._lent = False

    def memory_file(self, name: str) -> tuple[int, str]:
        """A file in memory, and the path by which another process of this user opens it."""
        fd = os.memfd_create(name, os.MFD_CLOEXEC)
        return fd, f"{self._own_folder}/{fd}"

    def filled_memory_file(self, name: str, data: bytes) -> int:
        """A file in memory that holds `data`."""
        fd, _ = self.memory_file(name)
        written = 0
        while written < len(data):
            written += os.write(fd, data[written:])
        return fd

    def start_shell(self, attempt: Attempt, stdout: int, stderr: int) -> int:
        """Start the shell of a `run` attempt; its process id."""
        spec = attempt.spec
        env: dict[str, str] = spec["env"]
        attempt.output_fd, env["WINGMAN_OUTPUT"] = self.memory_file("output")
        shell: list[str] = spec["shell"]
        text: str = spec["text"]
        is_long = len(text) > TEXT_LIMIT_BYTES // 4 and len(os.fsencode(text)) > TEXT_LIMIT_BYTES
        if is_long or (spec["masks"] and holds_secret(text, spec["masks"])):
            attempt.script_fd = self.filled_memory_file("script", os.fsencode(text))
            argv = [*shell, f"{self._own_folder}/{attempt.script_fd}"]
        else:
            argv = [*shell, "-c", text]
        enter_directory(spec["cwd"])
        return self.start(argv, env, attempt.marker, self.null, stdout, stderr)

    def start(
        self, argv: list[str], env: dict[str, str], marker: int | None, stdin: int, stdout: int,
        stderr: int, extra: tuple[int, int] | None = None,
    ) -> int:  # fmt: skip
        """Spawn `argv` as a session of its own; `extra` is one more descriptor and its number."""
        wanted = [(stdin, 0), (stdout, 1), (stderr, 2), *([extra] if extra is not None else [])]
        try:
            path = self._find(argv[0], env.get("PATH", os.defpath))
            procfs.wear_marker(marker)
            if self._files_differ:
                resource.setrlimit(resource.RLIMIT_NOFILE, self._files_for_steps)
            try:
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
