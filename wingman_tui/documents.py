"""The documents of `docs/` as the console's help: found, and set as lines of text. Pure reading."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from wingman_tui.format import wrap
from wingman_tui.sanitise import clean
from wingman_tui.view import Part

BESIDE = Path(__file__).resolve().parent.parent / "docs"
PACKAGED = Path(__file__).resolve().parent / "help"
ADDRESS = "https://docs.wingman.peakdefence.com"
# an operator's documents first, in the order in which one reads them
ORDER = (
    "understanding-flows",
    "standard-flows",
    "custom-flows",
    "monitoring",
    "troubleshooting",
    "over-ssh",
    "guarantees",
    "security",
    "reference",
)
SIZE_LIMIT_BYTES = 1_000_000
WIDTH_LIMIT = 90
_LINK = re.compile(r"\[([^\]]+)\]\([^)]*\)")
_INLINE = re.compile(r"`([^`]+)`|\*\*([^*]+)\*\*")


@dataclass(frozen=True)
class Document:
    """One document: where it is and what it is called."""

    path: Path
    title: str


def documents() -> list[Document]:
    """Every document that lies with the program, an operator's first."""
    folder = BESIDE if BESIDE.is_dir() else PACKAGED
    paths = {path.stem: path for path in folder.glob("*.md")} if folder.is_dir() else {}
    named = [paths.pop(stem) for stem in ORDER if stem in paths]
    return [Document(path, _title(path)) for path in [*named, *(paths[s] for s in sorted(paths))]]


def _title(path: Path) -> str:
    try:
        with path.open(encoding="utf-8", errors="replace") as file:
            first = file.readline().strip()
    except OSError:
        first = ""
    return clean(first.lstrip("# ")) if first.startswith("#") else path.stem


def read(document: Document, width: int) -> list[list[Part]]:
    """A document as lines that fit a width."""
    try:
        text = document.path.read_bytes()[:SIZE_LIMIT_BYTES].decode("utf-8", "replace")
    except OSError as error:
        return [[(f"{document.path}: {error.strerror}", "error")]]
    return markdown_lines(text, min(width, WIDTH_LIMIT))


def markdown_lines(text: str, width: int) -> list[list[Part]]:
    """Markdown as plain lines: headings, lists, code and tables keep their shape."""
    lines: list[list[Part]] = []
    held: list[str] = []
    in_code = False

    def flush() -> None:
        if held:
            lines.extend(_paragraph(" ".join(held), width))
            held.clear()

    for raw in text.splitlines():
        line = clean(raw)
        if line.startswith("```"):
            flush()
            in_code = not in_code
        elif in_code:
            lines.append([("    " + line, "code")])
        elif not line.strip():
            flush()
            if lines and lines[-1]:
                lines.append([])
        elif line.startswith("#"):
            flush()
            level = len(line) - len(line.lstrip("#"))
            lines.append([(line.lstrip("# "), "focus" if level == 1 else "strong")])
        elif line.startswith("|"):
            flush()
            lines.append([(line, "text")])
        elif re.match(r"\s*([-*]|\d+\.) ", line):
            flush()
            held.append(line)
        else:
            held.append(line.strip() if held else line)
    flush()
    return lines


def _paragraph(text: str, width: int) -> list[list[Part]]:
    indent = re.match(r"(\s*)(([-*]|\d+\.) )?", text)
    hang = len(indent.group(0)) if indent else 0
    head = text[:hang].replace("* ", "- ")
    body = _LINK.sub(r"\1", text[hang:])
    wrapped = wrap(body, max(10, width - hang))
    out = []
    for number, line in enumerate(wrapped):
        start = head if number == 0 else " " * hang
        out.append([(start, "accent"), *_inline(line)])
    return out


def _inline(line: str) -> list[Part]:
    parts: list[Part] = []
    at = 0
    for match in _INLINE.finditer(line):
        parts.append((line[at : match.start()], "text"))
        code, bold = match.groups()
        parts.append((code, "code") if code is not None else (bold, "strong"))
        at = match.end()
    parts.append((line[at:], "text"))
    return [part for part in parts if part[0]]
