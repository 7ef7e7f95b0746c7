"""Where everything of one Wingman home lies. Standard library only; creates nothing by itself.

`WINGMAN_HOME` names one directory for all of it; without it the platform's own directories are
used. Read by the command line, the client and the engine. Every small command starts here, so that
nothing is imported at the top that costs milliseconds (pathlib 12, dataclasses 20).
"""

from __future__ import annotations

import errno
import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pathlib import Path

EXIT_LOCKED = 75  # how an engine ends that finds another one on its home
SOCKET_PATH_LIMIT_BYTES = 100  # sun_path holds 108, some systems 104
DIRECTORIES = ("root", "flows", "data", "logs", "work", "run", "runners")


class Home:
    """The directories and files of one engine; paths as `Path`, or as text by `text`."""

    def __init__(
        self, root: str, *, config: str, data: str, logs: str, work: str, run: str
    ) -> None:
        join = os.path.join
        self._texts = {
            "root": root,
            "config_file": join(config, "config.toml"),
            "key_file": join(config, "master.key"),
            "flows": join(config, "flows"),
            "data": data,
            "logs": logs,
            "work": work,
            "run": run,
            "database": join(data, "journal.db"),
            "lock_file": join(run, "engine.lock"),
            "system_log": join(logs, "engine.log"),
            "runners": join(run, "runners"),
        }

    def text(self, name: str) -> str:
        """The place called `name` (a property's name) as text, at no import's cost."""
        if name == "socket":
            return short_socket_text(os.path.join(self._texts["run"], "engine.sock"))
        return self._texts[name]

    def _path(self, name: str) -> Path:
        from pathlib import Path

        return Path(self.text(name))

    @property
    def root(self) -> Path:
        """What `engine status` calls the home."""
        return self._path("root")

    @property
    def config_file(self) -> Path:
        return self._path("config_file")

    @property
    def key_file(self) -> Path:
        """Outside data: a copy of the data directory is useless without it."""
        return self._path("key_file")

    @property
    def flows(self) -> Path:
        return self._path("flows")

    @property
    def data(self) -> Path:
        return self._path("data")

    @property
    def logs(self) -> Path:
        return self._path("logs")

    @property
    def work(self) -> Path:
        return self._path("work")

    @property
    def run(self) -> Path:
        return self._path("run")

    @property
    def database(self) -> Path:
        return self._path("database")

    @property
    def lock_file(self) -> Path:
        return self._path("lock_file")

    @property
    def system_log(self) -> Path:
        return self._path("system_log")

    @property
    def runners(self) -> Path:
        return self._path("runners")

    @property
    def socket(self) -> Path:
        """The engine's socket; in a short 0700 directory where the home's path is too long."""
        return self._path("socket")

    def create(self) -> None:
        """Make every directory, private to its owner."""
        root = self._texts["root"]
        try:
            os.fsencode(root).decode()
        except UnicodeDecodeError:
            raise OSError(errno.EILSEQ, "a path that is not UTF-8", ascii(root)) from None
        for name in DIRECTORIES:
            os.makedirs(self._texts[name], mode=0o700, exist_ok=True)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Home) and self._texts == other._texts

    def __hash__(self) -> int:
        return hash(tuple(self._texts.values()))

    def __repr__(self) -> str:
        return f"Home({self._texts['root']!r})"


def short_socket_path(path: Path) -> Path:
    """`path` where it fits a socket address, else a stand-in in a private short directory."""
    return type(path)(short_socket_text(os.fspath(path)))


def short_socket_text(path: str) -> str:
    """The same, as text."""
    if len(os.fsencode(path)) <= SOCKET_PATH_LIMIT_BYTES:
        return path
    import hashlib

    digest = hashlib.sha256(os.fsencode(path)).hexdigest()[:16]
    base = os.environ.get("XDG_RUNTIME_DIR") or "/tmp"
    directory = os.path.join(base, f"wingman-{os.getuid()}")
    os.makedirs(directory, mode=0o700, exist_ok=True)
    status = os.lstat(directory)
    if status.st_uid != os.getuid() or status.st_mode & 0o077:
        raise PermissionError(f"{directory} is not private to this user")
    return os.path.join(directory, f"{digest}.sock")


def find_home() -> Home:
    """The home that the environment names, else the platform's directories for this user."""
    named = os.environ.get("WINGMAN_HOME")
    if named:
        return home_at(named)
    config, data, state = _user_directories()
    join = os.path.join
    return Home(
        config,
        config=config,
        data=data,
        logs=join(state, "logs"),
        work=join(state, "work"),
        run=join(state, "run"),
    )


def home_at(root: Path | str) -> Home:
    """The home that lies in one directory, as `WINGMAN_HOME` asks for."""
    top = os.path.abspath(os.fspath(root))
    join = os.path.join
    return Home(
        top,
        config=top,
        data=join(top, "data"),
        logs=join(top, "logs"),
        work=join(top, "work"),
        run=join(top, "run"),
    )


def _user_directories() -> tuple[str, str, str]:
    """This user's directories for configuration, data and state, as platformdirs names them."""
    if sys.platform == "linux":  # said here again: platformdirs costs more than a whole command
        places = (
            ("XDG_CONFIG_HOME", "~/.config"),
            ("XDG_DATA_HOME", "~/.local/share"),
            ("XDG_STATE_HOME", "~/.local/state"),
        )
        config, data, state = (_xdg_directory(name, usual) for name, usual in places)
        return config, data, state
    import platformdirs

    dirs = platformdirs.PlatformDirs("wingman", appauthor=False)
    return dirs.user_config_dir, dirs.user_data_dir, dirs.user_state_dir


def _xdg_directory(name: str, usual: str) -> str:
    """Wingman's directory in the one that `name` says, if it is absolute, else in the usual one."""
    base = os.environ.get(name, "").strip()
    return os.path.join(base if os.path.isabs(base) else os.path.expanduser(usual), "wingman")
