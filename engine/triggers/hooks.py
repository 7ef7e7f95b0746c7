"""Deliveries to webhooks: who has sent it, and what makes it one. Over the raw bytes; pure.

Comparisons take the same time whatever is given. What a signature does not cover (GitHub's delivery
id) makes no delivery a new one.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import hashlib
import hmac
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs

import msgspec

from engine.errors import Unauthenticated, UsageError

TOLERANCE_S = 300  # of a timestamp, as the reference library of Standard Webhooks has it
STANDARD_PREFIX = "whsec_"
BODY_LIMIT_BYTES = 1 << 20
FORM = "application/x-www-form-urlencoded"
# what proves the sender is no business of a flow's
_SECRET_HEADERS = frozenset(
    {"authorization", "x-hub-signature", "x-hub-signature-256", "webhook-signature", "cookie",
     "x-webhook-token", "x-gitlab-token", "svix-signature"}
)  # fmt: skip

Headers = Mapping[str, str]


def verify(kind: str, secret: str, headers: Headers, body: bytes, now_s: float) -> str:
    """The key of a delivery that is genuine, "" where it has none. Raises Unauthenticated."""
    return _KINDS[kind](secret, headers, body, now_s)


def _github(secret: str, headers: Headers, body: bytes, now_s: float) -> str:
    given = headers.get("x-hub-signature-256", "")
    wanted = "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    if not hmac.compare_digest(wanted.encode(), given.encode("utf-8", "replace")):
        raise Unauthenticated(
            "the signature is missing" if not given else "the signature is wrong",
            "X-Hub-Signature-256 with the secret of the hook",
        )
    return hashlib.sha256(body).hexdigest()


def _standard(secret: str, headers: Headers, body: bytes, now_s: float) -> str:
    # Svix has begun it, and still sends its own names
    sender = "webhook" if "webhook-id" in headers else "svix"
    id_, stamp = headers.get(f"{sender}-id", ""), headers.get(f"{sender}-timestamp", "")
    if not id_ or len(id_) > 200:
        raise Unauthenticated("webhook-id is missing", "see standardwebhooks.com")
    if not stamp.isascii() or not stamp.isdigit() or len(stamp) > 12:
        raise Unauthenticated("webhook-timestamp is no time", "seconds since 1970")
    signed = f"{id_}.{stamp}.".encode() + body
    given = headers.get(f"{sender}-signature", "").split()
    genuine = [
        hmac.compare_digest(wanted, each[3:].encode("utf-8", "replace"))
        for wanted in _digests(secret, signed)
        for each in given[:16]
        if each.startswith("v1,")
    ]
    if not any(genuine):
        raise Unauthenticated("the signature is wrong", "webhook-signature with the hook's secret")
    if abs(now_s - int(stamp)) > TOLERANCE_S:
        raise Unauthenticated(
            f"the delivery was signed {abs(now_s - int(stamp)):.0f} s ago or ahead",
            f"at most {TOLERANCE_S} s are accepted: are the clocks right?",
        )
    return id_


def _digests(secret: str, signed: bytes) -> list[bytes]:
    """What a genuine signature may be: by the bytes that a secret is the base64 of, or by its text.

    The libraries of Standard Webhooks read base64 with and without the prefix; some senders do not.
    """
    keys = [secret.encode()]
    with contextlib.suppress(binascii.Error, ValueError):
        keys.append(base64.b64decode(secret.removeprefix(STANDARD_PREFIX), validate=True))
    return [base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()) for key in keys if key]


def _token(secret: str, headers: Headers, body: bytes, now_s: float) -> str:
    bearer = headers.get("authorization", "")
    given = bearer[7:].strip() if bearer[:7].lower() == "bearer " else ""
    given = given or headers.get("x-webhook-token", "") or headers.get("x-gitlab-token", "")
    one, other = (hashlib.sha256(text.encode("utf-8", "replace")).digest()
                  for text in (secret, given))  # fmt: skip
    if not hmac.compare_digest(one, other):
        what = "the token is missing" if not given else "the token is wrong"
        raise Unauthenticated(what, "Authorization: Bearer …, or X-Webhook-Token")
    return (headers.get("idempotency-key") or headers.get("webhook-id") or "")[:200]


_KINDS = {"github": _github, "standard": _standard, "token": _token}


def parse(content_type: str, body: bytes, signature: str = "") -> Any:
    """A form's fields, else JSON; null for an empty body. Raises UsageError.

    GitHub sends its JSON as the one field of a form where the hook is not told otherwise.
    """
    if not body.strip():
        return None
    is_form = content_type.partition(";")[0].strip().lower() == FORM
    if not is_form or body.lstrip()[:1] == b"{":  # curl says that it is a form unless told
        return _json(body)
    try:
        fields = parse_qs(body.decode(), keep_blank_values=True, max_num_fields=1000)
    except ValueError as error:
        raise UsageError(f"the form cannot be read: {error}") from None
    if signature == "github" and list(fields) == ["payload"]:
        return _json(fields["payload"][0].encode())
    return {name: values[0] if len(values) == 1 else values for name, values in fields.items()}


def _json(body: bytes) -> Any:
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise UsageError(f"the body is not JSON: {error}", "JSON or a form") from None


def is_ping(signature: str, headers: Headers) -> bool:
    """Whether GitHub only tries the hook, as it does when it is set up."""
    return signature == "github" and headers.get("x-github-event") == "ping"


def shown_headers(headers: Headers) -> dict[str, str]:
    """The headers that a flow may see."""
    return {name: value for name, value in headers.items() if name not in _SECRET_HEADERS}
