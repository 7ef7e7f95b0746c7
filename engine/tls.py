"""The certificate of an engine that listens on the network: its own, or one made here.

One made here is signed by itself: a client pins its fingerprint at the first attach, as SSH does
with a host's key. cryptography is imported where one is made.
"""

from __future__ import annotations

import base64
import hashlib
import ipaddress
import os
import socket
import ssl
from pathlib import Path
from typing import TYPE_CHECKING

from engine.errors import UsageError

if TYPE_CHECKING:
    from cryptography import x509

DAYS = 3650
CERTIFICATE, KEY = "tls.crt", "tls.key"


def server_context(cert: str, key: str) -> ssl.SSLContext:
    """TLS 1.3 with this certificate. Raises UsageError where the files do not fit."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    try:
        context.load_cert_chain(cert, key or None)
    except (OSError, ssl.SSLError) as error:
        raise UsageError(
            f"the certificate {cert} cannot be used: {error}",
            "--tls-cert and --tls-key name PEM files that belong together",
        ) from None
    return context


def own_certificate(folder: Path, names: list[str]) -> tuple[str, str]:
    """The certificate and key that lie in a folder; made where there are none."""
    cert, key = folder / CERTIFICATE, folder / KEY
    if not (cert.exists() and key.exists()):
        _make(cert, key, names)
    return str(cert), str(key)


def fingerprint(cert: str) -> str:
    """The SHA-256 of a PEM file's first certificate, as clients see it."""
    text = Path(cert).read_text("ascii")
    body = text.partition("-----BEGIN CERTIFICATE-----")[2].partition("-----END")[0]
    return hashlib.sha256(base64.b64decode(body)).hexdigest()


def names_of_here(host: str) -> list[str]:
    """What clients may call this machine."""
    found = ["localhost", socket.gethostname(), socket.getfqdn(), host]
    found += _addresses(host)
    return list(dict.fromkeys(str(name) for name in found if name))


def _addresses(host: str) -> list[str]:
    wild = host in ("", "0.0.0.0", "::")  # every address of this machine
    try:
        found = socket.getaddrinfo(socket.gethostname() if wild else host, None)
    except OSError:
        return []
    return [str(address[4][0]) for address in found]


def _make(cert: Path, key: Path, names: list[str]) -> None:
    import datetime

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID

    private = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"wingman {names[0][:50]}")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(private.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=DAYS))
        .add_extension(x509.SubjectAlternativeName([_general(name) for name in names]), False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), True)
        .sign(private, hashes.SHA256())
    )
    secret = private.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    _write(key, secret)
    _write(cert, made.public_bytes(serialization.Encoding.PEM))


def _general(name: str) -> x509.GeneralName:
    from cryptography import x509

    try:
        return x509.IPAddress(ipaddress.ip_address(name.partition("%")[0]))
    except ValueError:
        return x509.DNSName(name)


def _write(path: Path, data: bytes) -> None:
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(data)
