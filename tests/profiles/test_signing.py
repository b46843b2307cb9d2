"""Signatures by the scheme of Standard Webhooks."""

from __future__ import annotations

import base64
import hashlib
import hmac
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from profiles.services.signing import BadSignature, check_secret, make_secret, sign, verify
from socialdesk.lib.errors import DeskError

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
ID, STAMP, BODY = "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}'
AT = datetime.fromtimestamp(STAMP, UTC)


def check(**changes: object) -> None:
    signed = sign(secret=SECRET, message_id=ID, timestamp=STAMP, body=BODY)
    given = {"secret": SECRET, "message_id": ID, "timestamp": str(STAMP), "signatures": signed, "body": BODY, "now": AT, **changes}
    verify(**given)  # type: ignore[arg-type]


def test_the_signature_of_the_schemes_own_example() -> None:
    """As the libraries of the scheme test it."""
    assert sign(secret=SECRET, message_id=ID, timestamp=STAMP, body=BODY) == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_what_is_signed_is_id_time_and_body_with_the_bytes_of_the_secret() -> None:
    key = base64.b64decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    expected = hmac.new(key, f"{ID}.{STAMP}.".encode() + BODY, hashlib.sha256).digest()
    assert sign(secret=SECRET, message_id=ID, timestamp=STAMP, body=BODY) == "v1," + base64.b64encode(expected).decode()


def test_it_is_accepted_as_it_was_sent() -> None:
    check()


def test_one_of_several_signatures_is_enough_while_a_secret_is_changed() -> None:
    other = sign(secret=make_secret(), message_id=ID, timestamp=STAMP, body=BODY)
    ours = sign(secret=SECRET, message_id=ID, timestamp=STAMP, body=BODY)
    check(signatures=f"{other} v1a,unknown {ours}")


@pytest.mark.parametrize(
    "changes",
    [
        {"body": BODY + b" "},
        {"message_id": ID + "x"},
        {"message_id": ""},
        {"timestamp": str(STAMP + 1)},
        {"timestamp": ""},
        {"timestamp": "-5"},
        {"timestamp": "٣"},
        {"signatures": ""},
        {"signatures": "v1,"},
        {"signatures": "v1,é"},
        {"secret": make_secret()},
        {"now": AT + timedelta(minutes=5, seconds=1)},
        {"now": AT - timedelta(minutes=5, seconds=1)},
    ],
)
def test_anything_else_is_refused(changes: dict[str, object]) -> None:
    with pytest.raises(BadSignature):
        check(**changes)


@given(st.binary(max_size=200), st.binary(max_size=200))
def test_two_bodies_never_share_a_signature(one: bytes, other: bytes) -> None:
    signed = [sign(secret=SECRET, message_id=ID, timestamp=STAMP, body=body) for body in (one, other)]
    assert (signed[0] == signed[1]) == (one == other)


@pytest.mark.parametrize("text", ["", "whsec_", "whsec_abc", "password", "whsec_" + "A" * 400, "whsec_" + "é" * 40])
def test_what_is_no_secret_is_not_taken_for_one(text: str) -> None:
    with pytest.raises(DeskError):
        check_secret(text)


def test_a_secret_that_we_made_is_one() -> None:
    secret = make_secret()
    assert check_secret(f" {secret} ") == secret
    assert make_secret() != secret
