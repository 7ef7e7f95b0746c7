"""A runner with its client, and servers that end with the test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.httpstep.server import Answer, Got, Server
from tests.runner.conftest import bench, client

__all__ = ["bench", "client", "serve"]

Serve = Callable[..., Server]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Start a server: its answers are given one after the other, the last again and again."""
    made: list[Server] = []

    def start(
        *answers: Answer | Callable[[Got], Answer], certificate: Path | None = None, **options: Any
    ) -> Server:
        left = list(answers) or [Answer()]

        def answer(got: Got) -> Answer:
            found = left.pop(0) if len(left) > 1 else left[0]
            return found(got) if callable(found) else found

        made.append(Server(answer, certificate, **options))
        return made[-1]

    yield start
    for server in made:
        server.close()
