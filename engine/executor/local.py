"""The executor for this machine: finds, starts and speaks to generations of the runner.

Called by the scheduler. Knows which attempts each generation should have, so that after a restart
of either side every one of them is adopted, ended, interrupted or known never to have started.
"""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from engine.executor import Listener
from engine.executor.link import Link
from engine.ids import split_attempt_id
from engine.logs.adopt import adopt_unindexed
from engine.logs.blocks import Blocks
from engine.paths import Home
from engine.runner.launch import is_dead, runner_socket, start_runner
from engine.runner.results import read_results
from engine.runner.sweep import kill_marked

RECONNECT_PAUSE_S = 0.05
SILENT_AFTER_S = 5.0


class LocalExecutor:
    """All runner generations of one home."""

    def __init__(
        self, home: Home, epoch: int, listener: Listener, boot: str, log: Callable[[str], None]
    ) -> None:
        self.generation = ""
        self.keeps_lines = True
        self.containment = ""
        self._home = home
        self._epoch = epoch
        self._listener = listener
        self._boot = boot
        self._log = log
        self._links: dict[str, Link] = {}
        self._expected: dict[str, set[str]] = {}  # attempts that each generation should have
        self._watched: set[str] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._closing = False
        self._welcomed_once = asyncio.Event()

    @property
    def runner_pid(self) -> int | None:
        """The process id of the runner that takes new attempts."""
        link = self._links.get(self.generation)
        return link.pid if link else None

    async def ready(self) -> None:
        """Return when a runner takes attempts."""
        await self._welcomed_once.wait()

    def open(self, open_attempts: dict[str, set[str]]) -> None:
        """Start the generation for new attempts, and find out about those of earlier engines.

        `open_attempts` holds, by generation, the attempts that the journal has as running.
        """
        self._start_generation()
        folders = (
            {path.name for path in self._home.runners.iterdir()}
            if self._home.runners.exists()
            else set()
        )
        for name in sorted((folders | set(open_attempts)) - {self.generation}):
            self._expected[name] = set(open_attempts.get(name, ()))
            self._spawn(self._attend(name))

    def _start_generation(self) -> None:
        self.generation = secrets.token_hex(6)
        self._expected[self.generation] = set()
        path = runner_socket(self._home, self.generation)
        self._links[self.generation] = Link(self, self.generation, path)
        try:
            start_runner(self._home, self.generation)
        except OSError as error:  # no space, no processes: found dead in a while, and tried again
            self._log(f"runner {self.generation} cannot be started: {error}")
        self._spawn(self._attend(self.generation))

    def _spawn(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _attend(self, name: str) -> None:
        """Stay connected to a generation until it is dead, then settle what it leaves."""
        is_current, folder = name == self.generation, self._home.runners / name
        link = self._links.setdefault(name, Link(self, name, runner_socket(self._home, name)))
        waited_s = 0.0
        while not self._closing:
            if await link.connect():
                waited_s = 0.0
                link.send({"t": "hello", "epoch": self._epoch})
                if name != self.generation:
                    link.send({"t": "drain"})
                for execution in self._watched:
                    link.send({"t": "watch", "execution": execution, "on": True})
                await link.closed()
                link.forget()
            elif waited_s > (SILENT_AFTER_S if is_current else 0) and is_dead(folder):
                break
            await asyncio.sleep(RECONNECT_PAUSE_S)
            waited_s += RECONNECT_PAUSE_S
            is_current = is_current and not link.was_welcomed
        if not self._closing:
            await self._bury(name)

    async def _bury(self, name: str) -> None:
        """Read the results of a dead generation, settle its attempts, remove its folder."""
        if name == self.generation:
            self._log(f"runner {name} died; starting another")
            self._start_generation()
        link = self._links.pop(name, None)
        unsent = link.queued_attempts() if link else set()
        folder = self._home.runners / name
        begun, moments, ends = _read_folder(folder)
        expected = self._expected.pop(name, set())
        self._listener.attempts_ended(name, [ends[a] for a in expected if a in ends])
        # a record that was not synced may be lost with the power: then absence proves nothing
        proves = folder.exists() and _boot_of(folder) in ("", self._boot)
        lost = [
            a for a in expected if a not in ends and (a in begun or not proves) and a not in unsent
        ]
        if proves:
            await asyncio.to_thread(kill_marked, [begun[a] for a in lost])
        self._listener.attempts_began({a: moments[a] for a in lost if a in moments})
        self._listener.attempts_interrupted(await asyncio.to_thread(self._logged_bytes, lost))
        self._listener.attempts_never_started(
            [a for a in expected if a not in ends and a not in lost]
        )
        self._listener.generation_settled(lambda: self._remove(name))

    def _remove(self, name: str) -> None:
        """Remove what a dead generation left: its folder, and a socket that may lie elsewhere."""
        runner_socket(self._home, name).unlink(missing_ok=True)
        shutil.rmtree(self._home.runners / name, ignore_errors=True)

    def _logged_bytes(self, attempts: list[str]) -> dict[str, int]:
        """How much each attempt of a dead runner has printed, all of it in its log's index."""
        found = {}
        for name in attempts:
            try:
                found[name] = adopt_attempt(self._home.text("logs"), name)
            except OSError as error:  # a full disk: the log lacks its last bytes, no more
                self._log(f"the log of {name} cannot be completed: {error}")
                found[name] = 0
        return found

    # -- what the scheduler asks -----------------------------------------------------------

    def start(self, spec: dict[str, Any]) -> None:
        self._expected[self.generation].add(spec["attempt"])
        self._links[self.generation].queue_start(spec)

    def cancel(self, generation: str, attempt: str, mode: str, reason: str) -> None:
        link = self._links.get(generation)
        if link is not None:
            link.queue_cancel({"t": "cancel", "attempt": attempt, "mode": mode, "reason": reason})

    def acknowledge(self, generation: str, attempts: Iterable[str]) -> None:
        link = self._links.get(generation)
        if link is not None:
            link.queue_acks(attempts)

    def flush(self) -> None:
        for link in self._links.values():
            link.flush()

    def watch(self, execution: str, on: bool) -> None:
        if on:
            self._watched.add(execution)
        else:
            self._watched.discard(execution)
        for link in self._links.values():
            link.send({"t": "watch", "execution": execution, "on": on})

    def close(self, kill: bool) -> None:
        """Let the runners go: they leave when their steps have ended, or at once with `kill`."""
        self._closing = True
        for link in self._links.values():
            link.send({"t": "stop"} if kill else {"t": "drain"})
            link.close()
        for task in self._tasks:
            task.cancel()

    # -- what a link reports ---------------------------------------------------------------

    def received(self, link: Link, frame: dict[str, Any]) -> None:
        """A frame from a generation."""
        kind = frame["t"]
        if kind == "ends":
            known = self._expected.setdefault(link.generation, set())
            ends = frame["ends"]
            known.difference_update(end["attempt"] for end in ends)
            self._listener.attempts_ended(link.generation, ends)
        elif kind == "began":
            self._listener.attempts_began({row["attempt"]: row["at"] for row in frame["attempts"]})
        elif kind == "masks":
            self._listener.masks_added(frame["execution"], frame["values"])
        elif kind == "grew":
            self._listener.logs_grew(frame["executions"])
        elif kind == "samples":
            self._listener.sampled(frame["at"], frame["attempts"])
        elif kind == "welcome":
            self._welcomed(link, frame)

    def _welcomed(self, link: Link, frame: dict[str, Any]) -> None:
        """Compare what the generation has with what the journal says it should have."""
        self.containment = frame.get("containment", "")
        has = {*frame["running"], *frame["ended"]}
        expected = self._expected.setdefault(link.generation, set())
        for stray in set(frame["running"]) - expected:
            self._log(f"runner {link.generation} runs {stray}, which nobody asked for: killed")
            link.send({"t": "cancel", "attempt": stray, "mode": "kill", "reason": "killed"})
        missing = sorted(expected - has - link.queued_attempts())
        if missing:
            expected.difference_update(missing)
            self._listener.attempts_never_started(missing)
        self._listener.adopted(link.generation, [a for a in frame["running"] if a in expected])
        link.welcome()
        if link.generation == self.generation:
            self._welcomed_once.set()


def adopt_attempt(logs: str, name: str) -> int:
    """Give what an attempt printed last its place in the log; the size of its files."""
    execution_id, number = split_attempt_id(name)
    folder = f"{logs}/{execution_id}"
    if not os.path.isdir(folder):
        return 0
    adopt_unindexed(folder, number)
    blocks = Blocks(folder)
    try:
        return blocks.size_of(number)
    finally:
        blocks.close()


def _read_folder(
    folder: Path,
) -> tuple[dict[str, int], dict[str, float], dict[str, dict[str, Any]]]:
    """(marker by begun attempt, when it began, end by ended attempt) of a dead generation."""
    begun: dict[str, int] = {}
    moments: dict[str, float] = {}
    ends: dict[str, dict[str, Any]] = {}
    if folder.exists():
        for record in read_results(folder):
            if record["k"] == "begin":
                begun[record["attempt"]] = record["marker"]
                moments[record["attempt"]] = record["at"]
            elif record["k"] == "end":
                ends[record["end"]["attempt"]] = record["end"]
    return begun, moments, ends


def _boot_of(folder: Path) -> str:
    """The boot id under which a generation ran; empty when it is not known."""
    try:
        return str(json.loads((folder / "info.json").read_text()).get("boot", ""))
    except (OSError, ValueError):
        return ""
