"""The vocabulary of error types (`retry.on`, later `on_error.match`). Standard library only."""

from __future__ import annotations

import re
import signal
from dataclasses import dataclass
from typing import Any

from .readers import WRONG, Reader, Reading
from .yaml_tree import Node, Scalar

WORDS = ("any", "cancelled", "conflict", "connection", "expect", "expression", "input",
         "interrupted", "items", "lost", "oom", "output", "start_failed", "timeout")
_EXIT = re.compile(r"exit:(?:[1-9]?[0-9]|1[0-9][0-9]|2[0-4][0-9]|25[0-5])")
_HTTP = re.compile(r"http:(?:[1-5][0-9][0-9]|[1-5]xx)")
_EXCEPTION = re.compile(r"(?:[A-Za-z_][A-Za-z0-9_]*\.)+[A-Za-z_][A-Za-z0-9_]*|[A-Z][A-Za-z0-9_]*")
_SEVERAL = frozenset(("any", *(f"http:{digit}xx" for digit in range(1, 6))))
_SIGNALS = frozenset(name.name for name in signal.Signals)


def is_error_type(text: str) -> bool:
    """Whether a text is a word of the vocabulary."""
    if text.startswith("signal:"):
        return text[7:] in _SIGNALS
    return text in WORDS or any(form.fullmatch(text) for form in (_EXIT, _HTTP, _EXCEPTION))


@dataclass(frozen=True)
class ErrorType(Reader):
    """exit:75, signal:SIGKILL, timeout, http:5xx, a Python exception's dotted name, …

    Where it is `one`, what a failure is: not `any`, nor http:5xx.
    """

    one: bool = False

    def words(self) -> str:
        return "a type of error"

    def schema(self) -> dict[str, Any]:
        forms = "|".join((*WORDS, *sorted(f"signal:{name}" for name in _SIGNALS),
                          _EXIT.pattern, _HTTP.pattern, _EXCEPTION.pattern))
        return {"type": "string", "pattern": f"^(?:{forms})$",
                "examples": ["exit:75", "signal:SIGKILL", "timeout", "builtins.ValueError", *WORDS]}

    def read(self, node: Node, reading: Reading) -> Any:
        if not isinstance(node, Scalar):
            return self.expected(node, reading)
        if self.one and node.text in _SEVERAL:
            return reading.wrong(node, f"`{node.text}` stands for several types of error",
                                 "name one, such as exit:1 or http:503")
        if is_error_type(node.text):
            return node.text
        if node.text.startswith("signal:") and f"SIG{node.text[7:]}" in _SIGNALS:
            reading.wrong(node, f"`{node.text}` is no type of error",
                          f"did you mean `signal:SIG{node.text[7:]}`?")
            return WRONG
        return reading.wrong(node, f"`{node.text[:40]}` is no type of error",
                             reading.problems.nearest(node.text, WORDS)
                             or "exit:75, signal:SIGKILL, timeout, connection, any, …")
