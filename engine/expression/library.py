"""Loads the CEL library without its command line (which costs 0.4 s), with the first use."""

from __future__ import annotations

import importlib
import importlib.util
import logging
import sys
import types
from functools import lru_cache
from typing import Any

_PACKAGE = "engine.expression._cel"


def _package() -> str:
    """A package of the library's folder whose `__init__` never runs."""
    if _PACKAGE not in sys.modules:
        found = importlib.util.find_spec("cel")
        if found is None or not found.submodule_search_locations:
            raise ImportError("common-expression-language is not installed")
        package = types.ModuleType(_PACKAGE)
        package.__path__ = list(found.submodule_search_locations)
        sys.modules[_PACKAGE] = package
        # it logs the messages of failing functions, which may hold values
        logging.getLogger("cel").disabled = True
    return _PACKAGE


@lru_cache(maxsize=1)
def cel() -> Any:
    """The extension module: Context, compile."""
    return importlib.import_module(f"{_package()}.cel")


@lru_cache(maxsize=1)
def stdlib() -> Any:
    """The extension library's functions."""
    return importlib.import_module(f"{_package()}.stdlib")
