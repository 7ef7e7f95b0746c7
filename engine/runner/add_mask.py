"""`::add-mask::VALUE` at the beginning of a line: what a step wants masked from then on.

Role: `MaskLines` finds such lines in what one attempt prints, also across the borders of chunks;
`Derived` has the values masked in every attempt of the execution here, and tells the engine, which
keeps them sealed and gives them to later attempts. Imports the standard library.
"""

from __future__ import annotations

from engine.runner.frames import dump_json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from engine.runner.attempt import Attempt
    from engine.runner.capture import Recorder
    from engine.runner.link import Link

MARK = b"::add-mask::"
LONGEST = 64 << 10  # of a line that is waited for
VALUES_LIMIT = 200  # of one execution
EXECUTIONS_KEPT = 1000


class MaskLines:
    """The lines of one attempt's streams that are commands to mask."""

    __slots__ = ("_held", "_inside")

    def __init__(self) -> None:
        self._held: dict[int, bytes] = {}  # the beginning of what may be such a line
        self._inside: dict[int, bool] = {}  # the stream is inside of another line

    def look(self, stream: int, buffer: bytearray, count: int) -> tuple[bytes, list[str]] | None:
        """What to record now, and the values found; None where the bytes are to go as they are."""
        held = self._held.pop(stream, b"")
        inside = self._inside.get(stream, False)
        self._inside[stream] = buffer[count - 1] != 10
        if (
            not held
            and buffer.find(MARK, 0, count) < 0
            and not self._may_begin(buffer, count, inside)
        ):
            return None
        data = held + bytes(memoryview(buffer)[:count])
        begin = data.rfind(b"\n") + 1
        last = data[begin:]
        begins = (begin or held or not inside) and 0 < len(last) < LONGEST
        if begins and (MARK.startswith(last) or last.startswith(MARK)):
            self._held[stream] = last
            self._inside[stream] = False
            data = data[:begin]
        return data, _values(data, inside and not held)

    def unfinished(self) -> list[int]:
        """The streams that may have ended in the middle of a command."""
        return sorted(self._held)

    def rest(self, stream: int) -> tuple[bytes, list[str]]:
        """At the end of a stream: the last line, which nothing ended."""
        data = self._held.pop(stream, b"")
        return data, _values(data, False)

    def _may_begin(self, buffer: bytearray, count: int, inside: bool) -> bool:
        """Whether the last line could be the beginning of a command."""
        tail = bytes(memoryview(buffer)[max(0, count - len(MARK)) : count])
        begin = tail.rfind(b"\n") + 1
        if not begin and (count > len(MARK) or inside):
            return False
        return tail[begin:] != b"" and MARK.startswith(tail[begin:])


def _values(data: bytes, inside: bool) -> list[str]:
    """The values of the commands in whole lines."""
    lines = data.split(b"\n")
    found = [line[len(MARK) :].strip() for line in lines[1 if inside else 0 :] if line[:12] == MARK]
    return [value.decode("utf-8", "surrogateescape") for value in found if value]


class Derived:
    """The values that steps have asked to mask, by execution; kept in memory only."""

    def __init__(self, live: Mapping[str, Attempt], recorder: Recorder, link: Link) -> None:
        self._live = live
        self._recorder = recorder
        self._link = link
        self._values: dict[str, list[str]] = {}
        recorder.on_masks = self.add

    def add(self, execution: str, values: list[str]) -> None:
        """Mask these from now on in all that the execution prints here."""
        known = self._values.setdefault(execution, [])
        fresh = [value for value in dict.fromkeys(values) if value not in known]
        fresh = fresh[: VALUES_LIMIT - len(known)]
        if not fresh:
            return
        known += fresh
        while len(self._values) > EXECUTIONS_KEPT:
            del self._values[next(iter(self._values))]
        for attempt in self._live.values():
            if attempt.execution == execution:
                self._mask(attempt, fresh)
        self._tell(execution)

    def accept(self, attempt: Attempt) -> None:
        """A new attempt here: it may have been ordered before the engine heard of a value."""
        values = self._values.get(attempt.execution)
        if values:
            self._mask(attempt, [v for v in values if v not in attempt.spec["masks"]])

    def tell_all(self) -> None:
        """Another engine listens: it may not know them."""
        for execution in self._values:
            self._tell(execution)

    def _mask(self, attempt: Attempt, values: list[str]) -> None:
        spec = attempt.spec
        spec["masks"] = [*spec["masks"], *values]
        capture = attempt.capture
        if capture is not None and capture.log is not None:
            masker = self._recorder.masker_for(spec["masks"])
            if masker is not None:
                capture.log.mask_by(masker)

    def _tell(self, execution: str) -> None:
        values = self._values[execution]
        self._link.send(dump_json({"t": "masks", "execution": execution, "values": values}))
