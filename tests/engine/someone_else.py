"""Requests as raw as they are on the wire, from any address, and as another user of this machine."""

from __future__ import annotations

import itertools
import json
import os
import socket
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any

from engine.client.http import Client
from engine.client.transport import UnixTransport
from engine.paths import Home
from tests.engine.served import Served

Answer = tuple[int, bytes]
_addresses = itertools.count(1)


def fresh_address() -> str:
    """One from which nobody has asked yet: this machine has sixteen million of them."""
    number = next(_addresses)
    return f"127.{os.getpid() % 200 + 1}.{number // 250 % 250}.{number % 250 + 2}"


def ask(
    served: Served, method: str, path: str, headers: str = "", body: bytes = b"", source: str = ""
) -> Answer:
    """The status and body that answer; 0 for a hang-up."""
    lines = f"{method} {path} HTTP/1.1\r\n"
    if "host:" not in headers.lower():
        lines += "Host: localhost\r\n"
    is_upgrade = "Upgrade: websocket" in headers
    rest = "" if is_upgrade else f"Content-Length: {len(body)}\r\nConnection: close\r\n"
    lines += f"{headers}{rest}\r\n"
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    found = b""
    at = (source or fresh_address(), 0)
    with (
        socket.create_connection(("127.0.0.1", served.port), 60, source_address=at) as plain,
        context.wrap_socket(plain) as secure,
    ):
        secure.sendall(lines.encode("latin-1") + body)
        try:
            while data := secure.recv(1 << 16):
                found += data
                if found.startswith(b"HTTP/1.1 101 ") and b"\r\n\r\n" in found:
                    break  # it is open; it ends with the socket
        except OSError:
            pass
    head, _, rest = found.partition(b"\r\n\r\n")
    return (int(head.split()[1]) if head else 0), rest


def bearer(token: str) -> str:
    return f"Authorization: Bearer {token}\r\n"


def as_user(home: Home, name: str, ask_all: Callable[[Client], Any]) -> Any:
    """What a function finds that asks the engine's socket as another user of this machine.

    Only root can become somebody else. The socket is opened up for it: what is tried is what the
    engine does with a peer whom it knows by the kernel alone.
    """
    import pwd

    folder = Path(home.text("socket")).parent
    os.chmod(folder, 0o711)
    os.chmod(home.text("socket"), 0o666)
    uid = pwd.getpwnam(name).pw_uid
    reading, writing = os.pipe()
    pid = os.fork()
    if not pid:
        try:
            os.chdir(folder)  # the folders above are not theirs to pass through
            os.setgroups([])
            os.setgid(65534)
            os.setuid(uid)
            client = Client(home, UnixTransport(Path(home.text("socket")).name))
            found = json.dumps(ask_all(client))
        except BaseException as error:
            found = json.dumps({"fault": repr(error)})
        with open(writing, "w") as out:
            out.write(found)
        os._exit(0)
    os.close(writing)
    with open(reading) as answer:
        found = json.loads(answer.read())
    os.waitpid(pid, 0)
    os.chmod(folder, 0o700)
    assert not isinstance(found, dict) or "fault" not in found, found
    return found
