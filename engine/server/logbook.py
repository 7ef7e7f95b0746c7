"""Logs as the API gives them: the runner's files by `engine.logs`, the attempts by the journal. (interim)"""

from __future__ import annotations

from typing import Any

from engine.paths import Home
from engine.service import Service


class LogBook:
    def __init__(self, home: Home, service: Service) -> None:
        self._home = home
        self._service = service

    async def add_warnings(self, ord_: int, execution: dict[str, Any]) -> None:
        return None

    def tail(self, *a: Any, **k: Any) -> Any:
        raise NotImplementedError
