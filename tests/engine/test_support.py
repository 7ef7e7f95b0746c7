"""The support bundle: what it tells, and that no secret, value or output is in it."""

from __future__ import annotations

import json
import tarfile
from pathlib import Path

from engine.paths import Home
from tests.conftest import Wingman
from tests.engine.api import Engine

FORMER, REMOVED = "former-5ecret-value", "removed-5ecret-value"
CANARY, INPUT, PRINTED = "canary-5ecret-value", "an-input-of-mine", "printed-by-a-step"


def test_a_bundle_tells_what_helps_and_nothing_secret(
    engine: Engine, home: Home, wingman: Wingman, tmp_path: Path
) -> None:
    for value in (FORMER, CANARY):
        engine.client.request("PUT", "/v1/secrets/TOKEN", {"value": value})
    engine.client.request("PUT", "/v1/secrets/OTHER", {"value": REMOVED})
    engine.client.request("DELETE", "/v1/secrets/OTHER")
    engine.post("/v1/secrets/rotate", {})
    engine.stop()
    engine.begin()
    (home.root / "config.toml").write_text(
        f'env_passthrough = ["{CANARY}"]\n[servers.prod]\ntoken = "wm_theirs"\n'
    )
    with home.system_log.open("a") as log:
        log.write(f"2026-01-01T00:00:00.000000Z error: it said {CANARY}\n")
        log.write(f"2026-01-01T00:00:00.000000Z error: before that {FORMER} and {REMOVED}\n")
    engine.run(
        f"name: broken\ninputs: {{a: {{type: string}}}}\n"
        f"steps: [{{id: s, run: 'echo {PRINTED}; exit 3'}}]",
        inputs={"a": INPUT},
    )
    target = tmp_path / "bundle.tar.gz"
    done = wingman("support-bundle", "-o", target, check=True)
    assert done.stdout == f"{target}\n"
    assert target.stat().st_mode & 0o777 == 0o600
    with tarfile.open(target) as tar:
        files = {
            Path(entry.name).name: tar.extractfile(entry).read().decode()  # type: ignore[union-attr]
            for entry in tar.getmembers()
        }
    assert set(files) == {"versions.json", "engine.json", "doctor.json", "config.json",
                          "executions.json", "engine.log"}  # fmt: skip
    whole = "".join(files.values())
    assert "before that *** and ***" in files["engine.log"]
    for hidden in (CANARY, FORMER, REMOVED, INPUT, PRINTED, "wm_theirs"):
        assert hidden not in whole
    assert "it said ***" in files["engine.log"]
    (row,) = json.loads(files["executions.json"])
    assert (row["flow"], row["state"], row["error"]["step"]) == ("broken", "failed", "s")
    assert json.loads(files["versions.json"])["libraries"]["msgspec"]
    assert json.loads(files["config.json"])["env_passthrough"] == ["***"]
    assert wingman("support-bundle", "-o", target).returncode == 2, "never over another file"
