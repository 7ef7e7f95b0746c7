"""The colours that steps print: what an SGR sequence means for the text after it. Pure.

Sixteen colours and a few attributes, whatever was printed: the palette's terminal has no more, and
hostile output cannot make styles without end. Blinking and hiding are left out, and so are colours
in which the text could not be seen.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from rich.color import Color, ColorSystem

NAMES = ("black", "red", "green", "yellow", "blue", "magenta", "cyan", "white")
ATTRIBUTES = {1: "bold", 2: "dim", 3: "italic", 4: "underline", 7: "reverse"}
ENDS = {22: ("bold", "dim"), 23: ("italic",), 24: ("underline",), 27: ("reverse",)}


class Pen(NamedTuple):
    """How the following text looks."""

    attributes: frozenset[str] = frozenset()
    front: str = ""
    back: str = ""

    @property
    def words(self) -> str:
        """As a style's definition; empty for plain text."""
        front, back = self.front, self.back
        if front and front == back:
            front = back = ""  # not to be seen: shown plainly
        return " ".join(
            part for part in (*sorted(self.attributes), front, f"on {back}" if back else "") if part
        )


PLAIN = Pen()


@lru_cache(maxsize=1024)
def after(pen: Pen, parameters: str) -> Pen:
    """The pen after a sequence with these parameters, such as `1;31`."""
    codes = [int(code) if code.isdecimal() and len(code) < 4 else 0
             for code in parameters.replace(":", ";").split(";")]  # fmt: skip
    at = 0
    while at < len(codes):
        code = codes[at]
        if code in (38, 48):
            colour, used = _extended(codes[at + 1 :])
            pen = pen._replace(front=colour) if code == 38 else pen._replace(back=colour)
            at += used
        else:
            pen = _simple(pen, code)
        at += 1
    return pen


def _simple(pen: Pen, code: int) -> Pen:
    if code == 0:
        return PLAIN
    if code in ATTRIBUTES:
        return pen._replace(attributes=pen.attributes | {ATTRIBUTES[code]})
    if code in ENDS:
        return pen._replace(attributes=pen.attributes - set(ENDS[code]))
    if code in (39, 49):
        return pen._replace(front="") if code == 39 else pen._replace(back="")
    for first, bright in ((30, ""), (90, "bright_")):
        if first <= code < first + 8:
            return pen._replace(front=bright + NAMES[code - first])
        if first + 10 <= code < first + 18:
            return pen._replace(back=bright + NAMES[code - first - 10])
    return pen


def _extended(codes: list[int]) -> tuple[str, int]:
    """The nearest of sixteen for a colour of 256 or of RGB, and how many codes it took."""
    if codes[:1] == [5] and len(codes) >= 2:
        return _nearest(Color.from_ansi(min(codes[1], 255))), 2
    if codes[:1] == [2] and len(codes) >= 4:
        red, green, blue = (min(value, 255) for value in codes[1:4])
        return _nearest(Color.from_rgb(red, green, blue)), 4
    return "", len(codes)


def _nearest(colour: Color) -> str:
    number = colour.downgrade(ColorSystem.STANDARD).number or 0
    return ("bright_" if number >= 8 else "") + NAMES[number % 8]
