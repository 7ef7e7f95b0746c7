"""Takes a changed `config.toml` in while the engine runs: by the kernel's word, or asked for.

A file with an error changes nothing: the engine goes on by the one before, and says so. Pools and
the environment are looked at by those who own them.
"""

from __future__ import annotations

import asyncio
import os
import traceback
from collections.abc import Callable
from pathlib import Path

from engine.config import Config, read_config
from engine.errors import UsageError
from engine.triggers.inotify import FolderWatch

SETTLE_S = 0.2  # an editor writes, renames and touches: look once it is done
Take = Callable[[Config], None]


class ConfigWatch:
    """What the engine goes by now, and who has to hear of a change."""

    def __init__(
        self, path: Path, config: Config, takers: dict[str, Take], log: Callable[[str], None]
    ) -> None:
        """`takers` by the name of the key that they take in."""
        self.problem = ""  # why the file as it is now is not in effect
        self._path = path
        self._config = config
        self._takers = takers
        self._log = log
        self._stamp = self._look()
        self._pending: asyncio.TimerHandle | None = None
        self._watch: FolderWatch | None = None

    def start(self) -> None:
        """Hear of changes from now on."""
        self._watch = FolderWatch(lambda folders: self._soon())
        self._watch.watch([str(self._path.parent)])
        self._soon()  # what was written while the engine started

    def _look(self) -> tuple[int, int, int]:
        try:
            found = os.stat(self._path)
        except OSError:
            return (0, 0, 0)
        return (found.st_mtime_ns, found.st_size, found.st_ino)

    def _soon(self) -> None:
        if self._pending is None:
            self._pending = asyncio.get_running_loop().call_later(SETTLE_S, self._changed)

    def _changed(self) -> None:
        self._pending = None
        if self._look() == self._stamp:
            return
        try:
            self.take()
        except UsageError as error:
            self._log(f"error: the configuration stays as it was: {error.message}")
        except Exception:  # what was asked for by nobody must not end what runs
            self._log(f"the configuration: {traceback.format_exc()}")

    def take(self) -> list[str]:
        """Take the file in as it is now; which keys have changed. Raises UsageError."""
        self._stamp = self._look()
        try:
            config = read_config(self._path)
        except UsageError as error:
            self.problem = error.message
            raise
        self.problem = ""
        before, self._config = self._config, config
        changed = [key for key in self._takers if getattr(before, key) != getattr(config, key)]
        for key in changed:
            self._takers[key](config)
        if changed:
            self._log(f"the configuration was taken in: {', '.join(changed)}")
        return changed

    def close(self) -> None:
        """Hear of nothing any more."""
        if self._pending is not None:
            self._pending.cancel()
        if self._watch is not None:
            self._watch.close()
