"""10,000 schedules idle and firing, and a storm of deliveries: none lost, none doubled.

`python -m benchmarks.triggers` prints the rows of RESULTS.md; `--only schedules|webhooks`, `--seconds`.
Deliveries come at a steady rate, whether the engine keeps up or not, over a few connections that are
used one request at a time; each starts a flow of one warm Python step, and one in ten is sent twice.
"""

from __future__ import annotations

import argparse
import asyncio
import collections
import hashlib
import hmac
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from engine.client.http import Client
from engine.client.launch import ensure_engine, stop
from engine.paths import Home, home_at

SCHEDULES, FILES = 10_000, 100
IDLE_S = 20.0
FIRING, FIRING_S = 600, 12
RATE, SECONDS, CONNECTIONS = 500, 60, 16
SENT_TWICE = 10  # one in so many
SECRET = "a secret of the benchmark"
STEP = "steps: [{id: a, python: {script: 'pass'}}]\n"
TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")


def cpu_s(pid: int) -> float:
    """Processor time of a process and its children that ended."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS_A_SECOND


def load() -> str:
    return f"load average {os.getloadavg()[0]:.1f}"


def percentile(sorted_values: list[float], share: float) -> float:
    return sorted_values[min(len(sorted_values) - 1, int(len(sorted_values) * share))]


# -- schedules ---------------------------------------------------------------------------------


def write_schedules(home: Home) -> None:
    each = SCHEDULES // FILES
    for n in range(FILES):
        rows = "\n".join(f"  - {{schedule: '{m % 60} {m % 24} {m % 28 + 1} 1 *', name: s{m}}}" for m in range(each))
        (home.flows / f"idle{n}.yaml").write_text(f"name: idle{n}\ntriggers:\n{rows}\n{STEP}")


def write_moments(home: Home, begin_s: float) -> None:
    rows = []
    for n in range(FIRING):
        at = datetime.fromtimestamp(begin_s + n * FIRING_S / FIRING, UTC).isoformat()
        rows.append(f"  - {{at: '{at}', name: m{n}, overlap: allow}}")
    (home.flows / "moments.yaml").write_text("name: moments\ntriggers:\n" + "\n".join(rows) + "\n" + STEP)


def measure_schedules(home: Home) -> None:
    write_schedules(home)
    begin = time.monotonic()
    client = ensure_engine(home)
    count = len(client.request("GET", "/v1/triggers")["triggers"])
    print(f"| {count:,} triggers armed from {FILES} new files | {time.monotonic() - begin:.1f} s |")
    pid = client.request("GET", "/v1/engine")["pid"]
    time.sleep(3)
    before = cpu_s(pid)
    time.sleep(IDLE_S)
    print(f"| idle with them | {(cpu_s(pid) - before) / IDLE_S:.2%} of a core (goal: under 1 %) |")
    write_moments(home, time.time() + 6)
    time.sleep(6 + FIRING_S + 3)
    late: list[float] = []
    for n in range(FIRING):
        (row,) = client.request("GET", f"/v1/triggers/moments:m{n}/ledger")["occasions"]
        assert row["execution"], row
        late.append(datetime.fromisoformat(row["decided_at"]).timestamp() - datetime.fromisoformat(row["at"]).timestamp())
    late.sort()
    print(f"| {FIRING} moments in {FIRING_S} s, late by | p50 {statistics.median(late) * 1e3:.0f}, "
          f"p99 {percentile(late, 0.99) * 1e3:.0f}, max {late[-1] * 1e3:.0f} ms (goal: 1 s) |")


# -- webhooks ----------------------------------------------------------------------------------


@dataclass
class Storm:
    """What was sent, and what the engine answered."""

    begin_s: float
    took_s: float = 0.0
    executions: dict[int, str] = field(default_factory=dict)  # by the number of the delivery
    answers_s: list[float] = field(default_factory=list)  # from when it was due to its answer
    statuses: collections.Counter[int] = field(default_factory=collections.Counter)
    doubled: int = 0


def delivery(n: int) -> bytes:
    body = json.dumps({"n": n}).encode()
    digest = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
    head = f"POST /hooks/storm HTTP/1.1\r\nHost: x\r\nX-Hub-Signature-256: sha256={digest}\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


async def send_all(home: Home, rate: int, seconds: int, first: int = 0) -> Storm:
    """Deliveries as they fall due, each over the next connection that is free."""
    storm = Storm(time.monotonic() + 0.2)
    numbers = iter(n for due in range(rate * seconds) for n in ([due, due] if due % SENT_TWICE == 0 else [due]))

    async def sender() -> None:
        reader, writer = await asyncio.open_unix_connection(home.text("socket"))
        for n in numbers:
            due_s = storm.begin_s + n / rate
            if (wait_s := due_s - time.monotonic()) > 0:
                await asyncio.sleep(wait_s)
            writer.write(delivery(first + n))
            head = await reader.readuntil(b"\r\n\r\n")
            length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0])
            answer = json.loads(await reader.readexactly(length))
            storm.answers_s.append(time.monotonic() - due_s)
            storm.statuses[int(head.split()[1])] += 1
            if "execution" in answer:
                storm.doubled += storm.executions.setdefault(n, answer["execution"]) != answer["execution"]
        writer.close()

    await asyncio.gather(*(sender() for _ in range(CONNECTIONS)))
    storm.took_s = time.monotonic() - storm.begin_s
    return storm


def all_executions(client: Client) -> list[dict[str, object]]:
    """Every execution of the storm, once none of them is open."""
    until_s = time.monotonic() + 120
    while client.request("GET", "/v1/executions?state=queued,running&limit=1")["executions"]:
        assert time.monotonic() < until_s, "executions are still open"
        time.sleep(0.5)
    found: list[dict[str, object]] = []
    cursor = ""
    while True:
        page = client.request("GET", f"/v1/executions?flow=storm&limit=1000{cursor}")
        found += page["executions"]
        if not page["next"]:
            return found
        cursor = f"&cursor={page['next']}"


def measure_webhooks(home: Home, rate: int, seconds: int) -> None:
    (home.flows / "storm.yaml").write_text(
        "name: storm\ninputs: {n: {type: integer}}\ntriggers: [{webhook: storm, signature: github, "
        "secret: HOOK, rate: 10000, inputs: {n: '${{ body.n }}'}}]\n" + STEP
    )
    client = ensure_engine(home)
    command = [sys.executable, "-m", "engine.cli.main", "secret", "set", "HOOK"]
    subprocess.run(command, input=SECRET.encode(), check=True, stdout=subprocess.DEVNULL)
    assert client.request("GET", "/v1/triggers?flow=storm")["triggers"]
    asyncio.run(send_all(home, 50, 2, -1_000_000))  # the worker is warm, the first imports are over
    status = client.request("GET", "/v1/engine")
    begin = {name: cpu_s(status[name]) for name in ("pid", "runner_pid")}
    own_s = time.process_time()
    storm = asyncio.run(send_all(home, rate, seconds))
    own_s = time.process_time() - own_s
    found = all_executions(client)
    sent, count = rate * seconds, sum(storm.statuses.values())
    answered = set(storm.executions.values())
    fresh = [row for row in found if row["id"] in answered]
    lost = sent - len(fresh)
    seen = collections.Counter(row["inputs"]["n"] for row in found)  # type: ignore[index]
    doubled = storm.doubled + sum(times > 1 for times in seen.values())
    failed = sum(row["state"] != "completed" for row in fresh)
    cost = {name: (cpu_s(status[name]) - begin[name]) / sent * 1e6 for name in begin}
    storm.answers_s.sort()
    p50, p99 = (percentile(storm.answers_s, share) * 1e3 for share in (0.5, 0.99))
    print(f"| {sent:,} signed deliveries and {count - sent:,} repetitions in {storm.took_s:.1f} s | {sent / storm.took_s:.0f}/s (goal: {rate}/s); "
          f"{lost} lost, {doubled} doubled, {failed} failed; answers {dict(storm.statuses)} |")
    print(f"| their answers | p50 {p50:.1f}, p99 {p99:.1f} ms after they were due |")
    print(f"| processor time of one | engine {cost['pid']:.0f}, runner {cost['runner_pid']:.0f}, sender {own_s / sent * 1e6:.0f} µs |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", choices=("schedules", "webhooks"))
    parser.add_argument("--seconds", type=int, default=SECONDS)
    parser.add_argument("--rate", type=int, default=RATE)
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(1))  # the engine ends with us
    print(f"({load()})", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        os.environ["WINGMAN_HOME"] = folder
        home = home_at(folder)
        home.create()
        try:
            if options.only != "webhooks":
                measure_schedules(home)
            if options.only != "schedules":
                measure_webhooks(home, options.rate, options.seconds)
        finally:
            stop(home, True)


if __name__ == "__main__":
    main()
