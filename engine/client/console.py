"""The one door through which the console reaches the engine's code, but for the feed.

`wingman_tui` imports from `engine` only `engine.client` and `engine.wire`; what it needs of the
rest is named here. Light to import.
"""

from __future__ import annotations

from engine.attempt import began_at
from engine.client.http import Client, quote, with_query
from engine.client.launch import ensure_engine
from engine.client.servers import HERE, Server, current, find_among, log_in, meant
from engine.errors import WingmanError
from engine.glyphs import shows_glyphs
from engine.paths import Home, find_home

__all__ = [
    "HERE",
    "Client",
    "Home",
    "Server",
    "WingmanError",
    "began_at",
    "current",
    "ensure_engine",
    "find_among",
    "find_home",
    "log_in",
    "meant",
    "quote",
    "shows_glyphs",
    "with_query",
]
