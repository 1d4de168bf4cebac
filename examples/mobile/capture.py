"""What a mobile app does with a ticket: register its key once, then capture, sign, send, and read the verdict.

    python examples/mobile/capture.py --ticket authsvc-device:… [--name NAME]
    python examples/mobile/capture.py --ticket authsvc-face:… straight.jpg left.jpg right.jpg closer.jpg

The ticket is the one string that authsvc's page shows; it says what is asked for. Frames are JPEG files named after
what they show (straight2.jpg too): the app sends those that the server's prompts ask for, in their order. A phone's
camera takes them while it shows each prompt.

The key lies in a file (--key), unprotected: this is an example. An app makes it in the phone's key store (Android
Keystore, Secure Enclave), where each signature asks for its user, and no program can read it.

Nothing of authsvc is imported: this is the protocol as an app has to write it (docs/guides/mobile.md). Beside the
standard library only `cryptography` is needed, in place of the key store.

Exit status: 0 registered, enrolled or match; 1 no match; 2 refused, or the server can't be reached.
"""

import argparse
import base64
import json
import struct
import sys
import time
import urllib.error
import urllib.request
import uuid
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

FACE, DEVICE = "authsvc-face:", "authsvc-device:"
PROMPTS = {"straight": 1, "left": 2, "right": 3, "closer": 4}
LEAST_FRAMES = 3
FRAME_MS = 250  # between two frames: a head takes its time
TIMEOUT_S = 60
TRIES = 5  # when the server is busy; the ticket stays open meanwhile
ACCEPTED, NOT_THE_SAME, REFUSED = 0, 1, 2


class Refused(Exception):
    """It came to nothing; says why."""


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Register a device, or send the frames of one face capture.")
    parser.add_argument("--ticket", required=True, help="the string that the page shows")
    parser.add_argument("--key", type=Path, default=Path("device.json"), help="where the device's key lies")
    parser.add_argument("--name", default="Example phone", help="what a new device is called")
    parser.add_argument("--server", help="send to this origin instead of the one in the ticket")
    parser.add_argument("--yes", action="store_true", help="I asked for this capture myself: don't ask")
    parser.add_argument("frames", nargs="*", type=Path, help="JPEG files, named after what they show")
    options = parser.parse_args(arguments)
    try:
        ticket = read_ticket(options.ticket)
        server = safe_server(options.server or ticket["server"])
        if options.ticket.strip().startswith(DEVICE):
            print(f"registered {register(server, ticket, options.name, options.key)}")
            return ACCEPTED
        result = capture(server, ticket, options.key, options.frames, sure=options.yes)
    except (Refused, OSError, EOFError) as problem:
        print(f"refused: {problem}", file=sys.stderr)
        return REFUSED
    counts = "counts" if result["satisfies_step_up"] else "does not count"
    print(f"{result['outcome']} ({counts} as a second factor)")
    return NOT_THE_SAME if result["outcome"] == "no_match" else ACCEPTED


def read_ticket(text: str) -> dict[str, str]:
    """Return the ticket's server and secret, and a device ticket's nonce."""
    text = text.strip()
    names = ("server", "ticket", "nonce") if text.startswith(DEVICE) else ("server", "ticket")
    body = text.removeprefix(FACE).removeprefix(DEVICE)
    try:
        content = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
        return {name: str(content[name]) for name in names}
    except (ValueError, KeyError, TypeError) as problem:
        raise Refused("this is not a ticket") from problem


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


# -- the device's key


def register(server: str, ticket: dict[str, str], name: str, file: Path) -> str:
    """Make a key, show the server that we have it, and keep it with the id that the server gave it."""
    key = ec.generate_private_key(ec.SECP256R1())
    point = key.public_key().public_bytes(serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)
    message = (
        b"authsvc/face-device/v1\x00"
        + decoded(ticket["nonce"])
        + sha256(server.encode()).digest()
        + sha256(point).digest()
        + sha256(name.encode()).digest()
    )
    public_key = {"kty": "EC", "crv": "P-256", "x": encoded(point[1:33]), "y": encoded(point[33:])}
    body = {"nonce": ticket["nonce"], "name": name, "public_key": public_key, "signature": sign(key, message)}
    answer = post(f"{server}/v1/face/devices", ticket["ticket"], json.dumps(body).encode(), "application/json")
    private = key.private_numbers().private_value.to_bytes(32)
    file.write_text(json.dumps({"server": server, "device": answer["device"], "key": encoded(private)}))
    file.chmod(0o600)
    return str(answer["device"])


def load_device(file: Path, server: str) -> tuple[str, ec.EllipticCurvePrivateKey] | None:
    """Return the device's id and key, where one was registered with this server: it signs for no other."""
    if not file.exists():
        return None
    kept = json.loads(file.read_text())
    if kept["server"] != server:
        raise Refused("this device is registered with another server")
    return kept["device"], ec.derive_private_key(int.from_bytes(decoded(kept["key"])), ec.SECP256R1())


def sign(key: ec.EllipticCurvePrivateKey, message: bytes) -> str:
    """Return an ES256 signature: r || s. Key stores return DER, which has both numbers in it."""
    r, s = decode_dss_signature(key.sign(message, ec.ECDSA(SHA256())))
    return encoded(r.to_bytes(32) + s.to_bytes(32))


# -- a capture


def capture(
    server: str, ticket: dict[str, str], key_file: Path, files: list[Path], *, sure: bool = False
) -> dict[str, Any]:
    """Ask what to show, make sure that its owner wants it, take the frames that show it, sign and send them."""
    device = load_device(key_file, server)
    start = json.dumps({"device": device[0]} if device else {}).encode()
    order = post(f"{server}/v1/face/captures", ticket["ticket"], start, "application/json")
    confirm(order, sure=sure)
    shots = [(prompt, path.read_bytes()) for prompt, path in chosen(order["prompts"], files)]
    said = [{"prompt": prompt, "offset_ms": FRAME_MS * number} for number, (prompt, _) in enumerate(shots)]
    claim: dict[str, Any] = {"nonce": order["nonce"], "frames": said}
    if device:
        message = signed_bytes(order["nonce"], server, device[0], said, [frame for _, frame in shots])
        claim |= {"device": device[0], "signature": sign(device[1], message)}
    boundary = uuid.uuid4().hex
    body = multipart(boundary, json.dumps(claim), [frame for _, frame in shots])
    kind = f"multipart/form-data; boundary={boundary}"
    return post(f"{server}/v1/face/captures/frames", ticket["ticket"], body, kind)


def confirm(order: dict[str, Any], *, sure: bool) -> None:
    """Show for whom this is: somebody else's page may have shown the ticket. Only its owner says yes."""
    if order["asked"]:
        asked = {name: printable(text) for name, text in order["asked"].items()}
        where = f"{asked['browser']} ({asked['country'] or 'we do not know where'})"
        what = "Keep your face" if order["purpose"] == "enrol" else "Show your face"
        print(f"{what} for {asked['account']} at {asked['service']}, to continue to {asked['shop']}, in {where}.")
    if not sure and input("Did you ask for this just now, in that browser? [y/N] ").strip().lower() not in ("y", "yes"):
        raise Refused("you did not ask for it, so nothing was captured")


def printable(text: str) -> str:
    """Return the text without what could rewrite a terminal: a browser's name is whatever it says."""
    return "".join(letter for letter in text if letter.isprintable())


def chosen(prompts: list[str], files: list[Path]) -> list[tuple[str, Path]]:
    """Return the files that show what is asked for, in its order; more of the first where there are too few."""
    showing = {prompt: [path for path in files if path.stem.startswith(prompt)] for prompt in prompts}
    if missing := [prompt for prompt, found in showing.items() if not found]:
        raise Refused(f"the server asks for frames that show: {', '.join(missing)}")
    wanted = max(1, LEAST_FRAMES - len(prompts) + 1)
    counts = [wanted, *[1] * (len(prompts) - 1)]
    return [(prompt, path) for prompt, count in zip(prompts, counts, strict=True) for path in showing[prompt][:count]]


def signed_bytes(nonce: str, server: str, device: str, said: list[dict[str, Any]], frames: list[bytes]) -> bytes:
    """Return what the device signs of a capture."""
    message = b"authsvc/face-capture/v1\x00" + decoded(nonce)
    message += sha256(server.encode()).digest() + sha256(device.encode()).digest() + bytes([len(frames)])
    for each, frame in zip(said, frames, strict=True):
        message += struct.pack(">BI", PROMPTS[each["prompt"]], each["offset_ms"]) + sha256(frame).digest()
    return message


def multipart(boundary: str, claim: str, frames: list[bytes]) -> bytes:
    """Return the body: one field `capture`, then each frame as a file called `frames`."""
    line = f"--{boundary}\r\nContent-Disposition: form-data; name="
    parts = [f'{line}"capture"\r\nContent-Type: application/json\r\n\r\n{claim}\r\n'.encode()]
    for number, frame in enumerate(frames, 1):
        head = f'{line}"frames"; filename="{number}.jpg"\r\nContent-Type: image/jpeg\r\n\r\n'
        parts.append(head.encode() + frame + b"\r\n")
    return b"".join([*parts, f"--{boundary}--\r\n".encode()])


# -- over the wire


def post(url: str, ticket: str, body: bytes, kind: str) -> dict[str, Any]:
    """Send with the ticket's secret; wait and try again while the server is busy."""
    headers = {"Authorization": f"Bearer {ticket}", "Content-Type": kind, "User-Agent": "authsvc-example-app/2"}
    request = urllib.request.Request(url, data=body, headers=headers)  # noqa: S310  # safe_server saw the scheme
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


def explain(answer: urllib.error.HTTPError) -> str:
    """Return the problem document's code and words (RFC 9457)."""
    try:
        problem = json.load(answer)
        return f"{problem['code']}: {problem['detail']}"
    except (ValueError, KeyError, TypeError):
        return f"the server answered {answer.code}"


def encoded(data: bytes) -> str:
    """Return base64url without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def decoded(text: str) -> bytes:
    """Return what base64url without padding stands for."""
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


if __name__ == "__main__":
    sys.exit(main())
