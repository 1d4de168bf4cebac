"""Sign a webhook as Standard Webhooks 1.0.0 says, so that any of its libraries can check it. Pure.

    webhook-signature = "v1," + BASE64(HMAC-SHA256(secret, id + "." + timestamp + "." + body))

One signature for each secret that is valid, separated by spaces: while a secret is replaced, there are two. A secret is
written `whsec_` + BASE64(32 bytes); the timestamp is the attempt's, in seconds, so that a receiver can refuse old ones.
"""

import base64
import hashlib
import hmac
from collections.abc import Sequence
from datetime import datetime

PREFIX = "whsec_"
SECRET_BYTES = 32  # the standard takes 24 to 64


def written(secret: bytes) -> str:
    """Return a secret as its receiver configures it."""
    return PREFIX + base64.b64encode(secret).decode()


def signed_headers(message_id: str, body: bytes, secrets: Sequence[bytes], *, now: datetime) -> dict[str, str]:
    """Return the three headers of one attempt."""
    timestamp = str(int(now.timestamp()))
    content = f"{message_id}.{timestamp}.".encode() + body
    macs = [hmac.digest(secret, content, hashlib.sha256) for secret in secrets]
    return {
        "webhook-id": message_id,
        "webhook-timestamp": timestamp,
        "webhook-signature": " ".join(f"v1,{base64.b64encode(mac).decode()}" for mac in macs),
    }
