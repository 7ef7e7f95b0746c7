"""What masking costs on the way from a step to the disk: `python -m benchmarks.masking`.

A real step prints a file through a real runner, with and without a hundred declared secrets, in turns.
Told are the megabytes a second of the step from its start to its recorded end, and the runner's own
processor time, which tells more where others use the machine. Then the masker alone, on other texts.
"""

from __future__ import annotations

import argparse
import base64
import os
import random
import shutil
import statistics
import tempfile
import time
from pathlib import Path

from benchmarks.idle import ticks
from benchmarks.logs import log_lines, some_secrets
from engine.client.http import Client
from engine.client.launch import ensure_engine, stop
from engine.paths import home_at
from engine.runner.masking import Masker

SECRETS = 100
PIECE_BYTES = 16 << 20
CHUNK_BYTES = 96 << 10  # what the runner reads at once


def with_secrets(data: bytes, share: float, secrets: list[str]) -> bytes:
    """Lines, of which a share hold a secret."""
    rng = random.Random(5)
    lines = data.splitlines(keepends=True)
    for n, line in enumerate(lines):
        if rng.random() < share:
            lines[n] = line[:40] + rng.choice(secrets).encode() + line[40:]
    return b"".join(lines)


def a_step(client: Client, pid: int, text: str) -> tuple[float, float, str]:
    """Seconds of one step, seconds of the runner's processor for it, and its execution."""
    before = ticks(pid)
    started = client.request("POST", "/v1/executions", {"text": text, "source": "/mask.yaml"})
    found = client.request("GET", f"/v1/executions/{started['id']}?wait=true")
    assert found["state"] == "completed", found["error"]
    return found["steps"][0]["duration_ms"] / 1000, (ticks(pid) - before) / 100, found["id"]


def whole_way(megabytes: int, rounds: int, root: Path) -> None:
    """The table of the way through a runner."""
    home = home_at(root / "home")
    home.create()
    secrets = some_secrets(SECRETS)
    names = [f"SECRET_{n}" for n in range(SECRETS)]
    plain = log_lines(PIECE_BYTES)
    files = {"no secret in it": plain, "in 1 line of 100": with_secrets(plain, 0.01, secrets)}
    for name, data in files.items():
        with (root / name).open("wb") as file:
            for _ in range(megabytes * 1_000_000 // len(data)):
                file.write(data)
    client = ensure_engine(home)
    try:
        for name, value in zip(names, secrets, strict=True):
            client.request("PUT", f"/v1/secrets/{name}", {"value": value})
        pid = int(client.request("GET", "/v1/engine")["runner_pid"])
        print(
            f"| {SECRETS} secrets, {megabytes} MB | plain | masked | cost | runner's CPU | limit |"
        )
        print("| --- | --- | --- | --- | --- | --- |")
        for name in files:
            path = root / name
            size_mb = path.stat().st_size / 1e6
            step = f"steps: [{{id: s, run: \"cat '{path}'\"}}]"
            ways = {"plain": "", "masked": f"secrets: [{', '.join(names)}]\n"}
            took: dict[str, list[tuple[float, float]]] = {way: [] for way in ways}
            for _ in range(rounds):
                for way, declared in ways.items():
                    wall_s, cpu_s, id_ = a_step(client, pid, f"name: {way}\n{declared}{step}")
                    took[way].append((wall_s, cpu_s))
                    shutil.rmtree(home.logs / id_)
            wall, cpu = (
                {way: statistics.median(one[n] for one in found) for way, found in took.items()}
                for n in (0, 1)
            )
            print(
                f"| {name} | {size_mb / wall['plain']:.0f} MB/s | {size_mb / wall['masked']:.0f} MB/s "
                f"| {wall['masked'] / wall['plain']:.2f} x | {cpu['masked'] / cpu['plain']:.2f} x "
                f"| ≤ 2 x, ≥ 100 MB/s |"
            )
    finally:
        stop(home, cancel_all=True)


def private_key(rng: random.Random) -> str:
    """Lines as those of a key of 2,048 bits."""
    text = base64.b64encode(rng.randbytes(1190)).decode()
    lines = "\n".join(text[at : at + 64] for at in range(0, len(text), 64))
    return f"-----BEGIN PRIVATE KEY-----\n{lines}\n-----END PRIVATE KEY-----\n"


def alone() -> None:
    """The table of the masker by itself."""
    rng = random.Random(3)
    kinds = {
        "random, base64": some_secrets(SECRETS),
        "alike but for their ends": [
            f"secret-value-{n:04}-{rng.randrange(1 << 30):08x}" for n in range(SECRETS)
        ],
        "hex of 16": [f"{rng.getrandbits(64):016x}" for _ in range(SECRETS)],
        "words of 10": [
            "".join(rng.choices("abcdefghijkmnpqrstuvwxyz", k=10)) for _ in range(SECRETS)
        ],
        "private keys of 1.6 KB": [private_key(rng) for _ in range(SECRETS)],
    }
    lines = log_lines(PIECE_BYTES)
    texts = {
        "log lines": lines,
        "base64": base64.b64encode(random.Random(1).randbytes(PIECE_BYTES * 3 // 4)),
    }
    print(f"\n| the masker alone, MB/s | forms | {' | '.join(texts)} | a secret in 1 line of 100 |")
    print("| --- | --- | --- | --- | --- |")
    for name, secrets in kinds.items():
        rates = []
        for data in (*texts.values(), with_secrets(lines, 0.01, secrets)):
            masker, best_s = Masker(secrets), 1e9
            for _ in range(3):
                fresh, began = masker.fresh(), time.perf_counter()
                view = memoryview(data)
                for at in range(0, len(data), CHUNK_BYTES):
                    fresh.feed(1, view[at : at + CHUNK_BYTES])
                best_s = min(best_s, time.perf_counter() - began)
            rates.append(f"{len(data) / best_s / 1e6:.0f}")
        forms = len(masker._forms._sorted) if masker._forms else 0
        print(f"| {name} | {forms} | {' | '.join(rates)} |")


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--megabytes", type=int, default=400)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="wingman-masking-") as folder:
        whole_way(arguments.megabytes, arguments.rounds, Path(folder))
    alone()
    print(f"\nload {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
