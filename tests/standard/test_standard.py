"""Each standard flow finds a fault that its test has planted, and is content without it."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import socket
import stat
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from engine.flowfile import compile_flow
from tests.conftest import ROOT, Wingman

STANDARD = ROOT / "engine" / "standard"
FLOWS = sorted(path.stem for path in STANDARD.glob("*.yaml"))

Result = dict[str, Any]
Run = Callable[..., Result]


@pytest.fixture
def run(wingman: Wingman) -> Run:
    """Runs a standard flow to its end: `run("disk-pressure", path="/")`; its result."""

    def run(flow: str, **inputs: object) -> Result:
        values = json.dumps(inputs)
        done = wingman("run", flow, "--json", "--inputs-file", "-", input=values)
        assert done.stdout, done.stderr
        result: Result = json.loads(done.stdout)
        result["exit"] = done.returncode
        result["log"] = "\n".join(
            path.read_text("utf-8", "replace")
            for path in sorted((wingman.home.logs / result["id"]).glob("*.log"))
        )
        return result

    return run


def state_of(result: Result, step: str) -> str:
    return next(str(each["state"]) for each in result["steps"] if each["path"] == step)


def test_there_are_enough() -> None:
    assert len(FLOWS) >= 7


@pytest.mark.parametrize("name", FLOWS)
def test_each_compiles_and_explains_itself(name: str) -> None:
    path = STANDARD / f"{name}.yaml"
    compiled = compile_flow(path.read_bytes(), str(path))
    assert compiled["name"] == name
    assert compiled["description"]
    assert "standard" in compiled["tags"]
    assert all(each["description"] for each in compiled["inputs"])
    assert not [each["name"] for each in compiled["inputs"] if each["required"]]


# ── package-integrity ─────────────────────────────────────────────────────────────────────────


def debian(root: Path) -> None:
    """A small Debian-like system of three packages."""
    info = root / "var/lib/dpkg/info"
    info.mkdir(parents=True)
    for package in ("alpha", "beta:amd64", "gamma"):
        lines = []
        name = package.partition(":")[0]
        for kind in ("bin", "share"):
            path = root / "usr" / kind / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(f"{kind} of {name}\n")
            digest = hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()
            lines.append(f"{digest}  usr/{kind}/{name}\n")
        (info / f"{package}.md5sums").write_text("".join(lines))


def test_package_integrity_is_content_with_what_packages_made(run: Run, tmp_path: Path) -> None:
    debian(tmp_path / "system")
    result = run("package-integrity", root=str(tmp_path / "system"))
    assert (result["state"], result["outputs"]) == ("completed", {"packages": 3, "files": 6})


def test_package_integrity_finds_a_changed_and_a_missing_file(run: Run, tmp_path: Path) -> None:
    root = tmp_path / "system"
    debian(root)
    (root / "usr/bin/alpha").write_text("something else\n")
    (root / "usr/share/beta").unlink()
    result = run("package-integrity", root=str(root))
    assert (result["state"], result["exit"]) == ("failed", 1)
    assert result["error"]["step"] == "report"
    assert "ERROR changed: /usr/bin/alpha (package alpha)" in result["log"]
    assert "ERROR missing: /usr/share/beta (package beta:amd64)" in result["log"]
    ignored = run("package-integrity", root=str(root), ignore=["/usr/bin/*", "/usr/share/beta"])
    assert (ignored["state"], ignored["outputs"]["files"]) == ("completed", 2)


def test_package_integrity_knows_diversions_and_excluded_paths(run: Run, tmp_path: Path) -> None:
    root = tmp_path / "system"
    debian(root)
    (root / "usr/bin/alpha").rename(root / "usr/bin/alpha.orig")
    (root / "usr/bin/alpha").write_text("gamma's own\n")
    (root / "var/lib/dpkg/diversions").write_text("/usr/bin/alpha\n/usr/bin/alpha.orig\ngamma\n")
    (root / "usr/share/beta").unlink()
    (root / "usr/share/gamma").unlink()
    rules = root / "etc/dpkg/dpkg.cfg.d/minimal"
    rules.parent.mkdir(parents=True)
    rules.write_text("path-exclude=/usr/share/*\npath-include /usr/share/alpha\n")
    result = run("package-integrity", root=str(root))
    assert (result["state"], result["outputs"]["files"]) == ("completed", 4), result["log"]


# ── disk-pressure ─────────────────────────────────────────────────────────────────────────────


def test_disk_pressure_names_the_culprit_and_fails_over_the_limit(run: Run, tmp_path: Path) -> None:
    culprit = tmp_path / "var" / "a big one.bin"
    culprit.parent.mkdir()
    culprit.write_bytes(os.urandom(3_000_000))
    (tmp_path / "small").write_bytes(b"x")
    result = run("disk-pressure", path=str(tmp_path), limit_percent=1)
    assert (result["state"], result["error"]["step"]) == ("failed", "verdict")
    assert result["log"].count(str(culprit)) == 1
    assert f"{culprit.parent}\n" in result["log"]
    assert result["outputs"] == {} or result["outputs"]["largest_file"] == str(culprit)


def test_disk_pressure_is_content_below_the_limit(run: Run, tmp_path: Path) -> None:
    result = run("disk-pressure", path=str(tmp_path), limit_percent=100)
    assert result["state"] == "completed", result["log"]
    assert 0 < result["outputs"]["fullest_percent"] <= 100


# ── certificate-expiry ────────────────────────────────────────────────────────────────────────


def certificate(path: Path, name: str, days: float, issuer: str = "an issuer") -> None:
    """A certificate that ends in so many days."""
    key = ec.generate_private_key(ec.SECP256R1())
    end = datetime.now(UTC) + timedelta(days=days)
    subject, signer = (
        x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, each)]) for each in (name, issuer)
    )
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(signer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(end - timedelta(days=400))
        .not_valid_after(end)
        .sign(key, hashes.SHA256())
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab") as file:
        file.write(made.public_bytes(serialization.Encoding.PEM))


def test_certificate_expiry_finds_the_expired_one_in_a_bundle(run: Run, tmp_path: Path) -> None:
    certificate(tmp_path / "live/fine.crt", "fine.example", 200)
    certificate(tmp_path / "live/deep/bundle.pem", "also-fine.example", 300)
    certificate(tmp_path / "live/deep/bundle.pem", "expired.example", -3)
    (tmp_path / "live/broken.pem").write_text("-----BEGIN CERTIFICATE-----\nnonsense\n")
    result = run("certificate-expiry", paths=[str(tmp_path / "live"), "/does/not/exist"])
    assert (result["state"], result["error"]["step"]) == ("failed", "verdict")
    assert "ERROR expired 3 days ago: expired.example" in result["log"]
    assert "fine.example (" not in result["log"]
    assert "WARN" in result["log"]
    assert "broken.pem" in result["log"]


def test_certificate_expiry_warns_of_what_ends_soon_and_of_old_roots(
    run: Run, tmp_path: Path
) -> None:
    certificate(tmp_path / "soon.pem", "soon.example", 10.5)
    certificate(tmp_path / "root.pem", "old root", -100, issuer="old root")
    result = run("certificate-expiry", paths=[str(tmp_path)])
    assert result["state"] == "completed", result["log"]
    assert "WARN expires in 10 days: soon.example" in result["log"]
    assert "WARN an expired root is still trusted: old root" in result["log"]
    assert result["outputs"]["soon"] == [f"soon.example ({tmp_path}/soon.pem)"]
    strict = run("certificate-expiry", paths=[str(tmp_path)], roots=True)
    assert strict["state"] == "failed"


# ── listening-ports ───────────────────────────────────────────────────────────────────────────


def test_listening_ports_finds_a_port_that_nobody_allowed(run: Run) -> None:
    with socket.create_server(("0.0.0.0", 0)) as planted:
        port = f"tcp/{planted.getsockname()[1]}"
        found = run("listening-ports", allowed=[])
        assert (found["state"], found["error"]["step"]) == ("failed", "compare")
        line = next(each for each in found["log"].splitlines() if each.startswith(f"ERROR {port} "))
        assert f"({os.getpid()})" in line
        everything = [f"{kind}/{n}" for kind in ("tcp", "udp") for n in ports_of(found)]
        content = run("listening-ports", allowed=everything)
        assert content["state"] == "completed", content["log"]


def ports_of(result: Result) -> list[int]:
    outputs = next(each["outputs"] for each in result["steps"] if each["path"] == "collect")
    return [int(each["port"][4:]) for each in outputs["ports"]]


def test_listening_ports_leaves_loopback_out_unless_asked(run: Run) -> None:
    with socket.create_server(("127.0.0.1", 0)) as planted:
        port = f"tcp/{planted.getsockname()[1]}"
        assert f"ERROR {port} " not in run("listening-ports", allowed=[])["log"]
        assert f"ERROR {port} " in run("listening-ports", allowed=[], loopback=True)["log"]


# ── directory-backup ──────────────────────────────────────────────────────────────────────────


def tree(root: Path) -> None:
    (root / "sub" / "empty").mkdir(parents=True)
    (root / "one.conf").write_text("a=1\n")
    (root / "sub" / "name with\nbreak").write_bytes(os.urandom(10_000))
    (root / "link").symlink_to("one.conf")


def test_directory_backup_keeps_archives_that_can_be_restored(run: Run, tmp_path: Path) -> None:
    source, destination = tmp_path / "source", tmp_path / "backups"
    tree(source)
    destination.mkdir()
    name = str(source.resolve()).lstrip("/").replace("/", "-")
    for day in (1, 2, 3):
        (destination / f"{name}.2020010{day}T000000Z.tar.gz").write_bytes(b"old")
    result = run("directory-backup", source=str(source), destination=str(destination), keep=2)
    assert (result["state"], result["outputs"]["files"]) == ("completed", 2), result["log"]
    archive = Path(result["outputs"]["archive"])
    recorded = Path(f"{archive}.sha256").read_text().split()[0]
    assert recorded == hashlib.sha256(archive.read_bytes()).hexdigest()
    kept = sorted(path.name for path in destination.iterdir())
    oldest = f"{name}.20200103T000000Z.tar.gz"
    assert kept == sorted([oldest, archive.name, f"{archive.name}.sha256"])


def test_directory_backup_finds_an_archive_that_cannot_be_restored(
    wingman: Wingman, run: Run, tmp_path: Path
) -> None:
    source, destination = tmp_path / "source", tmp_path / "backups"
    tree(source)
    shim = tmp_path / "bin" / "gzip"
    shim.parent.mkdir()
    # a disk that loses the end of what is written
    shim.write_text(
        '#!/bin/sh\ncase "$*" in *d*) exec /bin/gzip "$@";; esac\n/bin/gzip "$@" | head -c 100\n'
    )
    shim.chmod(shim.stat().st_mode | stat.S_IXUSR)
    wingman.environment["PATH"] = f"{shim.parent}:{wingman.environment['PATH']}"
    result = run("directory-backup", source=str(source), destination=str(destination))
    assert (result["state"], result["error"]["step"]) == ("failed", "verify")
    assert list(destination.iterdir()) == []
    assert state_of(result, "clean") == "completed"


def test_directory_backup_refuses_a_destination_inside_the_source(run: Run, tmp_path: Path) -> None:
    tree(tmp_path / "source")
    result = run(
        "directory-backup", source=str(tmp_path / "source"), destination=str(tmp_path / "source/b")
    )
    assert (result["state"], result["error"]["step"]) == ("failed", "prepare")


# ── log-triage ────────────────────────────────────────────────────────────────────────────────


def log_lines() -> list[str]:
    lines = [
        f"2026-03-01T03:{n:02}:00Z web[{n}]: GET /item/{n} 200 from 10.0.0.{n}" for n in range(60)
    ]
    lines += [
        f"2026-03-01T04:00:{n:02}Z db[7]: ERROR connection to 10.1.2.{n}:5432 failed after {n}.5 s"
        for n in range(25)
    ]
    return [*lines, "2026-03-01T05:00:00Z db[7]: WARNING disk is nearly full"]


def test_log_triage_puts_the_planted_errors_first(run: Run, tmp_path: Path) -> None:
    log = tmp_path / "app.log"
    log.write_text("\n".join(log_lines()) + "\n")
    result = run("log-triage", file=str(log))
    assert result["state"] == "completed", result["log"]
    outputs = result["outputs"]
    assert (outputs["lines"], outputs["errors"], outputs["warnings"]) == (86, 25, 1)
    assert outputs["top"][0]["count"] == 25
    assert outputs["top"][0]["pattern"] == (
        "db[<n>]: ERROR connection to <address> failed after <n> s"
    )
    assert "the hour with most errors: 2026-03-01T04h, 25 of them" in result["log"]


def test_log_triage_fails_over_the_limit_and_reads_gzip(run: Run, tmp_path: Path) -> None:
    log = tmp_path / "app.log.gz"
    log.write_bytes(gzip.compress("\n".join(log_lines()).encode()))
    result = run("log-triage", file=str(log), max_errors=24)
    assert (result["state"], result["error"]["step"]) == ("failed", "verdict")
    assert run("log-triage", file=str(log), max_errors=25)["state"] == "completed"


# ── the two to practise with ──────────────────────────────────────────────────────────────────


def test_retry_demo_succeeds_at_its_third_attempt(run: Run) -> None:
    result = run("retry-demo")
    assert (result["state"], result["outputs"]) == ("completed", {"tries": 3})
    assert result["steps"][0]["attempts"] == 3
    patience_ends = run("retry-demo", failures=9)
    assert (patience_ends["state"], patience_ends["steps"][0]["attempts"]) == ("failed", 4)
    assert patience_ends["error"]["type"] == "exit:75"


def test_practice_failure_fails_and_can_be_mended_as_it_says(wingman: Wingman, run: Run) -> None:
    result = run("practice-failure")
    assert (result["state"], result["exit"]) == ("failed", 1)
    assert (result["error"]["step"], result["error"]["type"]) == ("check_settings", "exit:78")
    states = {each["path"]: each["state"] for each in result["steps"]}
    assert states["count_lines"] == states["clean"] == "completed"
    assert states["start_service"] == "skipped"
    done = wingman("rerun", "practice-failure@last", "-i", "port=8080", "--json")
    mended = json.loads(done.stdout)
    assert (mended["state"], mended["rerun_of"]) == ("completed", result["id"])
