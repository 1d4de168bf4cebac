"""One-time passwords by time: which code belongs to which time step, and which step a typed code proves. Pure.

    code(step) = HOTP(secret, step),  step = floor(unix time / 30 s)           RFC 6238, 4.2; RFC 4226, 5.3

SHA-1, 6 digits and 30 seconds: the one variant that every authenticator app reads from a QR code. One step to either
side is taken too (RFC 6238, 5.2), for clocks that are off and for people who are slow. A step is proven once: only
steps newer than the last one taken count, so a code seen over a shoulder is worth nothing in the rest of its window.
"""

import base64
import hmac
import unicodedata
from datetime import datetime

import pyotp

DIGITS = 6
STEP_S = 30
WINDOW = 1
SECRET_BYTES = 20  # RFC 4226, 4 (R6) recommends 160 bits


def secret_text(secret: bytes) -> str:
    """Return a secret as apps read it: base32, 32 characters, no padding."""
    return base64.b32encode(secret).decode()


def grouped(text: str) -> str:
    """Return a secret in groups of four, to be typed by hand."""
    return " ".join(text[start : start + 4] for start in range(0, len(text), 4))


def enrolment_uri(text: str, *, service_name: str, account_name: str) -> str:
    """Return what the QR code says: an otpauth URI."""
    # A colon parts issuer and account in the label; a name that has one would be read wrong.
    issuer = service_name.replace(":", " ")
    return pyotp.TOTP(text, digits=DIGITS, interval=STEP_S).provisioning_uri(name=account_name, issuer_name=issuer)


def step_of(now: datetime) -> int:
    return int(now.timestamp()) // STEP_S


def digits_of(typed: str) -> str | None:
    """Return the six digits that somebody typed, with or without spaces; None when it can't be a code."""
    digits = "".join(unicodedata.normalize("NFKC", typed[: DIGITS * 4]).split()).replace("-", "")
    return digits if len(digits) == DIGITS and digits.isascii() and digits.isdigit() else None


def proven_step(text: str, typed: str, *, now: datetime) -> int | None:
    """Return the newest step of the window whose code was typed, or None.

    The newest: should two steps happen to have the same code, taking it spends both.
    """
    digits = digits_of(typed)
    if digits is None:
        return None
    generator, current = pyotp.TOTP(text, digits=DIGITS, interval=STEP_S), step_of(now)
    matching = [
        step
        for step in range(current - WINDOW, current + WINDOW + 1)
        if step >= 0 and hmac.compare_digest(generator.generate_otp(step), digits)
    ]
    return max(matching, default=None)
