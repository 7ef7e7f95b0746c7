"""The tables that the console is made from: actions and keys, themes, inputs, columns, settings."""

from __future__ import annotations

import re
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from wingman_tui import global_actions, inputs, modes
from wingman_tui.column_layout import GAP, MARGIN, Column, grown, lay_out
from wingman_tui.columns import EXECUTIONS, FLOWS, took
from wingman_tui.format import parse_time
from wingman_tui.keymap import ACTIONS, Action
from wingman_tui.keys import HINTS_LIMIT, Keymap, KeymapError, clashes
from wingman_tui.settings import SettingsError, load_settings
from wingman_tui.theme import ROLES, ThemeError, load_palette, parse_palette, theme_files
from wingman_tui.view import View

OWNERS: dict[str, Any] = {
    mode: getattr(import_module(f"wingman_tui.screens.{mode}"), name)
    for mode, name in modes._SCREENS.items()
}
OWNERS |= {"tree": OWNERS["execution"], "log": OWNERS["execution"], "global": global_actions}


@pytest.mark.parametrize("action", ACTIONS, ids=lambda action: action.id)
def test_every_action_is_explained_and_can_be_done(action: Action) -> None:
    assert action.label
    assert action.help.endswith(".")
    if action.scope != "list":
        owner = OWNERS["help"] if action.id == "global.back" else OWNERS[action.scope]
        assert hasattr(owner, f"do_{action.name}")


def test_the_table_has_no_clash() -> None:
    assert clashes(ACTIONS) == []


def test_nothing_dangerous_lies_on_a_key_that_moves() -> None:
    moving = {key for action in ACTIONS if action.scope == "list" for key in action.keys}
    assert not [a.id for a in ACTIONS if a.danger and moving & set(a.keys)]


@pytest.mark.parametrize("scope", ["executions", "execution", "details", "flows", "help"])
def test_the_key_bar_holds_seven_hints_and_ends_with_more(scope: str) -> None:
    hints = Keymap().hints([scope, "list", "global"])
    assert len(hints) <= HINTS_LIMIT
    assert hints[-1].id == "global.help"


def test_an_operator_remaps_by_id() -> None:
    keymap = Keymap({"executions.cancel": "ctrl+x", "global.help": "?"})
    assert keymap["executions.cancel"].keys == ("ctrl+x",)
    found = keymap.find(["executions", "global"], "ctrl+x")
    assert found is not None
    assert found.id == "executions.cancel"
    assert keymap.find(["executions", "global"], "x") is None


def test_a_clash_names_both_actions() -> None:
    with pytest.raises(KeymapError, match=r"executions\.run and of executions\.cancel"):
        Keymap({"executions.cancel": "r"})


@pytest.mark.parametrize(
    ("id_", "key", "other"),
    [("executions.cancel", "j", "list.down"), ("executions.kill", "q", "global.quit"),
     ("tree.fold", "R", "execution.retry"), ("global.theme", "/", "executions.filter")],
)  # fmt: skip
def test_a_key_that_would_hide_another_in_its_mode_is_refused(
    id_: str, key: str, other: str
) -> None:
    with pytest.raises(KeymapError) as caught:
        Keymap({id_: key})
    assert f"{key} is the key of {other} and of {id_}" in str(caught.value)


@pytest.mark.parametrize("key", ["nokey", "ctrl+", "hyper+shift", "ctrl+nokey", "xx", "Enter"])
def test_what_no_terminal_sends_is_no_key(key: str) -> None:
    with pytest.raises(KeymapError, match=re.escape(f"{key} of executions.cancel is no key")):
        Keymap({"executions.cancel": key})


@pytest.mark.parametrize("key", ["+", "ctrl+x", "f5", "%", "shift+f3", "ctrl+slash", "é", "alt+x"])
def test_whatever_a_terminal_sends_can_be_a_key(key: str) -> None:
    assert len(Keymap({"executions.cancel": key})["executions.cancel"].keys) == 1


def test_what_is_taken_can_be_swapped() -> None:
    keymap = Keymap({"executions.cancel": "q", "global.quit": "Q"})
    assert keymap["executions.cancel"].keys == ("q",)
    assert Keymap({"executions.cancel": ""})["executions.cancel"].keys == ()


def test_an_unknown_action_names_the_nearest() -> None:
    with pytest.raises(KeymapError, match=r"did you mean executions\.cancel"):
        Keymap({"executions.cancle": "r"})


def test_keys_that_terminals_cannot_tell_apart_are_refused() -> None:
    with pytest.raises(KeymapError, match="reserved"):
        Keymap({"executions.cancel": "ctrl+m"})


@pytest.mark.parametrize("name", sorted(theme_files()))
def test_every_theme_styles_every_role(name: str) -> None:
    palette = load_palette(name)
    assert set(palette.styles) == set(ROLES)
    assert palette.textual_theme().name == f"wingman-{name}"
    assert palette["state_partial"] != palette["state_completed"] or palette.colours == "none"


def test_the_default_theme_uses_the_terminals_own_colours_and_ground() -> None:
    palette = load_palette("ansi")
    for role, style in palette.styles.items():
        for color in (style.color, style.bgcolor):
            assert color is None or (color.number or 0) < 8, role


def test_the_theme_without_colour_has_none() -> None:
    for style in load_palette("mono").styles.values():
        assert style.color is None
        assert style.bgcolor is None


DECORATION = ("bar_rest", "rule", "dialog_border")


@pytest.mark.parametrize("name", ["dark", "light", "colour-blind", "high-contrast"])
@pytest.mark.parametrize("cursor", ["", "cursor", "cursor_idle"])
def test_text_on_a_ground_of_its_own_is_readable(name: str, cursor: str) -> None:
    """As the accessibility guidelines have it, on the selected row, too."""
    palette = load_palette(name)
    ground = palette["text"].bgcolor
    for role in ROLES:
        style = palette.selected(role, cursor) if cursor else palette[role]
        has_own = palette[role].bgcolor != ground  # a badge or a match is in no selected row
        if role in DECORATION or style.color is None or (cursor and has_own):
            continue
        ratio = _contrast(style.color, style.bgcolor or ground)
        assert ratio >= 4.5, f"{name}: {role} has {ratio:.1f}"


def _contrast(one: Any, other: Any) -> float:
    a, b = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (a + 0.05) / (b + 0.05)


def _luminance(color: Any) -> float:
    parts = [value / 255 for value in color.get_truecolor()]
    linear = [p / 12.92 if p <= 0.03928 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize(
    ("text", "problem"),
    [("colours = 'pink'", "colours is one of"), ("[styles]\nnose = 'red'", "unknown roles nose"),
     ("[styles]\ntext = 'reddish'", "text:"), ("x = ", "theme mine")],
)  # fmt: skip
def test_a_wrong_theme_says_what_is_wrong(text: str, problem: str) -> None:
    with pytest.raises(ThemeError, match=problem):
        parse_palette(text, "mine")


def test_an_operators_theme_lies_beside_the_configuration(tmp_path: Path) -> None:
    (tmp_path / "ocean.toml").write_text("[styles]\nerror = 'magenta'\n")
    assert "ocean" in theme_files(tmp_path)
    assert load_palette("ocean", tmp_path)["error"].color is not None
    with pytest.raises(ThemeError, match="ocean"):
        load_palette("none", tmp_path)


def test_settings_are_read_and_mistakes_are_named(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    assert load_settings(file, {}).theme is None
    file.write_text(
        "[console]\ntheme = 'dark'\nmouse = false\n[console.keys]\n'global.quit' = 'Q'\n"
    )
    settings = load_settings(file, {})
    assert (settings.theme, settings.mouse, settings.keys) == ("dark", False, {"global.quit": "Q"})
    assert load_settings(file, {"WINGMAN_THEME": "light"}).theme == "light"
    for text, problem in (
        ("[console]\nthem = 'x'", "did you mean theme"), ("[console]\nascii = 'yes'", "not a bool"),
        ("console = 3", "is a table"), ("[console", str(file)),
    ):  # fmt: skip
        file.write_text(text)
        with pytest.raises(SettingsError, match=re.escape(problem)):
            load_settings(file, {})


def test_the_time_of_a_retry_is_counted_from_the_retry() -> None:
    row = {"started_at": "2026-11-24T10:00:00.000000Z", "duration_ms": None, "attempt": 2}
    now = parse_time("2026-11-27T10:00:05.000000Z")
    assert now is not None
    assert took({**row, "attempt_started_at": "2026-11-27T10:00:00.000000Z"}, now) == "5s"
    assert took({**row, "attempt_started_at": None}, now) == "", "it waits for its turn"
    assert took({**row, "attempt": 1}, now) == "3d00h"


@pytest.mark.parametrize("columns", [EXECUTIONS, FLOWS])
@pytest.mark.parametrize("width", [20, 40, 60, 80, 120, 200, 400])
def test_columns_fill_no_more_than_the_width(columns: Any, width: int) -> None:
    laid = lay_out(columns, width)
    used = sum(cells for _, cells in laid) + GAP * (len(laid) - 1) + 2 * MARGIN
    assert used <= max(width, 40)
    assert laid[0][0] is columns[0]


def test_what_matters_less_goes_first() -> None:
    titles = [[c.title for c, _ in lay_out(EXECUTIONS, width)] for width in (60, 80, 120, 200)]
    assert titles[0] == ["STATE", "EXECUTION", "STARTED", "TOOK"]
    assert "STEPS" in titles[1]
    assert "WHY" in titles[2]
    assert "ID" in titles[3]


def _widths(needs: dict[str, int], width: int = 80) -> dict[str, int]:
    cell = EXECUTIONS[0].cell
    columns = (
        Column("NAME", 20, cell, grow_to=40, least=10),
        Column("WHEN", 12, cell, 2, snug=True),
        Column("WHY", 30, cell, 5, grow_to=100, least=15),
    )
    return {column.title: cells for column, cells in lay_out(columns, width, needs)}


def test_columns_share_the_room_by_what_stands_in_them() -> None:
    short = _widths({"NAME": 8, "WHEN": 8, "WHY": 90})
    assert (short["NAME"], short["WHEN"]) == (8, 8)
    assert sum(short.values()) + 2 * GAP + 2 * MARGIN == 80, "the last one takes the rest"
    long = _widths({"NAME": 34, "WHEN": 12, "WHY": 90})
    assert long["WHEN"] == 12
    assert long["NAME"] > 20, "free room goes to what is cut, from the left"
    assert _widths({}) == {"NAME": 20, "WHEN": 12, "WHY": 42}, "until rows are seen"


def test_what_matters_less_is_cut_first_and_then_leaves() -> None:
    needs = {"NAME": 18, "WHEN": 12, "WHY": 90}
    tight = _widths(needs, 55)
    assert (tight["NAME"], tight["WHY"]) == (18, 19)
    assert "WHY" not in _widths(needs, 50)
    assert _widths(needs, 30) == {"NAME": 14, "WHEN": 12}
    needs = {"EXECUTION": 22, "STARTED": 8, "STEPS": 12, "WARN": 2, "WHY": 90}
    titles = [column.title for column, _ in lay_out(EXECUTIONS, 80, needs)]
    assert "WHY" not in titles
    assert "WARN" in titles, "what is small fits where what matters more does not"


def test_a_column_grows_with_its_rows_and_does_not_shrink_under_the_eye() -> None:
    view = View(load_palette("ansi"), clock=lambda: 0.0)
    named = {"flow": "nightly-backup", "number": 128, "state": "failed"}
    needs = grown({}, EXECUTIONS, [named], view)
    assert needs["EXECUTION"] == 18
    assert grown(needs, EXECUTIONS, [{**named, "flow": "one"}], view) == needs
    assert grown(needs, EXECUTIONS, [{**named, "flow": "x" * 90}], view)["EXECUTION"] == 48


def _declared(name: str, kind: str, **words: Any) -> dict[str, Any]:
    own = ("default", "required", "sensitive", "description")
    schema = {k: words.pop(k) for k in list(words) if k not in own}
    return {"name": name, "type": kind, "schema": schema, **words}


DECLARED = {
    declared["name"]: declared
    for declared in (
        _declared("count", "integer", default=7, minimum=1, maximum=9),
        _declared("ratio", "number", required=True),
        _declared("word", "string", default="app", pattern="^[a-z]+$"),
        _declared("kind", "string", default="a", enum=["a", "b"]),
        _declared("flag", "boolean", default=False),
        _declared("list", "array", default=[1]),
        _declared("secret", "string", required=True, sensitive=True),
        _declared("open", "number", default=1, exclusiveMinimum=0, exclusiveMaximum=2),
        _declared("even", "integer", default=2, multipleOf=2),
        _declared("only", "string", default="x", const="x"),
        _declared("day", "string", default="2027-01-31", format="date"),
        _declared("some", "array", default=[1], minItems=1, maxItems=2),
        _declared("short", "string", default="ab", minLength=2, maxLength=3),
    )
}


@pytest.mark.parametrize(
    ("name", "text", "problem"),
    [("count", "8", ""), ("count", "x", "not a whole number"), ("count", "0", "at least 1"),
     ("count", "10", "at most 9"), ("count", "", ""), ("ratio", "", "needs a value"),
     ("ratio", "1.5", ""), ("ratio", "a", "not a number"), ("word", "APP", "does not match"),
     ("kind", "c", "one of a, b"), ("flag", "maybe", "true or false"), ("flag", "yes", ""),
     ("list", "[1, 2]", ""), ("list", "{}", "not a list"), ("list", "[", "not JSON"),
     ("open", "0", "more than 0"), ("open", "2", "less than 2"), ("open", "1.9", ""),
     ("even", "3", "a multiple of 2"), ("only", "y", "only x"), ("day", "31.1.", "no date, such as"),
     ("day", "2027-02-28", ""), ("some", "[]", "at least 1 elements"), ("short", "a", "at least 2"),
     ("some", "[1, 2, 3]", "at most 2 elements"), ("short", "abcd", "at most 3 characters")],
)  # fmt: skip
def test_an_input_is_checked_as_it_is_typed(name: str, text: str, problem: str) -> None:
    found = inputs.problem_of(DECLARED[name], text)
    assert problem in found
    assert bool(found) == bool(problem)


def test_the_rules_of_an_input_are_told_before_it_is_wrong() -> None:
    told = {name: inputs.describe(declared) for name, declared in DECLARED.items()}
    assert told["open"] == "number, more than 0, less than 2"
    assert told["some"] == "array, 1…2 elements"
    assert told["day"] == "string, a date such as 2027-01-31"
    assert inputs.in_full(DECLARED["short"]) == ["", "string, 2…3 characters · default ab"]
    assert inputs.in_full(DECLARED["secret"], "x") == ["", "string, hidden · x"]


def test_values_are_sent_with_their_types() -> None:
    texts = {"count": "3", "ratio": "2", "word": "db", "kind": "b", "flag": "true", "list": "[2]"}
    assert inputs.values(DECLARED, texts) == {
        "count": 3,
        "ratio": 2.0,
        "word": "db",
        "kind": "b",
        "flag": True,
        "list": [2],
    }


def test_a_hidden_field_never_opens_with_its_value() -> None:
    assert inputs.starting_text(DECLARED["secret"], {"secret": "hunter2"}) == ""
    assert inputs.problem_of(DECLARED["secret"], "") == "needs a value"
    assert inputs.problem_of(DECLARED["secret"], "", unchanged=True) == ""


def test_the_key_bar_leads_to_other_modes_than_the_one_it_is_in() -> None:
    names = [action.id for action in Keymap().hints(["machine", "list", "global"])]
    assert "global.machine" not in names
    assert {"global.flows", "global.executions"} <= set(names)
    assert names[-1] == "global.help"


def test_at_80_columns_a_reason_stands_before_how_many_warnings_and_who_started_it() -> None:
    needs = {"EXECUTION": 20, "STARTED": 8, "STEPS": 5, "WARN": 2, "BY": 6, "WHO": 4, "WHY": 66}
    widths = {column.title: width for column, width in lay_out(EXECUTIONS, 80, needs)}
    assert list(widths) == ["STATE", "EXECUTION", "STARTED", "TOOK", "STEPS", "WHY"]
    assert widths["EXECUTION"] == 20
    assert widths["WHY"] >= 16
