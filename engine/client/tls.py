"""A server far away, over TLS: its certificate is one that this system trusts, or a pinned one.

Standard library only; imported where a server is named.
"""

from __future__ import annotations

import hashlib
import socket
import ssl

from engine.client.transport import SocketConnection
from engine.errors import NotAllowed, Unavailable
from engine.keepalive import keep_alive

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from engine.client.transport import Connection

CONNECT_TIMEOUT_S = 15.0
SILENT_S = 15  # of the other end, before it is asked whether it is there


class NotTrusted(NotAllowed):
    """The certificate is not one that is trusted, or not the one that was pinned."""

    code = "not_trusted"


class TlsConnection(SocketConnection):
    """A connected TLS socket."""

    def is_alive(self) -> bool:
        """A server says nothing between answers: anything to be read is the end."""
        self._raw.settimeout(0)
        try:
            self._raw.recv(1)
        except (ssl.SSLWantReadError, BlockingIOError):
            return True
        except OSError:
            return False
        return False


class TlsTransport:
    """The way to one server; `certificate` is the pinned one, in base64, else this system decides.

    A pinned certificate is the only one that the handshake takes: nothing, and no token above all,
    is said to anybody else.
    """

    def __init__(self, host: str, port: int, token: str, certificate: str, name: str) -> None:
        self.address = (host, port)
        self.host = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        self.headers: Mapping[str, str] = {}
        if token:
            self.headers = {"Authorization": f"Bearer {token}"}
        self._certificate = certificate
        self._name = name

    def context(self) -> ssl.SSLContext:
        """What the other side is checked by."""
        if not self._certificate:
            context = ssl.create_default_context()
        else:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.check_hostname = False  # the very certificate says more than a name in it
            context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
            context.load_verify_locations(cadata=_pem(self._certificate))
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        return context

    def connect(self) -> Connection:
        """A new connection. Raises Unavailable, NotTrusted."""
        return TlsConnection(self._shake_hands(self.context()))

    def _shake_hands(self, context: ssl.SSLContext) -> ssl.SSLSocket:
        """A TLS socket to whom the context trusts. Raises Unavailable, NotTrusted."""
        raw = self._open()
        try:
            return context.wrap_socket(raw, server_hostname=self.address[0])
        except ssl.SSLCertVerificationError as error:
            raw.close()
            raise self.not_trusted(error) from None
        except (ssl.SSLEOFError, ConnectionError, TimeoutError) as error:
            raw.close()
            raise Unavailable(
                f"the line to {self._name} broke while it was opened: {error}",
                "try again; is it `wingman serve` that listens there?",
            ) from None
        except OSError as error:
            raw.close()
            raise Unavailable(f"{self._name} does not speak TLS: {error}") from None

    def not_trusted(self, error: ssl.SSLCertVerificationError) -> NotTrusted:
        """The error for a certificate that is not the right one."""
        if not self._certificate:
            return NotTrusted(
                f"the certificate of {self._name} is not trusted: {error.verify_message}",
                f"look at it and pin it: wingman server add NAME https://{self.host}",
            )
        return NotTrusted(
            f"{self._name} does not show the certificate that was pinned",
            "somebody may be in between; if it was renewed there, pin it: wingman server add",
        )

    def look(self) -> bytes:
        """The certificate of whoever answers there, trusted or not."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        with self._shake_hands(context) as secure:
            return secure.getpeercert(binary_form=True) or b""

    def _open(self) -> socket.socket:
        try:
            raw = socket.create_connection(self.address, CONNECT_TIMEOUT_S)
        except OSError as error:
            raise Unavailable(
                f"{self._name} cannot be reached at {self.host}: {error.strerror or error}",
                "is `wingman serve` running there, and the port open?",
            ) from None
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        keep_alive(raw, SILENT_S)
        return raw


def fingerprint_of(certificate: bytes) -> str:
    """The SHA-256 by which people compare a certificate."""
    return hashlib.sha256(certificate).hexdigest()


def _pem(certificate: str) -> str:
    return f"-----BEGIN CERTIFICATE-----\n{certificate}\n-----END CERTIFICATE-----\n"
