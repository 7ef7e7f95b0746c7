"""What is asked of a request from the network before the app sees it: its host, and how many.

No request of a browser has a business here: one with an `Origin`, or for a host that this machine
is not called, is refused (a page that rebinds its name to this address sends that name as `Host`).

Many people can share one address, behind one router. So strangers there have what they may ask for
together, and whoever brings a token that works has their own: nobody is kept out by somebody else's
wrong tokens or haste. A wrong token costs one digest, and 256 random bits are not found by trying.
"""

from __future__ import annotations

import ipaddress
import time
from collections import OrderedDict
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from engine.errors import NotAllowed, UsageError, WingmanError
from engine.jsontext import encode

RATE_S, BURST = 100.0, 400.0  # requests of one address, or of one token from it
FAILURE_RATE_S, FAILURE_BURST = 1 / 6, 10.0  # refused tokens of one address: ten, then ten a minute
ADDRESSES_KEPT = 10_000
ONCE = ("host", "authorization", "origin", "idempotency-key")  # headers that may be there once
HOME_BITS = 64  # of an IPv6 address: the rest is its owner's to choose

TokenIn = Callable[[str], str]


class TooMany(WingmanError):
    """More requests than one address may make."""

    code = "too_many"
    status = 429


class Buckets:
    """A token bucket for each address; those that were used longest ago are forgotten."""

    def __init__(
        self, rate_s: float, burst: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._rate_s, self._burst, self._clock = rate_s, burst, clock
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._left)

    def left(self, address: str) -> float:
        """How many requests an address has now."""
        now = self._clock()
        left, at = self._left.get(address, (self._burst, now))
        return min(self._burst, left + (now - at) * self._rate_s)

    def take(self, address: str) -> bool:
        """One request less; False where none was left."""
        left = self.left(address)
        if left < 1:
            return False
        self._left[address] = (left - 1, self._clock())
        self._left.move_to_end(address)
        if len(self._left) > ADDRESSES_KEPT:
            self._left.popitem(last=False)
        return True


class Edge:
    """Stands before the app for all that comes over the network."""

    def __init__(self, app: ASGIApp, names: list[str], token_in: TokenIn) -> None:
        """`token_in` finds the id of the token that works in an Authorization header, or ""."""
        self._app = app
        self._names = {name.lower() for name in names}
        self._token_in = token_in
        self._requests = Buckets(RATE_S, BURST)
        self._failures = Buckets(FAILURE_RATE_S, FAILURE_BURST)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        place = place_of((scope.get("client") or ("unknown", 0))[0])
        try:
            self._check(Headers(scope=scope), place)
        except WingmanError as error:
            await _refuse(scope["type"], send, error)
            return
        is_refused = False

        async def sent(message: Any) -> None:
            nonlocal is_refused
            if message.get("status") == 401 and not self._failures.take(place):
                is_refused = True
                await _refuse(scope["type"], send, _too_many())
            if not is_refused:
                await send(message)

        await self._app(scope, receive, sent)

    def _check(self, headers: Headers, place: str) -> None:
        """Raises TooMany, NotAllowed, UsageError."""
        if not self._requests.take(place):
            token = self._token_in(headers.get("authorization", ""))
            if not token or not self._requests.take(f"{place} {token}"):
                raise _too_many()
        for name in ONCE:
            if len(headers.getlist(name)) > 1:  # what stands in between may have read the other
                raise UsageError(f"two headers {name} in one request", "send one")
        host = headers.get("host", "")
        if not self._is_called(host):
            raise UsageError(
                f"this server is not called {host[:100]!r}",
                "wingman serve --name NAME adds a name that clients may use",
            )
        if "origin" in headers or headers.get("sec-fetch-site", "none") not in ("none",):
            raise NotAllowed("no page of a browser may ask here", "use wingman attach")

    def _is_called(self, host: str) -> bool:
        """Whether a Host header names this machine: by an address, which cannot be rebound."""
        name = host[1:].partition("]")[0] if host.startswith("[") else host.partition(":")[0]
        try:
            ipaddress.ip_address(name)
        except ValueError:
            return name.lower() in self._names
        return True


@lru_cache(1024)
def place_of(address: str) -> str:
    """What counts as one address: an IPv4 address, or the network of one IPv6 household."""
    if ":" not in address:
        return address
    try:
        whole = ipaddress.IPv6Address(address)
    except ValueError:
        return address
    if whole.ipv4_mapped is not None:
        return str(whole.ipv4_mapped)
    return str(ipaddress.IPv6Network((int(whole), HOME_BITS), strict=False))


def _too_many() -> TooMany:
    return TooMany("too many requests from this address", "wait a minute")


async def _refuse(kind: str, send: Send, error: WingmanError) -> None:
    prefix = "websocket.http.response" if kind == "websocket" else "http.response"
    headers = [(b"content-type", b"application/json"), (b"connection", b"close")]
    await send({"type": f"{prefix}.start", "status": error.status, "headers": headers})
    await send({"type": f"{prefix}.body", "body": encode({"error": error.to_json()})})
