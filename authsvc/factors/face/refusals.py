"""Every way in which a face capture is refused: a stable code, what kind of error it is, what the app may say.

A capture that could not be used (no face, not an image, too slow an upload) has changed nothing: its ticket can be
used again while it lives. The others are about the ticket, the consent or the template: another photo won't help. Pure.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from authsvc.core.errors import AuthsvcError, BadInput, Conflict, Gone, NotAllowed, NotFound, NotSignedIn, TooLarge

MIN_FRAMES = 3  # a template, and a capture compared with it, is the mean of at least three

UNUSABLE: Mapping[str, tuple[type[AuthsvcError], str]] = {
    "face.malformed_upload": (
        BadInput,
        "Send multipart/form-data with one field `capture` and the JPEG files as `frames`.",
    ),
    "face.upload_too_slow": (BadInput, "The upload took too long. Please try again, with smaller pictures."),
    "face.too_few_frames": (BadInput, f"A capture has at least {MIN_FRAMES} frames."),
    "face.too_many_frames": (BadInput, "A capture has fewer frames than these."),
    "face.frame_too_large": (TooLarge, "A frame has too many bytes. Please send smaller pictures."),
    "face.too_many_pixels": (TooLarge, "A frame has too many pixels. Please send smaller pictures."),
    "face.not_an_image": (BadInput, "A frame is not a whole 8-bit JPEG in grey or colour."),
    "face.no_face": (BadInput, "No face was found. Please look straight at the camera, in good light."),
    "face.two_faces": (BadInput, "More than one face was found. Please be alone in the picture."),
    "face.face_too_small": (BadInput, "The face is too small. Please come closer."),
    "face.offsets_implausible": (BadInput, "Frames can't have been taken at these times."),
    "face.prompts_out_of_order": (BadInput, "The frames don't answer the ticket's prompts, each in its turn."),
    "face.prompt_not_followed": (BadInput, "A frame does not show what was asked for. Please follow each step slowly."),
    "face.too_dark": (BadInput, "The face is too dark. Please turn towards a light."),
    "face.too_bright": (BadInput, "The face is too bright. Please turn away from the light."),
    "face.hold_still": (BadInput, "The picture is blurred. Please hold still."),
    "face.look_straight": (BadInput, "The head is turned too far. Please look at the camera."),
    "face.frames_differ": (BadInput, "The frames don't seem to show one and the same face."),
}

FINAL: Mapping[str, tuple[type[AuthsvcError], str]] = {
    "face.disabled": (NotAllowed, "Face captures are not offered here."),
    "face.no_ticket": (NotSignedIn, "Send the ticket's secret as `Authorization: Bearer …`."),
    "face.ticket_unknown": (NotFound, "This ticket is not known. Please start again."),
    "face.ticket_expired": (Gone, "This ticket has expired. Please ask for a new one."),
    "face.ticket_spent": (Gone, "This ticket has been used. Please ask for a new one."),
    "face.foreign_nonce": (NotAllowed, "The nonce does not belong to this ticket, or is an older one."),
    "face.foreign_device": (NotAllowed, "Another device has begun this capture."),
    "face.foreign_browser": (NotAllowed, "This browser's key only works in the browser that registered it."),
    "face.device_unknown": (NotAllowed, "This device is not registered for the account (any more)."),
    "face.signature_invalid": (NotAllowed, "The signature is not this device's, over this."),
    "face.not_a_key": (BadInput, "Send the public key as a JWK with kty, crv (P-256), x and y."),
    "face.name_invalid": (BadInput, "Please give the device a name of 1 to 60 characters."),
    "face.key_taken": (Conflict, "This key is registered already. Please make a new one."),
    "face.too_many_devices": (Conflict, "The account has as many devices as it can have. Please remove one first."),
    "face.moved_picture": (NotAllowed, "The capture did not show a head that moves. Please use another proof."),
    "face.attack_suspected": (NotAllowed, "The capture did not look like a living face. Please use another proof."),
    "face.frame_seen": (NotAllowed, "A picture of this capture was sent before. Please use another proof."),
    "face.switched_off": (NotAllowed, "After many failures your face is switched off. Please use another proof."),
    "face.no_consent": (NotAllowed, "There is no consent to keep a face template."),
    "face.no_template": (NotFound, "No face is enrolled for this account."),
    "face.template_damaged": (Conflict, "The enrolled face can't be read. Please enrol again."),
    "face.template_outdated": (Conflict, "The enrolled face was measured in another way. Please enrol again."),
}


@dataclass(frozen=True)
class FrameRefusal:
    """Why a capture can't be used, and which frame (from 0) showed it, if one did."""

    code: str
    frame: int | None = None


def error_of(code: str, *, members: Mapping[str, str] | None = None) -> AuthsvcError:
    """Return the error that tells a caller about this refusal. Args: members as AuthsvcError has them."""
    kind, detail = UNUSABLE.get(code) or FINAL[code]
    return kind(code, detail, members=members)
