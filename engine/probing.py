"""Asks a server step by step: its name, a connection, TLS, HTTP; which of them fails, and how long.

For `why` of a failed `http` step: `GET …/why?probe=true`. On the engine's loop, which it never
holds up; everything together has a bound. It sends a HEAD request without query, headers, body or
credentials, so that nothing happens and nothing is given away.
"""

from __future__ import annotations

import asyncio
import datetime
import ipaddress
import os
import socket
import ssl
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import SplitResult, quote, urlsplit

BOUND_S = 5.0
HEAD_BYTES = 4096
ADDRESSES_SHOWN = 4
PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Probe:
    """One thing that was asked: whether it is well, how long it took, what was found."""

    name: str
    is_well: bool
    took_ms: float
    words: str

    def line(self) -> str:
        """As one line of an answer."""
        verdict = "ok" if self.is_well else "FAILS"
        return f"{self.name:<4} {verdict:<5} {self.took_ms:7.1f} ms  {self.words}"


def reason_of(error: Exception) -> str:
    """Why something could not be reached, in the system's words; asyncio has its own."""
    number = getattr(error, "errno", None)
    if number and number > 0 and not isinstance(error, socket.gaierror | ssl.SSLError):
        return os.strerror(number)
    return str(getattr(error, "strerror", None) or error)


async def probe(
    url: str, verify: bool | str = True, bound_s: float = BOUND_S
) -> tuple[str, list[Probe]]:
    """What a server at this address answers to; the host and the probes up to the first failure."""
    try:
        parts = urlsplit(url.strip())
        scheme, host = parts.scheme, parts.hostname or ""
        port = parts.port or PORTS[scheme]
    except (ValueError, KeyError):
        return url[:100], [Probe("URL", False, 0.0, "is no address of http or https")]
    asking = _Asking(parts, host, port, verify, bound_s)
    await asking.run(scheme == "https")
    return f"{host}:{port}", asking.found


class _Asking:
    """One server that is asked, with what has been found so far."""

    def __init__(
        self, parts: SplitResult, host: str, port: int, verify: bool | str, bound_s: float
    ) -> None:
        self.found: list[Probe] = []
        self._parts, self._host, self._port, self._verify = parts, host, port, verify
        self._until = time.monotonic() + bound_s
        self._addresses: list[str] = []
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None

    async def run(self, with_tls: bool) -> None:
        tls = [("TLS", self._tls)] if with_tls else []
        steps = [("DNS", self._dns), ("TCP", self._tcp), *tls, ("HTTP", self._http)]
        try:
            for name, step in steps:
                if not await self._ask(name, step):
                    return
        finally:
            if self._writer is not None:
                self._writer.close()

    async def _ask(self, name: str, step: Callable[[], Awaitable[str]]) -> bool:
        began = time.monotonic()
        left_s = max(0.05, self._until - began)
        try:
            words, is_well = await asyncio.wait_for(step(), left_s), True
        except TimeoutError:
            words, is_well = f"no answer within {left_s:.1f} s", False
        except ssl.SSLCertVerificationError as error:
            words, is_well = f"the certificate is not trusted: {error.verify_message}", False
        except (OSError, UnicodeError, ValueError) as error:
            words, is_well = reason_of(error), False
        took_ms = (time.monotonic() - began) * 1000
        self.found.append(Probe(name, is_well, took_ms, words))
        return is_well

    async def _dns(self) -> str:
        try:
            self._addresses = [str(ipaddress.ip_address(self._host))]
            return f"{self._host} is an address already"
        except ValueError:
            pass
        rows = await asyncio.get_running_loop().getaddrinfo(
            self._host, self._port, type=socket.SOCK_STREAM
        )
        self._addresses = list(dict.fromkeys(str(row[4][0]) for row in rows))
        shown = ", ".join(self._addresses[:ADDRESSES_SHOWN])
        return f"{self._host} is {shown}" + (" …" if len(self._addresses) > ADDRESSES_SHOWN else "")

    async def _tcp(self) -> str:
        refused: OSError | None = None
        for address in self._addresses:
            try:
                opened = await asyncio.open_connection(address, self._port)
            except OSError as error:
                refused = OSError(f"{address} port {self._port}: {reason_of(error)}")
                continue
            self._reader, self._writer = opened
            return f"connected to {address} port {self._port}"
        raise refused or OSError("there is no address to connect to")

    async def _tls(self) -> str:
        assert self._writer is not None
        context = await asyncio.to_thread(_context, self._verify)
        await self._writer.start_tls(context, server_hostname=self._host)
        version = self._writer.get_extra_info("ssl_object").version()
        return f"{version}{_certificate_words(self._writer.get_extra_info('peercert'))}"

    async def _http(self) -> str:
        assert self._reader is not None
        assert self._writer is not None
        path = quote(self._parts.path or "/", safe="/%:@!$&'()*+,;=~-._")
        host = f"[{self._host}]" if ":" in self._host else self._host.encode("idna").decode()
        if self._port != PORTS[self._parts.scheme]:
            host += f":{self._port}"
        head = f"HEAD {path} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: wingman\r\n"
        self._writer.write(f"{head}Accept: */*\r\nConnection: close\r\n\r\n".encode("ascii"))
        line = (await self._reader.read(HEAD_BYTES)).split(b"\r\n")[0].decode("latin-1")
        if not line.startswith("HTTP/"):
            raise ValueError(f"it does not speak HTTP: {line[:60]!r}" if line else "it hung up")
        return f"answers HEAD {path[:60]} with {line.partition(' ')[2][:60]}"


def _context(verify: bool | str) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=verify if isinstance(verify, str) else None)
    if verify is False:
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


def _certificate_words(certificate: Mapping[str, Any] | None) -> str:
    """How long a certificate holds; nothing where it was not checked."""
    if not certificate or "notAfter" not in certificate:
        return ", the certificate is not checked"
    until = ssl.cert_time_to_seconds(certificate["notAfter"])
    day = datetime.datetime.fromtimestamp(until, datetime.UTC).date().isoformat()
    return f", the certificate holds until {day} ({(until - time.time()) / 86400:.0f} days)"
