"""What a mobile app does with a capture ticket: send frames of a face, read the verdict.

    python examples/mobile/capture.py --ticket TICKET frame1.jpg frame2.jpg frame3.jpg [--server http://localhost:8000]

TICKET is the one string that authsvc's page shows: `authsvc-face:` and base64url (no padding) of a JSON object with
`server`, `ticket` (the secret, sent as a bearer token) and `nonce`. The server is an https origin, or this machine.

Only the standard library is used, and nothing of authsvc: this is the protocol as an app has to write it.

Exit status: 0 enrolled or match; 1 no match; 2 the capture or the ticket was refused, or the server can't be reached.
"""

import argparse
import base64
import json
import sys
import time
import urllib.error
import urllib.request
import uuid
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

SCHEME = "authsvc-face:"
TIMEOUT_S = 60
TRIES = 5  # when the server is busy; the ticket stays open meanwhile
ACCEPTED, NOT_THE_SAME, REFUSED = 0, 1, 2


class Refused(Exception):
    """The capture came to nothing; says why."""


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Send the frames of one face capture, as a mobile app does.")
    parser.add_argument("--ticket", required=True, help="the string that the page shows")
    parser.add_argument("--server", help="send to this origin instead of the one in the ticket")
    parser.add_argument("frames", nargs="+", type=Path, help="JPEG files, three or more, in the order they were taken")
    options = parser.parse_args(arguments)
    try:
        ticket = read_ticket(options.ticket)
        server = safe_server(options.server or ticket["server"])
        result = send(server, ticket, [path.read_bytes() for path in options.frames])
    except (Refused, OSError) as problem:
        print(f"refused: {problem}", file=sys.stderr)
        return REFUSED
    counts = "counts" if result["satisfies_step_up"] else "does not count"
    print(f"{result['outcome']} ({counts} as a second factor)")
    return NOT_THE_SAME if result["outcome"] == "no_match" else ACCEPTED


def read_ticket(text: str) -> dict[str, str]:
    """Return the ticket's server, secret and nonce."""
    body = text.strip().removeprefix(SCHEME)
    try:
        content = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
        return {name: str(content[name]) for name in ("server", "ticket", "nonce")}
    except (ValueError, KeyError, TypeError) as problem:
        raise Refused("this is not a capture ticket") from problem


def safe_server(origin: str) -> str:
    """Return the origin if a face may be sent there: over https, or without leaving this machine."""
    try:
        parts = urlsplit(origin)
    except ValueError as problem:
        raise Refused("the server is not an address") from problem
    local = parts.scheme == "http" and parts.hostname in ("localhost", "127.0.0.1", "::1")
    if not parts.hostname or parts.username or not (parts.scheme == "https" or local):
        raise Refused("the server must be an https address")
    return f"{parts.scheme}://{parts.netloc}"


def send(server: str, ticket: dict[str, str], frames: list[bytes]) -> dict[str, Any]:
    """Send the capture; wait and try again while the server is busy."""
    boundary = uuid.uuid4().hex
    request = urllib.request.Request(  # noqa: S310  # safe_server has looked at the scheme
        f"{server}/v1/face/captures",
        data=multipart(boundary, ticket["nonce"], frames),
        headers={
            "Authorization": f"Bearer {ticket['ticket']}",
            "Content-Type": f"multipart/form-data; boundary={boundary}",
            "User-Agent": "authsvc-example-app/1",
        },
    )
    for left in range(TRIES, 0, -1):
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT_S) as response:  # noqa: S310
                result: dict[str, Any] = json.load(response)
                return result
        except urllib.error.HTTPError as answer:
            if answer.code != 503 or left == 1:
                raise Refused(explain(answer)) from answer
            time.sleep(int(answer.headers.get("Retry-After", "2")))
    raise AssertionError("unreachable")


def multipart(boundary: str, nonce: str, frames: list[bytes]) -> bytes:
    """Return the body: one field `nonce`, then each frame as a file called `frames`."""
    line = f"--{boundary}\r\nContent-Disposition: form-data; name="
    parts = [f'{line}"nonce"\r\n\r\n{nonce}\r\n'.encode()]
    for number, frame in enumerate(frames, 1):
        head = f'{line}"frames"; filename="{number}.jpg"\r\nContent-Type: image/jpeg\r\n\r\n'
        parts.append(head.encode() + frame + b"\r\n")
    return b"".join([*parts, f"--{boundary}--\r\n".encode()])


def explain(answer: urllib.error.HTTPError) -> str:
    """Return the problem document's code and words (RFC 9457)."""
    try:
        problem = json.load(answer)
        return f"{problem['code']}: {problem['detail']}"
    except (ValueError, KeyError, TypeError):
        return f"the server answered {answer.code}"


if __name__ == "__main__":
    sys.exit(main())
