"""What an app says of the frames that it sends: which prompt each answers, when it was taken, and who signs. Pure.

    {"nonce": "...", "device": "fdv_...", "signature": "...", "frames": [{"prompt": "straight", "offset_ms": 0}, ...]}

`device` and `signature` are left out together, by a page or an app without a registered key. A member that is not in
this list refuses the capture: a vector that a client made is read nowhere.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from authsvc.factors.face.devices.key import SignedFrame, decoded
from authsvc.factors.face.prompts import Prompt

CLAIM_BYTES = 4_096
MAX_OFFSET_MS = 600_000  # longer than a ticket may live
NONCE_BYTES = 32


class NotAClaim(ValueError):
    """The text is no JSON object of this kind."""


class ClaimedFrame(BaseModel):
    """What is said of one frame."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    prompt: Annotated[Prompt, Field(strict=False)]
    offset_ms: Annotated[int, Field(ge=0, le=MAX_OFFSET_MS)]


class Claim(BaseModel):
    """What is said of a capture."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    nonce: Annotated[str, Field(max_length=64)]
    device: Annotated[str, Field(max_length=64)] | None = None
    signature: Annotated[str, Field(max_length=128)] | None = None
    frames: Annotated[tuple[ClaimedFrame, ...], Field(max_length=32, strict=False)]


@dataclass(frozen=True)
class Capture:
    """A capture as it was sent: the claim, and the frames that it is about."""

    claim: Claim
    frames: tuple[bytes, ...]

    @property
    def prompts(self) -> tuple[Prompt, ...]:
        return tuple(each.prompt for each in self.claim.frames)

    @property
    def offsets_ms(self) -> tuple[int, ...]:
        return tuple(each.offset_ms for each in self.claim.frames)

    def signed(self) -> Sequence[SignedFrame]:
        """Return what the device's signature covers of each frame."""
        pairs = zip(self.claim.frames, self.frames, strict=True)
        return tuple(SignedFrame(said.prompt, said.offset_ms, frame) for said, frame in pairs)


def parse_claim(text: bytes) -> Claim:
    """Return what the JSON says.

    Raises:
        NotAClaim: see the class; also a signature without a device, and a nonce that is not one.
    """
    try:
        claim = Claim.model_validate_json(text)
    except ValidationError as problem:
        raise NotAClaim("not a capture") from problem
    if (claim.device is None) is not (claim.signature is None):
        raise NotAClaim("a device signs, and whoever signs is a device")
    nonce = decoded(claim.nonce)
    if nonce is None or len(nonce) != NONCE_BYTES:
        raise NotAClaim("not a nonce")
    return claim
