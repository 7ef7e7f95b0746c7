"""What is pasted stays a paste: nothing in it can press a key.

A terminal marks where pasted text begins and ends. An escape in between would end it for Textual,
which then takes the rest for keys: a text from somewhere else could cancel what runs. Pure.
"""

from __future__ import annotations

import re

BEGIN, END = "\x1b[200~", "\x1b[201~"
_CONTROLS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")  # but tabs and line ends


class Pastes:
    """Takes the control characters out of what is pasted, in input that comes in pieces."""

    def __init__(self) -> None:
        self.is_inside = False
        self._tail = ""  # the last that was handed on: a mark may begin in it
        self._held = ""  # what may be the beginning of the end's mark

    def feed(self, text: str) -> str:
        """The input as it is safe to hand on."""
        out: list[str] = []
        while text or self._held:
            if self.is_inside:
                text, self._held = self._held + text, ""
                part, text = self._inside(text)
            else:
                part, text = self._outside(text)
            out.append(part)
            if not text:
                break
        return "".join(out)

    def give_up(self) -> str:
        """End a paste whose end does not come."""
        self.is_inside, self._held = False, ""
        return END

    def _outside(self, text: str) -> tuple[str, str]:
        """What comes before a paste with its mark, and the rest."""
        seen = self._tail + text
        at = seen.find(BEGIN)
        if at < 0:
            self._tail = seen[-(len(BEGIN) - 1) :]
            return text, ""
        self.is_inside, self._tail = True, ""
        end = at + len(BEGIN) - (len(seen) - len(text))
        return text[:end], text[end:]

    def _inside(self, text: str) -> tuple[str, str]:
        """What is pasted, without controls, and the rest behind its end."""
        at = text.find(END)
        if at >= 0:
            self.is_inside = False
            return _CONTROLS.sub("", text[:at]) + END, text[at + len(END) :]
        for size in range(min(len(END) - 1, len(text)), 0, -1):
            if text.endswith(END[:size]):
                self._held = text[-size:]
                text = text[:-size]
                break
        return _CONTROLS.sub("", text), ""
