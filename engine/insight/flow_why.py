"""Why a flow starts or does not: its file, its triggers, what became of their occasions. Pure.

`Row`s of triggers and of their ledgers are as the API shows them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from engine.insight.answer import CHAIN_LIMIT, Cause, Help, Row, Why

LEDGER_ROWS = 10  # of a trigger; of several, each has its share


def why_flow(
    flow: Row,
    newest: Row | None,
    problems: Sequence[str],
    triggers: Sequence[Row] = (),
    ledgers: Mapping[str, Sequence[Row]] | None = None,
    hindrances: Sequence[tuple[str, Help | None]] = (),
    refused: tuple[str, str] | None = None,
) -> Why:
    """Why a flow does or does not run; `ledgers` holds the newest rows by trigger.

    `hindrances` keep a flow from starting whose file has no errors, each with what helps; `refused`
    is who asks and may not start it, and whom it is for.
    """
    why = Why(flow["name"], "cannot start" if problems else "ready")
    if problems:
        why.answer = f"{flow['name']} cannot start: its file has {len(problems)} errors"
        why.causes = [Cause(flow["name"], problem) for problem in problems[:CHAIN_LIMIT]]
        why.helps = [Help(f"wingman validate {flow.get('path') or flow['name']}", "all errors")]
        _triggers(why, triggers, ledgers or {})
        return why
    why.answer = f"{flow['name']} can start; {_words(triggers)}"
    if hindrances:
        why.state, why.answer = "cannot start", f"{flow['name']} cannot start: {hindrances[0][0]}"
        why.causes = [Cause(flow["name"], what) for what, _ in hindrances]
        why.helps = [help_ for _, help_ in hindrances if help_ is not None]
    elif triggers and all(trigger["paused"] for trigger in triggers):
        why.state = "paused"
    if refused is not None:
        who, whom = refused
        why.causes.insert(0, Cause(who, f"may not start it: it is for {whom}"))
        if not hindrances:
            why.answer = f"{flow['name']} can start, but {who} may not start it; {_words(triggers)}"
    _triggers(why, triggers, ledgers or {})
    if not (hindrances or refused):
        why.helps.append(Help(f"wingman run {flow['name']}", "start it"))
    if newest is not None:
        name = f"{newest['flow']}#{newest['number']}"
        moment = newest.get("ended_at") or newest.get("started_at") or newest.get("created_at")
        why.causes.append(Cause(name, f"its newest execution is {newest['state']}", since=moment))
        why.helps.append(Help(f"wingman why {name}", "about that one"))
    return why


def _words(triggers: Sequence[Row]) -> str:
    """What starts it, in a few words."""
    if not triggers:
        return "it has no trigger, so somebody has to start it"
    paused = sum(bool(trigger["paused"]) for trigger in triggers)
    if paused == len(triggers):
        return "but it starts by itself no more: " + (
            "its trigger is paused" if paused == 1 else f"its {paused} triggers are paused"
        )
    coming = [trigger["next"] for trigger in triggers if trigger["next"]]
    if not coming and all(trigger["problem"] for trigger in triggers if not trigger["paused"]):
        first = next(trigger["problem"] for trigger in triggers if not trigger["paused"])
        return f"but it does not start by itself: {first}"
    if coming:
        return f"next it starts by itself at {min(coming)[:19]}Z"
    several = len(triggers) > 1
    return f"it starts by itself, by {'its triggers' if several else triggers[0]['what']}"


def _triggers(why: Why, triggers: Sequence[Row], ledgers: Mapping[str, Sequence[Row]]) -> None:
    """Each trigger with what holds it up, and below it what became of its last occasions."""
    rows = max(1, min(LEDGER_ROWS, CHAIN_LIMIT // (2 * max(1, len(triggers)))))
    for trigger in triggers:
        why.causes.append(_trigger(trigger))
        if trigger["problem"]:
            why.causes.append(Cause("problem", trigger["problem"], 1))
        for refused in trigger.get("refusals", ())[:rows]:
            what = f"refused a delivery: {refused['reason']}"
            why.causes.append(Cause("delivery", what, 1, refused["at"]))
        why.causes += map(_occasion, ledgers.get(trigger["name"], ())[:rows])
        if trigger["paused"]:
            why.helps.append(Help(f"wingman trigger continue {trigger['name']}", "let it start"))
    if triggers:
        first = triggers[0]["name"]
        why.helps.append(Help(f"wingman trigger show {first}", "its ledger"))


def _trigger(trigger: Row) -> Cause:
    paused = trigger["paused"]
    if paused:
        reason = f": {paused['reason']}" if paused.get("reason") else ""
        what = f"{trigger['what']}: paused by {paused['by']}{reason}"
        return Cause(trigger["name"], what, since=paused["at"])
    coming = f": next at {trigger['next'][:19]}Z" if trigger["next"] else ""
    return Cause(trigger["name"], f"{trigger['what']}{coming}")


def _occasion(row: Row) -> Cause:
    label = f" as {row['label']}" if row.get("label") else ""
    reason = f": {row['reason']}" if row.get("reason") else ""
    times = f" ({row['times']} times)" if row["times"] > 1 else ""
    return Cause(row["at"][:19] + "Z", f"{row['outcome']}{label}{times}{reason}", 1)
