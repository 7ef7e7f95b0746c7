"""Notes on executions and steps: written, edited, found, and shown again with the same error."""

from __future__ import annotations

import json

import pytest

from engine.errors import UnknownReference, UsageError, WingmanError
from tests.conftest import Wingman
from tests.engine.api import Engine

FAILS = """
name: fails
inputs: {code: {type: integer, default: 3}, token: {sensitive: true, default: ""}}
steps: [{id: a, run: 'true'}, {id: b, run: 'exit "$code"'}]
"""


def note(engine: Engine, reference: str, text: str, step: str | None = None) -> dict[str, object]:
    return dict(engine.post(f"/v1/executions/{reference}/notes", {"text": text, "step": step}))


def causes(engine: Engine, reference: str, step: str = "") -> list[str]:
    query = f"?step={step}" if step else ""
    found = engine.get(f"/v1/executions/{reference}/why{query}")["causes"]
    return [f"{each['subject']}: {each['what']}" for each in found]


def test_a_note_comes_back_with_the_same_error_and_with_no_other(engine: Engine) -> None:
    first = engine.run(FAILS)
    note(engine, first["id"], "the disk was full\nempty /var/spool")
    note(engine, first["id"], "about the step", "b")
    note(engine, first["id"], "about another step", "a")
    assert any(text.startswith("note: the disk was full") for text in causes(engine, first["id"]))
    second = engine.run(FAILS)
    told = [text for text in causes(engine, second["id"]) if text.startswith("noted before")]
    assert len(told) == 2
    assert "about the step" in told[0]
    assert "fails#1 b" in told[0]
    assert "the disk was full" in told[1]
    assert any("about the step" in text for text in causes(engine, second["id"], "b"))
    other = engine.run(FAILS, inputs={"code": 4})
    assert not any(text.startswith("note") for text in causes(engine, other["id"]))


def test_notes_outlive_the_engine_are_edited_removed_and_searched(
    engine: Engine, wingman: Wingman
) -> None:
    engine.run(FAILS)
    wingman("note", "fails#1", "b", "call the DBA", check=True)
    engine.kill()
    engine.begin()
    wingman("note", "fails#1", "second", check=True)
    listed = wingman("note", "fails#1", "--json", check=True).stdout.splitlines()
    one, two = (json.loads(line) for line in listed)
    assert (one["id"], two["id"]) == (1, 2)
    assert (one["step"], one["text"], one["error"]) == (
        "b", "call the DBA", {"step": "b", "type": "exit:3"},
    )  # fmt: skip
    wingman("note", "fails#1", "--edit", "1", "call the DBA first", check=True)
    found = wingman("notes", "dba", "first", check=True).stdout
    assert "fails#1 b" in found
    assert "edited" in found
    assert wingman("notes", "nothing of that", check=True).stdout == ""
    wingman("note", "fails#1", "--remove", "2", check=True)
    assert len(engine.get("/v1/notes?flow=fails")["notes"]) == 1
    assert engine.get("/v1/notes?flow=other")["notes"] == []


def test_what_is_wrong_is_refused_in_words(engine: Engine, wingman: Wingman) -> None:
    engine.run(FAILS)
    for text, step, kind in (
        (" \n", None, UsageError), ("x" * 9000, None, UsageError), ("x", "nobody", UnknownReference),
    ):  # fmt: skip
        with pytest.raises(kind):
            note(engine, "fails@last", text, step)
    with pytest.raises(WingmanError, match="has no note 7"):
        engine.client.request("PUT", "/v1/executions/fails@last/notes/7", {"text": "x"})
    with pytest.raises(WingmanError, match="no note 'x'"):
        engine.client.request("DELETE", "/v1/executions/fails@last/notes/x")
    assert wingman("note", "fails#1", "a", "b", "c").returncode == 2
    two_words = wingman("note", "fails#1", "hello", "there")
    assert (two_words.returncode, "in quotes" in two_words.stderr) == (2, True)
    assert engine.get("/v1/notes")["notes"] == []


def test_a_secret_in_a_note_is_masked_also_after_the_end(engine: Engine) -> None:
    ended = engine.run(FAILS, inputs={"token": "tok-77aa88bb99"})
    written = note(engine, ended["id"], "it used tok-77aa88bb99")
    assert written["text"] == "it used ***"
