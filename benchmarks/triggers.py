"""10,000 schedules idle and firing, and a storm of deliveries: none lost, none doubled.

`python -m benchmarks.triggers` prints the rows of RESULTS.md.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from engine.client.launch import ensure_engine, stop
from engine.paths import Home, home_at

SCHEDULES, FILES = 10_000, 100
IDLE_S = 20.0
FIRING, FIRING_S = 600, 12
DELIVERIES, CONNECTIONS = 3_000, 8
SECRET = "a secret of the benchmark"
STEP = "steps: [{id: a, python: {script: 'pass'}}]\n"


def ticks(pid: int) -> int:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


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


async def storm(home: Home) -> tuple[list[str], float]:
    """Deliveries as fast as the engine answers; the executions that it named."""
    numbers = iter(range(DELIVERIES))
    made: list[str] = []

    async def sender() -> None:
        reader, writer = await asyncio.open_unix_connection(home.text("socket"))
        for n in numbers:
            body = json.dumps({"n": n}).encode()
            digest = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
            writer.write(
                f"POST /hooks/storm HTTP/1.1\r\nHost: x\r\nX-Hub-Signature-256: sha256={digest}\r\n"
                f"Content-Length: {len(body)}\r\n\r\n".encode() + body
            )
            head = await reader.readuntil(b"\r\n\r\n")
            assert b" 202 " in head.split(b"\r\n")[0], head
            length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0])
            made.append(json.loads(await reader.readexactly(length))["execution"])
        writer.close()

    begin = time.monotonic()
    await asyncio.gather(*(sender() for _ in range(CONNECTIONS)))
    return made, time.monotonic() - begin


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        os.environ["WINGMAN_HOME"] = folder
        home = home_at(folder)
        home.create()
        write_schedules(home)
        (home.flows / "storm.yaml").write_text(
            "name: storm\ninputs: {n: {type: integer}}\ntriggers: [{webhook: storm, signature: github, "
            "secret: HOOK, rate: 10000, inputs: {n: '${{ body.n }}'}}]\n" + STEP
        )
        try:
            measure(home)
        finally:
            stop(home, True)


def measure(home: Home) -> None:
    begin = time.monotonic()
    client = ensure_engine(home)
    subprocess.run([sys.executable, "-m", "engine.cli.main", "secret", "set", "HOOK"], input=SECRET.encode(), check=True, stdout=subprocess.DEVNULL)
    count = len(client.request("GET", "/v1/triggers")["triggers"])
    print(f"| {count:,} triggers armed from {FILES + 1} files | {time.monotonic() - begin:.1f} s |")
    pid = client.request("GET", "/v1/engine")["pid"]
    time.sleep(3)
    before = ticks(pid)
    time.sleep(IDLE_S)
    print(f"| idle with them | {(ticks(pid) - before) / IDLE_S:.2f} % of a core |")
    write_moments(home, time.time() + 6)
    time.sleep(6 + FIRING_S + 3)
    late: list[float] = []
    for n in range(FIRING):
        (row,) = client.request("GET", f"/v1/triggers/moments:m{n}/ledger")["occasions"]
        assert row["execution"], row
        late.append(datetime.fromisoformat(row["decided_at"]).timestamp() - datetime.fromisoformat(row["at"]).timestamp())
    late.sort()
    print(f"| {FIRING} moments in {FIRING_S} s, late | p50 {statistics.median(late) * 1e3:.0f}, p99 {late[int(len(late) * 0.99)] * 1e3:.0f}, max {late[-1] * 1e3:.0f} ms |")
    made, took_s = asyncio.run(storm(home))
    assert len(set(made)) == len(made) == DELIVERIES
    print(f"| {DELIVERIES:,} deliveries over {CONNECTIONS} connections | {DELIVERIES / took_s:.0f}/s, none lost, none doubled |")


if __name__ == "__main__":
    main()
