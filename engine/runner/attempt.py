"""One attempt as the runner knows it: what was asked for, how it stands, how it ended.

Role: plain state; runner.py, ending.py and workers.py move it along. Imports the standard library
and the runner's own parts.
"""

from __future__ import annotations

import signal
import time

from engine.runner.frames import dump_json, dump_text
from engine.runner.items import failed_json
from engine.runner.timers import NEVER

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from engine.runner.capture import Capture
    from engine.runner.worker import Worker

REQUIRED = frozenset({
    "attempt", "cwd", "env", "execution", "grace_s", "kind", "log_dir", "log_limit_bytes",
    "log_sync", "masks", "number", "output_limit_bytes", "outputs", "step", "timeout_s",
})  # fmt: skip
FIRST_SAMPLE_S = 0.25
QUEUED, RUNNING, CLOSING, ENDED = "queued", "running", "closing", "ended"


class Attempt:
    """An attempt from `start` to its acknowledgement; once ended only `end_json` is kept."""

    # what most attempts never change is kept here, once
    marker: int | None = None
    capture: Capture | None = None
    worker: Worker | None = None
    pid = 0  # the main process: the shell, or the worker
    pidfd = -1
    start_ticks = 0
    output_fd = -1  # the memory file behind WINGMAN_OUTPUT
    script_fd = -1  # the memory file of a long text
    began_at = ended_at = wall_s = 0.0
    clock_began = 0.0
    # when this attempt wants the loop's attention
    deadline = NEVER
    kill_at = NEVER
    drain_until = NEVER
    sample_at = NEVER
    wake_at = NEVER
    # how it ends
    reason: str | None = None  # timeout | cancelled | killed | recalled
    start_failed: str | None = None
    exit_code: int | None = None
    signal_number = 0
    oom = False
    error: dict[str, str] | None = None
    item_fds: tuple[int, ...] = ()  # memory files with what a batch has to do
    failed_items: list[list[int]] | None = None  # of a batch, as it says
    declared = b""  # what it wrote to WINGMAN_OUTPUT, once it has ended
    swept = False
    leftovers = 0
    cpu_s = 0.0
    max_rss_bytes = peak_rss_bytes = 0
    read_bytes = write_bytes = 0
    log_lost_bytes = 0
    end_json = ""
    under_way = False  # it counts for those of its execution that are in line

    def __init__(self, spec: dict[str, Any]) -> None:
        if not spec.keys() >= REQUIRED:
            raise KeyError(*(REQUIRED - spec.keys()))
        self.spec = spec
        self.id: str = spec["attempt"]
        self.id_json = dump_text(self.id)
        self.execution: str = spec["execution"]
        self.grace_s: float = spec["grace_s"]
        self.at_most: int = spec.get("at_most") or 0  # it waits while so many run; 0: it does not
        self.state = QUEUED
        self.outputs: dict[str, Any] = {}
        self.adopted: dict[int, int] = {}  # daemonised processes: pid → pidfd
        self.unkillable: set[int] = set()

    def begin(self, now: float) -> None:
        """Note the start: the moment, the timeout."""
        self.state = RUNNING
        self.began_at, self.clock_began = time.time(), now
        if self.worker is None:
            self.sample_at = now + FIRST_SAMPLE_S
        timeout_s = self.spec["timeout_s"]
        if timeout_s is not None:
            self.deadline = now + timeout_s

    def finish(self, now: float) -> None:
        """Note the end."""
        self.state = ENDED
        self.ended_at = time.time()
        if self.began_at:
            self.wall_s = now - self.clock_began

    def plan(self) -> float:
        """When this attempt next wants attention."""
        self.wake_at = min(self.deadline, self.kill_at, self.drain_until, self.sample_at)
        return self.wake_at

    def add_usage(self, usage: Any) -> None:
        """Count in the usage of a process that has been reaped."""
        self.cpu_s += usage.ru_utime + usage.ru_stime
        self.max_rss_bytes = max(self.max_rss_bytes, usage.ru_maxrss * 1024)
        self.read_bytes += usage.ru_inblock * 512
        self.write_bytes += usage.ru_oublock * 512

    @property
    def outcome(self) -> str:
        """The outcome in the protocol's words."""
        if self.start_failed is not None:
            return "start_failed"
        return self.reason or "exited"

    def begin_record(self) -> bytes:
        """The record that is written before the process exists."""
        marker = "null" if self.marker is None else str(self.marker)
        return (
            f'{{"k":"begin","attempt":{self.id_json},"marker":{marker},"at":{time.time():.6f}}}'
        ).encode("ascii")

    def pid_record(self) -> bytes:
        """The record of the process's identity."""
        return (
            f'{{"k":"pid","attempt":{self.id_json},"pid":{self.pid},'
            f'"start_ticks":{self.start_ticks}}}'
        ).encode("ascii")

    def began_json(self) -> str:
        """The row of this attempt in a `began` frame."""
        return f'{{"attempt":{self.id_json},"pid":{self.pid},"at":{self.began_at:.6f}}}'

    def make_end_json(self, log_bytes: int, log_records: int, rss_floor_bytes: int) -> str:
        """The `end` object, as it goes to the results file and to the engine."""
        rss = self.max_rss_bytes
        if rss <= rss_floor_bytes:
            # the kernel counts the spawning process's own size in: below it, a sample tells more;
            # of a step too short for one, that size is all that is known: its peak was no higher
            rss = self.peak_rss_bytes or rss
        failed = failed_json(self.failed_items)
        lost = f',"log_lost_bytes":{self.log_lost_bytes}' if self.log_lost_bytes else ""
        return (
            f'{{"attempt":{self.id_json},"outcome":"{self.outcome}",'
            f'"exit_code":{_number(self.exit_code)},"signal":{_signal_name(self.signal_number)},'
            f'"oom":{"true" if self.oom else "false"},'
            f'"began_at":{self.began_at or self.ended_at:.6f},"ended_at":{self.ended_at:.6f},'
            f'"wall_s":{self.wall_s:.6f},"cpu_s":{self.cpu_s:.6f},'
            f'"max_rss_bytes":{rss or "null"},'
            f'"read_bytes":{self.read_bytes},"write_bytes":{self.write_bytes},'
            f'"outputs":{dump_json(self.outputs) if self.outputs else "{}"},'
            f'"error":{dump_json(self.error) if self.error else "null"},'
            f'"log_bytes":{log_bytes},"log_records":{log_records},"leftovers":{self.leftovers}{failed}{lost}}}'
        )


def _number(value: int | None) -> str:
    return "null" if value is None else str(value)


def _signal_name(number: int) -> str:
    if not number:
        return "null"
    try:
        return f'"{signal.Signals(number).name}"'
    except ValueError:
        return f'"SIGRTMIN+{number - signal.SIGRTMIN}"'
