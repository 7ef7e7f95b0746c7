"""Regular expressions that search bytes at disk speed and in linear time: google-re2.

Used by the masker (in the runner, which starts without site-packages) and by the log reader.
Imported lazily; where re2 is not to be had, the standard library's `re` stands in, slower.
"""

from __future__ import annotations

import glob
import importlib
import os
import re
import sys
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

Span = tuple[int, int]
# (text, from) -> span of the first match, or None
Search = Callable[[bytes, int], "Span | None"]

_SPECIAL = re.compile(rb"[\\.^$*+?{}\[\]()|\n]")
COMMON_IN_LOGS = b' e0t1ain2o-sr3:lcd5m4pu.6789/gTf=hyb_wvkE,RO[]AINxSDLq"CFj(){}z'
STRETCH_LOOK = 32  # re2 looks at no more of a text at this speed
MEMORY_BYTES = 64 << 20  # re2's budget for one pattern, not an allocation
SITE_VARIABLE = "WINGMAN_SITE"


class PatternError(ValueError):
    """A pattern that re2 does not accept; the message says why."""


def load_re2() -> ModuleType | None:
    """google-re2, also where the interpreter was started with -S, or None."""
    module = _import_re2()
    if module is None:
        sys.path.extend(site for site in _site_directories() if site not in sys.path)
        module = _import_re2()
    return module


def _import_re2() -> ModuleType | None:
    try:
        return importlib.import_module("re2")
    except ImportError:
        return None


def _site_directories() -> Iterator[str]:
    named = os.environ.get(SITE_VARIABLE)
    if named:
        yield named
    prefix = os.path.dirname(os.path.dirname(sys.executable or ""))
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    for folder in ("lib", "lib64"):
        yield from glob.glob(os.path.join(glob.escape(prefix), folder, version, "site-packages"))
    ours = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    if os.path.basename(ours) == "site-packages":
        yield ours


def compile_search(pattern: bytes, *, ignore_case: bool = False) -> Search:
    """A function that finds the first match of a trusted pattern; by `re` without re2."""
    module = load_re2()
    if module is None:
        return _stdlib_search(pattern, ignore_case)
    options = _options(module)
    options.encoding = module.Options.Encoding.LATIN1
    options.case_sensitive = not ignore_case
    return _re2_search(module, pattern, options)


def compile_untrusted(pattern: str, *, in_block: bool = False) -> Search:
    """The same for a pattern that somebody typed: linear time whatever it says, or PatternError.

    With `in_block` it finds matches within the lines of a block: `^` and `$` are those of a line.
    """
    data = pattern.encode("utf-8", "replace")
    module = load_re2()
    if module is None:  # `re` could be made to hang: take the words as they are
        return _stdlib_search(re.escape(data), False)
    if len(data) > 1 and not _SPECIAL.search(data):
        return _literal_search(module, data)
    options = _options(module)
    options.never_nl = in_block
    return _re2_search(module, b"(?m)" + data if in_block else data, options)


def _options(module: ModuleType) -> Any:
    options = module.Options()
    options.log_errors = False
    options.never_capture = True
    options.max_mem = MEMORY_BYTES
    return options


def _re2_search(module: ModuleType, pattern: bytes, options: Any) -> Search:
    # The wrapper's `compile` keeps every pattern in a cache for ever; a secret must not stay there.
    compiled = module._re2.RE2(pattern, options)
    if not compiled.ok():
        raise PatternError(compiled.error().decode("utf-8", "replace"))
    match, unanchored = compiled.Match, module._re2.RE2.Anchor.UNANCHORED

    def search(text: bytes, start: int) -> Span | None:
        span: Span = match(unanchored, text, start, len(text))[0]
        return None if span[0] < 0 else span

    return search


def _literal_search(module: ModuleType, literal: bytes) -> Search:
    """Finds plain text by its rarest stretch.

    re2 looks for the first and the last byte of a text at memory speed, and stops at each pair: how
    often depends on which bytes these are.
    """
    first, last = _rarest_stretch(literal)
    options = _options(module)
    options.encoding = module.Options.Encoding.LATIN1
    stretch = _re2_search(module, re.escape(literal[first : last + 1]), options)

    def search(text: bytes, start: int) -> Span | None:
        at = start + first
        while (span := stretch(text, at)) is not None:
            begin = span[0] - first
            if text.startswith(literal, begin):
                return begin, begin + len(literal)
            at = span[0] + 1
        return None

    return search


def _rarest_stretch(literal: bytes) -> tuple[int, int]:
    """The places of the first and the last byte of the stretch that logs hold least often."""
    weights = [COMMON_IN_LOGS.find(byte) for byte in literal]
    commonness = [0 if at < 0 else len(COMMON_IN_LOGS) - at for at in weights]
    pairs = (
        (first, last)
        for first in range(min(len(literal), STRETCH_LOOK) - 1)
        for last in range(first + 1, min(len(literal), STRETCH_LOOK))
    )
    return min(pairs, key=lambda pair: commonness[pair[0]] * commonness[pair[1]])


def _stdlib_search(pattern: bytes, ignore_case: bool) -> Search:
    compiled = re.compile(pattern, re.IGNORECASE if ignore_case else 0)

    def search(text: bytes, start: int) -> Span | None:
        found = compiled.search(text, start)
        return None if found is None else found.span()

    return search
