"""Where an engine is to listen beside its own socket: what `wingman serve` asks for.

Standard library only, and light: read by the command, by `engine.life`, and by the engine.
"""

from __future__ import annotations

DEFAULT_HOST = "127.0.0.1"
DEFAULT_PORT = 8443
OPTION = "--serve="


class Serving:
    """An address, its certificate's files ("" for one made here), the names it is called by."""

    def __init__(
        self,
        host: str = DEFAULT_HOST,
        port: int = DEFAULT_PORT,
        tls_cert: str = "",
        tls_key: str = "",
        names: list[str] | None = None,
    ) -> None:
        self.host = host
        self.port = port
        self.tls_cert = tls_cert
        self.tls_key = tls_key
        self.names = names or []

    def options(self) -> list[str]:
        """As options of `wingman serve`."""
        words = ["--host", self.host, "--port", str(self.port)]
        words += ["--tls-cert", self.tls_cert] if self.tls_cert else []
        words += ["--tls-key", self.tls_key] if self.tls_key else []
        return words + [word for name in self.names for word in ("--name", name)]

    def word(self) -> str:
        """As a word of the engine's command line."""
        import json

        return OPTION + json.dumps(vars(self))


def serving_in(words: list[str]) -> Serving | None:
    """What a command line asks for, if it does."""
    for word in words:
        if word.startswith(OPTION):
            import json

            return Serving(**json.loads(word[len(OPTION) :]))
    return None
