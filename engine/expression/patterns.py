"""Regular expressions that cannot hang: RE2, and a bound on pattern times text.

Called by `functions` (matches) and by the inputs' `pattern`. Imports RE2 with the first pattern.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

LIMIT_PATTERN_CHARACTERS = 1_000
LIMIT_WORK = 5_000_000  # states of the pattern times characters of the text: some 10 ms


class PatternError(ValueError):
    """A pattern that RE2 does not take, or a text too long for it."""


@lru_cache(maxsize=256)
def compile_pattern(pattern: str) -> Any:
    """A compiled pattern; raises PatternError with what is wrong with it."""
    import re2  # type: ignore[import-untyped]  # google-re2: linear time, no backtracking

    if len(pattern) > LIMIT_PATTERN_CHARACTERS:
        raise PatternError(f"is longer than {LIMIT_PATTERN_CHARACTERS:,} characters")
    options = re2.Options()
    options.log_errors = False
    options.max_mem = 1 << 20
    try:
        return re2.compile(pattern, options=options)
    except re2.error as error:
        cause = error.args[0] if error.args else "not a pattern"
        raise PatternError(cause.decode(errors="replace") if isinstance(cause, bytes)
                           else str(cause)) from None


def work_of(pattern: str, text: str) -> int:
    """What a search may cost, in states times characters."""
    return int(compile_pattern(pattern).programsize) * len(text)


def found(pattern: str, text: str) -> bool:
    """Whether the pattern is found anywhere in the text."""
    compiled = compile_pattern(pattern)
    if work_of(pattern, text) > LIMIT_WORK:
        raise PatternError("and the text are too long together")
    return compiled.search(text) is not None
