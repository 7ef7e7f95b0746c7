"""Where everything of one Wingman home lies. Standard library only; creates nothing by itself.

`WINGMAN_HOME` names one directory for all of it; without it the platform's own directories are
used. Read by the command line, the client and the engine.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

SOCKET_PATH_LIMIT_BYTES = 100  # sun_path holds 108, some systems 104


@dataclass(frozen=True)
class Home:
    """The directories and files of one engine."""

    root: Path  # what `engine status` calls the home
    config_file: Path
    key_file: Path  # outside data: a copy of the data directory is useless without it
    flows: Path
    data: Path
    logs: Path
    work: Path
    run: Path

    @property
    def database(self) -> Path:
        return self.data / "journal.db"

    @property
    def lock_file(self) -> Path:
        return self.run / "engine.lock"

    @property
    def system_log(self) -> Path:
        return self.logs / "engine.log"

    @property
    def runners(self) -> Path:
        return self.run / "runners"

    @property
    def socket(self) -> Path:
        """The engine's socket; in a short 0700 directory where the home's path is too long."""
        return short_socket_path(self.run / "engine.sock")

    def create(self) -> None:
        """Make every directory, private to its owner."""
        for path in (self.root, self.flows, self.data, self.logs, self.work, self.run, self.runners):
            path.mkdir(mode=0o700, parents=True, exist_ok=True)


def short_socket_path(path: Path) -> Path:
    """`path` where it fits a socket address, else a stand-in in a private short directory."""
    if len(os.fsencode(path)) <= SOCKET_PATH_LIMIT_BYTES:
        return path
    digest = hashlib.sha256(os.fsencode(path)).hexdigest()[:16]
    directory = Path(os.environ.get("XDG_RUNTIME_DIR") or "/tmp") / f"wingman-{os.getuid()}"
    directory.mkdir(mode=0o700, exist_ok=True)
    status = directory.lstat()
    if status.st_uid != os.getuid() or status.st_mode & 0o077:
        raise PermissionError(f"{directory} is not private to this user")
    return directory / f"{digest}.sock"


def find_home() -> Home:
    """The home that the environment names, else the platform's directories for this user."""
    named = os.environ.get("WINGMAN_HOME")
    if named:
        return home_at(Path(named).absolute())
    import platformdirs  # only here: it costs more than the rest of a small command

    dirs = platformdirs.PlatformDirs("wingman", appauthor=False)
    config, state = Path(dirs.user_config_dir), Path(dirs.user_state_dir)
    return Home(
        root=config,
        config_file=config / "config.toml",
        key_file=config / "master.key",
        flows=config / "flows",
        data=Path(dirs.user_data_dir),
        logs=state / "logs",
        work=state / "work",
        run=state / "run",
    )


def home_at(root: Path) -> Home:
    """The home that lies in one directory, as `WINGMAN_HOME` asks for."""
    return Home(
        root=root,
        config_file=root / "config.toml",
        key_file=root / "master.key",
        flows=root / "flows",
        data=root / "data",
        logs=root / "logs",
        work=root / "work",
        run=root / "run",
    )
