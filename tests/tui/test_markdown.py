"""The documents as lines: they fit any width, and show no mark of the markup."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from wingman_tui.documents import Document, documents, read
from wingman_tui.markdown import fill, markdown_lines
from wingman_tui.view import Part

TEXT = """# A heading

A paragraph with `code that has spaces` and **strong words** and [a link](https://x.example)
that runs over (`fail_fast: true` cancels) several lines.

- one item that is so long that it has to be continued on a line of its own below
  - an item under it
- another

3. third
4. fourth

| key | what it is for |
|---|---|
| `name` | The name of the flow, which is the file's stem when it is left out |

```
run: echo hello
```
"""


def plain(lines: list[list[Part]]) -> list[str]:
    return ["".join(text for text, _ in line).rstrip() for line in lines]


def test_a_text_keeps_its_shape() -> None:
    assert plain(markdown_lines(TEXT, 40)) == [
        "A heading",
        "",
        "A paragraph with code that has spaces",
        "and strong words and a link that runs",
        "over (fail_fast: true cancels) several",
        "lines.",
        "",
        "- one item that is so long that it has",
        "  to be continued on a line of its own",
        "  below",
        "  - an item under it",
        "- another",
        "",
        "3. third",
        "4. fourth",
        "",
        "key   what it is for",
        "name  The name of the flow, which is the",
        "      file's stem when it is left out",
        "",
        "  run: echo hello",
    ]


def test_marks_become_roles() -> None:
    line = markdown_lines("a `b` **c**", 40)[0]
    assert line == [("a ", "text"), ("b", "code"), (" ", "text"), ("c", "strong")]


@pytest.mark.parametrize("width", [40, 56, 76, 90])
def test_every_document_fits(width: int) -> None:
    assert documents()
    for document in documents():
        lines, _ = read(document, width)
        assert lines
        assert all(cell_len(line) <= width for line in plain(lines)), document.title
        shown = [text for line in lines for text, role in line if role != "code"]
        assert not [text for text in shown if "`" in text or "**" in text], document.title


def test_a_document_that_is_gone_says_so(tmp_path_factory: pytest.TempPathFactory) -> None:
    missing = tmp_path_factory.mktemp("docs") / "none.md"
    assert "No such file" in plain(read(Document(missing, "none"), 60)[0])[0]


pieces = st.lists(st.tuples(st.text("ab漢é (_)-", max_size=30), st.sampled_from(["text", "code"])), max_size=8)


@given(pieces, st.integers(2, 40))
def test_filling_loses_no_character_but_spaces(parts: list[Part], width: int) -> None:
    lines = fill(parts, width)
    assert all(cell_len(line) <= width for line in plain(lines))
    kept = "".join(plain(lines)).replace(" ", "")
    assert kept == "".join(text for text, _ in parts).replace(" ", "")
