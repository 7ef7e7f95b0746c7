"""A delivery to a hook, from its bytes to its answer: genuine, not too many, decided once."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from engine.clock import Clock
from engine.errors import Unauthenticated, Unavailable, UnknownReference, WingmanError
from engine.ids import new_execution_id
from engine.service import Service
from engine.times import to_text
from engine.triggers import hooks
from engine.triggers.arrivals import Arrivals
from engine.triggers.trigger import Trigger

SAME_HOOK = "the hook belongs to "
KEEP_S = 1.0  # refusals are kept together: whoever sends rubbish must not keep the disk busy
BURST_S = 2.0  # so many seconds' worth of deliveries may come at once
PING = ("skipped", "GitHub's ping: the hook is set up")
REASON_LENGTH = 500
STATUS = {"ran": 202, "late": 202, "skipped": 200, "waiting": 202}


class Answer(NamedTuple):
    """What the sender hears."""

    status: int
    body: dict[str, Any]
    headers: dict[str, str]


class Deliveries:
    """Takes what is sent to the hooks of one engine."""

    def __init__(
        self, service: Service, clock: Clock, arrivals: Arrivals, keep: Callable[[Trigger], None]
    ) -> None:
        self._service = service
        self._clock = clock
        self._arrivals = arrivals
        self._keep = keep
        self._hooks: dict[str, Trigger] = {}
        self._refused: set[Trigger] = set()  # refusals of these are not kept yet
        self._keeping: asyncio.TimerHandle | None = None

    def note_hooks(self, triggers: Mapping[str, Trigger]) -> None:
        """These are the hooks now. Of several of one name the first counts; the others say so."""
        self._hooks.clear()
        for _, trigger in sorted(triggers.items()):
            owner = self._hooks.setdefault(trigger.definition["hook"], trigger)
            if owner is not trigger:
                trigger.problem = f"{SAME_HOOK}{owner.name}"
            elif trigger.problem.startswith(SAME_HOOK):
                trigger.problem = ""

    def hook(self, name: str) -> Trigger:
        """The trigger that a hook's name means. Raises UnknownReference."""
        if name in self._hooks:
            return self._hooks[name]
        raise UnknownReference(f"there is no hook {name!r}", "its flow has to be in a flow folder")

    async def take(self, trigger: Trigger, headers: Mapping[str, str], body: bytes) -> Answer:
        """Decide about a delivery; 202 only once its execution is durable."""
        try:
            id_, content = self._read(trigger, headers, body)
        except UnknownReference as error:  # of its own secret: no business of who sends
            self.refuse(trigger, f"nobody can be checked: {error}")
            raise Unauthenticated("this hook can check nobody now", "its owner knows why") from None
        except WingmanError as error:
            self.refuse(trigger, str(error))
            raise
        if (wait_s := self._too_many(trigger)) > 0:
            self.refuse(trigger, f"more than {trigger.definition['rate']:g} a second")
            message = f"the hook takes {trigger.definition['rate']:g} deliveries a second"
            error_ = {"code": "too_many", "message": message, "hint": "come again", "details": {}}
            return Answer(429, {"error": error_}, {"Retry-After": str(math.ceil(wait_s))})
        now_us = self._clock.now_us()
        key = id_ or new_execution_id(now_us)
        is_ping = hooks.is_ping(trigger.definition["signature"], headers)
        try:
            found = await self._arrivals.arrive(
                trigger, key, now_us, self.names(trigger, key, headers, content),
                refused=PING if is_ping else None,
            )  # fmt: skip
        except Unavailable as error:
            self.refuse(trigger, f"not now: {error.message}")
            raise
        told = {name: found[name] for name in ("outcome", "execution", "duplicate")}
        if found["outcome"] == "missed":
            error_ = {"code": "input", "message": found["reason"], "hint": "", "details": {}}
            return Answer(422, {**told, "error": error_}, {})
        return Answer(STATUS[found["outcome"]], told, {})

    def names(
        self, trigger: Trigger, key: str, headers: Mapping[str, str], content: Any
    ) -> Mapping[str, Any]:
        """What the expressions of a hook see of a delivery."""
        headers = {name.lower(): value for name, value in headers.items()}
        event = {
            "id": key, "hook": trigger.definition["hook"], "at": to_text(self._clock.now_us()),
        }  # fmt: skip
        return {"event": event, "body": content, "headers": hooks.shown_headers(headers)}

    def _read(
        self, trigger: Trigger, headers: Mapping[str, str], body: bytes
    ) -> tuple[str, Any]:
        """The key and the content of a genuine delivery."""
        wanted = trigger.definition
        secret = self._service.secrets.value(wanted["secret"])
        now_s = self._clock.wall_us() / 1e6
        id_ = hooks.verify(wanted["signature"], secret, headers, body, now_s)
        content_type = headers.get("content-type", "")
        return id_, hooks.parse(content_type, body, wanted["signature"])

    def _too_many(self, trigger: Trigger) -> float:
        """Take a place of the hook's rate; how long until there is one, 0 where there was."""
        rate, now_us = float(trigger.definition["rate"]), self._clock.now_us()
        most = max(1.0, rate * BURST_S)
        if not trigger.filled_us:
            trigger.tokens, trigger.filled_us = most, now_us
        trigger.tokens = min(most, trigger.tokens + (now_us - trigger.filled_us) * rate / 1e6)
        trigger.filled_us = now_us
        if trigger.tokens < 1.0:
            return (1.0 - trigger.tokens) / rate
        trigger.tokens -= 1.0
        return 0.0

    def refuse(self, trigger: Trigger, reason: str) -> None:
        """Remember the last refusals: who is asked why nothing starts wants to know."""
        at = to_text(self._clock.now_us())
        trigger.refusals.appendleft({"at": at, "reason": reason[:REASON_LENGTH]})
        self._refused.add(trigger)
        if self._keeping is None:
            loop = asyncio.get_running_loop()
            self._keeping = loop.call_later(KEEP_S, self.keep_refusals)

    def keep_refusals(self) -> None:
        """Have the last refusals survive the engine."""
        if self._keeping is not None:
            self._keeping.cancel()
            self._keeping = None
        refused, self._refused = self._refused, set()
        for trigger in refused:
            if trigger.is_armed:
                self._keep(trigger)
