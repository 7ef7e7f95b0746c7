"""What readers of a log hand out: lines with their cursors, and what a reader may ask for.

Standard library and `engine.logs` only.
"""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, cast

from engine.errors import UsageError
from engine.logs import format, levels
from engine.logs.regex import PatternError, compile_untrusted
from engine.logs.text import to_text

if TYPE_CHECKING:
    from collections.abc import Iterable

    from engine.logs.regex import Search
    from engine.wire import LogLine

STREAM_NUMBERS = {name: number for number, name in format.STREAM_NAMES.items()}
# In a pattern that holds one of these, a line's end is not what it is inside of a block.
_OWN_ANCHORS = ("(?", "\\A", "\\z", "\\Z", "\\C")


class Cursor(NamedTuple):
    """A place in a log: a record of the index and a line in it."""

    record: int
    line: int

    def __str__(self) -> str:
        return f"{self.record}:{self.line}"

    @classmethod
    def parse(cls, text: str) -> Cursor:
        """The cursor that was printed, or UsageError."""
        record, colon, line = text.partition(":")
        if colon and record.isdecimal() and line.isdecimal() and len(text) < 40:
            return cls(int(record), int(line))
        raise UsageError(f"{text!r} is no cursor of a log", "take one that the server gave")


class Line(NamedTuple):
    """One line as a view gets it: masked bytes without the newline, shortened if over-long.

    `open` says that its end is not written yet: a later `Line` of the same cursor replaces it.
    """

    cursor: Cursor
    time_ns: int
    attempt: int
    stream: int
    level: int
    data: bytes
    open: bool = False

    def to_wire(self, step: str, attempt: int) -> LogLine:
        """The line as the API sends it; the caller knows which attempt of which step it is."""
        return cast(
            "LogLine",
            {
                "cursor": str(self.cursor),
                "time": wire_time(self.time_ns),
                "step": step,
                "attempt": attempt,
                "stream": format.STREAM_NAMES.get(self.stream, "engine"),
                "level": levels.LEVEL_NAMES[self.level],
                "text": to_text(self.data),
            },
        )


def wire_time(time_ns: int) -> str:
    """A wall-clock time of the index as the wire has times."""
    seconds, rest_ns = divmod(time_ns, 1_000_000_000)
    moment = datetime.datetime(1970, 1, 1) + datetime.timedelta(seconds=seconds)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{rest_ns // 1000:06d}Z"


@dataclass(frozen=True, slots=True)
class Filter:
    """Which lines are wanted; `make` builds one from words."""

    steps: tuple[str, ...] = ()  # paths of steps, or of groups; empty takes all
    attempts: frozenset[int] | None = None
    streams: frozenset[int] | None = None
    min_level: int = levels.DEBUG
    grep: Search | None = None
    grep_block: Search | None = None  # finds candidates in a whole block; None: look at each line

    @classmethod
    def make(
        cls,
        *,
        step: str | Iterable[str] | None = None,
        attempts: frozenset[int] | None = None,
        stream: str | None = None,
        level: str | None = None,
        grep: str | None = None,
    ) -> Filter:
        """A filter from what a request says, or UsageError."""
        streams = None if stream is None else frozenset({_number_of(stream)})
        search, in_block = _compile(grep) if grep else (None, None)
        steps = () if step is None else (step,) if isinstance(step, str) else tuple(step)
        return cls(steps, attempts, streams, _level_of(level), search, in_block)

    @property
    def candidates(self) -> Search | None:
        """What finds every place in a block whose line may match; None where all lines may."""
        if self.grep is not None:
            return self.grep_block
        if self.min_level == levels.ERROR:
            return levels.next_error
        return levels.next_candidate if self.min_level > levels.INFO else None

    @property
    def any_record(self) -> bool:
        """True when no step, attempt or stream is singled out."""
        return not self.steps and self.attempts is None and self.streams is None

    def takes_step(self, path: str) -> bool:
        """True when a step, or a group that it is in, is wanted."""
        return not self.steps or any(
            path == step or path.startswith(step + "/") for step in self.steps
        )

    @property
    def takes_all(self) -> bool:
        """True when every line of the wanted steps and streams is wanted."""
        return self.min_level == levels.DEBUG and self.grep is None

    def takes(self, data: bytes, level: int) -> bool:
        """True when a line's level and text are wanted."""
        return level >= self.min_level and (self.grep is None or self.grep(data, 0) is not None)


def _number_of(stream: str) -> int:
    try:
        return STREAM_NUMBERS[stream]
    except KeyError:
        raise UsageError(f"no stream {stream!r}", "stdout, stderr or engine") from None


def _level_of(level: str | None) -> int:
    if level is None:
        return levels.DEBUG
    try:
        return levels.LEVEL_NAMES.index(level)
    except ValueError:
        raise UsageError(f"no level {level!r}", "debug, info, warning or error") from None


def _compile(pattern: str) -> tuple[Search, Search | None]:
    try:
        search = compile_untrusted(pattern)
        if any(mark in pattern for mark in _OWN_ANCHORS):
            return search, None
        return search, compile_untrusted(pattern, in_block=True)
    except PatternError as error:
        raise UsageError(
            f"the pattern {pattern!r} cannot be used: {error}",
            "RE2 syntax: no look-around and no back-references",
        ) from None
