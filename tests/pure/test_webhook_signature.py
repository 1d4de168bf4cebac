"""Signatures against the vector that the Standard Webhooks libraries test themselves with, and recomputed by hand."""

import base64
import hashlib
import hmac
from datetime import UTC, datetime

from authsvc.accounts.events.signature import SECRET_BYTES, signed_headers, written

# github.com/standard-webhooks/standard-webhooks, libraries/*/tests
SECRET = base64.b64decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
MESSAGE_ID, AT, BODY = "msg_p5jXN8AQM9LWM0D4loKWxJek", datetime.fromtimestamp(1614265330, UTC), b'{"test": 2432232314}'
SIGNATURE = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_the_libraries_own_vector() -> None:
    assert signed_headers(MESSAGE_ID, BODY, [SECRET], now=AT) == {
        "webhook-id": MESSAGE_ID,
        "webhook-timestamp": "1614265330",
        "webhook-signature": SIGNATURE,
    }


def test_two_secrets_give_two_signatures_and_either_is_enough() -> None:
    other = bytes(range(SECRET_BYTES))
    signatures = signed_headers(MESSAGE_ID, BODY, [other, SECRET], now=AT)["webhook-signature"].split(" ")
    mac = hmac.new(other, f"{MESSAGE_ID}.1614265330.".encode() + BODY, hashlib.sha256).digest()
    assert signatures == [f"v1,{base64.b64encode(mac).decode()}", SIGNATURE]


def test_whatever_changes_changes_the_signature() -> None:
    def sign(message_id: str = MESSAGE_ID, body: bytes = BODY, at: datetime = AT, secret: bytes = SECRET) -> str:
        return signed_headers(message_id, body, [secret], now=at)["webhook-signature"]

    other = {
        sign(message_id="msg_other"),
        sign(body=BODY + b" "),
        sign(at=AT.replace(second=11)),
        sign(secret=SECRET + b"x"),
    }
    assert len(other | {sign()}) == 5


def test_a_secret_as_its_receiver_configures_it() -> None:
    assert written(SECRET) == "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
