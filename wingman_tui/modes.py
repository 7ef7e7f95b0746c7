"""The modes of the console; a screen is imported when it is opened: the first paint needs one."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

from textual.screen import Screen

_SCREENS = {
    "executions": "ExecutionsScreen",
    "execution": "ExecutionScreen",
    "details": "DetailsScreen",
    "flows": "FlowsScreen",
    "inbox": "InboxScreen",
    "triggers": "TriggersScreen",
    "machine": "MachineScreen",
    "system": "SystemScreen",
    "audit": "AuditScreen",
    "help": "HelpScreen",
}


def _opener(module: str, name: str) -> Callable[[], Screen[Any]]:
    def make() -> Screen[Any]:
        made: Screen[Any] = getattr(import_module(f"wingman_tui.screens.{module}"), name)()
        return made

    return make


MODES = {mode: _opener(mode, name) for mode, name in _SCREENS.items()}
