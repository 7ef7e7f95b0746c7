"""Carries one `http` step out: the request, its redirects, the log's lines, the outputs.

The function of a warm worker (runner/workers.py): `httpx` is imported there, by its first request,
and by nobody else. A failure is a StepError, which names its error type.
"""

from __future__ import annotations

import contextlib
import os
import re
import ssl
import sys
import time
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin

from engine.httpstep import response
from engine.httpstep.request import (
    Body,
    StepError,
    address,
    body_of,
    for_another_host,
    headers_of,
    is_same_host,
    value_of,
)

if TYPE_CHECKING:
    import httpx

CONNECT_S = 30.0  # to reach the server, where the step's own timeout is not shorter
SILENCE_S = 300.0  # between two bytes
REDIRECTS = 10
AS_GET = (301, 302, 303)  # what changes the method to GET, as browsers and curl do
REDIRECTED = (*AS_GET, 307, 308)
BODY_HEADERS = ("content-length", "content-type", "idempotency-key")


def carry(http: Mapping[str, Any], limit_bytes: int) -> dict[str, Any]:
    """Send the request; the outputs. Raises StepError, whose type the worker reports."""
    import httpx

    env = dict(os.environ)
    body, content_type = body_of(http)
    try:
        url, shown = address(http, env)
        headers = headers_of(http, env, body, content_type)
        with _client(http, env) as client:
            return _Exchange(client, http, limit_bytes).run(url, shown, headers, body)
    except httpx.TimeoutException as error:
        said = _host_of(error) + _words(error, "the server did not answer in time")
        raise StepError("timeout", said) from None
    except httpx.InvalidURL as error:
        raise StepError("start_failed", f"the address cannot be used: {error}") from None
    except httpx.HTTPError as error:
        where = _host_of(error)
        raise StepError("connection", where + _words(error, "the connection failed")) from None
    finally:
        if body is not None and body.file is not None:
            body.file.close()


def _client(http: Mapping[str, Any], env: Mapping[str, str]) -> httpx.Client:
    import httpx

    proxy = http["proxy"]
    try:
        return httpx.Client(
            verify=_trust(http["verify"]),
            proxy=value_of(proxy, env) if proxy is not None else None,
            trust_env=False,
            timeout=httpx.Timeout(SILENCE_S, connect=CONNECT_S),
            follow_redirects=False,
        )
    except (ValueError, httpx.InvalidURL):
        # its text may hold the proxy's password
        raise StepError("start_failed", "the proxy's address cannot be used") from None


def _trust(verify: bool | str) -> bool | ssl.SSLContext:
    """The certificates to trust: the system's, or those of a file."""
    if verify is False:
        return False
    if verify is True:
        system = ssl.get_default_verify_paths()
        # a machine without any has those that come with the library
        return ssl.create_default_context() if system.cafile or system.capath else True
    try:
        return ssl.create_default_context(cafile=verify)
    except (OSError, ssl.SSLError) as error:
        reason = error.strerror or str(error)
        raise StepError("start_failed", f"verify {verify}: {reason}") from None


class _Exchange:
    """One request with what follows from its redirects."""

    def __init__(self, client: httpx.Client, http: Mapping[str, Any], limit_bytes: int) -> None:
        self._client = client
        self._http = http
        self._limit_bytes = limit_bytes
        self._began = time.monotonic()

    def run(
        self, url: str, shown: str, headers: dict[str, str], body: Body | None
    ) -> dict[str, Any]:
        """Ask, follow, and read the last answer."""
        method = self._http["method"]
        for _ in range(REDIRECTS + 1):
            say(f"{method} {shown}" + (f" ({body.words})" if body else ""))
            content = body.chunks() if body else None
            sent = {name.encode(): value.encode() for name, value in headers.items()}
            with self._client.stream(method, url, headers=sent, content=content) as answer:
                target = self._target(answer)
                if target is None:
                    return self._read(answer)
                say(f"{_status(answer)}: {target}")
                if answer.status_code in AS_GET and method not in ("GET", "HEAD"):
                    method, body = "GET", None
                    headers = {n: v for n, v in headers.items() if n not in BODY_HEADERS}
                if not is_same_host(url, target):
                    headers = for_another_host(headers) | _length(body)
                url = shown = target
        raise StepError("connection", f"more than {REDIRECTS} redirects, the last to {url}")

    def _target(self, answer: httpx.Response) -> str | None:
        """Where an answer leads, where it is to be followed."""
        location = str(answer.headers.get("location") or "")
        if not self._http["redirects"] or answer.status_code not in REDIRECTED or not location:
            return None
        if response.is_expected(answer.status_code, self._http["expect_status"]):
            return None
        target = urljoin(str(answer.url), location)
        address({"url": target, "query": {}}, {})  # raises where it is none
        return target.partition("#")[0]

    def _read(self, answer: httpx.Response) -> dict[str, Any]:
        http, status = self._http, answer.status_code
        fine = response.is_expected(status, http["expect_status"])
        if fine and http["save"] is not None:
            size_bytes = response.save(_chunks(answer), http["save"])
            self._tell(answer, size_bytes, f", saved as {http['save']}")
            return response.outputs_of(status, answer.headers)
        data, whole = response.read_bounded(_chunks(answer), self._limit_bytes)
        self._tell(answer, len(data), "" if whole else " and more")
        if not fine:
            said = response.shown(data)
            wanted = ", ".join(http["expect_status"])
            raise StepError(
                f"http:{status}",
                f"{_status(answer)}, not {wanted}" + (f": {said}" if said else ""),
                **response.asked_delay(answer.headers, time.time()),
            )
        if not whole:
            raise StepError(
                "output",
                f"the body is over {self._limit_bytes:,} bytes: write `save: FILE` to keep it",
            )
        kind = answer.headers.get("content-type", "")
        value, warning = response.read_value(data, kind, answer.charset_encoding)
        if warning:
            say(f"warning: {warning}")
        return {**response.outputs_of(status, answer.headers), "body": value}

    def _tell(self, answer: httpx.Response, size_bytes: int, more: str) -> None:
        kind = answer.headers.get("content-type", "").partition(";")[0].strip()
        of = f" of {kind}" if kind else ""
        took_s = time.monotonic() - self._began
        say(f"{_status(answer)} in {took_s:.3f} s: {size_bytes:,} bytes{of}{more}")


def _chunks(answer: httpx.Response) -> Iterator[bytes]:
    """The body, decompressed; a faulty compression is the server's fault."""
    import httpx

    try:
        yield from answer.iter_bytes(1 << 16)
    except httpx.DecodingError as error:
        raise StepError("connection", f"the body cannot be decompressed: {error}") from None


def _length(body: Body | None) -> dict[str, str]:
    return {} if body is None else {"content-length": str(body.size_bytes)}


def _status(answer: httpx.Response) -> str:
    return f"{answer.status_code} {answer.reason_phrase}".strip()


def _host_of(error: httpx.HTTPError) -> str:
    """Which server an error is about: after a redirect it is another one than the step names."""
    try:
        return f"{error.request.url.netloc.decode('ascii')}: "
    except RuntimeError:  # there was no request yet
        return ""


def _words(error: Exception, otherwise: str) -> str:
    """What a library's error says, without the number of the system's."""
    return re.sub(r"^\[Errno -?\d+\] ", "", str(error).strip()) or otherwise


def say(line: str) -> None:
    """A line of the step's log."""
    with contextlib.suppress(OSError):
        sys.stdout.write("".join(c if c.isprintable() else "?" for c in line) + "\n")
        sys.stdout.flush()
