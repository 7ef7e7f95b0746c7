"""Saves a log to a file beside whoever runs the console, never over one that is there unasked.

Called by the session on a thread. The file has its name only once all of it is written.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import re
from collections.abc import Iterable

OFFERS_LOOK = 2_000  # entries of a folder
_ODD = re.compile(r"[^A-Za-z0-9._-]+")


class FileIsThere(Exception):
    """A file of this name exists."""


def file_name(*words: object) -> str:
    """A plain name for a file, made of an execution's and a step's."""
    parts = (_ODD.sub("-", str(word)).strip("-.") for word in words)
    return "-".join(part for part in parts if part)[:120] + ".log"


def in_folder(name: str, plain: str) -> str:
    """The name of a file; of a folder, that of a file in it."""
    if name.endswith("/") or os.path.isdir(os.path.expanduser(name)):
        return os.path.join(name, plain)
    return name


def file_offers(text: str) -> list[str]:
    """What a path that is being typed could become: folders end in a slash."""
    folder, slash, begin = text.rpartition("/")
    found = []
    try:
        with os.scandir(os.path.expanduser(folder + slash) or ".") as entries:
            for entry in itertools.islice(entries, OFFERS_LOOK):
                if entry.name.startswith(begin) and (begin or not entry.name.startswith(".")):
                    end = "/" if entry.is_dir() else ""
                    found.append(f"{folder}{slash}{entry.name}{end}")
    except OSError:
        return []
    return sorted(path for path in found if " " not in path)


def is_there(name: str) -> bool:
    """Whether a file of this name exists."""
    return os.path.lexists(os.path.expanduser(name))


def save(chunks: Iterable[bytes], name: str, *, replace: bool) -> tuple[str, int]:
    """Write the chunks to a file; its path and its size in bytes. Raises FileIsThere, OSError."""
    path = os.path.abspath(os.path.expanduser(name))
    if not replace and os.path.lexists(path):
        raise FileIsThere(path)
    part = f"{path}.part-{os.getpid()}"
    size_bytes = 0
    try:
        fd = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        with open(fd, "wb") as file:
            for chunk in chunks:
                size_bytes += file.write(chunk)
        if replace:
            os.replace(part, path)
        else:
            _name_new(part, path)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(part)
        raise
    return path, size_bytes


def _name_new(part: str, path: str) -> None:
    """Give the file its name, unless somebody else has taken it meanwhile."""
    try:
        os.link(part, path)
    except FileExistsError:
        raise FileIsThere(path) from None
    except OSError:  # a file system without links
        os.replace(part, path)
        return
    os.unlink(part)
