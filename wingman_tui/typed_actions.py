"""Carries out a line that was typed after `:`; a verb does what the key of that name does."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from wingman_tui.filters import expanded
from wingman_tui.global_actions import keep_theme
from wingman_tui.inputs import Input
from wingman_tui.lines import Refused
from wingman_tui.naming import name_of
from wingman_tui.placing import EXECUTIONS, FLOWS, place
from wingman_tui.screens.execution_actions import DONE, toggle_debug
from wingman_tui.sorting import Order
from wingman_tui.theme import theme_files
from wingman_tui.typed import (
    FILTER_WORDS,
    FORGET,
    SAVE,
    STEP,
    Known,
    Typed,
    TypedError,
    complete,
    parse,
)

if TYPE_CHECKING:
    from wingman_tui.app import WingmanApp
    from wingman_tui.screens.base import ModeScreen
    from wingman_tui.screens.execution import ExecutionScreen
    from wingman_tui.screens.executions import ExecutionsScreen
    from wingman_tui.session import Session

DETAILS = {"journal": "events"}  # what a verb calls the part of the details
PAST = "commands"
NO_ENGINE = "that is not possible now: no engine answers (S starts it)"
SILENT = "does not answer: that is not possible now"
EXPLAINED = ("why", "timeline", "values", "definition", "diff", "journal")


def ask(screen: ModeScreen) -> None:
    """Ask for a line, and do what it says."""
    app = screen.console_app
    known = _known(screen, _declared(screen))

    def submit(text: str) -> None:
        if not text:
            return
        try:
            typed = parse(text, known)
            if typed.inputs:
                _run_with(app, typed, text)
                return
            _do(screen, typed)
        except TypedError as error:
            app.tell(str(error), "error")
        if not _may_hold_inputs(text):
            app.remember_line(PAST, text)

    screen.ask_line(":", "", submit, lambda text: complete(text, known), past=PAST, remembers=False)


def _may_hold_inputs(text: str) -> bool:
    """Whether more than a flow is named to be run: one of its inputs may be a secret one."""
    verb, _, rest = text.strip().partition(" ")
    return verb == "run" and " " in rest.strip()


def _declared(screen: ModeScreen) -> Callable[[str], Sequence[Input]]:
    """What flows take, asked for when it is first wanted; the prompt offers it as it comes."""
    app, held = screen.console_app, dict[str, Sequence[Input]]()

    def inputs(flow: str) -> Sequence[Input]:
        if flow not in held and flow in app.flows.flows and app.session.is_live:
            held[flow] = ()

            def came(answer: dict[str, Any]) -> None:
                held[flow] = answer.get("inputs") or ()
                screen.offer_again()

            app.carry_out(app.session.flow(flow), came, on_refusal=lambda _: None)
        return held.get(flow, ())

    return inputs


def _opened(screen: ModeScreen) -> ExecutionScreen | None:
    """The screen of an opened execution, if it is that."""
    from wingman_tui.screens.execution import ExecutionScreen

    return screen if isinstance(screen, ExecutionScreen) else None


def _known(screen: ModeScreen, inputs: Callable[[str], Sequence[Input]]) -> Known:
    app, opened = screen.console_app, _opened(screen)
    held = app.executions
    keys = (held.key_at(index) for index in range(min(held.total, 50)))
    rows = (held.row(key) for key in keys if key is not None)
    several = app.session.is_several
    return Known(
        actions=[a for a in app.keymap.within(screen.scopes()) if a.scope != "list"],
        executions=[
            f"{row['server']}:{name_of(row)}" if several else name_of(row)
            for row in rows
            if row is not None
        ],
        flows=list(app.flows.flows),
        types={str(flow.get("type", "")) for flow in app.flows.flows.values()},
        themes=list(theme_files(app.settings.themes_folder)),
        named=list(app.named_filters),
        kept=list(app.kept.filters),
        modes={name: name for name in app.MODES if name not in ("execution", "details")},
        inputs=inputs,
        steps=list(opened.opened.steps) if opened is not None else (),
        servers=[link.name for link in app.session.links] if several else (),
    )


def _do(screen: ModeScreen, typed: Typed) -> None:
    app = screen.console_app
    if typed.action is not None:
        screen.perform(typed.action)
    elif typed.verb == "go":
        app.go(typed.subject)
    elif typed.verb == STEP:
        if (opened := _opened(screen)) is not None:
            opened.go_to_step(typed.subject)
    elif typed.verb == "filter":
        _filter(app, typed.rest)
    elif typed.verb == "sort":
        _list_of(app, lambda shown: shown.set_order(Order(typed.subject, bool(typed.rest))))
    elif typed.verb == "theme":
        if typed.subject:
            app.change_theme(typed.subject)
            keep_theme(app)
        else:
            screen.perform(app.keymap["global.themes"])
    elif typed.verb in ("run", "history", "debug"):
        _on_flow(app, typed)
    elif typed.subject:
        _on_named(app, typed)
    else:
        _on_selected(screen, typed.verb)


def _filter(app: WingmanApp, text: str) -> None:
    from wingman_tui.screens.executions import ExecutionsScreen

    verb, _, name = text.partition(" ")
    if name and verb in FILTER_WORDS:
        shown = app.mode_screen
        text = shown.filter_text if isinstance(shown, ExecutionsScreen) else ""
        _name_filter(app, name.strip(), text if verb == SAVE else "", verb)
        return
    _list_of(app, lambda shown: shown.set_filter(text))


def _list_of(app: WingmanApp, do: Callable[[ExecutionsScreen], None]) -> None:
    """Go to the list of executions, and do something to it there."""
    from wingman_tui.screens.executions import ExecutionsScreen

    app.go("executions")

    def show() -> None:
        if isinstance(app.mode_screen, ExecutionsScreen):
            do(app.mode_screen)

    app.call_later(show)


def _name_filter(app: WingmanApp, name: str, text: str, verb: str) -> None:
    """Keep the filter of the list under a name, or forget one."""
    if verb == SAVE and not text:
        raise TypedError("there is no filter to save: / filters the list")
    if verb == FORGET and name not in app.kept.filters:
        raise TypedError(app.unforgettable(name))
    problem = app.kept.name_filter(name, expanded(text, app.named_filters))
    if problem:
        raise TypedError(problem)
    app.keep()
    app.tell(f"@{name} is {text}" if text else f"@{name} is forgotten", "good")


def _check_flow(app: WingmanApp, flow: str) -> None:
    """Of one server it is known which flows there are. Raises TypedError."""
    if app.session.is_several:
        return
    if not app.session.is_live:
        raise TypedError(NO_ENGINE)
    if flow not in app.flows.flows:
        raise TypedError(f"there is no flow {flow} (Tab offers those that there are)")


def _run_with(app: WingmanApp, typed: Typed, line: str) -> None:
    """Open the form with what was typed filled in; the line is remembered if it holds no secret."""
    _check_flow(app, typed.subject)
    from wingman_tui.screens.run_form import RunForm, open_filled_form

    def opened(form: RunForm) -> None:
        if not form.hides(typed.inputs):
            app.remember_line(PAST, line)

    def placed(session: Session) -> None:
        open_filled_form(app, typed.subject, typed.inputs, opened, session)

    _place(app, FLOWS, typed, placed, to_act=True)


def _on_flow(app: WingmanApp, typed: Typed) -> None:
    name = typed.subject
    _check_flow(app, name)
    if typed.verb == "history":
        _filter(app, f"server:{typed.server} flow:{name}" if typed.server else f"flow:{name}")
        return

    def placed(session: Session) -> None:
        if typed.verb == "run":
            from wingman_tui.screens.run_form import open_run_form

            open_run_form(app, name, None, session)
        elif typed.rest:
            words = f"debug mode of {name}{session.where} is {typed.rest}"
            request = session.set_debug(name, typed.rest)
            app.carry_out(request, lambda _: app.tell(words, "good"))
        else:
            toggle_debug(app, name, session)

    _place(app, FLOWS, typed, placed, to_act=True)


def _place(
    app: WingmanApp, what: str, typed: Typed, do: Callable[[Session], None], *, to_act: bool
) -> None:
    """Do something on the server that has what was named, once that is known."""

    async def ask() -> None:
        try:
            session = await place(app.session, what, typed.subject, typed.server, to_act=to_act)
        except Refused as refused:
            app.tell(str(refused), "error")
            return
        if to_act and not session.is_live:
            far = session.server
            app.tell(NO_ENGINE if far is None else f"{far.name} {SILENT}", "error")
            return
        do(session)

    app.run_worker(ask(), exit_on_error=True)


def _on_selected(screen: ModeScreen, verb: str) -> None:
    """About the execution under the cursor: what its key does, the question included."""
    name = {
        "journal": "events",
        "rerun": "run",
        "continue": "pause",
        "approve": "answer",
        "reject": "answer",
    }.get(verb, verb)
    here = screen.console_app.keymap.within([screen.SCOPE])
    action = next((action for action in here if action.name == name), None)
    if action is None:
        raise TypedError(f"{verb} what? name an execution: {verb} nightly-backup#12")
    screen.perform(action)


def _on_named(app: WingmanApp, typed: Typed) -> None:
    """About an execution that was named: who types it out is not asked again."""
    verb, reference = typed.verb, typed.subject
    if verb == "copy":
        app.copy(reference, reference)
        return
    is_looked_at = verb == "open" or verb in EXPLAINED

    def look(session: Session) -> None:
        app.mean_server(session.link.name)
        if verb == "open":
            app.open_execution(reference)
        else:
            app.open_details(reference, DETAILS.get(verb, verb))

    def act(session: Session) -> None:
        if verb == "rerun":
            _rerun(app, reference, session)
            return
        words = f"{DONE[verb]} {reference}{session.where}"
        body = {"reason": typed.rest} if typed.rest else {}
        app.carry_out(session.act(reference, verb, **body), lambda _: app.tell(words, "good"))

    _place(app, EXECUTIONS, typed, look if is_looked_at else act, to_act=not is_looked_at)


def _rerun(app: WingmanApp, reference: str, session: Session) -> None:
    from wingman_tui.screens.run_form import open_run_form

    app.carry_out(
        session.explain(reference, "values"),
        lambda found: open_run_form(app, str(found["flow"]), found, session),
    )
