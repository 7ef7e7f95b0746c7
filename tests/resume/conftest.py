"""An engine in the test's home."""

from tests.engine.conftest import engine

__all__ = ["engine"]
