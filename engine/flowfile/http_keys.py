"""The keys of `http:`, their readers, and what it becomes in the compiled flow."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from .access import SecretName
from .fields import Fields, Key, Value, Values
from .readers import (
    WRONG,
    Boolean,
    Choice,
    ListOf,
    MapOf,
    Reader,
    Reading,
    TemplateText,
    TemplateTree,
    Text,
)
from .yaml_tree import Mapping, Node, Scalar

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,128}")
_FRAMING = frozenset({"content-length", "transfer-encoding", "host", "connection"})
_SECRET = Fields("a secret", (
    Key("secret", SecretName(),
        "The name of a secret that the flow declares under `secrets`."),
), required=("secret",))


@dataclass(frozen=True)
class TextOrSecret(Reader):
    """A text that may hold `${{ }}`, or `{secret: NAME}`; a list of such where `many`."""

    form: str = "a text or {secret: NAME}"
    many: bool = False

    def words(self) -> str:
        return self.form

    def schema(self) -> dict[str, Any]:
        one = [{"type": ["string", "number", "boolean"]}, _SECRET.schema()]
        return {"anyOf": [*one, {"type": "array", "items": {"anyOf": one}}] if self.many else one}

    def read(self, node: Node, reading: Reading) -> Any:
        if isinstance(node, Mapping):
            value = _SECRET.read(node, reading)
            if value is WRONG or "secret" not in value:
                return WRONG
            name = value["secret"]
            reading.secrets.append((name.node, name.value))
            return {"secret": name.value}
        if isinstance(node, Scalar):
            return TemplateText(form=self.form, loose=True, place="step").read(node, reading)
        if not self.many:
            return self.expected(node, reading)
        values = [TextOrSecret(self.form).read(item, reading) for item in node.items]
        return WRONG if any(value is WRONG for value in values) else values


@dataclass(frozen=True)
class Status(Reader):
    """A status such as 201, or a class of them such as 2xx."""

    def words(self) -> str:
        return "a status such as 200 or 2xx"

    def schema(self) -> dict[str, Any]:
        return {"anyOf": [{"type": "integer", "minimum": 200, "maximum": 599},
                          {"type": "string", "pattern": "^[2-5]xx$"}]}

    def read(self, node: Node, reading: Reading) -> Any:
        if isinstance(node, Scalar) and re.fullmatch("[2-5](?:[0-9]{2}|xx)", node.text):
            return node.text
        return self.expected(node, reading)


@dataclass(frozen=True)
class Verify(Reader):
    """true, false, or the file of an authority's certificates."""

    def words(self) -> str:
        return "true, false or a file of certificates"

    def schema(self) -> dict[str, Any]:
        return {"type": ["boolean", "string"]}

    def read(self, node: Node, reading: Reading) -> Any:
        if isinstance(node, Scalar) and isinstance(node.value, bool):
            return node.value
        return Text(form=self.words(), empty=False).read(node, reading)


@dataclass(frozen=True)
class Url(TemplateText):
    """An address of http or https; what a template makes of it is checked when it runs."""

    form: str = "an address such as https://host/path"
    empty: bool = False
    place: str = "step"

    def read(self, node: Node, reading: Reading) -> Any:
        value = super().read(node, reading)
        if value is WRONG or "${{" in value:
            return value
        hint = "it begins with http:// or https://"
        try:
            parts = urlsplit(value)
            fine = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
        except ValueError:
            fine, hint = None, "a port is a number up to 65535; an IPv6 address stands in [ ]"
        if not fine:
            return self.expected(node, reading, hint)
        if parts.username or parts.password:
            return reading.wrong(node, "the address holds a password for all to read",
                                 "use `auth: {basic: {username: …, password: {secret: NAME}}}`")
        return value


def wrong_header(name: str) -> tuple[str, str] | None:
    """What is wrong with the name of a header."""
    if not HEADER_NAME.fullmatch(name):
        return f"`{name[:40]}` is no name of a header", "letters, digits and -"
    if name.lower() in _FRAMING:
        return f"`{name}` is set by the request itself", "remove it"
    return None


_BASIC = Fields("`basic`", (
    Key("username", TextOrSecret(), "The user."),
    Key("password", TextOrSecret(), "The password."),
), required=("username", "password"))
_AUTH = Fields("`auth`", (
    Key("bearer", TextOrSecret(), "A token: `Authorization: Bearer …`."),
    Key("basic", _BASIC, "`{username, password}`."),
))
HTTP = Fields("`http`", (
    Key("method", Choice(METHODS), "What is asked for.", "`GET`; with a body `POST`"),
    Key("url", Url(), "The address."),
    Key("headers", MapOf(TextOrSecret(), wrong_header, "a map of headers"),
        "Headers; a value is a text or `{secret: NAME}`.", "{}"),
    Key("query", MapOf(TextOrSecret(many=True), form="a map of parameters"),
        "Parameters, which are added to the address and encoded; a list gives one several times.",
        "{}"),
    Key("body", TemplateTree(place="step"), "A text as it is; a map or a list is sent as JSON."),
    Key("body_file", TemplateText(place="step", form="a file", empty=False),
        "A file in the working directory that is the body; it is streamed."),
    Key("auth", _AUTH, "`bearer` or `basic`. It is never sent to another host."),
    Key("expect_status", ListOf(Status(), or_one=True, least=1, form="a list of statuses"),
        "What is a success; anything else fails the step with `http:NNN`.", "2xx"),
    Key("save", TemplateText(place="step", form="a file", empty=False),
        "A file in the working directory that takes the response's body, of any size."),
    Key("redirects", Boolean(), "Whether redirects are followed, at most 10. What is secret stays "
        "with the first host.", "true"),
    Key("verify", Verify(), "Whether the server's certificate is checked: `false` does not, a file "
        "names the authorities to trust, relative to the flow's.", "true"),
    Key("proxy", TextOrSecret(), "The address of a proxy.", "none; no variable is read"),
), required=("url",))


def check_http(values: Values, reading: Reading) -> None:
    """What no single key of `http` shows."""
    if "body" in values and "body_file" in values:
        reading.wrong(values["body_file"].key, "`http` takes `body` or `body_file`, not both",
                      "remove one")
    auth = values.get("auth")
    if auth is not None and len(auth.value) != 1 and isinstance(auth.node, Mapping) and not (
            auth.node.entries.keys() - auth.value.keys()):
        reading.wrong(auth.node, "`auth` takes `bearer` or `basic`",
                      "such as {bearer: {secret: NAME}}")
    if auth is not None and "headers" in values and any(
            name.lower() == "authorization" for name in values["headers"].value):
        reading.wrong(auth.key, "`auth` and the header `Authorization` say the same", "remove one")


def compiled_http(value: Value | None, folder: str) -> dict[str, Any] | None:
    """`http` of the compiled flow; `folder` is the flow file's."""
    if value is None:
        return None
    given = {name: one.value for name, one in value.value.items()}
    has_body = given.get("body") is not None or "body_file" in given
    verify = given.get("verify", True)
    return {
        "method": given.get("method", "POST" if has_body else "GET"),
        "url": given.get("url", ""),
        "headers": given.get("headers", {}),
        "query": given.get("query", {}),
        "body": given.get("body"),
        "body_file": given.get("body_file"),
        "auth": _compiled_auth(given.get("auth")),
        "expect_status": given.get("expect_status", ["2xx"]),
        "save": given.get("save"),
        "redirects": given.get("redirects", True),
        "verify": os.path.join(folder, verify) if isinstance(verify, str) else verify,
        "proxy": given.get("proxy"),
    }


def _compiled_auth(auth: Values | None) -> dict[str, Any] | None:
    if not auth:
        return None
    if "bearer" in auth:
        return {"bearer": auth["bearer"].value}
    return {"basic": {name: one.value for name, one in auth["basic"].value.items()}}
