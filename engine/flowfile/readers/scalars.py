"""Readers of single values: texts, words to choose from, true and false, numbers, durations."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from .. import durations
from ..yaml_tree import Node, Scalar
from .reader import Reader, Reading


@dataclass(frozen=True)
class Text(Reader):
    """A text; numbers and true/false are taken as written where `loose`."""

    pattern: str = ""
    form: str = "a text"  # in words
    hint: str = ""
    loose: bool = False
    empty: bool = True
    longest: int = 1 << 20

    def words(self) -> str:
        return self.form

    def schema(self) -> dict[str, Any]:
        schema: dict[str, Any] = {"type": ["string", "number", "boolean"] if self.loose
                                  else "string"}
        if self.pattern:
            schema["pattern"] = f"^(?:{self.pattern})$"
        if not self.empty:
            schema["minLength"] = 1
        return schema

    def read(self, node: Node, reading: Reading) -> Any:
        if not isinstance(node, Scalar):
            return self.expected(node, reading, self.hint)
        value = node.value
        if not isinstance(value, str) and not (self.loose and value is not None):
            quotes = f'write "{node.text}"' if node.text and not self.pattern else self.hint
            return self.expected(node, reading, quotes)
        if not node.text.strip() and not self.empty:
            return reading.wrong(node, f"{self.form} is expected, not an empty one", self.hint)
        if len(node.text) > self.longest:
            return reading.wrong(node, f"{len(node.text):,} characters are too many",
                                 f"at most {self.longest:,}")
        if "\0" in node.text:
            return reading.wrong(node, "a text may not hold a NUL character", "")
        if self.pattern and not re.fullmatch(self.pattern, node.text):
            return self.expected(node, reading, self.hint)
        return node.text


@dataclass(frozen=True)
class Choice(Reader):
    """One of a few words."""

    options: tuple[str, ...] = ()

    def words(self) -> str:
        return " or ".join(f"`{option}`" for option in self.options)

    def schema(self) -> dict[str, Any]:
        return {"enum": list(self.options)}

    def read(self, node: Node, reading: Reading) -> Any:
        if isinstance(node, Scalar) and node.text in self.options:
            return node.text
        near = (reading.problems.nearest(node.text, self.options)
                if isinstance(node, Scalar) else "")
        return self.expected(node, reading, near)


@dataclass(frozen=True)
class Boolean(Reader):
    """true or false."""

    def words(self) -> str:
        return "true or false"

    def schema(self) -> dict[str, Any]:
        return {"type": "boolean"}

    def read(self, node: Node, reading: Reading) -> Any:
        if isinstance(node, Scalar) and isinstance(node.value, bool):
            return node.value
        near = ""
        if isinstance(node, Scalar):
            near = {"yes": "write true", "on": "write true", "no": "write false",
                    "off": "write false"}.get(node.text.lower(), "")
        return self.expected(node, reading, near or "without quotes")


def _written(number: float) -> str:
    return str(int(number)) if number == int(number) else f"{number:g}"


@dataclass(frozen=True)
class Number(Reader):
    """A number within bounds; a whole one where `whole`."""

    least: float | None = None
    most: float | None = None
    whole: bool = False

    def words(self) -> str:
        name = "a whole number" if self.whole else "a number"
        if self.least is not None and self.most is not None:
            return f"{name} from {_written(self.least)} to {_written(self.most)}"
        return f"{name} of {_written(self.least)} or more" if self.least is not None else name

    def schema(self) -> dict[str, Any]:
        schema: dict[str, Any] = {"type": "integer" if self.whole else "number"}
        if self.least is not None:
            schema["minimum"] = self.least
        if self.most is not None:
            schema["maximum"] = self.most
        return schema

    def read(self, node: Node, reading: Reading) -> Any:
        value = node.value if isinstance(node, Scalar) else None
        kinds = (int,) if self.whole else (int, float)
        if not isinstance(value, kinds) or isinstance(value, bool):
            return self.expected(node, reading)
        if (self.least is not None and value < self.least) or (
                self.most is not None and value > self.most):
            return self.expected(node, reading)
        return value


@dataclass(frozen=True)
class Duration(Reader):
    """10s, 5m, 1h30m; read as seconds."""

    least_s: float = 0.0

    def words(self) -> str:
        return "a duration such as 10s, 5m or 1h30m"

    def schema(self) -> dict[str, Any]:
        return {"type": "string", "pattern": durations.PATTERN}

    def read(self, node: Node, reading: Reading) -> Any:
        if not isinstance(node, Scalar):
            return self.expected(node, reading)
        duration_s = durations.seconds(node.text)
        if duration_s is None:
            number = node.text.isdigit()
            return self.expected(node, reading,
                                 f"write {node.text}s for seconds" if number else durations.HINT)
        if duration_s < self.least_s:
            return reading.wrong(node, f"`{node.text}` is too short",
                                 f"at least {durations.written(self.least_s)}")
        return duration_s
