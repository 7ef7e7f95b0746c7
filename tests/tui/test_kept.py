"""What consoles keep: several on one home lose nothing of each other."""

from __future__ import annotations

from pathlib import Path

from wingman_tui.kept import Kept
from wingman_tui.past_lines import PastLines


def test_two_consoles_keep_each_others_choices(tmp_path: Path) -> None:
    path = str(tmp_path / "data" / "kept.json")
    one, other = Kept(path), Kept(path)
    assert one.watch("backup")
    one.save()
    assert other.name_filter("night", "flow:backup") == ""
    other.save()
    one.choose_theme("light")
    one.save()
    found = Kept(path)
    assert (found.theme, found.filters, found.watched) == (
        "light", {"night": "flow:backup"}, ["backup"],
    )  # fmt: skip
    assert not one.watch("backup"), "watched here: not any more"
    one.save()
    assert Kept(path).watched == []


def test_what_cannot_be_written_is_kept_while_the_console_lives(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    kept = Kept(str(tmp_path / "file" / "kept.json"))
    assert kept.name_filter("night", "flow:backup") == ""
    kept.save()
    assert kept.watch("backup")
    assert kept.filters == {"night": "flow:backup"}
    assert kept.watched == ["backup"]


def test_two_consoles_keep_each_others_lines(tmp_path: Path) -> None:
    path = str(tmp_path / "lines.json")
    one, other = PastLines(path), PastLines(path)
    one.add("filters", "flow:a")
    one.save()
    other.add("filters", "flow:b")
    other.save()
    found = PastLines(path)
    found.load()
    assert found.of("filters") == ["flow:a", "flow:b"]
