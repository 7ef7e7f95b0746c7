"""The console's settings: `[console]` and `[filters]` of `config.toml`, then the environment.

    [console]
    theme = "dark"            # a file of themes/, or your own in themes/ beside config.toml
    ascii = false             # no glyphs beyond ASCII
    mouse = true              # off: the terminal's own selection works without Shift
    clipboard = true          # off: what is copied goes into a file only, not to the terminal
    bell = false              # ring the terminal's bell when a flow that you watch fails
    notify = []               # how alerts of a channel `terminal://` are told: bell, title, desktop
    [console.keys]
    "executions.cancel" = "ctrl+x"
    [filters]
    night = "flow:nightly-backup since:24h"   # `@night` in the filter line

WINGMAN_THEME and WINGMAN_ASCII win over the file, NO_COLOR over both. Standard library only.
"""

from __future__ import annotations

import difflib
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

_KNOWN: dict[str, type] = {
    "theme": str,
    "ascii": bool,
    "mouse": bool,
    "clipboard": bool,
    "bell": bool,
    "notify": list,
    "keys": dict,
}


NOTIFY = ("bell", "title", "desktop")


class SettingsError(Exception):
    """The configuration is wrong; the message names the file and the key."""


@dataclass(frozen=True)
class Settings:
    """What an operator has chosen; None leaves it to the terminal."""

    theme: str | None = None
    ascii: bool | None = None
    mouse: bool | None = None
    clipboard: bool | None = None
    bell: bool = False
    notify: tuple[str, ...] = ()
    filters: dict[str, str] = field(default_factory=dict)
    keys: dict[str, str] = field(default_factory=dict)
    themes_folder: Path | None = None


def load_settings(config_file: Path, environ: Mapping[str, str] = os.environ) -> Settings:
    """The settings of a home; a missing file is an empty one."""
    whole = _read(config_file)
    table = _table(config_file, whole, "console")
    filters = _table(config_file, whole, "filters")
    for name, text in filters.items():
        if not isinstance(text, str):
            raise SettingsError(f"{config_file}: filters.{name} is a text such as 'state:failed'")
    for name, value in table.items():
        _check(config_file, name, value)
    keys = table.get("keys", {})
    for action, key in keys.items():
        if not isinstance(key, str):
            raise SettingsError(f"{config_file}: console.keys.{action} is a text such as 'ctrl+x'")
    return Settings(
        theme=environ.get("WINGMAN_THEME") or table.get("theme"),
        ascii=True if environ.get("WINGMAN_ASCII") else table.get("ascii"),
        mouse=table.get("mouse"),
        clipboard=table.get("clipboard"),
        bell=table.get("bell", False),
        notify=_ways(config_file, table.get("notify", [])),
        filters=filters,
        keys=dict(keys),
        themes_folder=config_file.parent / "themes",
    )


def _ways(path: Path, given: list[Any]) -> tuple[str, ...]:
    for way in given:
        if way not in NOTIFY:
            raise SettingsError(f"{path}: console.notify: {way!r} is none of {', '.join(NOTIFY)}")
    return tuple(given)


def _read(path: Path) -> dict[str, Any]:
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise SettingsError(f"{path}: {error.strerror}") from None
    import tomllib

    try:
        return tomllib.loads(data.decode("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path}: {error}") from None


def _table(path: Path, whole: dict[str, Any], name: str) -> dict[str, Any]:
    table = whole.get(name, {})
    if not isinstance(table, dict):
        raise SettingsError(f"{path}: {name} is a table: [{name}]")
    return table


def _check(path: Path, name: str, value: Any) -> None:
    kind = _KNOWN.get(name)
    if kind is None:
        near = difflib.get_close_matches(name, _KNOWN, 1)
        hint = f" (did you mean {near[0]}?)" if near else ""
        raise SettingsError(f"{path}: unknown key console.{name}{hint}")
    if not isinstance(value, kind):
        raise SettingsError(f"{path}: console.{name} is not a {kind.__name__}")
