"""Takes over what an earlier execution has on the disk: its working directory and its logs.

The directory is copied, for the new execution changes its own; logs of ended attempts never change
any more, so their files are linked and stay readable when the earlier execution is removed.
Called by `engine.resume.start` on a thread.
"""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Collection
from pathlib import Path

from engine.errors import StorageError
from engine.logs.format import INDEX_NAME, pack_record, parse_segment_name
from engine.logs.index import Index


def copy_folder(source: Path, target: Path) -> None:
    """A copy of a working directory, whole or not at all. Raises StorageError."""
    partial = target.with_name(f"{target.name}.partial")
    try:
        partial.mkdir(mode=0o700)
        _copy_into(os.fspath(source), os.fspath(partial))
        partial.rename(target)
    except OSError as error:
        shutil.rmtree(partial, ignore_errors=True)
        raise StorageError(
            f"the working directory {source} cannot be copied: {error.strerror or error}",
            "free some space, or run every step again: wingman rerun",
        ) from error


def _copy_into(source: str, target: str) -> None:
    """Files, folders and links as they are; sockets, pipes and devices are left out."""
    for root, folders, names in os.walk(source, followlinks=False):
        into = os.path.join(target, os.path.relpath(root, source))
        for name in (*folders, *names):
            entry, made = os.path.join(root, name), os.path.join(into, name)
            status = os.lstat(entry)
            if stat.S_ISLNK(status.st_mode):
                os.symlink(os.readlink(entry), made)
            elif stat.S_ISDIR(status.st_mode):
                os.mkdir(made, 0o700)
            elif stat.S_ISREG(status.st_mode):
                shutil.copy2(entry, made)
    _copy_rights(source, target)


def _copy_rights(source: str, target: str) -> None:
    """The rights and times of folders, once nothing is written into them any more."""
    for root, folders, _ in os.walk(source, topdown=False, followlinks=False):
        for name in folders:
            entry = os.path.join(root, name)
            if not os.path.islink(entry):
                made = os.path.join(target, os.path.relpath(entry, source))
                shutil.copystat(entry, made, follow_symlinks=False)


def take_logs(source: Path, target: Path, attempts: Collection[int]) -> None:
    """Make the logs of these attempts readable in another execution's folder, too."""
    if not attempts or not source.is_dir():
        return
    try:
        target.mkdir(mode=0o700)
        for entry in os.scandir(source):
            name = parse_segment_name(entry.name)
            if name is not None and name.attempt in attempts:
                _link(entry.path, os.path.join(target, entry.name))
        _copy_index(source, target, attempts)
    except OSError as error:
        shutil.rmtree(target, ignore_errors=True)
        raise StorageError(f"the logs in {source} cannot be taken over: {error}") from error


def _link(source: str, target: str) -> None:
    try:
        os.link(source, target, follow_symlinks=False)
    except OSError:  # a file system without links
        shutil.copy2(source, target, follow_symlinks=False)


def _copy_index(source: Path, target: Path, attempts: Collection[int]) -> None:
    index = Index(os.fspath(source / INDEX_NAME))
    try:
        records = (record for _, record in index.forward(0, index.count) if record is not None)
        data = b"".join(pack_record(one) for one in records if one.attempt in attempts)
    finally:
        index.close()
    descriptor = os.open(target / INDEX_NAME, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with open(descriptor, "wb") as file:
        file.write(data)


def forget(folder: Path) -> None:
    """Remove what was prepared for an execution that did not start."""
    shutil.rmtree(folder, ignore_errors=True)
