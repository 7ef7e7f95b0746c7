"""The one message that tells several alerts. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, tzinfo
from typing import NamedTuple

from engine.alerts.rules import QUEUED, TITLE

LINES = 20


class Alert(NamedTuple):
    """One that is told with others."""

    id: int
    flow: str
    number: int
    occasion: str
    title: str
    text: str
    at_us: int


def bundled(
    alerts: Sequence[Alert], *, is_quiet: bool, zone: tzinfo | None = None
) -> tuple[str, str]:
    """Title and text of a message about several alerts, oldest first; one alone stays as it is."""
    first, *more = alerts
    since = "\n\nHeld back in quiet hours, since {}" if is_quiet else "{}"
    if not more:
        return first.title, first.text + (since.format(_time(first, zone)) if is_quiet else "")
    flows = {alert.flow for alert in alerts}
    title = f"{first.flow if len(flows) == 1 else f'{len(flows)} flows'}: {_counts(alerts)}"
    numbers = sorted({alert.number for alert in alerts if alert.number})
    if len(flows) == 1 and len(numbers) > 1:
        title += f" (#{numbers[0]} to #{numbers[-1]})"
    shown = alerts[-LINES:]
    lines = [f"{_time(alert, zone)} {alert.title}{_first_line(alert)}" for alert in shown]
    if len(alerts) > len(shown):
        lines.insert(0, f"{len(alerts) - len(shown)} earlier ones: wingman alerts")
    host = next((x for x in alerts[-1].text.splitlines() if x.startswith("on ")), "")
    what = "Held back in quiet hours:" if is_quiet else ""
    asks = f"wingman why {first.flow}" if len(flows) == 1 else "wingman alerts"
    return title, "\n".join([*filter(None, [what]), *lines, *filter(None, [host]), "", asks])


def _counts(alerts: Sequence[Alert]) -> str:
    words = Counter(
        QUEUED if alert.title.endswith(QUEUED) else TITLE.get(alert.occasion, alert.occasion)
        for alert in alerts
    )
    return ", ".join(f"{n} {word}" for word, n in words.most_common())


def _time(alert: Alert, zone: tzinfo | None) -> str:
    return datetime.fromtimestamp(alert.at_us / 1e6, zone).strftime("%a %H:%M:%S")


def _first_line(alert: Alert) -> str:
    """What the alert says first, where it is about an error."""
    first = alert.text.partition("\n")[0]
    return f": {first[:200]}" if alert.occasion in ("failed", "partial", "not_started") else ""
