"""Which files a step's own modules came from, so that a changed one is not used as it was."""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    import types


class ModuleWatch:
    """The step's own modules: which files they came from, and whether those have changed since."""

    def __init__(self) -> None:
        self.count = len(sys.modules)
        self.known = set(sys.modules)
        self.files: dict[str, tuple[int, int]] = {}
        self.wants_fresh = False

    def changed(self) -> bool:
        """True when a module of the step is not what is on the disk any more."""
        try:
            for path, seen in self.files.items():
                status = os.stat(path)
                if (status.st_mtime_ns, status.st_size) != seen:
                    return True
        except OSError:
            return True
        return False

    def note_new(self) -> bool:
        """Take note of modules imported since the last call; True if there are any."""
        if len(sys.modules) == self.count:
            return False
        for name in [name for name in list(sys.modules) if name not in self.known]:
            self.known.add(name)
            self.note(sys.modules[name])
        self.count = len(sys.modules)
        return True

    def note(self, module: types.ModuleType) -> None:
        """Take note of one module, unless it belongs to the interpreter or is installed."""
        self.wants_fresh = self.wants_fresh or getattr(module, "WINGMAN_FRESH", False) is True
        path = getattr(module, "__file__", None)
        if not path or "site-packages" in path or path.startswith(sys.base_prefix):
            return
        try:
            status = os.stat(path)
        except (OSError, TypeError, ValueError):
            return
        self.files[path] = (status.st_mtime_ns, status.st_size)
