"""The documents of `docs/` as the console's help: found, and set as lines of text. Pure reading."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

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
    "triggers",
    "console",
    "monitoring",
    "troubleshooting",
    "over-ssh",
    "guarantees",
    "security",
    "reference",
)
SIZE_LIMIT_BYTES = 1_000_000
WIDTH_LIMIT = 90


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


def source(document: Document) -> str:
    """A document as it is written, as far as it is read at all. Raises OSError."""
    with document.path.open("rb") as file:
        return file.read(SIZE_LIMIT_BYTES).decode("utf-8", "replace")


def read(document: Document, width: int) -> tuple[list[list[Part]], list[int]]:
    """A document as lines that fit a width, and which of them its headings begin at."""
    try:
        text = source(document)
    except OSError as error:
        return [[(f"{document.path}: {error.strerror}", "error")]], []
    from wingman_tui.markdown import markdown_page  # only who reads pays for it

    return markdown_page(text, min(width, WIDTH_LIMIT))
