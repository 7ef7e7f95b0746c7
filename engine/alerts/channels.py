"""The channels of `config.toml`: their addresses with secrets put in, and sending to one.

Addresses hold secrets: nothing here shows one, and what is said of a failure is cleaned of them.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import sys
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote, unquote, urlsplit

from engine.errors import UnknownReference, WingmanError
from engine.secrets import Secrets

SEND_LIMIT_S = 60.0
REFERENCE = re.compile(r"\$\{secret:([A-Za-z_][A-Za-z0-9_]{0,62})\}")
_PROGRAM = (
    "import sys; sys.path[:] = sys.argv[1:]; from engine.alerts.send_main import main; main()"
)
# of these the host is no secret
_OPEN = ("json", "jsons", "xml", "xmls", "form", "forms", "mailto", "mailtos")
_SHORTEST = 4  # characters of what is hidden


NO_CONSOLE = "no console is attached that tells alerts (`notify` in its [console])"
TERMINAL = "terminal:"  # begins the address of the consoles that are attached


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

    async def send(self, channel: str, order: dict[str, Any]) -> str:
        """Send a delivery; what went wrong, or nothing. Raises nothing."""
        try:
            self.check(channel)
            given = self._channels[channel]
            urls = [self._address(url) for url in given if not url.startswith(TERMINAL)]
        except WingmanError as refused:
            return str(refused)
        error = await _carried_out(order, urls) if urls else ""
        if error or len(urls) == len(given):
            return error
        took = [tell(order) for tell in list(self.consoles)]
        # beside other addresses a console is a courtesy: what they took is not sent again for it
        return "" if urls or any(took) else NO_CONSOLE

    def _address(self, url: str) -> str:
        whole = REFERENCE.fullmatch(url)
        if whole:
            return self._secrets.value(whole.group(1))
        return REFERENCE.sub(lambda m: quote(self._secrets.value(m.group(1)), safe=""), url)


async def _carried_out(order: dict[str, Any], urls: list[str]) -> str:
    """What went wrong with sending to addresses, or nothing."""
    try:
        error = await asyncio.wait_for(_run({**order, "urls": urls}), SEND_LIMIT_S)
    except TimeoutError:
        return f"no answer within {SEND_LIMIT_S:.0f} s"
    except (OSError, ValueError) as failed:
        return f"the sending process failed: {type(failed).__name__}"
    return _cleaned(error, urls)


async def _run(order: dict[str, Any]) -> str:
    """Have a process of its own carry an order out."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", _PROGRAM, *sys.path, stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    try:
        answer, _ = await process.communicate(json.dumps(order).encode())
    finally:
        with contextlib.suppress(ProcessLookupError):
            if process.returncode is None:
                process.kill()
    return str(json.loads(answer)["error"])


def _cleaned(text: str, urls: list[str]) -> str:
    """A text without anything of the addresses that could be secret."""
    for url in urls:
        text = text.replace(url, "***")
        parts = urlsplit(url)
        hidden = [parts.username, parts.password, *re.split(r"[/?&=:@#]", url.partition("://")[2])]
        public = {parts.hostname} if parts.scheme in _OPEN else set()
        for part in sorted({p for p in hidden if p} - public, key=len, reverse=True):
            for form in {part, unquote(part)}:
                if len(form) >= _SHORTEST:
                    text = text.replace(form, "***")
    return text
