"""The channels of `config.toml`: their addresses with secrets put in, and sending to one.

Addresses hold secrets: nothing here shows one, and what is said of a failure is cleaned of them.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import quote, unquote, urlsplit

from engine.alerts.addresses import REFERENCE, TERMINAL, Outcome, outcome
from engine.errors import StorageError, UnknownReference, WingmanError
from engine.secrets import Secrets

SEND_LIMIT_S = 60.0
_PROGRAM = (
    "import sys; sys.path[:] = sys.argv[1:]; from engine.alerts.send_main import main; main()"
)
# of these the host is no secret
_OPEN = ("webhook", "webhooks", "json", "jsons", "xml", "xmls", "form", "forms", "mailto",
         "mailtos")  # fmt: skip
_SHORTEST = 4  # characters of what is hidden


class Channels:
    """The channels of one engine."""

    def __init__(self, channels: Mapping[str, list[str]], secrets: Secrets) -> None:
        self._channels = channels
        self._secrets = secrets
        # the consoles that tell what comes for them; each says whether it does
        self.consoles: list[Callable[[dict[str, Any]], bool]] = []

    def replace(self, channels: Mapping[str, list[str]]) -> None:
        """These are the channels from now on."""
        self._channels = channels

    @property
    def of_consoles(self) -> list[str]:
        """The channels that deliver to consoles."""
        return [
            name
            for name, urls in self._channels.items()
            if any(url.startswith(TERMINAL) for url in urls)
        ]

    @property
    def names(self) -> list[str]:
        """What the channels are called."""
        return sorted(self._channels)

    def check(self, channel: str) -> None:
        """Raises UnknownReference where there is no such channel."""
        if channel not in self._channels:
            known = ", ".join(self.names) or "none"
            raise UnknownReference(
                f"there is no channel {channel!r}", f"[channels] of config.toml has: {known}"
            )

    async def send(
        self, channel: str, order: dict[str, Any], taken: Sequence[str] = ()
    ) -> Outcome:
        """Send a message to the addresses that have not `taken` it. Raises nothing."""
        try:
            self.check(channel)
        except UnknownReference as unknown:
            return Outcome([], [], str(unknown))
        given = list(dict.fromkeys(self._channels[channel]))
        wanted = [address for address in given if address not in taken]
        told = False
        if any(address.startswith(TERMINAL) for address in wanted):
            took = [tell(order) for tell in list(self.consoles)]
            told = any(took)
        errors = await self._sent(order, [a for a in wanted if not a.startswith(TERMINAL)])
        return outcome(given, taken, errors, told)

    async def _sent(self, order: dict[str, Any], addresses: Sequence[str]) -> dict[str, str]:
        """What went wrong with addresses, by the address; empty where nothing did."""
        errors, urls = {}, {}
        for address in addresses:
            try:
                urls[address] = self._url(address)
            except WingmanError as refused:
                errors[address] = str(refused)
        if urls:
            said = await _carried_out(order, list(urls.values()))
            errors |= dict(zip(urls, said, strict=True))
        return errors

    def _url(self, address: str) -> str:
        whole = REFERENCE.fullmatch(address)
        if whole:
            return self._secrets.value(whole.group(1))
        return REFERENCE.sub(lambda m: quote(self._secrets.value(m.group(1)), safe=""), address)

    def sealed(self, key: str, taken: Sequence[str]) -> str:
        """The addresses that have a message, as the journal may keep them."""
        try:
            return self._secrets.seal_texts(f"delivery/{key}", list(taken)) if taken else ""
        except StorageError:  # without a key they cannot be kept: better told twice
            return ""

    def opened(self, key: str, sealed: str) -> tuple[str, ...]:
        """The same again; none where they cannot be read any more."""
        try:
            return self._secrets.open_texts(f"delivery/{key}", sealed) if sealed else ()
        except StorageError:
            return ()


async def _carried_out(order: dict[str, Any], urls: list[str]) -> list[str]:
    """What went wrong with sending to each address, or nothing."""
    said: dict[int, str] = {}
    other = "the sending process ended without an answer"
    try:
        async with asyncio.timeout(SEND_LIMIT_S):
            await _run({**order, "urls": urls}, said)
    except TimeoutError:
        other = f"no answer within {SEND_LIMIT_S:.0f} s"
    except (OSError, ValueError, LookupError, TypeError) as failed:
        other = f"the sending process failed: {type(failed).__name__}"
    return [_cleaned(said.get(n, other), urls) for n in range(len(urls))]


async def _run(order: dict[str, Any], said: dict[int, str]) -> None:
    """Have a process of its own carry an order out; each address that answers is said at once."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", _PROGRAM, *sys.path, stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        with contextlib.suppress(ConnectionError):
            process.stdin.write(json.dumps(order).encode())
            await process.stdin.drain()
        process.stdin.close()
        async for line in process.stdout:
            answer = json.loads(line)
            said[int(answer["n"])] = str(answer["error"])
    finally:
        with contextlib.suppress(ProcessLookupError):
            if process.returncode is None:
                process.kill()
        await process.wait()


def _cleaned(text: str, urls: list[str]) -> str:
    """A text without anything of the addresses that could be secret."""
    for url in urls:
        text = text.replace(url, "***")
        hidden, public = [*re.split(r"[/?&=:@#]", url.partition("://")[2])], set()
        with contextlib.suppress(ValueError):  # one that is none: all of it is hidden
            parts = urlsplit(url)
            hidden += [parts.username or "", parts.password or ""]
            public = {parts.hostname} if parts.scheme in _OPEN else set()
        for part in sorted({p for p in hidden if p} - public, key=len, reverse=True):
            for form in {part, unquote(part)}:
                if len(form) >= _SHORTEST:
                    text = text.replace(form, "***")
    return text
