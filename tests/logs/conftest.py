"""The machine may be busy: no example fails for being slow."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("logs", deadline=None)
settings.load_profile("logs")
