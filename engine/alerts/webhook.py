"""A signed webhook as a channel: `webhooks://host/path?secret=whsec_…`, `webhook://` without TLS.

Sent as Standard Webhooks say, so that its receiver can prove who has sent it, and how long ago. A
message that comes twice has the same `webhook-id` and the same body. Called by `send_main`.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import time
from typing import Any, NamedTuple
from urllib.parse import unquote, urlsplit

SCHEMES = {"webhook": "http", "webhooks": "https"}
PREFIX = "whsec_"
LEAST_KEY_BYTES = 16
LIMIT_S = 15.0
ID_CHARACTERS = 32


class BadAddress(ValueError):
    """An address that cannot be used: what is wrong, without anything secret."""


class Target(NamedTuple):
    """Where a message goes, and by which key it is signed."""

    url: str
    key: bytes
    verify: bool


def is_webhook(address: str) -> bool:
    """Whether an address is of this kind."""
    return address.partition("://")[0].lower() in SCHEMES


def target_of(address: str) -> Target:
    """The parts of an address. Raises BadAddress."""
    try:
        parts = urlsplit(address)
        has_place = bool(parts.hostname) and parts.port != 0
    except ValueError:
        has_place = False
    if not has_place:
        raise BadAddress("it names no host: webhooks://host/path?secret=whsec_…")
    own, others = {}, []
    for pair in parts.query.split("&") if parts.query else ():
        name, _, value = pair.partition("=")
        if name in ("secret", "verify"):
            own[name] = unquote(value)
        else:
            others.append(pair)
    url = parts._replace(scheme=SCHEMES[parts.scheme], query="&".join(others), fragment="")
    return Target(url.geturl(), _key(own.get("secret", "")), own.get("verify", "yes") != "no")


def _key(secret: str) -> bytes:
    hint = 'it needs ?secret=whsec_ and base64: echo "whsec_$(openssl rand -base64 32)"'
    if not secret.startswith(PREFIX):
        raise BadAddress(hint)
    try:
        key = base64.b64decode(secret[len(PREFIX) :], validate=True)
    except (binascii.Error, ValueError):
        raise BadAddress(hint) from None
    if len(key) < LEAST_KEY_BYTES:
        raise BadAddress(f"its secret has fewer than {LEAST_KEY_BYTES} bytes; {hint}")
    return key


def request_of(order: dict[str, Any], key: bytes, now_s: int) -> tuple[bytes, dict[str, str]]:
    """The body of an order, and the headers that prove it."""
    body = json.dumps({
        "type": f"alert.{order['kind']}",
        "timestamp": order["at"],
        "data": {"title": order["title"], "text": order["text"],
                 "flows": sorted(set(filter(None, order["flows"])))},
    }, ensure_ascii=False).encode("utf-8", "backslashreplace")  # fmt: skip
    id_ = f"msg_{hashlib.sha256(order['key'].encode()).hexdigest()[:ID_CHARACTERS]}"
    signed = f"{id_}.{now_s}.".encode() + body
    digest = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    return body, {
        "Content-Type": "application/json", "User-Agent": "wingman",
        "webhook-id": id_, "webhook-timestamp": str(now_s), "webhook-signature": f"v1,{digest}",
    }  # fmt: skip


def send(address: str, order: dict[str, Any], more: dict[str, str]) -> str:
    """Send an order with `more` headers; what went wrong, or nothing."""
    import httpx

    try:
        target = target_of(address)
    except BadAddress as bad:
        return f"the address cannot be used: {bad}"
    body, headers = request_of(order, target.key, int(time.time()))
    try:
        answer = httpx.post(target.url, content=body, headers={**headers, **more},
                            timeout=LIMIT_S, verify=target.verify)  # fmt: skip
    except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
        return f"{type(error).__name__}: {error}"
    return "" if answer.is_success else f"it answered {answer.status_code} {answer.reason_phrase}"
