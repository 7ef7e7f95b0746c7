"""What the logs cost: writing, masking, and the first screen of a large log.

    python benchmarks/logs.py [--gigabytes 1.0]

Prints a table; nothing is left behind. Times are medians of several rounds, taken in turns.
"""

from __future__ import annotations

import argparse
import base64
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from engine.logs.lines import Filter
from engine.logs.reader import LogReader
from engine.logs.writer import AttemptLog
from engine.runner.masking import Masker

LINE_BYTES = 100
LINES = 1_000_000
PRODUCER = f"yes {'x' * (LINE_BYTES - 1)} | head -n {LINES}"
ROUNDS = 5


def timed(work: Callable[[], object]) -> float:
    """Seconds that it took."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


READS = """
import re, sys
sys.path.insert(0, sys.argv[1])
def most_mb():
    return int(re.search(r"VmHWM:\\s+(\\d+)", open("/proc/self/status").read())[1]) // 1024
from engine.logs.lines import Filter
from engine.logs.reader import LogReader
before = most_mb()
reader = LogReader(sys.argv[2])
for wanted in Filter(), Filter.make(level="error"), Filter.make(grep="not in this log"):
    reader.page_back(wanted)
for _ in reader.raw():
    pass
reader.levels.count(ended=True)
print(f"{most_mb()} MB, {most_mb() - before} MB of it by reading")
"""


def memory_of(directory: Path) -> str:
    """The most memory of a fresh process that reads all of a log in every way."""
    root = Path(__file__).resolve().parent.parent
    (directory / "levels").unlink()
    return subprocess.run(
        [sys.executable, "-c", READS, str(root), str(directory)],
        check=True, stdout=subprocess.PIPE, text=True,
    ).stdout.strip()  # fmt: skip


# -- writing --


def by_redirect(directory: Path) -> None:
    """`cmd > file`."""
    subprocess.run(["sh", "-c", f"{PRODUCER} > {directory / 'plain'}"], check=True)
    (directory / "plain").unlink()


def by_cat(directory: Path) -> None:
    """`cmd | cat > file`: the same with a reader between."""
    subprocess.run(["sh", "-c", f"({PRODUCER}) | cat > {directory / 'plain'}"], check=True)
    (directory / "plain").unlink()


def by_attempt_log(directory: Path, masker: Masker | None = None) -> None:
    """A pipe, a reused buffer, AttemptLog."""
    process = subprocess.Popen(["sh", "-c", PRODUCER], stdout=subprocess.PIPE)
    assert process.stdout is not None
    fd, buffer = process.stdout.fileno(), bytearray(1 << 20)
    view = memoryview(buffer)
    import fcntl

    fcntl.fcntl(fd, fcntl.F_SETPIPE_SZ, 1 << 20)
    log = AttemptLog(str(directory / "log"), 1, "step", masker, 1 << 30)
    while count := os.readv(fd, [buffer]):
        log.feed(1, view[:count], time.time_ns())
    log.close(time.time_ns())
    process.wait()
    process.stdout.close()
    for path in (directory / "log").iterdir():
        path.unlink()


def writing(directory: Path) -> None:
    """1 M lines of 100 bytes, four ways in turns."""
    masker = Masker(some_secrets(20))
    ways: dict[str, Callable[[], None]] = {
        "cmd > file": lambda: by_redirect(directory),
        "cmd | cat > file": lambda: by_cat(directory),
        "AttemptLog": lambda: by_attempt_log(directory),
        "AttemptLog, 20 secrets": lambda: by_attempt_log(directory, masker),
    }
    times: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(ROUNDS):
        for name, way in ways.items():
            times[name].append(timed(way))
    base = statistics.median(times["cmd > file"])
    print(f"\n{LINES:,} lines of {LINE_BYTES} bytes       M lines/s   of cmd > file")
    for name, seconds in times.items():
        median = statistics.median(seconds)
        print(f"  {name:28} {LINES / median / 1e6:8.2f} {base / median:12.2f}")


# -- masking --


def some_secrets(count: int) -> list[str]:
    """Values like tokens."""
    rng = random.Random(count)
    return [base64.b64encode(rng.randbytes(24)).decode() for _ in range(count)]


def log_lines(size_bytes: int, share: float = 0.01) -> bytes:
    """Lines of a service, some of them errors."""
    rng = random.Random(7)
    lines = []
    total = 0
    while total < size_bytes:
        level = b"ERROR" if rng.random() < share else b"INFO"
        line = b"2026-01-01 12:00:00.123 %s request %032x took %d ms for /api/items\n" % (
            level, rng.getrandbits(128), rng.randrange(5000),
        )  # fmt: skip
        lines.append(line)
        total += len(line)
    return b"".join(lines)


def masking() -> None:
    """Streaming in chunks of 64 KiB."""
    data = log_lines(8 << 20)
    chunks = [data[at : at + 65536] for at in range(0, len(data), 65536)]
    print("\nmasking                              MB/s   forms   built ms")
    for count in (0, 1, 20, 100):
        values = some_secrets(count)
        start = time.perf_counter()
        masker = Masker(values)
        built = (time.perf_counter() - start) * 1000
        seconds = [
            timed(lambda masker=masker: [masker.feed(1, chunk) for chunk in chunks])  # type: ignore[misc]
            for _ in range(ROUNDS)
        ]
        forms = len(masker._forms._sorted) if masker._forms else 0
        rate = len(data) / statistics.median(seconds) / 1e6
        print(f"  {count:3} secrets                 {rate:12,.0f} {forms:7} {built:10.1f}")


# -- reading --


def make_large(directory: Path, size_bytes: int) -> None:
    """A log as a busy step writes it: blocks of 64 KiB."""
    data = log_lines(16 << 20)
    log = AttemptLog(str(directory), 1, "step", None, 0)
    written = 0
    while written < size_bytes:
        for at in range(0, len(data), 65536):
            log.feed(1, data[at : at + 65536], time.time_ns())
        written += len(data)
    log.feed(1, b"the last line of all\n", time.time_ns())
    log.close(time.time_ns())


def reading(directory: Path, size_bytes: int) -> None:
    """First screens of a log of this size, each by a fresh reader."""
    make_large(directory, size_bytes)
    wanted = {
        "tail, 200 lines": Filter(),
        "tail of errors (1 % of the lines), 40 lines": Filter.make(level="error"),
        "tail of a pattern (1 line in 1,000), 40 lines": Filter.make(grep=r"9f took 4\d\d? ms"),
    }
    print(f"\na log of {size_bytes / 1e9:.1f} GB                                  ms")
    for name, filter_ in wanted.items():
        limit = 200 if filter_.takes_all else 40
        seconds = []
        for _ in range(ROUNDS):
            reader = LogReader(directory)
            seconds.append(timed(lambda r=reader, f=filter_, n=limit: r.page_back(f, n)))  # type: ignore[misc]
            reader.close()
        print(f"  {name:46} {statistics.median(seconds) * 1000:8.1f}")
    reader = LogReader(directory)
    absent = timed(lambda: reader.page_back(Filter.make(grep="not in this log")))
    print(f"  {'search for an absent text':46} {absent * 1000:8.0f}")
    files = sorted(map(str, directory.glob("*.log")))
    grep = timed(lambda: subprocess.run(["grep", "-c", "not in this log", *files], check=False,
                                        stdout=subprocess.DEVNULL))  # fmt: skip
    print(f"  {'  grep':46} {grep * 1000:8.0f}")
    print(f"  {'lines by level, first time':46} {timed(lambda: count(reader)) * 1000:8.0f}")
    reader.close()
    print(f"  {'lines by level, from the sidecar':46} "
          f"{timed(lambda: count(LogReader(directory))) * 1000:8.1f}")  # fmt: skip
    print(f"  {'all bytes by raw()':46} {timed(lambda: drain(directory)) * 1000:8.0f}")
    print(f"  {'memory of a process that does all of the above':46} {memory_of(directory)}")


def count(reader: LogReader) -> None:
    """Count the lines of an ended execution by level."""
    reader.levels.count(ended=True)


def drain(directory: Path) -> None:
    """Read every byte."""
    reader = LogReader(directory)
    for _ in reader.raw():
        pass
    reader.close()


def line_by_line(directory: Path) -> None:
    """A step that flushes every line: one record a line."""
    log = AttemptLog(str(directory), 1, "step", None, 0)
    lines = log_lines(20 << 20).splitlines(keepends=True)
    seconds = timed(lambda: [log.feed(1, line, 1) for line in lines])
    log.close(1)
    print(f"\n{len(lines):,} lines fed one by one")
    print(f"  {'a feed':46} {seconds / len(lines) * 1e6:8.1f} us")
    for name, filter_, limit in (
        ("tail, 200 lines", Filter(), 200),
        ("tail of errors, 40 lines", Filter.make(level="error"), 40),
        ("absent text", Filter.make(grep="not in this log"), 40),
    ):
        reader = LogReader(directory)
        spent = timed(lambda r=reader, f=filter_, n=limit: r.page_back(f, n))  # type: ignore[misc]
        print(f"  {name:46} {spent * 1000:8.1f} ms")
        reader.close()


def main() -> None:
    """Run all of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--gigabytes", type=float, default=1.0)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="wingman-logs-") as name:
        directory = Path(name)
        writing(directory)
        masking()
        reading(directory / "large", int(arguments.gigabytes * 1e9))
        line_by_line(directory / "lines")


if __name__ == "__main__":
    main()
