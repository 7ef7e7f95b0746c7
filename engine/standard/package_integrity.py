"""The steps of package-integrity: dpkg's recorded MD5 sums against the files on the disk.

Runs in a worker, imports the standard library only. Symbolic links of directories (/bin) are
followed inside the root; diverted files are looked for where their owner put them; what
`path-exclude` never unpacked is not missing.
"""

from __future__ import annotations

import fnmatch
import hashlib
import json
from pathlib import Path

NAMED_AT_MOST = 1000  # differences of a share that are kept as outputs; the log has all
PLAN = "shares.json"


def plan(root: str, shares: int) -> dict[str, int]:
    """Write which package is checked by which step, by the size of its list, largest first."""
    folder = Path(root, "var/lib/dpkg/info")
    lists = sorted(folder.glob("*.md5sums"), key=lambda path: -path.stat().st_size)
    if not lists:
        raise SystemExit(f"ERROR no package lists in {folder}: is this a Debian-like system?")
    shared: list[list[str]] = [[] for _ in range(shares)]
    loads = [0] * shares
    for path in lists:
        least = loads.index(min(loads))
        loads[least] += path.stat().st_size
        shared[least].append(path.name)
    Path(PLAN).write_text(json.dumps(shared))
    print(f"INFO {len(lists)} packages in {shares} shares")
    return {"packages": len(lists)}


def check(root: str, ignore: list[str], share: int) -> dict[str, object]:
    """Compare one share's files with their recorded sums."""
    names = json.loads(Path(PLAN).read_text())[share]
    unpacked = Excludes(root)
    moved = diversions(root)
    differences: list[list[str]] = []
    files = size_bytes = 0
    for name in names:
        package = name.removesuffix(".md5sums")
        for expected, path in recorded(Path(root, "var/lib/dpkg/info", name)):
            if unpacked.excludes(path) or any(fnmatch.fnmatch(path, each) for each in ignore):
                continue
            owner, elsewhere = moved.get(path, ("", path))
            place = Path(root, (path if owner == package.partition(":")[0] else elsewhere)[1:])
            found, size = digest(place)
            files += 1
            size_bytes += size
            if found != expected:
                what = found if found in ("missing", "unreadable") else "changed"
                level = "WARN" if what == "unreadable" else "ERROR"
                print(f"{level} {what}: {path} (package {package})")
                if what != "unreadable":
                    differences.append([package, what, path])
    print(f"INFO {files} files, {size_bytes / 1e6:.0f} MB, {len(differences)} differ")
    return {
        "files": files,
        "differ": len(differences),
        "differences": differences[:NAMED_AT_MOST],
    }


def report(results: list[dict[str, object]]) -> dict[str, object]:
    """All shares together, by package; SystemExit when a file differs."""
    files = sum(int(str(result["files"])) for result in results)
    differ = sum(int(str(result["differ"])) for result in results)
    by_package: dict[str, list[str]] = {}
    for result in results:
        named = result["differences"]
        assert isinstance(named, list)
        for package, what, path in named:
            by_package.setdefault(package, []).append(f"{what} {path}")
    for package, found in sorted(by_package.items()):
        more = f", and {len(found) - 1} more" if len(found) > 1 else ""
        print(f"ERROR {package}: {found[0]}{more}")
    if differ:
        raise SystemExit(f"ERROR {differ} of {files} files are not as their packages made them")
    print(f"INFO all {files} files are as their packages made them")
    return {"files": files}


def recorded(path: Path) -> list[tuple[str, str]]:
    """The (sum, absolute path) pairs of a package's list."""
    pairs = []
    for line in path.read_text("utf-8", "surrogateescape").splitlines():
        expected, _, name = line.partition("  ")
        if name:
            pairs.append((expected.lstrip("\\"), "/" + name))
    return pairs


def digest(path: Path) -> tuple[str, int]:
    """The file's MD5 sum and size; `missing` or `unreadable` instead of a sum."""
    try:
        with path.open("rb") as file:
            found = hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False))
            return found.hexdigest(), file.tell()
    except PermissionError:
        return "unreadable", 0
    except OSError:
        return "missing", 0


def diversions(root: str) -> dict[str, tuple[str, str]]:
    """Diverted path: the package that may have the name, where everybody else's file lies."""
    try:
        lines = Path(root, "var/lib/dpkg/diversions").read_text().splitlines()
    except OSError:
        return {}
    triples = zip(lines[0::3], lines[1::3], lines[2::3], strict=False)
    return {path: (owner, elsewhere) for path, elsewhere, owner in triples}


class Excludes:
    """dpkg's path-exclude and path-include, the last match wins."""

    def __init__(self, root: str) -> None:
        self.rules: list[tuple[bool, str]] = []
        for file in sorted(Path(root, "etc/dpkg/dpkg.cfg.d").glob("*")):
            for line in file.read_text(errors="replace").splitlines():
                key, _, pattern = line.strip().replace("=", " ", 1).partition(" ")
                if key in ("path-exclude", "path-include"):
                    self.rules.append((key == "path-exclude", pattern.strip()))

    def excludes(self, path: str) -> bool:
        """Whether dpkg left this path out when it unpacked."""
        excluded = False
        for excludes, pattern in self.rules:
            if excludes != excluded and fnmatch.fnmatch(path, pattern):
                excluded = excludes
        return excluded
