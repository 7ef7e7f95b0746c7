"""The steps of certificate-expiry. Runs in a worker; needs `cryptography`, which Wingman has.

What is found goes to files of the working directory: thousands of certificates are no output.
"""

from __future__ import annotations

import json
import os
import ssl
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.x509.oid import NameOID

ENDINGS = (".pem", ".crt", ".cer", ".cert")
BEGIN = b"-----BEGIN CERTIFICATE-----"
FILE_LIMIT_BYTES = 4 * 1024 * 1024
CONNECT_TIMEOUT_S = 10.0
DAY_S = 86400
NAMED_AT_MOST = 100


def read_files(paths: list[str]) -> dict[str, int]:
    """Find the certificates in files and directories; each is kept once."""
    found: dict[str, dict[str, Any]] = {}
    files = 0
    for path in paths:
        for file in certificate_files(Path(path)):
            certificates = read_file(file)
            files += bool(certificates)
            for certificate in certificates:
                entry = describe(certificate, str(file))
                found.setdefault(entry["fingerprint"], entry)
    Path("files.json").write_text(json.dumps(list(found.values())))
    print(f"INFO {len(found)} certificates in {files} files")
    return {"certificates": len(found)}


def ask_servers(servers: list[str]) -> dict[str, int]:
    """The certificate that each server shows, valid or not."""
    found, errors = [], []
    for server in servers:
        host, _, port = server.rpartition(":")
        try:
            pem = ssl.get_server_certificate((host, int(port)), timeout=CONNECT_TIMEOUT_S)
        except OSError as error:
            print(f"ERROR {server}: {error}")
            errors.append(error)
            continue
        entry = describe(x509.load_pem_x509_certificate(pem.encode()), server)
        print(f"INFO {server} shows {entry['name']}")
        found.append(entry)
    Path("servers.json").write_text(json.dumps(found))
    if errors:
        raise errors[0]
    return {"certificates": len(found)}


def judge(days: int, roots: bool) -> dict[str, Any]:
    """Tell what has expired and what will soon; SystemExit when something has."""
    now = time.time()
    found = [json.loads(Path(name).read_text()) for name in ("files.json", "servers.json")]
    entries = sorted((entry for part in found for entry in part), key=lambda e: e["ends_at"])
    old_roots = [each for each in entries if each["ends_at"] < now and each["root"] and not roots]
    for entry in old_roots:
        print(f"WARN an expired root is still trusted: {entry['name']} ({entry['where']})")
    entries = [entry for entry in entries if entry not in old_roots]
    expired = [entry for entry in entries if entry["ends_at"] < now]
    soon = [entry for entry in entries if now <= entry["ends_at"] < now + days * DAY_S]
    for entry in expired:
        ago = (now - entry["ends_at"]) / DAY_S
        print(f"ERROR expired {ago:.0f} days ago: {entry['name']} ({entry['where']})")
    for entry in soon:
        left = (entry["ends_at"] - now) / DAY_S
        print(f"WARN expires in {left:.0f} days: {entry['name']} ({entry['where']})")
    if expired:
        raise SystemExit(f"ERROR {len(expired)} of {len(entries)} certificates have expired")
    print(f"INFO none of {len(entries)} has expired, {len(soon)} will within {days} days")
    return {
        "certificates": len(entries),
        "expired": len(old_roots),
        "soon": [f"{entry['name']} ({entry['where']})" for entry in soon[:NAMED_AT_MOST]],
        "next": entries[0]["name"] if entries else None,
    }


def certificate_files(path: Path) -> Iterator[Path]:
    """The file itself, or the files under a directory that are named like certificates."""
    if path.is_file():
        yield path
    for folder, _, names in os.walk(path):
        for name in sorted(names):
            if name.endswith(ENDINGS):
                yield Path(folder, name)


def read_file(path: Path) -> list[x509.Certificate]:
    """The certificates of one file; none where it holds something else."""
    try:
        if path.stat().st_size > FILE_LIMIT_BYTES:
            print(f"WARN {path} is too large to be a certificate")
            return []
        data = path.read_bytes()
        with warnings.catch_warnings(action="ignore"):  # odd serial numbers of old roots
            return x509.load_pem_x509_certificates(data) if BEGIN in data else []
    except PermissionError:
        print(f"WARN {path} cannot be read")
    except (OSError, ValueError) as error:
        print(f"WARN {path}: {error}")
    return []


def describe(certificate: x509.Certificate, where: str) -> dict[str, Any]:
    """What is kept of a certificate."""
    return {
        "name": name_of(certificate),
        "where": where,
        "root": certificate.subject == certificate.issuer,
        "ends_at": certificate.not_valid_after_utc.timestamp(),
        "fingerprint": certificate.fingerprint(SHA256()).hex(),
    }


def name_of(certificate: x509.Certificate) -> str:
    """The common name, else the whole subject, else the serial number."""
    common = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    name = common[0].value if common else certificate.subject.rfc4514_string()
    return str(name) or f"serial {certificate.serial_number:x}"
