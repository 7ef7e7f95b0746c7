"""Entries of the inbox and deliveries of alerts, as the engine tells them."""

from __future__ import annotations

from typing import Any

from tests.tui.demo import NOW
from tests.tui.rows import Row, stamp

ID = "0193-nightly-backup-000128"


def place(flow: str, step: str | None, times: int, **more: Any) -> Row:
    return {"flow": flow, "step": step, "open": True, "times": times, "first": stamp(NOW - 90_000),
            "last": stamp(NOW - 300), "execution": ID, "number": 128, **more}  # fmt: skip


def entry(id_: str, type_: str, message: str, *places: Row, **more: Any) -> Row:
    times = sum(each["times"] for each in places)
    newest = places[0]
    return {
        "id": id_, "type": type_, "message": message, "state": "open", "open": True,
        "times": times, "total": times, "first": stamp(NOW - 90_000), "since": stamp(NOW - 90_000),
        "last": newest["last"], "flows": len(places), "flow": newest["flow"],
        "step": newest["step"], "execution": newest["execution"], "number": newest["number"],
        "places": list(places), "acked_at": None, "acked_by": None, "snoozed_until": None,
        "snoozed_by": None, "assigned_to": None, "assigned_by": None, "left_at": None,
        "left_by": None, **more,
    }  # fmt: skip


def delivery(id_: int, state: str, title: str, **more: Any) -> Row:
    return {
        "id": id_, "channel": "ops", "flow": "nightly-backup", "execution": ID,
        "occasion": "failed", "title": title, "text": "compress: exit:1: exited with 1\non db1",
        "at": stamp(NOW - 300), "state": state, "tries": 1, "due": stamp(NOW + 60),
        "ended": stamp(NOW - 290), "error": "", "acked_at": None, "acked_by": None,
        "leader": None, **more,
    }  # fmt: skip


ENTRIES = [
    entry("b4fae040d15e", "connection", "no answer from store.example.org:443 after 3.2 s",
          place("fetch-orders", "get", 14), place("send-invoices", "put", 3, open=True)),
    entry("93c17223db3a", "exit:1", "exited with 1", place("nightly-backup", "compress", 3),
          state="acknowledged", acked_at=stamp(NOW - 200), acked_by="ada", total=41,
          assigned_to="ada"),
    entry("0000000000aa", "timeout", "ran longer than its timeout of 60 s",
          place("ingest-orders", "load/asia", 1), state="snoozed", snoozed_by="lena",
          snoozed_until=stamp(NOW + 7200)),
]  # fmt: skip
MORE = {
    **ENTRIES[1],
    "notes": [{"by": "ada", "at": stamp(NOW - 100), "text": "the disk was full\nrotate"}],
    "alerts": [delivery(5, "sent", "nightly-backup#128 failed")],
}
DELIVERIES = [
    delivery(7, "waiting", "fetch-orders#9 failed", tries=3, error="503 from chat", channel="chat"),
    delivery(5, "sent", "nightly-backup#128 failed"),
    delivery(4, "dropped", "one#3 failed", error="it was over before the quiet hours were"),
]
