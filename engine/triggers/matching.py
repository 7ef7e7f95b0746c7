"""The files that a pattern means now, and the folders whose changes may change that.

`*`, `?` and `[…]` stand for part of a name, `**` for any folders, none included. Links to folders
are followed where a name says so, not by `**`: a link may lead in a circle. Blocks on the disk.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Callable, Iterator, Sequence
from fnmatch import translate
from functools import lru_cache
from typing import NamedTuple

FILES_LIMIT = 100_000  # of one trigger: they are known in memory
FOLDERS_LIMIT = 20_000
LARGEST = (1 << 63) - 1  # number in the database
Stamp = tuple[int, int, int]  # modified (ns), bytes, inode


class Found(NamedTuple):
    """What is there."""

    files: dict[str, Stamp]
    folders: set[str]
    problem: str = ""  # there is more than can be watched over


class _TooMany(Exception):
    """More than one trigger may have."""


def find(pattern: str) -> Found:
    """The ordinary files that match, with what tells their versions apart."""
    found = Found({}, set())
    try:
        _walk("/", pattern.strip("/").split("/"), found)
    except _TooMany as error:
        return Found({}, found.folders, str(error))
    return found


def stamp_of(path: str) -> Stamp | None:
    """What tells a file's versions apart; None where it is no ordinary file any more."""
    try:
        status = os.stat(path)
    except (OSError, ValueError):
        return None
    if not stat.S_ISREG(status.st_mode):
        return None
    return status.st_mtime_ns, status.st_size, status.st_ino & LARGEST


def _walk(folder: str, parts: Sequence[str], found: Found) -> None:
    """What of the rest of a pattern lies in a folder."""
    part, rest = parts[0], parts[1:]
    if part == "**":
        while rest and rest[0] == "**":
            rest = rest[1:]
        for each in _below(folder, found):
            _walk(each, rest or ["*"], found)
    elif _has_magic(part):
        _note_folder(folder, found)
        fits = _matcher(part)
        for name, is_folder in _entries(folder):
            if fits(name) and (name[0] != "." or part[0] == "."):
                _step(folder, name, rest, is_folder, found)
    elif rest:
        path = os.path.join(folder, part)
        if os.path.isdir(path):
            _walk(path, rest, found)
        else:
            _note_folder(folder, found)  # it may come
    else:
        _note_folder(folder, found)
        _step(folder, part, rest, False, found)


def _step(folder: str, name: str, rest: Sequence[str], is_folder: bool, found: Found) -> None:
    path = os.path.join(folder, name)
    if rest:
        if is_folder or os.path.isdir(path):
            _walk(path, rest, found)
        return
    stamp = None if is_folder else stamp_of(path)
    if stamp is not None:
        found.files[path] = stamp
        if len(found.files) > FILES_LIMIT:
            raise _TooMany(f"more than {FILES_LIMIT:,} files match: nothing is started for them")


def _below(folder: str, found: Found) -> Iterator[str]:
    """A folder and every one in it, links and hidden ones left out."""
    waiting = [folder]
    while waiting:
        each = waiting.pop()
        _note_folder(each, found)
        yield each
        waiting += [os.path.join(each, name) for name, is_folder in _entries(each)
                    if is_folder and name[0] != "."]  # fmt: skip


def _entries(folder: str) -> list[tuple[str, bool]]:
    """The names in a folder, and which are folders themselves, not links to some."""
    try:
        with os.scandir(folder) as entries:
            return [(entry.name, entry.is_dir(follow_symlinks=False)) for entry in entries]
    except OSError:
        return []  # it went, or is nobody's business


def _note_folder(folder: str, found: Found) -> None:
    found.folders.add(folder)
    if len(found.folders) > FOLDERS_LIMIT:
        raise _TooMany(f"more than {FOLDERS_LIMIT:,} folders match: nothing is started for them")


def _has_magic(part: str) -> bool:
    return any(sign in part for sign in "*?[")


@lru_cache(256)
def _matcher(part: str) -> Callable[[str], object]:
    return re.compile(translate(part)).fullmatch
