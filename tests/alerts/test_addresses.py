"""A channel of several addresses: each is told once, whoever of the others is down."""

from __future__ import annotations

from collections.abc import Iterator

import apsw
import pytest

from engine.alerts.addresses import NO_CONSOLE, given_up, labels, outcome
from engine.cli.alerts import _row, _tell_test
from engine.cli.format import local_time
from engine.paths import Home
from tests.alerts.receivers import Hook, http, smtp
from tests.engine.api import Engine, until

FLOW = "name: f\nalerts: [{on: failed, to: chat}]\nsteps: [{id: a, run: exit 3}]"
PAIR = ["${secret:CHAT}", "ntfy://x/y"]


@pytest.fixture
def hook() -> Iterator[Hook]:
    with http() as hook:
        yield hook


def use(home: Home, *addresses: str) -> None:
    given = ", ".join(f'"{address}"' for address in addresses)
    home.config_file.write_text(f"[channels]\nchat = [{given}]\n")


def test_only_the_address_that_was_down_gets_it_again(home: Home, hook: Hook) -> None:
    with http() as other, smtp() as (box, port):
        mail = f"mailto://127.0.0.1:{port}?from=wingman@example.org&to=ops@example.org&mode=insecure"
        one, two = (f"json://127.0.0.1:{each.port}/hidden-path" for each in (hook, other))
        other.status = 503
        use(home, one, two, mail, "json://[bad/hidden-path", "terminal://")
        engine = Engine(home)
        engine.run(FLOW)
        (row,) = until(lambda: [r for r in engine.get("/v1/alerts")["alerts"] if r["tries"]])
        assert [(a["address"], a["state"]) for a in row["addresses"]] == [
            ("json 1", "sent"), ("json 2", "waiting"), ("mailto", "sent"), ("json 3", "waiting"),
            ("terminal", "absent"),
        ]  # fmt: skip
        assert "503" in row["addresses"][1]["error"]
        assert "2 of 5 addresses took it" in row["error"]
        answer = engine.post("/v1/alerts/test", {"channel": "chat"})
        assert [a["state"] for a in answer["addresses"]] == [
            "sent", "failed", "sent", "failed", "absent"]  # fmt: skip
        for known in (str(engine.get("/v1/alerts")), str(answer), home.system_log.read_text()):
            assert "hidden-path" not in known
        (taken,) = next(apsw.Connection(str(home.database)).execute(
            "SELECT taken FROM deliveries WHERE state = 'waiting'"))  # fmt: skip
        assert taken
        assert "hidden-path" not in taken
        other.status = 200
        use(home, mail, two, one)  # in another order: an address is known by what it is
        until(lambda: engine.get("/v1/alerts")["alerts"][-1]["state"] == "sent")
        assert hook.titles == ["f#1 failed", "Wingman test"]
        assert other.titles == ["f#1 failed", "Wingman test", "f#1 failed"]
        assert [mail["Subject"] for mail in box.mails] == ["f#1 failed", "Wingman test"]
        keys = {key for key, body in other.got if body["title"] == "f#1 failed"}
        assert len(keys) == 1


def test_addresses_are_called_by_their_secret_or_kind_and_told_apart() -> None:
    given = [*PAIR, "json://a/secret", "json://b/secret", "hunter2", "x" * 99 + "://y"]
    assert labels(given) == ["CHAT", "ntfy", "json 1", "json 2", "an address 1", "an address 2"]


def test_what_has_it_stays_told_and_an_error_names_who_has_not() -> None:
    found = outcome(PAIR, [], {"ntfy://x/y": "503"}, told=False)
    assert found.taken == ["${secret:CHAT}"]
    assert found.error == "ntfy: 503; 1 of 2 addresses took it"
    again = outcome(PAIR, found.taken, {"ntfy://x/y": "504"}, told=False)
    assert [one["state"] for one in again.said] == ["sent", "waiting"]
    assert [one["state"] for one in given_up(again.said)] == ["sent", "failed"]
    assert outcome(PAIR, found.taken, {}, told=False).error == ""
    assert outcome(["ntfy://x/y"], [], {"ntfy://x/y": "503"}, told=False).error == "503"


def test_a_console_is_waited_for_where_it_is_alone_and_told_once() -> None:
    assert outcome(["terminal://"], [], {}, told=False).error == NO_CONSOLE
    both = ["terminal://", "ntfy://x/y"]
    assert outcome(both, [], {}, told=False).error == ""
    down = outcome(both, [], {"ntfy://x/y": "503"}, told=True)
    assert down.taken == ["terminal://"]
    assert outcome(both, down.taken, {}, told=False).said[0]["state"] == "sent"


def test_the_list_and_the_test_of_a_channel_say_who_has_not_got_it(
    capsys: pytest.CaptureFixture[str],
) -> None:
    alert = {
        "id": 7, "at": "2027-03-01T00:00:00.000000Z", "channel": "chat", "title": "f#1 failed",
        "state": "waiting", "tries": 0, "due": "2027-03-01T07:00:00.000000Z", "error": "",
        "acked_by": None, "leader": None,
    }  # fmt: skip
    due = local_time(alert["due"])  # type: ignore[arg-type]
    assert _row(alert, 0.0)[-1] == f"waiting until {due}"
    tried = {**alert, "tries": 2, "error": "ntfy: 503; 1 of 2 addresses took it"}
    assert _row(tried, 0.0)[-1] == (
        f"waiting after 2 tries, next at {due[11:]}: ntfy: 503; 1 of 2 addresses took it")  # fmt: skip
    said = outcome(PAIR, [], {"ntfy://x/y": "503"}, told=False).said
    _tell_test({"channel": "chat", "error": "ntfy: 503", "addresses": given_up(said)})
    assert capsys.readouterr().err == "chat: failed\n  CHAT: sent\n  ntfy: failed: 503\n"
    _tell_test({"channel": "desk", "error": "", "addresses": said[:1]})
    assert capsys.readouterr().err == "desk: sent\n"
