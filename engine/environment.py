"""What this server is to its flows: the name and the values of its environment, from `config.toml`.

The configuration is looked at again when somebody asks and its file has changed; a faulty one
changes nothing and is told. An execution keeps the values that it was started with.
"""

from __future__ import annotations

import difflib
import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from engine.config import ServerEnvironment, read_config
from engine.errors import UsageError

NAME = "name"  # `environment.name`; no value is called so


class Environments:
    """The environment of one engine, as it is now."""

    def __init__(self, config_file: Path, log: Callable[[str], None]) -> None:
        self.problem = ""  # what is wrong with the configuration now
        self._config_file = config_file
        self._log = log
        self._seen: tuple[int, int, int] | None = None
        self._now = ServerEnvironment()

    def now(self) -> ServerEnvironment:
        """The environment as the configuration's file says now."""
        try:
            status = os.stat(self._config_file)
            seen = (status.st_mtime_ns, status.st_size, status.st_ino)
        except OSError:
            seen = (0, 0, 0)
        if seen != self._seen:
            self._seen = seen
            try:
                self._now, self.problem = read_config(self._config_file).environment, ""
            except UsageError as error:
                self.problem = error.message
                self._log(f"the environment stays as it was: {error.message}")
        return self._now

    def missing(self, compiled: Mapping[str, Any]) -> list[str]:
        """What a flow names of the environment and this server has not, with the nearest."""
        wanted = compiled["environment"]
        return missing_values(wanted, self.now().names()) if wanted else []

    def of(self, compiled: Mapping[str, Any]) -> dict[str, Any]:
        """What an execution of a flow gets, under the key of its first event; often nothing.

        Raises UsageError with all that this server has not.
        """
        wanted = compiled["environment"]
        if not wanted:
            return {}
        if misses := self.missing(compiled):
            raise UsageError("; ".join(misses), hint_of(self._config_file))
        known = self._now.names()
        return {"environment": {name: known[name] for name in (NAME, *wanted) if name in known}}


def missing_values(wanted: Iterable[str], known: Mapping[str, Any]) -> list[str]:
    """In words, each value that is not known, with the nearest that is."""
    found = []
    for name in wanted:
        if name in known:
            continue
        near = difflib.get_close_matches(name, known, 1)
        meant = f" (did you mean environment.{near[0]}?)" if near else ""
        found.append(f"this server has no environment.{name}{meant}")
    return found


def hint_of(config_file: Path) -> str:
    """Where a value is set."""
    return (
        f'set it in {config_file}: name under [environment], values under [environment.values], '
        'such as db_host = "db1"; no restart is needed'
    )
