"""An engine that listens on a port of its own, with a token for each role."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

from engine.client.http import Client
from engine.client.servers import Server
from engine.client.tls import TlsTransport
from engine.paths import Home, home_at
from tests.conftest import Wingman
from tests.engine.api import until


class Served:
    """A home whose engine listens on a port, and a token for each role."""

    def __init__(self, home: Home) -> None:
        self.home = home
        self.wingman = Wingman(home)
        self.tokens: dict[str, str] = {}
        for role in ("viewer", "operator", "editor", "admin"):
            self.wingman("user", "set", role, "--role", role, check=True)
            made = self.wingman("token", "create", role, check=True)
            self.tokens[role] = made.stdout.strip()
        self.port = 0
        self.begin()

    def begin(self, *options: str) -> None:
        self.log = self.home.root.parent / "serve.log"
        with self.log.open("w") as out:
            self.process = self.wingman.start(
                "serve", "--port", str(self.port), *options, stderr=out, stdout=out
            )
        line = until(self._listening)
        self.port = int(line.partition("https://127.0.0.1:")[2].partition(" ")[0])
        self.fingerprint = line.partition("fingerprint ")[2].strip(")\n ")

    def _listening(self) -> str:
        text = self.log.read_text()
        assert self.process.poll() is None, text
        return next((line for line in text.splitlines() if "listening on" in line), "")

    @property
    def certificate(self) -> bytes:
        return TlsTransport("127.0.0.1", self.port, "", "", "s").look()

    def entry(self, role: str = "admin", **more: Any) -> dict[str, Any]:
        pinned = base64.b64encode(self.certificate).decode()
        url = f"https://127.0.0.1:{self.port}"
        return {"url": url, "token": self.tokens[role], "certificate": pinned, **more}

    def far_away(self, root: Path, port: int) -> Wingman:
        """An editor at another machine, whose home is `root`, and whose line ends at `port`."""
        wingman = Wingman(home_at(root))
        wingman(
            "server", "add", "far", f"https://127.0.0.1:{port}",
            "--fingerprint", self.fingerprint, input=self.tokens["editor"] + "\n", check=True,
        )  # fmt: skip
        wingman.environment["WINGMAN_SERVER"] = "far"
        return wingman

    def client(self, role: str = "admin", **more: Any) -> Client:
        return Client(self.home, Server("far", self.entry(role, **more)).transport())


