"""The one door through which the console reaches the engine's code, but for the feed.

`wingman_tui` imports from `engine` only `engine.client` and `engine.wire`; what it needs of the
rest is named here. Light to import.
"""

from __future__ import annotations

from engine.client.http import Client, quote, with_query
from engine.client.launch import ensure_engine
from engine.client.servers import current
from engine.errors import WingmanError
from engine.paths import Home, find_home

__all__ = [
    "Client",
    "Home",
    "WingmanError",
    "current",
    "ensure_engine",
    "find_home",
    "quote",
    "with_query",
]
