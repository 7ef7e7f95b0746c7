"""The step tree of one execution: a flattened list of rows, the execution itself on top."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.cells import cell_len
from textual.strip import Strip

from wingman_tui import looks
from wingman_tui.columns import is_live, progress_parts, took
from wingman_tui.format import exit_words, fit, fit_middle, fit_right
from wingman_tui.naming import name_of
from wingman_tui.outlook import left, stuck_words
from wingman_tui.sanitise import clean
from wingman_tui.state import ExecutionView
from wingman_tui.steps import (
    ROOT,
    TreeRow,
    batch_words,
    branches,
    group_keys,
    guide_text,
    steps_below,
    visible_rows,
)
from wingman_tui.view import Part
from wingman_tui.widgets.line_list import LineList

FOLDED = " [+]"
TOOK_CELLS = 8
NOTE_SHARE = 0.4  # of the width, for how a step ended


class StepTree(LineList):
    """The steps of the opened execution, as they are now."""

    def __init__(self, opened: ExecutionView, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.opened = opened
        self.folded: set[str] = set()
        self._holders: set[str] = set()  # of batches or a called flow: folded when they came up
        self._branches = branches({})
        self._rows: list[TreeRow] = []
        self._place: dict[str, int] = {}

    def row_count(self) -> int:
        """The visible rows and the execution's own."""
        return len(self._rows) + 1 if self.opened.execution is not None else 0

    def row_key(self, index: int) -> str | None:
        """A step's path; the execution's row has the root's key."""
        if index == 0:
            return ROOT
        return self._rows[index - 1].key if 0 < index <= len(self._rows) else None

    def index_of(self, key: str) -> int | None:
        """The row of a path."""
        return 0 if key == ROOT else self._place.get(key)

    def steps_changed(self, paths: set[str], shape: bool) -> None:
        """Take what a frame changed: another tree, or only some rows of it."""
        if shape or not self._rows:
            self._fold_holders()
            self._branches = branches(self.opened.steps)
            self._rebuild()
            return
        self.repaint_row(0)
        for path in paths:
            index = self._place.get(path)
            if index is not None:
                self.repaint_row(index)

    def opened_batches(self) -> list[str]:
        """The batch steps whose batches are looked at."""
        return self._opened("batch")

    def opened_calls(self) -> list[str]:
        """The steps that call a flow, and whose steps are looked at."""
        return self._opened("child")

    def _opened(self, what: str) -> list[str]:
        steps = self.opened.steps
        return sorted(p for p in self._holders - self.folded if steps.get(p, {}).get(what))

    def forget(self) -> None:
        """Another execution is shown: its tree comes up unfolded."""
        self.folded.clear()
        self._holders.clear()
        self.cursor_key = None

    def _fold_holders(self) -> None:
        """A step with batches, or that calls a flow, comes up as one row, which opens to them; a
        call that has failed comes up open.
        """
        found = {path for path, step in self.opened.steps.items() if _holds(step)}
        failed = {path for path in found if _is_failed_call(self.opened.steps[path])}
        self.folded |= found - self._holders - failed
        self._holders |= found

    def _rebuild(self) -> None:
        self._rows = visible_rows(self._branches, self.folded)
        self._place = {row.key: index for index, row in enumerate(self._rows, 1)}
        self.rows_changed()

    def toggle_fold(self) -> bool:
        """Fold or unfold a group, on the execution all of them; False where there is none."""
        if self.cursor == 0 and self._rows:
            groups = self.folded or group_keys(self._branches) | self._holders
            self.folded = set() if self.folded else groups
            self._rebuild()
            return bool(groups)
        row = self._rows[self.cursor - 1] if 0 < self.cursor <= len(self._rows) else None
        if row is None or not (row.children or row.key in self._holders):
            return False
        self.folded ^= {row.key}
        self._rebuild()
        return True

    def selected_steps(self) -> tuple[tuple[str, ...], str, bool]:
        """The steps whose log is meant, how to call them, and whether it is a single one."""
        key = self.cursor_key or ROOT
        if key in self.opened.steps:
            return (key,), key, not self._rows_below(key) and not _holds(self.opened.steps[key])
        row = next((row for row in self._rows if row.key == key), None)
        if key == ROOT or row is None:
            return (), "all steps", False
        below = steps_below(self.opened.steps, key)
        words = f"{row.label}: {len(below)} step{'' if len(below) == 1 else 's'}"
        return (tuple(below) if key.startswith("\0") else (key,)), words, False

    def _rows_below(self, key: str) -> bool:
        place = self._place.get(key)
        return place is not None and self._rows[place - 1].children > 0

    def reveal(self, path: str) -> bool:
        """Select a step, unfolding what hides it."""
        parts = path.split("/")
        hidden = {"/".join(parts[:depth]) for depth in range(1, len(parts))} & self.folded
        if hidden:
            self.folded -= hidden
            self._rebuild()
        return self.go_to_key(path)

    def tick(self) -> bool:
        """The clock moved: paint what runs; False when nothing does."""
        execution = self.opened.execution
        if execution is None or not is_live(execution):
            return False
        self.repaint_row(0)
        for index in range(max(1, self.top), min(self.top + self.page, self.row_count())):
            step = self.opened.steps.get(self._rows[index - 1].key)
            if step is not None and step.get("state") == "running":
                self.repaint_row(index)
        return True

    def paint_row(self, index: int, cursor: str) -> Strip:
        """The execution, or a step under it."""
        if index == 0:
            return self.line(self._root_parts(self.opened.execution or {}), cursor)
        row = self._rows[index - 1]
        step = self.opened.steps.get(row.key)
        parts = self._group_parts(row) if step is None else self._step_parts(row, step)
        return self.line(parts, cursor)

    def _root_parts(self, execution: Mapping[str, Any]) -> list[Part]:
        view, width = self.view, self.size.width
        look = looks.execution_look(execution)
        ahead = left(execution, view.now())
        tail: list[Part] = [(f"  {ahead} left" if ahead else "", "muted"), ("  ", "text")]
        tail += [*progress_parts(execution, view), (" ", "text")]
        tail.append((fit_right(took(execution, view.now()), TOOK_CELLS), "text"))
        tail.append((" ", "text"))
        room = width - sum(cell_len(text) for text, _ in tail)
        head = f" {look.sign(view.ascii_only)} {look.word}  "
        name = fit_middle(name_of(execution), max(4, room - cell_len(head)))
        return [(head, look.role), (name, "strong"), *tail]

    def _step_parts(self, row: TreeRow, step: Mapping[str, Any]) -> list[Part]:
        view, width = self.view, self.size.width
        look = looks.step_look(step)
        guide = " " + guide_text(row, view.ascii_only)
        holds = row.children or _holds(step)
        taken = fit_right(took(step, view.now()), TOOK_CELLS)
        note = self._note(step, look.word)
        room = width - cell_len(guide) - 2 - TOOK_CELLS - 1
        # not the sign of what runs
        label = clean(row.label) + (FOLDED if row.folded and holds else "")
        # a long name leaves the note its share, a short one all the rest
        name_width = max(4, room - 1 - min(cell_len(note), int(room * NOTE_SHARE)))
        note_width = min(cell_len(note), room - 1 - min(cell_len(label), name_width))
        name = fit_middle(label, room - 1 - note_width)
        return [
            (guide, "rule"),
            (f"{look.sign(view.ascii_only)} ", look.role),
            (name, "text"),
            (" ", "text"),
            (fit(note, note_width), look.role),
            (taken, "text"),
            (" ", "text"),
        ]

    def _note(self, step: Mapping[str, Any], word: str) -> str:
        state = step.get("state")
        if step.get("stuck"):
            return f"{word} · {stuck_words(step)}"
        if step.get("batch"):
            return " · ".join([word, batch_words(step["batch"])])
        if state == "completed" and (step.get("attempts") or 0) <= 1 and not step.get("child"):
            return word
        parts = [word, *([name_of(step["child"])] if step.get("child") else [])]
        if state == "failed" and step.get("handled"):
            parts.append("handled")
        if state == "failed":
            ended = exit_words(step.get("exit_code"), step.get("signal"))
            parts.append(ended or clean(str((step.get("error") or {}).get("type") or "")))
        if (step.get("attempts") or 0) > 1:
            parts.append(f"try {step['attempts']}")
        if state in ("waiting", "skipped", "cancelled") and step.get("reason"):
            parts.append(clean(str(step["reason"])).removeprefix("cancel "))
        return " · ".join(part for part in parts if part)

    def _group_parts(self, row: TreeRow) -> list[Part]:
        guide = " " + guide_text(row, self.view.ascii_only)
        sign = "+" if row.folded else self.view.glyph("▾", "-")
        words = f" ({row.children} steps)" if row.folded else ""
        return [(guide, "rule"), (f"{sign} ", "muted"), (clean(row.label) + words, "muted")]


def _holds(step: Mapping[str, Any]) -> bool:
    """Whether a step has others that are sent only where somebody looks at them."""
    return bool(step.get("batch") or step.get("child"))


def _is_failed_call(step: Mapping[str, Any]) -> bool:
    return bool(step.get("child")) and step.get("state") in ("failed", "interrupted")
