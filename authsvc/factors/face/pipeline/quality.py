"""Whether a frame is good enough to compare, and what its owner can do when it is not. Pure.

Measured on the luma of a square around eyes and nose, brought to SIDE x SIDE: a face measures the same near and far.

    sharpness = 100 var(Laplacian(blurred by SMOOTH_PX)) / var(luma)    fine detail beside coarse; noise counts little
    contrast  = standard deviation of the luma
    dark      = share of pixels below DARK, bright = share above BRIGHT: they show only want or excess of light

A face is too dark when half of it shows nothing, or when it has no contrast and lies in the dark half: not when its
mean is low, which dark skin in good light has as well.

The bounds lie beyond what 319 webcam frames and 1,610 press photographs (LFW) have, where the same frames, spoiled on
purpose, begin to move their vectors (docs/measurements.md):

    MIN_SHARPNESS           webcam: least 0.81; LFW: 3 % lie below. Moved by 17 pixels of 640: half lie below
    MIN_CONTRAST            webcam: least 26; LFW: least 16. In a quarter of the light: 12
    MAX_DARK, MAX_BRIGHT    webcam: most 0.16 and 0.47; LFW: most 0.27 and 0.14
    MAX_..._DEG             beyond nearly all that the detector finds in LFW; prompts ask for less

Limits: each frame alone. Nobody's skin, age or disability was known in these sets, so there is no figure by group.
"""

import cv2
import numpy as np

from authsvc.factors.face.measured import FoundFace, Pose, Quality, UInt8Array

SIDE = 112
SMOOTH_PX = 1.0
DARK, BRIGHT = 30, 245
# How far the square reaches from the middle of the eyes, in distances of the eyes: aside, up, down.
REACH = (1.1, 0.7, 1.5)

MIN_SHARPNESS = 0.40
MIN_CONTRAST = 14.0
MAX_DARK = 0.5
MAX_BRIGHT = 0.6
MAX_YAW_DEG, MAX_PITCH_DEG, MAX_ROLL_DEG = 45.0, 40.0, 35.0
MIDDLE = 127.5


def quality_of(luma: UInt8Array, face: FoundFace, pose: Pose) -> Quality:
    """Return what the face's square is worth. Args: luma: uint8, the whole frame, (rows, columns)."""
    square = _square(luma, face, pose.eyes_px)
    fine = cv2.Laplacian(cv2.GaussianBlur(square, (0, 0), SMOOTH_PX), cv2.CV_32F)
    return Quality(
        sharpness=100 * float(fine.var()) / (float(square.var()) + 1),  # + 1: a grey square has no detail, not 0 / 0
        contrast=float(square.std()),
        brightness=float(square.mean()),
        dark=float(np.mean(square < DARK)),
        bright=float(np.mean(square > BRIGHT)),
        eyes_px=pose.eyes_px,
    )


def flaw_of(quality: Quality, pose: Pose) -> str | None:
    """Return the code of what is wrong with a frame (refusals.py), the cause before its effects, or None."""
    flat = quality.contrast < MIN_CONTRAST
    if quality.dark > MAX_DARK or (flat and quality.brightness < MIDDLE):
        return "face.too_dark"
    if quality.bright > MAX_BRIGHT or flat:
        return "face.too_bright"
    if abs(pose.yaw_deg) > MAX_YAW_DEG or abs(pose.pitch_deg) > MAX_PITCH_DEG or abs(pose.roll_deg) > MAX_ROLL_DEG:
        return "face.look_straight"
    return "face.hold_still" if quality.sharpness < MIN_SHARPNESS else None


def _square(luma: UInt8Array, face: FoundFace, eyes_px: float) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
    x, y = face.landmarks[:4].mean(axis=0)
    aside, up, down = (reach * eyes_px for reach in REACH)
    rows, columns = luma.shape
    top, left = min(max(int(y - up), 0), rows - 1), min(max(int(x - aside), 0), columns - 1)
    bottom, right = min(max(int(y + down), top + 1), rows), min(max(int(x + aside), left + 1), columns)
    found = cv2.resize(luma[top:bottom, left:right], (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    return found.astype(np.float32)
