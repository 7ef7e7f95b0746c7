"""A believable afternoon for the fake engine: what the tests, snapshots and the picture show."""

from __future__ import annotations

from tests.tui.fake_engine import FakeEngine
from tests.tui.rows import Row, execution, line, stamp, step

NOW = 1_795_356_300.0  # 2026-11-22 14:05:00 UTC
FLOWS = (
    ("nightly-backup", "maintenance", "Dump, compress and ship the database"),
    ("verify-packages", "standard", "Verify the checksums of every installed package"),
    ("certificates", "standard", "Certificates that are about to expire"),
    ("disk-pressure", "standard", "Disk and inode pressure with the largest culprits"),
    ("log-triage", "standard", "Count, level and top patterns of a log"),
    ("ingest-orders", "etl", "Fetch the day's orders and load them"),
    ("open-ports", "standard", "Listening ports against an allowed list"),
)


def _flow(name: str, kind: str, description: str) -> Row:
    return {
        "name": name,
        "version": "0" * 64,
        "description": description,
        "type": kind,
        "tags": [],
        "source": f"/etc/wingman/flows/{name}.yaml",
        "standard": kind == "standard",
        "debug": "off",
        "problems": [],
        "inputs": [],
        "last": [],
    }


def _inputs() -> list[Row]:
    return [
        {
            "name": "database",
            "type": "string",
            "required": False,
            "default": "app",
            "sensitive": False,
            "description": "which database to dump",
            "schema": {"pattern": "^[a-z]+$"},
        },
        {
            "name": "keep",
            "type": "integer",
            "required": False,
            "default": 7,
            "sensitive": False,
            "description": "how many dumps stay",
            "schema": {"minimum": 1, "maximum": 365},
        },
        {
            "name": "mode",
            "type": "string",
            "required": False,
            "default": "full",
            "sensitive": False,
            "description": "",
            "schema": {"enum": ["full", "delta"]},
        },
        {
            "name": "token",
            "type": "string",
            "required": False,
            "default": "",
            "sensitive": True,
            "description": "the store's token",
            "schema": {},
        },
    ]


def fill(engine: FakeEngine, now: float = NOW) -> None:
    """Put the afternoon in."""
    engine.flows = [_flow(*words) for words in FLOWS]
    engine.flows[0]["inputs"] = _inputs()
    engine.flows.append(
        {
            **_flow("half-written", "", "A file with mistakes in it"),
            "problems": ["half-written.yaml:4:3: unknown key `stepz` (did you mean `steps`?)"],
        }
    )
    states = (
        "completed",
        "completed",
        "completed",
        "completed",
        "partial",
        "completed",
        "cancelled",
        "completed",
        "completed",
        "completed",
        "failed",
        "completed",
    )
    for age in range(60, 2, -1):
        name, kind, _ = FLOWS[age % len(FLOWS)]
        state = states[age % len(states)]
        started = now - age * 1_260 - 400
        took = 4_000 + (age * 7_919) % 140_000
        engine.executions.insert(
            0,
            execution(
                name,
                200 - age,
                state,
                type=kind,
                trigger=("schedule", "manual")[age % 2],
                actor=("engine", "ops", "lena")[age % 3],
                started_at=stamp(started),
                ended_at=stamp(started + took / 1000),
                duration_ms=took,
                progress={"ended": 6, "running": 0, "total": 6},
                warnings=(age * 3) % 17 if age % 4 == 0 else 0,
                error={"step": "fetch", "type": "exit:7", "message": "curl: (7) Failed to connect"}
                if state == "failed"
                else None,
            ),
        )
    _failed_backup(engine, now)
    _running(engine, now)
    for flow in engine.flows:
        flow["last"] = [
            {
                "number": row["number"],
                "state": row["state"],
                "duration_ms": row["duration_ms"],
                "id": row["id"],
            }
            for row in engine.executions
            if row["flow"] == flow["name"]
        ][:12]


def _failed_backup(engine: FakeEngine, now: float) -> None:
    start = now - 420
    row = execution(
        "nightly-backup",
        128,
        "failed",
        type="maintenance",
        trigger="schedule",
        actor="engine",
        started_at=stamp(start),
        ended_at=stamp(start + 74.2),
        duration_ms=74_200,
        inputs={"database": "app", "keep": 7, "mode": "full"},
        warnings=2,
        error={
            "step": "compress",
            "type": "exit:1",
            "message": "zstd: error 70 : Write error : cannot write block : "
            "No space left on device",
        },
        progress={"ended": 8, "running": 0, "total": 8},
    )
    steps = [
        step(
            "dump",
            "completed",
            duration_ms=41_300,
            started_at=stamp(start),
            cpu_s=12.9,
            ended_at=stamp(start + 41.3),
            exit_code=0,
            max_rss_bytes=84 << 20,
            write_bytes=2_310 << 20,
            read_bytes=1 << 20,
            outputs={"tables": 214},
        ),
        step(
            "compress",
            "failed",
            attempts=3,
            duration_ms=31_900,
            exit_code=1,
            cpu_s=58.4,
            started_at=stamp(start + 41.4),
            ended_at=stamp(start + 73.3),
            warnings=2,
            max_rss_bytes=212 << 20,
            read_bytes=2_310 << 20,
            write_bytes=611 << 20,
            error={
                "type": "exit:1",
                "message": "zstd: error 70 : Write error : cannot write "
                "block : No space left on device",
            },
        ),
        step("upload", "skipped", attempts=0, reason="compress failed"),
        step(
            "checks/disk",
            "completed",
            duration_ms=310,
            exit_code=0,
            cpu_s=0.1,
            started_at=stamp(start),
            ended_at=stamp(start + 0.3),
            max_rss_bytes=4 << 20,
        ),
        step(
            "checks/memory",
            "completed",
            duration_ms=120,
            exit_code=0,
            cpu_s=0.0,
            started_at=stamp(start),
            ended_at=stamp(start + 0.1),
            max_rss_bytes=4 << 20,
        ),
        step("confirm", "skipped", attempts=0, reason="compress failed"),
        step("patch", "skipped", attempts=0, reason="compress failed"),
        step(
            "clean",
            "completed",
            section="finally",
            duration_ms=80,
            exit_code=0,
            started_at=stamp(start + 74),
            ended_at=stamp(start + 74.1),
            max_rss_bytes=3 << 20,
        ),
    ]
    engine.executions.insert(0, row)
    engine.steps[row["id"]] = steps
    lines = [
        line(
            start + i * 0.8,
            "dump",
            "info",
            f"dumping table orders_{2000 + i}: {(i * 7_919) % 90_000:,} rows",
        )
        for i in range(48)
    ]
    lines += [
        line(
            start + 42 + i,
            "compress",
            "debug" if i % 3 else "info",
            f"frame {i}: 2310 MB => {600 + i} MB",
        )
        for i in range(12)
    ]
    lines += [
        line(start + 55, "compress", "info", "attempt 2 of 3 starts in 10 s", "engine"),
        line(start + 70, "compress", "warning", "warning: /var/backups is 98% full"),
        line(start + 72, "compress", "warning", "warning: /var/backups is 100% full"),
        line(
            start + 73,
            "compress",
            "error",
            "zstd: error 70 : Write error : cannot write block : No space left on device",
            "stderr",
        ),
        line(start + 74, "clean", "info", "removed 'dump.sql'"),
    ]
    engine.log(row["id"], *lines)


def _running(engine: FakeEngine, now: float) -> None:
    start = now - 95
    row = execution(
        "ingest-orders",
        2041,
        "running",
        type="etl",
        trigger="schedule",
        actor="engine",
        started_at=stamp(start),
        inputs={"day": "2026-11-22"},
        progress={"ended": 4, "running": 2, "total": 9},
    )
    engine.executions.insert(0, row)
    engine.steps[row["id"]] = [
        step("fetch", "completed", duration_ms=21_300, exit_code=0),
        step("split", "completed", duration_ms=3_100, exit_code=0),
        step(
            "load/europe",
            "running",
            started_at=stamp(now - 60),
            live={
                "cpu_s": 31.2,
                "rss_bytes": 151 << 20,
                "read_bytes": 80 << 20,
                "write_bytes": 9 << 20,
            },
        ),
        step("load/asia", "running", started_at=stamp(now - 58)),
        step("load/america", "waiting", attempts=0, reason="pool db is full (2 of 2)"),
        step("report", "pending", attempts=0),
    ]
    engine.log(
        row["id"],
        *[
            line(now - 60 + i, f"load/{('europe', 'asia')[i % 2]}", "info", f"loaded batch {i}")
            for i in range(40)
        ],
    )
    waiting = execution(
        "certificates",
        77,
        "queued",
        type="standard",
        actor="lena",
        created_at=stamp(now - 9),
        progress={"ended": 0, "running": 0, "total": 3},
    )
    engine.executions.insert(0, waiting)
    engine.steps[waiting["id"]] = [
        step(name, "pending", attempts=0) for name in ("find", "check", "report")
    ]
