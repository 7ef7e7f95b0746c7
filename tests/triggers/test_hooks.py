"""Deliveries: whose they are, over the raw bytes, with the samples that the senders publish."""

from __future__ import annotations

import base64
import hashlib
import hmac
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import Unauthenticated, UsageError, WingmanError
from engine.triggers.hooks import parse, verify

GITHUB = {
    "secret": "It's a Secret to Everybody",
    "body": b"Hello, World!",
    "signature": "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17",
}
STANDARD: dict[str, Any] = {
    "secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
    "body": b'{"test": 2432232314}',
    "headers": {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    },
    "now": 1614265330.0,
}



def standard(now: float = STANDARD["now"], body: bytes = STANDARD["body"], **more: str) -> str:
    headers = {**STANDARD["headers"], **{k.replace("_", "-"): v for k, v in more.items()}}
    return verify("standard", STANDARD["secret"], headers, body, now)


def test_githubs_own_sample_is_genuine_and_keyed_by_what_is_signed() -> None:
    key = verify(
        "github", str(GITHUB["secret"]), {"x-hub-signature-256": str(GITHUB["signature"]),
                                          "x-github-delivery": "any"},
        b"Hello, World!", 0.0)  # fmt: skip
    assert key == hashlib.sha256(b"Hello, World!").hexdigest()
    for headers in ({}, {"x-hub-signature-256": "sha256=" + "0" * 64},
                    {"x-hub-signature-256": "ü"}):  # fmt: skip
        with pytest.raises(Unauthenticated):
            verify("github", str(GITHUB["secret"]), headers, b"Hello, World!", 0.0)
    with pytest.raises(Unauthenticated):
        verify("github", str(GITHUB["secret"]),
               {"x-hub-signature-256": str(GITHUB["signature"])}, b"Hello, World.", 0.0)  # fmt: skip


def test_the_sample_of_standard_webhooks_is_genuine() -> None:
    assert standard() == "msg_p5jXN8AQM9LWM0D4loKWxJek"
    several = "v1,aaaa v2,bbbb " + STANDARD["headers"]["webhook-signature"]
    assert standard(webhook_signature=several)
    bare = STANDARD["secret"].removeprefix("whsec_")  # as some senders show it
    assert verify("standard", bare, STANDARD["headers"], STANDARD["body"], STANDARD["now"])
    svix = {k.replace("webhook", "svix"): v for k, v in STANDARD["headers"].items()}
    assert verify("standard", bare, svix, STANDARD["body"], STANDARD["now"]) == standard()


@pytest.mark.parametrize(
    ("more", "what"),
    [
        ({"body": b'{"test": 2432232315}'}, "signature is wrong"),
        ({"webhook_id": "msg_other"}, "signature is wrong"),
        ({"webhook_id": ""}, "webhook-id is missing"),
        ({"webhook_timestamp": "soon"}, "is no time"),
        ({"webhook_signature": ""}, "signature is wrong"),
        ({"now": STANDARD["now"] + 301}, "301 s ago or ahead"),
        ({"now": STANDARD["now"] - 301}, "301 s ago or ahead"),
    ],
)
def test_what_is_forged_or_replayed_late_is_refused(more: dict[str, Any], what: str) -> None:
    with pytest.raises(Unauthenticated, match=what):
        standard(**more)


def test_a_token_is_accepted_where_senders_put_it() -> None:
    for headers in ({"authorization": "Bearer s3cret"}, {"x-gitlab-token": "s3cret"},
                    {"x-webhook-token": "s3cret", "idempotency-key": ""}):  # fmt: skip
        assert verify("token", "s3cret", headers, b"", 0.0) == ""
    key = {"x-webhook-token": "s3cret", "idempotency-key": "k1"}
    assert verify("token", "s3cret", key, b"", 0.0) == "k1"
    for wrong in ({}, {"authorization": "Bearer s3cre"}, {"authorization": "Basic s3cret"}):
        with pytest.raises(Unauthenticated):
            verify("token", "s3cret", wrong, b"", 0.0)


def test_bodies_are_json_or_forms() -> None:
    assert parse("application/json", b'{"a": [1]}') == {"a": [1]}
    assert parse("text/plain", b"5") == 5
    assert parse("", b"  ") is None
    form = "application/x-www-form-urlencoded; charset=utf-8"
    assert parse(form, b' {"a": 1}') == {"a": 1}, "as curl -d sends it"
    assert parse(form, b"a=1&b=2&b=3&c=") == {"a": "1", "b": ["2", "3"], "c": ""}
    for bad in (b"{", b"\xff", b"[" * 100_000, b"{'a': 1}"):
        with pytest.raises(UsageError, match="is not JSON"):
            parse("application/json", bad)


def test_github_may_send_its_json_as_a_form() -> None:
    form = "application/x-www-form-urlencoded"
    body = b"payload=%7B%22ref%22%3A%22refs%2Fheads%2Fmain%22%2C%22n%22%3A%5B1%2C2%5D%7D"
    assert parse(form, body, "github") == {"ref": "refs/heads/main", "n": [1, 2]}
    assert parse(form, body, "token") == {"payload": '{"ref":"refs/heads/main","n":[1,2]}'}
    assert parse(form, body + b"&a=1", "github")["a"] == "1"
    with pytest.raises(UsageError, match="is not JSON"):
        parse(form, b"payload=%7B", "github")


@given(st.binary(max_size=60), st.dictionaries(
    st.sampled_from(["x-hub-signature-256", "webhook-id", "webhook-timestamp", "authorization",
                     "webhook-signature", "x-webhook-token"]), st.text(max_size=40)))  # fmt: skip
def test_nothing_that_is_sent_is_genuine_by_chance(body: bytes, headers: dict[str, str]) -> None:
    for kind in ("github", "standard", "token"):
        with pytest.raises(WingmanError):
            verify(kind, "a secret that is long enough", headers, body, 0.0)


def signed(secret: str, body: bytes) -> dict[str, str]:
    """The header that GitHub would send."""
    digest = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    return {"x-hub-signature-256": f"sha256={digest}"}


def test_a_secret_that_is_no_base64_is_taken_as_it_is() -> None:
    body, stamp = b"{}", "1614265330"
    digest = hmac.new(b"whsec_!", b"i." + stamp.encode() + b"." + body, hashlib.sha256).digest()
    headers = {"webhook-id": "i", "webhook-timestamp": stamp,
               "webhook-signature": "v1," + base64.b64encode(digest).decode()}  # fmt: skip
    assert verify("standard", "whsec_!", headers, body, float(stamp)) == "i"
