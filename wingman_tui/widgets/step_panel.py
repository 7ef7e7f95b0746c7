"""What is known of the selected step, or of the whole execution: error, figures, definition."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from rich.cells import cell_len
from textual.strip import Strip

from wingman_tui import looks
from wingman_tui.account import definition_lines
from wingman_tui.definition import NOWHERE, SECTION, Passage
from wingman_tui.failing import says_little
from wingman_tui.figures import Figures
from wingman_tui.format import duration, exit_words, full_time, size, wrap
from wingman_tui.inputs import as_text
from wingman_tui.naming import error_line, name_of
from wingman_tui.outlook import stuck_words
from wingman_tui.sanitise import clean, clean_lines
from wingman_tui.steps import ROOT
from wingman_tui.view import Part, fitted
from wingman_tui.waiting import asks, waiting_words, waits_below
from wingman_tui.widgets.painted import Painted

Row = Mapping[str, Any]
SEPARATOR = " · "
ERROR_LINES = 12
ENDED = ("exit:", "signal:")
DEFINITION_ROWS = 4  # fewer say little
TALL_LINES = 8  # from here on each history has its own
VERSION_CELLS = 12  # of its hash


class StepPanel(Painted):
    """A few lines about the selection, as many as fit; the error first."""

    def __init__(
        self,
        selected: Callable[[], tuple[str, Row | None]],
        last_error: Callable[[str], str],
        histories: Figures,
        passage: Callable[[str], Passage] = lambda key: NOWHERE,
        *,
        id: str | None = None,
    ) -> None:
        """`selected` gives the key in the tree and its row; `last_error` a step's last words.

        `passage` gives what the flow's file says of a key.
        """
        super().__init__(id=id)
        self._selected = selected
        self._last_error = last_error
        self._histories = histories
        self._passage = passage
        self._painted: list[Strip] = []

    def lines_of(self, width: int, height: int) -> list[list[Part]]:
        """The text, for as much room as there is."""
        key, row = self._selected()
        if row is None:
            lines: list[list[Part]] = [[(clean(key.lstrip(SECTION)), "strong")]] if key else []
        elif key == ROOT:
            lines = self._execution(row, width, height)
        else:
            lines = self._step(row, width, height)
        return [*lines, *self._definition(key, width, height - len(lines))]

    def _definition(self, key: str, width: int, room: int) -> list[list[Part]]:
        """What the flow's file says, in the lines that the rest leaves free."""
        if room < DEFINITION_ROWS + 2:
            return []
        first, rows = self._passage(key)
        if not rows:
            return []
        room -= 2
        lines = definition_lines("\n".join(rows[:room]), width, first)
        if len(rows) > room or len(lines) > room:
            lines = [*lines[: room - 1], [("…", "muted")]]
        return [[], self.view.headed([("definition", "heading")], width + 1), *lines]

    def render_line(self, y: int) -> Strip:
        """One line of it."""
        if y == 0:
            lines = self.lines_of(self.size.width - 2, self.size.height)
            if lines:
                lines[0] = self.view.headed(lines[0], self.size.width - 1)
            self._painted = [self.line([(" ", "text"), *parts]) for parts in lines]
        return self._painted[y] if y < len(self._painted) else self.blank()

    def _step(self, step: Row, width: int, height: int) -> list[list[Part]]:
        view = self.view
        look = looks.step_look(step)
        head: list[Part] = [
            (f"{look.sign(view.ascii_only)} {look.word} ", look.role),
            (clean(str(step.get("path", ""))), "strong"),
        ]
        facts = [fact for fact in self._facts(step) if fact]
        head.append((SEPARATOR + SEPARATOR.join(facts) if facts else "", "muted"))
        rest: list[list[Part]] = []
        error = step.get("error")
        if error:
            said = clean(self._last_error(str(step.get("path", ""))))
            rest += self._error(error, said, width, max(1, height - 2))
        elif step.get("stuck"):
            rest += self._stuck(step, width, height)
        elif asks(step) or waits_below(step):
            words = f"waits for {waiting_words(step['waiting_for'], view.zone)}"
            rest += [[(line, "warning")] for line in wrap(words, width, max(1, height - 2))]
        elif step.get("reason"):
            rest += [[(line, "warning")] for line in wrap(clean(str(step["reason"])), width, 3)]
        rest += self._history(step, width, height)
        rest += self._figures(step, width)
        rest += self._named("outputs", step.get("outputs") or {}, width)
        rest += self._times(step)
        return _fitting([head, *rest], width, height)

    def _facts(self, step: Row) -> list[str]:
        return [
            exit_words(step.get("exit_code"), step.get("signal"))
            if step.get("state") != "completed"
            else "",
            duration(step.get("duration_ms")) if step.get("duration_ms") is not None else "",
            f"attempt {step['attempts']}" if (step.get("attempts") or 0) > 1 else "",
            "handled" if step.get("handled") else "",
            f"{name_of(step['child'])} (enter opens it)" if step.get("child") else "",
        ]

    def _error(self, error: Row, said: str, width: int, limit: int) -> list[list[Part]]:
        """The error, and what the step itself said of it, unless that is the same."""
        kind = clean(str(error.get("type") or "error"))
        lines = clean_lines(str(error.get("message") or ""), ERROR_LINES)
        first = lines[0] if lines else ""
        is_told = kind.startswith(ENDED) and bool(first)  # in the line above
        text = first if is_told else f"{kind}: {first}"
        if is_told and (said or says_little(error)):
            text = said or first
            lines, said = [text], ""
        if said and said not in text:
            lines = [*lines, said]
        out = [wrapped for line in [text, *lines[1:]] for wrapped in wrap(line, width, limit)]
        return [[(line, "error")] for line in out[:limit]]

    def _history(self, step: Row, width: int, height: int) -> list[list[Part]]:
        """What a running step took over the last minute; a line each where there are some."""
        seen = self._histories.of(str(step.get("path", "")))
        rows = 1 if height < TALL_LINES else height
        return [] if seen is None else seen.lines(width, rows, self.view.ascii_only)

    def _figures(self, step: Row, width: int) -> list[list[Part]]:
        live = step.get("live") or {}
        pairs = (
            ("cpu", duration(live["cpu_s"] * 1000) if "cpu_s" in live else _seconds(step)),
            ("memory", size(live.get("rss_bytes")))
            if live
            else ("peak", size(step.get("max_rss_bytes"))),
            ("read", size(live.get("read_bytes", step.get("read_bytes")) or None)),
            ("wrote", size(live.get("write_bytes", step.get("write_bytes")) or None)),
            ("warnings", str(step["warnings"]) if step.get("warnings") else ""),
        )
        lines: list[list[Part]] = []
        room = 0
        for name, value in pairs:
            cells = len(SEPARATOR) + len(name) + 1 + len(value)
            if not value:
                continue
            if cells > room:
                lines.append([])
                room = width + len(SEPARATOR)
            room -= cells
            if lines[-1]:
                lines[-1].append((SEPARATOR, "muted"))
            lines[-1] += [(f"{name} ", "muted"), (value, "text")]
        return lines

    def _times(self, row: Row) -> list[list[Part]]:
        """When it began and ended, in a line where it had one attempt."""
        zone = self.view.zone
        again = row.get("attempt_started_at")
        if not row.get("started_at"):
            return []
        begin, end = (full_time(row.get(name), zone) for name in ("started_at", "ended_at"))
        if end[:10] == begin[:10]:
            end = end[11:]
        first = "started" if again or not end else "ran"
        lines: list[list[Part]] = [[(f"{first:<8} ", "muted"), (begin, "text")]]
        if again:
            words = f"attempt {row.get('attempt')}"
            lines.append([(f"{words:<8} ", "muted"), (full_time(again, zone), "text")])
        if end:
            lines[-1].append((f" to {end}", "text"))
        return lines

    def _stuck(self, row: Row, width: int, height: int) -> list[list[Part]]:
        words = f"may be stuck: {stuck_words(row)}"
        return [[(line, "warning")] for line in wrap(words, width, max(1, height - 3))]

    def _expected(self, execution: Row) -> list[list[Part]]:
        """When it should end, and what is usual."""
        expected = execution.get("expected")
        if not expected:
            return []
        end = full_time(expected.get("end_at"), self.view.zone)
        usual = f"{'  ' if end else ''}{duration(expected['usual_ms'])} is usual"
        return [[("expected ", "muted"), (end, "text"), (usual, "muted")]]

    def _named(self, title: str, values: Mapping[str, Any], width: int) -> list[list[Part]]:
        """Names and values, several in a line as far as they fit."""
        out: list[list[Part]] = []
        room = 0
        for name, value in values.items():
            text = f" = {clean(as_text(value))}"
            pair: list[Part] = [(clean(str(name)), "accent"), (text, "text")]
            cells = sum(cell_len(text) for text, _ in pair) + 3
            if cells > room:
                out.append([(f"{'' if out else title:<8} ", "muted"), *pair])
                room = width - len(title) - cells
            else:
                out[-1] += [("   ", "text"), *pair]
                room -= cells
        return out

    def _execution(self, execution: Row, width: int, height: int) -> list[list[Part]]:
        look = looks.execution_look(execution)
        by = clean(str(execution.get("trigger") or ""))
        parent = execution.get("parent")
        if parent:
            by = f"called from {name_of(parent)} {clean(str(parent.get('step')))} (u)"
            execution = {**execution, "actor": ""}
        who = clean(str(execution.get("actor") or ""))
        by += f" by {who}" if who not in ("", "engine") else ""
        facts = [name_of(execution), by]
        if execution.get("attempt", 1) > 1:
            facts.append(f"attempt {execution['attempt']}")
        head: list[Part] = [
            (f"{look.sign(self.view.ascii_only)} {look.word} ", look.role),
            (SEPARATOR.join(fact for fact in facts if fact), "strong"),
            (" DEBUG" if execution.get("debug") else "", "state_interrupted"),
        ]
        rest: list[list[Part]] = []
        error = execution.get("error")
        if error:
            said = self._last_error(str(error.get("step") or "")) if says_little(error) else ""
            lines = wrap(error_line(error, clean(said)), width, max(1, height - 2))
            rest += [[(line, "error")] for line in lines]
        elif execution.get("stuck"):
            rest += self._stuck(execution, width, height)
        elif execution.get("waiting_for"):
            words = f"waits for {waiting_words(execution['waiting_for'], self.view.zone)}"
            rest += [[(line, "warning")] for line in wrap(words, width, max(1, height - 2))]
        rest += self._times(execution)
        rest += self._expected(execution)
        rest += self._named("inputs", execution.get("inputs") or {}, width)
        rest += self._named("outputs", execution.get("outputs") or {}, width)
        rest += _identity(execution)
        return _fitting([head, *rest], width, height)


def _identity(execution: Row) -> list[list[Part]]:
    """What it is called everywhere, of which kind it is, and what it was made from."""
    tags = ", ".join(clean(str(tag)) for tag in execution.get("tags") or ())
    pairs = (
        ("id", clean(str(execution.get("id") or ""))),
        ("type", clean(str(execution.get("type") or ""))),
        ("tags", tags),
        ("version", str(execution.get("version") or "")[:VERSION_CELLS]),
    )
    return [[(f"{name:<8} ", "muted"), (value, "text")] for name, value in pairs if value]


def _seconds(step: Row) -> str:
    return duration(step["cpu_s"] * 1000) if step.get("cpu_s") is not None else ""


def _fitting(lines: Sequence[list[Part]], width: int, height: int) -> list[list[Part]]:
    """The lines that have something in them, cut to the room."""
    kept = [line for line in lines if any(text for text, _ in line)][:height]
    return [fitted(line, width) for line in kept]
