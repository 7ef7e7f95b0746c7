"""Where the Python modules that a flow calls would come from: they are not part of its file.

Only looked for, never imported: importing would run them in the engine.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from importlib.machinery import PathFinder
from typing import Any

from engine.model import SECTIONS

Row = dict[str, Any]


def called(compiled: Row) -> Iterator[str]:
    """The module of each `python: {call: module:function}`."""
    seen: set[str] = set()
    for section in SECTIONS:
        for step in compiled[section]:
            call = (step["python"] or {}).get("call")
            module = call.partition(":")[0] if call else ""
            if module and module not in seen:
                seen.add(module)
                yield module


def missing(compiled: Row) -> list[str]:
    """In words, each called module that no folder of the flow and no installed package holds."""
    folders = compiled["python_path"]
    return [
        f"python module {module} is not there (looked for in {', '.join(folders) or 'no folder'}"
        " and among the installed packages)"
        for module in called(compiled)
        if not _is_there(module, [*folders, *sys.path])
    ]


def _is_there(module: str, folders: list[str]) -> bool:
    """Whether the folders hold a module, package by package from the outermost."""
    if module in sys.builtin_module_names:
        return True
    path: Any = folders
    name = ""
    for part in module.split("."):
        name = f"{name}.{part}" if name else part
        try:
            spec = PathFinder.find_spec(name, path)
        except (ImportError, ValueError, OSError):
            return False
        if spec is None:
            return False
        path = list(spec.submodule_search_locations or [])
    return True
