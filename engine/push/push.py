"""Puts a flow's text in the place of its file on this server, as a push, a rollback or a saved fix.

Looked at first: problems, what the server has not, the flow's own tests. Then the versions before
and after are journaled with the audit, and only then the file is replaced, whole or not at all.
Called by `push_routes` and `resume.promote`.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
from dataclasses import dataclass, field
from typing import Any

from engine.errors import Conflict, FlowFileError, StorageError, UnknownReference, UsageError
from engine.failpoints import reach
from engine.library import FILE_LIMIT_BYTES, FlowFile
from engine.origin import origin
from engine.push import modules, versions
from engine.push.here import problems_here
from engine.push.place import place_of, replace_file
from engine.request import present_text
from engine.sandbox.client import Sandbox
from engine.service import Service

REASON_LIMIT = 500
TESTS_LIMIT_S = 10.0
Row = dict[str, Any]


@dataclass(slots=True)
class Looked:
    """A text beside what is there now."""

    name: str
    path: str
    text: bytes
    present: bytes | None
    standard: bool = False
    problems: list[Row] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    tests: list[Row] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def version(self) -> str:
        return version_of(self.text)

    @property
    def present_version(self) -> str | None:
        return None if self.present is None else version_of(self.present)

    def check(self, *, allow_missing: bool) -> None:
        """Raises what keeps it from being written."""
        if self.problems:
            lines = [_problem_line(self.path, each) for each in self.problems]
            raise FlowFileError("\n".join(lines), problems=self.problems)
        failed = [each["name"] for each in self.tests if not each["passed"]]
        if failed:
            raise Conflict(
                f"{self.name}: {len(failed)} of {len(self.tests)} tests fail: {failed[0]}",
                "wingman test FILE tells what is otherwise than expected",
            )
        if self.missing and not allow_missing:
            raise Conflict(
                f"{self.name} needs what this server has not: {'; '.join(self.missing)}",
                "put it there first, or say --allow-missing",
            )


def version_of(text: bytes) -> str:
    """What tells a text from any other."""
    return hashlib.sha256(text).hexdigest()


class Pushing:
    """The files of one engine's flows, and their former versions."""

    def __init__(self, service: Service, flow_folder: str) -> None:
        self._service = service
        self._folder = flow_folder
        self._one_at_a_time = asyncio.Lock()

    # -- looking ---------------------------------------------------------------------------

    async def look(self, name: str, text: str | None, to: str | None) -> Row:
        """What a push of this text, or a rollback to a version, would meet; changes nothing."""
        found = await self._look(name, text, to)
        environment = self._service.scheduler.environment.now()
        return {
            "name": name,
            "path": found.path,
            "version": found.version,
            "present": found.present_version,
            "present_text": _shown(found.present),
            "text": _shown(found.text),
            "standard": found.standard,
            "problems": found.problems,
            "missing": found.missing,
            "tests": found.tests,
            "notes": found.notes,
            "environment": environment.name,
            "production": environment.production,
        }

    async def _look(self, name: str, text: str | None, to: str | None) -> Looked:
        if (text is None) == (to is None):
            raise UsageError("say a text, or the version of a former one", "text, or to")
        file = await self._file(name)
        standard = file is not None and file.standard
        own = None if file is None or standard else str(file.path)
        path = await asyncio.to_thread(place_of, self._folder, name, own)
        present = await asyncio.to_thread(present_text, path)
        data = text.encode("utf-8", "surrogatepass") if text is not None else b""
        if to is not None:
            data = (await self._former(name, path, present, to)).encode()
        found = Looked(name, path, data, present, standard)
        await self.examine(found)
        return found

    async def examine(self, found: Looked) -> None:
        """Find out what keeps a text from being written."""
        service = self._service
        for each in (found.text, found.present or b""):
            if len(each) > FILE_LIMIT_BYTES:
                which = "the text" if each is found.text else f"{found.path} is there and"
                raise UsageError(f"{which} has more than the {FILE_LIMIT_BYTES} bytes of a flow")
        try:
            compiled = await service.library.compile(found.text, found.path)
        except FlowFileError as error:
            found.problems = error.details.get("problems") or [
                {"line": 1, "column": 1, "what": error.message, "hint": error.hint}
            ]
            return
        if compiled["name"] != found.name:
            raise UsageError(
                f"the text is the flow {compiled['name']}, not {found.name}", "look at its `name:`"
            )
        found.problems = problems_here(service, compiled)
        found.missing = await self._missing(compiled, found.path)
        found.notes = _not_carried(compiled)
        found.tests = await _tests_of(compiled)

    async def _file(self, name: str) -> FlowFile | None:
        try:
            return await self._service.library.find(name)
        except UnknownReference:
            return None

    async def _missing(self, compiled: Row, path: str) -> list[str]:
        """Secrets, modules, and of the requirements what holds no template."""
        service = self._service
        found = [f"secret {name} is not set" for name in service.secrets.missing(compiled)]
        found += await asyncio.to_thread(modules.missing, compiled)
        wanted = {
            key: [name for name in names if "${{" not in name]
            for key, names in (compiled["requires"] or {}).items()
        }
        calls = {"programs": [], "files": [], "hosts": [], "flows": _called_flows(compiled)}
        wanted = {key: [*wanted.get(key, []), *calls[key]] for key in calls}
        wanted["hosts"] = []  # one that is down now is no reason
        env = service.scheduler.surroundings().env_for(compiled)
        errands, around = service.scheduler.errands, env.get("PATH", "")
        return found + await errands.requirements(wanted, around, path)

    async def _former(self, name: str, path: str, present: bytes | None, to: str) -> str:
        kept = await self._service.reader(lambda history: versions.versions_of(history, path))
        if not kept and present is None:
            await self._service.library.find(name)  # says what is near
        now = None if present is None else version_of(present)
        version = versions.named(kept, to) if to else versions.former(kept, now)
        return await self._service.reader(
            lambda history: versions.text_of(history, path, version)
        )

    async def kept(self, name: str) -> list[Row]:
        """The versions of a flow's file, newest first."""
        path = await self._path(name)
        present = await asyncio.to_thread(present_text, path)
        kept = await self._service.reader(lambda history: versions.versions_of(history, path))
        now = None if present is None else version_of(present)
        newest = next((each for each in kept if each.version == now), None)
        return [each.to_json(now, is_newest=each is newest) for each in kept]

    async def text(self, name: str, version: str) -> str:
        """The text of a version that was kept."""
        path = await self._path(name)

        def look(history: Any) -> str:
            kept = versions.versions_of(history, path)
            return versions.text_of(history, path, versions.named(kept, version))

        return await self._service.reader(look)

    async def _path(self, name: str) -> str:
        """A flow's own file. Raises UnknownReference where there never was one."""
        file = await self._service.library.find(name)
        if file.standard:
            return os.path.join(self._folder, f"{name}.yaml")
        return str(file.path)

    # -- writing ---------------------------------------------------------------------------

    async def push(self, name: str, wanted: Any, actor: str) -> Row:
        """Write a text that holds, where the file still is as expected. Raises what `check` does,
        and Conflict with the present version where somebody else was first."""
        if len(wanted.reason) > REASON_LIMIT:
            raise UsageError(f"a reason has at most {REASON_LIMIT} characters")
        async with self._one_at_a_time:
            found = await self._look(name, wanted.text, wanted.to)
            now = found.present_version
            done = {"name": name, "path": found.path, "version": found.version, "replaced": now}
            if now == found.version:
                return {**done, "changed": False}
            if now != wanted.expected:
                is_now = f"it is {now[:12]} now" if now else "it is not there any more"
                raise Conflict(
                    f"{name} has changed meanwhile: {is_now}", "look at it again", present=now
                )
            found.check(allow_missing=wanted.allow_missing)
            reason = wanted.reason
            if found.missing:
                lacked = ", ".join(each.partition(" is ")[0] for each in found.missing)
                reason = f"{reason} (although missing: {lacked})".strip()[:REASON_LIMIT]
            action = "push" if wanted.to is None else versions.ROLLBACK
            await self.write(found, actor, action, reason, subject=name)
            await self._service.permissions.learn(name)
            return {**done, "changed": True}

    async def write(
        self, found: Looked, actor: str, action: str, reason: str, *, subject: str
    ) -> None:
        """Journal both versions and the audit, then replace the file. Raises StorageError."""
        journal, at_us = self._service.journal, self._service.now_us()
        kept = await self._service.reader(
            lambda history: versions.versions_of(history, found.path)
        )
        newest = next((each.version for each in kept if each.is_written), None)
        if _is_text(found.present) and newest != found.present_version:
            journal.add_row("insert_pushed", [
                found.path, at_us, found.name, found.present_version, "", "", versions.FOUND, "",
                _shown(found.present), 1,
            ])  # fmt: skip
        at_us += 1
        journal.add_row("insert_pushed", [
            found.path, at_us, found.name, found.version, actor, origin.get(), action, reason,
            _shown(found.text), 0,
        ])  # fmt: skip
        journal.add_row("forget_pushed", [found.path, versions.KEPT])
        what = f"{subject} {found.version[:12]}"
        journal.add_audit(at_us, actor, action, what, reason)
        await journal.durable()
        reach("push_journaled")
        try:
            await asyncio.to_thread(replace_file, found.path, found.text, found.present)
        except OSError as error:
            why = error.strerror or str(error)
            journal.add_audit(self._service.now_us(), actor, f"{action} failed", what, why)
            await journal.durable()
            raise StorageError(
                f"{found.path} cannot be written: {why}", "nothing was changed"
            ) from error
        reach("push_replaced")
        journal.add_row("written_pushed", [found.path, at_us])
        await journal.durable()


def _is_text(text: bytes | None) -> bool:
    """Whether there is something that can be kept as it is."""
    try:
        return text is not None and bool(text.decode())
    except UnicodeDecodeError:
        return False


def _shown(text: bytes | None) -> str | None:
    return None if text is None else text.decode("utf-8", "replace")


def _problem_line(path: str, problem: Row) -> str:
    hint = f" ({problem['hint']})" if problem["hint"] else ""
    return f"{path}:{problem['line']}:{problem['column']}: {problem['what']}{hint}"


def _called_flows(compiled: Row) -> list[str]:
    """The flows that steps call by a name that is known before they run."""
    from engine.calls import calls_of

    return [name for name in calls_of(compiled) if "${{" not in name]


def _not_carried(compiled: Row) -> list[str]:
    """What belongs to the flow and does not lie in its file."""
    notes = [
        f"the python module {name} is not carried with the file: its code is the server's own"
        for name in modules.called(compiled)
    ]
    runbook = compiled["runbook"]
    if runbook and "\n" not in runbook and runbook.endswith((".md", ".txt")):
        notes.append(f"the runbook {runbook} is not carried with the file")
    return notes


async def _tests_of(compiled: Row) -> list[Row]:
    """How the flow's own tests go, in a process apart: they may be costly."""
    if not compiled["tests"]:
        return []
    sandbox = Sandbox()
    try:
        return await sandbox.trials(compiled, TESTS_LIMIT_S)
    finally:
        await sandbox.close()
