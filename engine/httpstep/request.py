"""From a step's `http` to a request: secrets put in, the body, and what may go to another host.

Called by `carry`, in a worker. Nothing here is printed before `shown` has left out what is secret.
"""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO
from urllib.parse import SplitResult, quote, urlencode, urlsplit, urlunsplit

CHUNK_BYTES = 1 << 18
# headers that carry nothing of the flow's own, so that another host may see them
PLAIN_HEADERS = frozenset({
    "accept", "accept-encoding", "accept-language", "content-type", "idempotency-key",
    "range", "user-agent",
})  # fmt: skip
IDEMPOTENT = frozenset({"POST", "PATCH"})  # those that need a key for it


class StepError(Exception):
    """A failure with its error type of the vocabulary, and what else is known of it."""

    def __init__(self, kind: str, message: str, **more: float) -> None:
        super().__init__(message)
        self.kind = kind
        self.more = more


@dataclass(frozen=True, slots=True)
class Body:
    """What is sent: bytes in memory, or an open file."""

    data: bytes = b""
    file: BinaryIO | None = None
    size_bytes: int = 0
    words: str = ""

    def chunks(self) -> Iterator[bytes]:
        """The bytes, from the beginning each time."""
        if self.file is None:
            yield self.data
            return
        self.file.seek(0)
        left = self.size_bytes
        while left > 0 and (chunk := self.file.read(min(CHUNK_BYTES, left))):
            left -= len(chunk)
            yield chunk


def value_of(given: Any, env: Mapping[str, str]) -> str:
    """A text, or the value of the secret that is meant."""
    if not isinstance(given, Mapping):
        return str(given)
    name = given["secret"]
    if name not in env:
        raise StepError("start_failed", f"there is no secret {name}: wingman secret set {name}")
    return env[name]


def address(spec: Mapping[str, Any], env: Mapping[str, str]) -> tuple[str, str]:
    """The whole address, and as it may be shown: without the values of secrets."""
    url = spec["url"].strip()
    try:
        parts = urlsplit(url)
        fine = parts.scheme in ("http", "https") and parts.hostname and (parts.port or 1) > 0
    except ValueError:
        fine = None
    if not fine:
        raise StepError("start_failed", f"{url[:200]!r} is no address of http or https")
    if parts.username or parts.password:
        raise StepError("start_failed", "the address holds a user or password: use auth")
    if any(ord(char) < 33 or ord(char) == 127 for char in url):
        raise StepError("start_failed", f"a space or control character in the address {url!r}")
    sent, shown = [], []
    for name, given in spec["query"].items():
        for one in given if isinstance(given, list) else [given]:
            sent.append((name, value_of(one, env)))
            shown.append((name, "***" if isinstance(one, Mapping) else value_of(one, env)))
    return _with_query(parts, sent), _with_query(parts, shown)


def _with_query(parts: SplitResult, query: list[tuple[str, str]]) -> str:
    text = urlencode(query, quote_via=quote, safe="*")
    joined = "&".join(part for part in (parts.query, text) if part)
    return urlunsplit((parts.scheme, parts.netloc, parts.path or "/", joined, ""))


def headers_of(
    spec: Mapping[str, Any], env: Mapping[str, str], body: Body | None, content_type: str
) -> dict[str, str]:
    """The headers of the first request, by their names in small letters."""
    headers = {"user-agent": "wingman", "accept": "*/*"}
    if content_type:
        headers["content-type"] = content_type
    key = env.get("WINGMAN_IDEMPOTENCY_KEY")
    if key and spec["method"] in IDEMPOTENT:
        headers["idempotency-key"] = key
    if body is not None:
        headers["content-length"] = str(body.size_bytes)
    for name, given in spec["headers"].items():
        headers[name.lower()] = value_of(given, env).strip()
    if spec["auth"]:
        headers["authorization"] = _authorization(spec["auth"], env)
    for name, value in headers.items():
        if any(char != "\t" and (char < " " or char == "\x7f") for char in value):
            raise StepError("start_failed", f"the header {name} holds a control character")
    return headers


def _authorization(auth: Mapping[str, Any], env: Mapping[str, str]) -> str:
    if "bearer" in auth:
        token = value_of(auth["bearer"], env).strip()
        if not token:
            raise StepError("start_failed", "auth: the bearer token is empty")
        return f"Bearer {token}"
    basic = auth["basic"]
    pair = f"{value_of(basic['username'], env)}:{value_of(basic['password'], env)}"
    return f"Basic {base64.b64encode(pair.encode()).decode()}"


def for_another_host(headers: Mapping[str, str]) -> dict[str, str]:
    """The headers that may follow a redirect to another host."""
    return {name: value for name, value in headers.items() if name in PLAIN_HEADERS}


def is_same_host(one: str, other: str) -> bool:
    """Whether what was meant for one address may go to the other: same host, no less safe."""
    before, after = urlsplit(one), urlsplit(other)
    if before.hostname != after.hostname:
        return False
    if before.scheme == after.scheme:
        return _port(before) == _port(after)
    return (before.scheme, _port(before), after.scheme, _port(after)) == ("http", 80, "https", 443)


def _port(parts: Any) -> int:
    return int(parts.port or {"http": 80, "https": 443}[parts.scheme])


def body_of(spec: Mapping[str, Any]) -> tuple[Body | None, str]:
    """The body and its content type, where it has one."""
    if spec["body_file"] is not None:
        path = inside(spec["body_file"], "body_file")
        try:
            file = open(path, "rb")  # noqa: SIM115  held until the request is done
        except OSError as error:
            raise StepError(
                "start_failed", f"body_file {spec['body_file']}: {error.strerror}"
            ) from None
        size_bytes = os.fstat(file.fileno()).st_size
        words = f"{size_bytes:,} bytes of {spec['body_file']}"
        return Body(file=file, size_bytes=size_bytes, words=words), "application/octet-stream"
    given = spec["body"]
    if given is None:
        return None, ""
    if isinstance(given, dict | list):
        data = json.dumps(given, ensure_ascii=False, separators=(",", ":")).encode()
        content_type = "application/json"
    else:
        text = given if isinstance(given, str) else json.dumps(given)
        data, content_type = text.encode(), "text/plain; charset=utf-8"
    return Body(data, size_bytes=len(data), words=f"{len(data):,} bytes"), content_type


def inside(name: str, key: str) -> str:
    """The path of a file in the working directory; nothing outside of it can be named."""
    here = os.path.realpath(".")
    path = os.path.realpath(os.path.join(here, name))
    if "\0" in name or not path.startswith(here + os.sep):
        raise StepError("start_failed", f"{key} {name!r} is not in the working directory")
    return path
