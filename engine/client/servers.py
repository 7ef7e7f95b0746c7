"""Servers far away by their names: `servers.toml` of this user, and which one is meant now.

`WINGMAN_SERVER` (what `--server` sets) holds a name of that file, an `https://` address or an
`ssh://` one. The file holds pinned certificates and tokens, so it is its owner's alone (0600).
"""

from __future__ import annotations

import os

from engine.errors import Unavailable, UnknownReference, UsageError
from engine.paths import find_home

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from engine.client.tls import TlsTransport
    from engine.client.transport import Transport

VARIABLE, TOKEN_VARIABLE = "WINGMAN_SERVER", "WINGMAN_TOKEN"
KEYS = {
    "url": str, "token": str, "token_file": str, "token_command": str, "certificate": str,
    "production": bool,
}  # fmt: skip
DEFAULT_PORT = 8443
HERE = "local"  # this machine's own engine, among several


COMMAND_TIMEOUT_S, COMMAND_KEPT_S = 30.0, 60.0
_said: dict[str, tuple[float, str]] = {}  # what token commands have printed, and when


class Server:
    """One server: how it is reached, and how it is told apart."""

    def __init__(self, name: str, entry: dict[str, Any]) -> None:
        self.name = name
        self.entry = entry
        self.url: str = entry["url"]
        self.production = bool(entry.get("production"))

    @property
    def is_ssh(self) -> bool:
        """Whether it is reached by forwarding its socket through ssh."""
        return self.url.startswith("ssh://")

    @property
    def address(self) -> tuple[str, int]:
        """Host and port of an https address."""
        rest = self.url.removeprefix("https://").rstrip("/")
        host, _, port = rest.rpartition(":")
        if not host or "]" in port:  # no port was given
            host, port = rest, str(DEFAULT_PORT)
        return host.strip("[]"), int(port)

    def token(self) -> str:
        """The token: from the environment, the entry, or the file or command that it names."""
        found = os.environ.get(TOKEN_VARIABLE) or self.entry.get("token") or ""
        if not found and (path := self.entry.get("token_file")):
            try:
                with open(os.path.expanduser(path), encoding="ascii") as file:
                    found = file.read()
            except (OSError, UnicodeDecodeError) as error:
                raise UsageError(f"the token file {path} cannot be read: {error}") from None
        if not found and (command := self.entry.get("token_command")):
            found = _said_by(command)
        return str(found).strip()

    def transport(self) -> Transport:
        """Where requests to it go."""
        if not self.is_ssh:
            return self.tls()
        from engine.client.ssh import SshTransport

        return SshTransport(self.url)

    def tls(self) -> TlsTransport:
        """The same of an https address."""
        from engine.client.tls import TlsTransport

        host, port = self.address
        return TlsTransport(host, port, self.token(), self.entry.get("certificate", ""), self.name)


def _said_by(command: str) -> str:
    """The first line that a command prints: of a keyring or a vault. Asked once a minute at most.

    It has no terminal: what wants to ask somebody has to have a window of its own, or an agent.
    """
    import shlex
    import subprocess
    import time

    at_s, kept = _said.get(command, (0.0, ""))
    if kept and time.monotonic() - at_s < COMMAND_KEPT_S:
        return kept
    hint = "try it in a shell; it is to print the token and nothing else"
    try:
        done = subprocess.run(
            shlex.split(command), stdin=subprocess.DEVNULL, capture_output=True, check=False,
            encoding="utf-8", errors="replace", timeout=COMMAND_TIMEOUT_S,
        )  # fmt: skip
    except (OSError, ValueError, subprocess.TimeoutExpired) as error:
        raise UsageError(f"token_command {command!r}: {error}", hint) from None
    lines = done.stdout.split()
    if done.returncode or not lines:
        said = done.stderr.strip().rpartition("\n")[2] or "it printed nothing"
        raise UsageError(f"token_command {command!r} ended with {done.returncode}: {said}", hint)
    _said[command] = (time.monotonic(), lines[0])
    return lines[0]


def current() -> Server | None:
    """The server that commands and the console are meant for; None for this machine's engine."""
    words = meant()
    if len(words) > 1:
        raise UsageError(
            "this is for one server at a time",
            "several at once are for `wingman --server A,B` (the console), attach and list",
        )
    return find(words[0]) if words else None


def meant() -> list[str]:
    """The servers that the environment names, each once; none is this machine's engine."""
    words = os.environ.get(VARIABLE, "").split(",")
    return list(dict.fromkeys(word.strip() for word in words if word.strip()))


def log_in() -> None:
    """Log in at those that are meant and reached through ssh, while it may ask at the terminal.

    Nobody is asked for anything after it. Of several, one that is not there is left for later.
    Raises UsageError, Unavailable.
    """
    words = meant()
    ways = [server for server in find_among(words) if server and server.is_ssh] if words else []
    if not ways:
        return
    import sys

    from engine.client import ssh

    for server in ways:
        if sys.stderr.isatty():
            sys.stderr.write(f"logging in at {server.url} …\n")
        try:
            ssh.log_in(server.url)
        except Unavailable:
            if len(words) == 1:
                raise
    ssh.never_ask()


def find_among(words: list[str]) -> list[Server | None]:
    """Several servers to be seen side by side; None is this machine's engine. Raises UsageError."""
    known = read_servers()
    found = [None if word == HERE and word not in known else find(word) for word in words]
    names = [HERE if server is None else server.name for server in found]
    if twice := [name for name in names if names.count(name) > 1]:
        raise UsageError(f"{twice[0]} is named twice", "each server once")
    if os.environ.get(TOKEN_VARIABLE):
        raise UsageError(
            f"{TOKEN_VARIABLE} is the token of one server, and several are meant",
            "unset it: wingman server add keeps a token for each",
        )
    return found


def find(word: str) -> Server:
    """The server of a name or address. Raises UnknownReference, UsageError."""
    known = read_servers()
    if word in known:
        return Server(word, known[word])
    if "://" in word:
        url = checked_url(word)
        for name, entry in known.items():
            if entry["url"].rstrip("/") == url:
                return Server(name, entry)
        return Server(url.partition("://")[2], {"url": url})
    listed = ", ".join(sorted(known)) or "none yet"
    raise UnknownReference(
        f"there is no server named {word!r}", f"known: {listed}; wingman server add NAME URL"
    )


def checked_url(text: str) -> str:
    """An address of a server. Raises UsageError."""
    scheme, _, rest = text.partition("://")
    rest = rest.rstrip("/")
    if scheme not in ("https", "ssh") or not rest or rest.startswith("-") or "/" in rest:
        raise UsageError(
            f"{text!r} is no server", "https://HOST[:PORT] or ssh://[USER@]HOST[:PORT]"
        )
    if any(not character.isprintable() or character.isspace() for character in rest):
        raise UsageError("an address of a server has no spaces", "https://HOST[:PORT]")
    port = rest.rpartition(":")[2]
    if ":" in rest and "]" not in port and not (port.isascii() and port.isdigit()):
        raise UsageError(f"{text!r}: {port!r} is no port", "https://HOST:8443")
    return f"{scheme}://{rest}"


def servers_file() -> str:
    """Where this user's servers are listed: beside config.toml."""
    return os.path.join(os.path.dirname(find_home().text("config_file")), "servers.toml")


def read_servers() -> dict[str, dict[str, Any]]:
    """Every entry by its name. Raises UsageError for a file that cannot be understood."""
    import tomllib

    path = servers_file()
    try:
        with open(path, "rb") as file:
            data = tomllib.load(file)
    except FileNotFoundError:
        return {}
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: {error}", "it is a TOML file: [NAME], url = …") from None
    for name, entry in data.items():
        if not isinstance(entry, dict) or not isinstance(entry.get("url"), str):
            raise UsageError(f"{path}: {name} has no url", '[NAME] and url = "https://…"')
        for key, value in entry.items():
            if key not in KEYS or not isinstance(value, KEYS[key]):
                known = ", ".join(KEYS)
                raise UsageError(f"{path}: {name}: {key} = {value!r}", f"known: {known}")
        entry["url"] = checked_url(entry["url"])
    return data


def keep(name: str, entry: dict[str, Any] | None) -> None:
    """Write one entry, or take it away; the others stay."""
    import json

    servers = read_servers()
    if entry is None:
        servers.pop(name, None)
    else:
        servers[name] = entry
    lines = ["# servers of `wingman attach` and --server; written by `wingman server`", ""]
    for each, values in servers.items():
        # a JSON string is a TOML string, but for DEL and half characters, which no value has
        lines.append(f"[{json.dumps(each)}]")
        lines += [f"{key} = {json.dumps(value)}" for key, value in values.items()]
        lines.append("")
    path = servers_file()
    os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
    part = f"{path}.{os.getpid()}.part"
    with open(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write("\n".join(lines))
        file.flush()
        os.fsync(file.fileno())
    os.replace(part, path)
