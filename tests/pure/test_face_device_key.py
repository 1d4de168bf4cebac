"""What is taken as a device's key, which bytes it signs, and which signatures are right."""

import base64
import hashlib
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from authsvc.factors.face.devices.key import (
    BadSignature,
    NotAKey,
    SignedFrame,
    capture_bytes,
    decoded,
    point_of,
    registration_bytes,
    require_signature,
    tidy_name,
)
from authsvc.factors.face.prompts import Prompt

KEY = ec.derive_private_key(7, ec.SECP256R1())
NONCE = base64.urlsafe_b64encode(bytes(range(32))).rstrip(b"=").decode()


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def point(key: ec.EllipticCurvePrivateKey = KEY) -> bytes:
    return key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)


def jwk(**changes: str) -> dict[str, str]:
    raw = point()
    return {"kty": "EC", "crv": "P-256", "x": b64(raw[1:33]), "y": b64(raw[33:])} | changes


def signed(message: bytes, key: ec.EllipticCurvePrivateKey = KEY) -> str:
    r, s = decode_dss_signature(key.sign(message, ec.ECDSA(SHA256())))
    return b64(r.to_bytes(32) + s.to_bytes(32))


def test_a_key_of_rfc_7515_is_read() -> None:
    """The public key of RFC 7515, appendix A.3."""
    given = {
        "kty": "EC",
        "crv": "P-256",
        "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
        "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
    }
    signature = "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q"
    signing_input = (
        b"eyJhbGciOiJFUzI1NiJ9"
        b".eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ"
    )
    require_signature(point_of(given), signature, signing_input)


@pytest.mark.parametrize(
    "bad",
    [
        {"kty": "RSA"},
        {"crv": "P-384"},
        {"crv": "secp256k1"},
        {"d": "AQ"},  # a private key
        {"x": ""},
        {"x": b64(bytes(31))},
        {"x": b64(bytes(33))},
        {"y": jwk()["x"]},  # not on the curve
        {"x": b64(bytes(32)), "y": b64(bytes(32))},
        {"x": jwk()["x"] + "="},
        {"x": "\u00e9" * 43},
    ],
)
def test_anything_else_is_no_key(bad: dict[str, str]) -> None:
    with pytest.raises(NotAKey):
        point_of(jwk(**bad))


def test_a_jwk_without_a_member_is_no_key() -> None:
    for name in ("kty", "crv", "x", "y"):
        with pytest.raises(NotAKey):
            point_of({key: value for key, value in jwk().items() if key != name})


def test_the_bytes_of_a_registration() -> None:
    message = registration_bytes(nonce=NONCE, server="https://id.shop.example", point=point(), name="Ada's phone")
    assert message == (
        b"authsvc/face-device/v1\x00"
        + bytes(range(32))
        + hashlib.sha256(b"https://id.shop.example").digest()
        + hashlib.sha256(point()).digest()
        + hashlib.sha256(b"Ada's phone").digest()
    )


def test_the_bytes_of_a_capture() -> None:
    frames = [SignedFrame(Prompt.STRAIGHT, 0, b"one"), SignedFrame(Prompt.CLOSER, 70_000, b"two")]
    message = capture_bytes(nonce=NONCE, server="https://id.shop.example", device_id="fdv_x", frames=frames)
    assert message == (
        b"authsvc/face-capture/v1\x00"
        + bytes(range(32))
        + hashlib.sha256(b"https://id.shop.example").digest()
        + hashlib.sha256(b"fdv_x").digest()
        + b"\x02"
        + b"\x01\x00\x00\x00\x00"
        + hashlib.sha256(b"one").digest()
        + b"\x04\x00\x01\x11\x70"
        + hashlib.sha256(b"two").digest()
    )


def test_a_signature_is_of_one_key_over_one_message() -> None:
    require_signature(point(), signed(b"message"), b"message")
    another = ec.derive_private_key(8, ec.SECP256R1())
    for of, signature, message in [
        (point(), signed(b"message"), b"another"),
        (point(another), signed(b"message"), b"message"),
        (point(), signed(b"message", another), b"message"),
    ]:
        with pytest.raises(BadSignature):
            require_signature(of, signature, message)


@pytest.mark.parametrize(
    "signature",
    [
        "",
        "x",
        b64(bytes(64)),
        b64(bytes(63)),
        b64(bytes(65)),
        b64(b"\xff" * 64),
        b64(KEY.sign(b"m", ec.ECDSA(SHA256()))),
    ],
    ids=["none", "no base64url", "zeros", "short", "long", "too large", "DER"],
)
def test_what_is_no_signature_is_refused(signature: str) -> None:
    with pytest.raises(BadSignature):
        require_signature(point(), signature, b"m")


@pytest.mark.parametrize("text", ["A", "AAA=", "A A", "AB", "++++", "\u00e9", "\ud800"])
def test_base64url_is_written_one_way(text: str) -> None:
    assert decoded(text) is None


@pytest.mark.parametrize(
    ("name", "tidy"),
    [
        ("Ada's phone", "Ada's phone"),
        ("  a \n b ", "a b"),
        ("x" * 60, "x" * 60),
        ("x" * 61, None),
        (" ", None),
        ("a\x00", None),
    ],
)
def test_a_name_is_what_a_person_can_read(name: str, tidy: str | None) -> None:
    assert tidy_name(name) == tidy


def test_the_guides_example() -> None:
    """docs/guides/mobile.md: an app is tested against these."""
    guide = (Path(__file__).parents[2] / "docs" / "guides" / "mobile.md").read_text()
    server = "https://id.shop.example"
    shown = [SignedFrame(Prompt.STRAIGHT, 0, b"one"), SignedFrame(Prompt.LEFT, 800, b"two")]
    shown.append(SignedFrame(Prompt.CLOSER, 1600, b"three"))
    capture = capture_bytes(nonce=NONCE, server=server, device_id="fdv_example", frames=shown)
    registration = registration_bytes(nonce=NONCE, server=server, point=point(), name="Ada's phone")
    assert (len(registration), len(capture)) == (151, 232)
    for text in (
        NONCE,
        jwk()["x"],
        jwk()["y"],
        *(hashlib.sha256(each).hexdigest() for each in (registration, capture)),
    ):
        assert text in guide
