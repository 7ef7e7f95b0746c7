"""`config.toml` of a home: read at start, and again when it has changed (`config_watch`).

Unknown keys are errors with the nearest name.
"""

from __future__ import annotations

import difflib
import math
import re
import tomllib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from engine.errors import UsageError
from engine.model import POOL_NAME

# other programs of the family keep their tables in the same file
FOREIGN_TABLES = frozenset({"keys", "theme", "console", "filters", "servers"})


PRODUCTION_NAMES = ("prod", "production")
VALUE_NAME = r"[A-Za-z_][A-Za-z0-9_]{0,62}"


@dataclass(frozen=True, slots=True)
class ServerEnvironment:
    """What this server is to flows: `environment.name` and `environment.VALUE` in expressions."""

    name: str = ""
    production: bool = False  # consoles mark it
    values: dict[str, Any] = field(default_factory=dict)

    def names(self) -> dict[str, Any]:
        """All that an expression can read."""
        return {**({"name": self.name} if self.name else {}), **self.values}


@dataclass(frozen=True, slots=True)
class Config:
    """What an operator may set for the engine."""

    flow_paths: list[Path] = field(default_factory=list)
    env_passthrough: list[str] = field(default_factory=list)
    max_running_steps: int | None = None
    pools: dict[str, int] = field(default_factory=dict)  # slots of shared resources, by name
    channels: dict[str, list[str]] = field(default_factory=dict)  # addresses, which hold secrets
    environment: ServerEnvironment = field(default_factory=ServerEnvironment)
    key_command: str = ""  # prints the key of secrets at rest, or a passphrase
    # of flows that say nothing of their own, and under `all` of all flows together
    retention: dict[str, Any] | None = None


def read_config(path: Path) -> Config:
    """The configuration in a file; the defaults when there is none. Raises UsageError."""
    try:
        data = tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return Config()
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: {error}", "it is a TOML file") from None
    known: dict[str, Callable[[Path, str, Any], Any]] = {
        "flow_paths": _paths,
        "env_passthrough": _texts,
        "max_running_steps": _count,
        "pools": _pools,
        "channels": _channels,
        "retention": _retention,
        "environment": _environment,
        "key_command": _command,
    }
    values: dict[str, Any] = {}
    for key, value in data.items():
        if key in FOREIGN_TABLES:
            continue
        if key not in known:
            near = difflib.get_close_matches(key, known, 1)
            hint = f"did you mean {near[0]}?" if near else f"known: {', '.join(known)}"
            raise UsageError(f"{path}: unknown key {key!r}", hint)
        values[key] = known[key](path, key, value)
    return Config(**values)


def _texts(path: Path, key: str, value: Any) -> list[str]:
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise UsageError(f"{path}: {key} is a list of texts")
    return value


def _command(path: Path, key: str, value: Any) -> str:
    import shlex

    hint = 'write it as in a shell: key_command = "secret-tool lookup wingman key"'
    try:
        words = shlex.split(value) if isinstance(value, str) and "\0" not in value else []
    except ValueError as error:
        raise UsageError(f"{path}: {key}: {error}", hint) from None
    if not words:
        raise UsageError(f"{path}: {key} is a command", hint)
    return str(value)


def _paths(path: Path, key: str, value: Any) -> list[Path]:
    return [path.parent / Path(text).expanduser() for text in _texts(path, key, value)]


def _count(path: Path, key: str, value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise UsageError(f"{path}: {key} is a whole number of 1 or more")
    return value


def _pools(path: Path, key: str, value: Any) -> dict[str, int]:
    if not isinstance(value, dict):
        raise UsageError(f"{path}: {key} is a table of pools", "write [pools], then db = 4")
    for name, slots in value.items():
        if not re.fullmatch(POOL_NAME, name):
            raise UsageError(
                f"{path}: {name!r} is no name of a pool", "letters, digits, `_` and `-`"
            )
        _count(path, f"pools.{name}", slots)
    return value


def _channels(path: Path, key: str, value: Any) -> dict[str, list[str]]:
    hint = 'write [channels], then ops = "mailto://…", or a list of addresses'
    if not isinstance(value, dict):
        raise UsageError(f"{path}: {key} is a table of channels", hint)
    found = {}
    for name, given in value.items():
        if not re.fullmatch(POOL_NAME, name):
            raise UsageError(
                f"{path}: {name!r} is no name of a channel", "letters, digits, `_` and `-`"
            )
        urls = [given] if isinstance(given, str) else given
        good = isinstance(urls, list) and urls and all(isinstance(u, str) and u for u in urls)
        if not good:
            raise UsageError(f"{path}: {key}.{name} is an address or a list of them", hint)
        found[name] = urls
    return found


def _retention(path: Path, key: str, value: Any, inside: bool = False) -> dict[str, Any]:
    """Rules about what stays: keep and days, the same for logs and work, and all of it for all."""
    hint = "write [retention], then keep = 100 or days = 90, or both"
    if not isinstance(value, dict) or not value:
        raise UsageError(f"{path}: {key} is a table of keep and days", hint)
    kinds = [] if key.endswith((".logs", ".work")) else ["logs", "work"]
    kinds += [] if inside else ["all"]
    for name, given in value.items():
        if name in kinds:
            _retention(path, f"{key}.{name}", given, inside=True)
        elif name in ("keep", "days"):
            _count(path, f"{key}.{name}", given)
        else:
            known = ", ".join(("keep", "days", *kinds))
            raise UsageError(f"{path}: {key} has no key {name!r}", f"known: {known}")
    return value


def _environment(path: Path, key: str, value: Any) -> ServerEnvironment:
    hint = 'write [environment], then name = "prod"; values go under [environment.values]'
    if not isinstance(value, dict):
        raise UsageError(f"{path}: {key} is a table", hint)
    known = {"name": str, "production": bool, "values": dict}
    for name, given in value.items():
        if name not in known:
            near = difflib.get_close_matches(name, known, 1)
            meant = f"did you mean {near[0]}? " if near else ""
            raise UsageError(f"{path}: {key} has no key {name!r}", meant + hint)
        if not isinstance(given, known[name]):
            raise UsageError(f"{path}: {key}.{name} = {given!r}", hint)
    called = value.get("name", "")
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,31}|", called):
        raise UsageError(
            f"{path}: {called!r} is no name of an environment",
            "letters, digits, `.`, `_` and `-`, at most 32",
        )
    for name, given in value.get("values", {}).items():
        _environment_value(path, name, given)
    production = value.get("production", called in PRODUCTION_NAMES)
    return ServerEnvironment(called, production, value.get("values", {}))


def _environment_value(path: Path, name: str, given: Any) -> None:
    if name in ("name", "true", "false", "null", "in") or not re.fullmatch(VALUE_NAME, name):
        raise UsageError(
            f"{path}: {name!r} is no name of an environment's value",
            "letters, digits and _, not beginning with a digit; `name` is the environment's own",
        )
    for one in given if isinstance(given, list) else [given]:
        whole = isinstance(one, int) and -(1 << 63) <= one < 1 << 63
        if not (isinstance(one, str) or whole or (isinstance(one, float) and math.isfinite(one))):
            raise UsageError(
                f"{path}: environment.values.{name} = {one!r}",
                "a text, a number, true or false, or a list of those",
            )
