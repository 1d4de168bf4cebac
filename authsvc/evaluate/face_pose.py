"""How well five points tell small turns of a head: on live frames as they are, and on the same faces turned on purpose.

As they are: by person, the median yaw, how far it goes from that, and its noise between neighbours (within NEAR
of the film's frame numbers), as 1.48 median |difference| / sqrt(2). Nobody in such sets was told to turn.

Turned: a face is laid on a head of simple shape (an ellipsoid with a ridge for a nose, whose base stands where
pose.py's mean head has it), and the head is turned about its vertical axis. What is read is the yaw beside that of the
frame as it was. Simulated: it shows how the detector and the points follow a turn, not whether real noses are so deep.
"""

from collections import defaultdict
from itertools import pairwise
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from authsvc.factors.face.measured import FloatArray, FoundFace, Pose, UInt8Array
from authsvc.factors.face.pipeline.decode import decode
from authsvc.factors.face.pipeline.dlib_faces import DlibFaces
from authsvc.factors.face.pipeline.pose import DEPTH, DROP, pose_of

ANGLES_DEG = (-25, -15, -10, 10, 15, 25)
NEAR = 25  # a second of a webcam
TURNED_EACH = 2  # frames of a person that are turned
# A head in distances of its eyes: half its width, height and depth, and how far its middle lies below the eyes.
WIDTH, HEIGHT, DEEP, LOWER = 1.25, 1.85, 1.55, 0.35
STEPS = 14  # of the fixed point that finds where a turned pixel comes from


def report(live: Path) -> dict[str, Any]:
    """Return the figures. Args: live: a folder for each person, frames named ..._NUMBER.jpg."""
    faces = DlibFaces()
    people: dict[str, Any] = {}
    turned: dict[int, list[float | None]] = defaultdict(list)
    for folder in sorted(each for each in live.iterdir() if each.is_dir()):
        files = sorted(folder.glob("*.jpg"), key=_place)
        poses = [_pose(faces, decode(file.read_bytes())) for file in files]
        people[folder.name] = _of_person(files, poses)
        for file in files[:: max(len(files) // TURNED_EACH, 1)][:TURNED_EACH]:
            _turn_one(faces, decode(file.read_bytes()), turned)
    return {"people": people, "turned": {str(angle): _of_angle(read) for angle, read in sorted(turned.items())}}


def _of_person(files: list[Path], poses: list[Pose | None]) -> dict[str, Any]:
    found = [(_place(file), pose.yaw_deg) for file, pose in zip(files, poses, strict=True) if pose]
    yaws = np.array([yaw for _, yaw in found])
    steps = [
        abs(later - earlier)
        for ((film, at), earlier), ((next_film, next_at), later) in pairwise(found)
        if film == next_film and next_at - at <= NEAR
    ]
    median = float(np.median(yaws))
    return {
        "frames": len(files),
        "found": len(found),
        "yaw_median_deg": round(median, 1),
        "yaw_least_deg": round(float(yaws.min()) - median, 1),
        "yaw_most_deg": round(float(yaws.max()) - median, 1),
        "yaw_noise_deg": round(1.4826 * float(np.median(steps)) / 2**0.5, 1) if steps else None,
        "neighbours": len(steps),
    }


def _turn_one(faces: DlibFaces, image: UInt8Array, turned: dict[int, list[float | None]]) -> None:
    face = _find(faces, image)
    if face is None:
        return
    straight = pose_of(face.landmarks).yaw_deg
    for angle in ANGLES_DEG:
        pose = _pose(faces, turned_face(image, face.landmarks, angle))
        turned[angle].append(pose.yaw_deg - straight if pose else None)


def _of_angle(read: list[float | None]) -> dict[str, Any]:
    found = [each for each in read if each is not None]
    return {
        "faces": len(read),
        "found": len(found),
        "read_mean_deg": round(float(np.mean(found)), 1) if found else None,
        "read_sd_deg": round(float(np.std(found)), 1) if found else None,
    }


def turned_face(image: UInt8Array, landmarks: FloatArray, yaw_deg: float) -> UInt8Array:
    """Return the frame with the face turned to its own left; the room around it stays."""
    right, left = landmarks[:2].mean(axis=0), landmarks[2:4].mean(axis=0)
    eyes, middle = float(np.hypot(*(right - left))), (right + left) / 2
    tilt, yaw = np.arctan2(*(right - left)[::-1]), np.radians(yaw_deg)
    rows, columns = image.shape[:2]
    y, x = np.mgrid[:rows, :columns].astype(np.float64)
    across = ((x - middle[0]) * np.cos(tilt) + (y - middle[1]) * np.sin(tilt)) / eyes
    down = (-(x - middle[0]) * np.sin(tilt) + (y - middle[1]) * np.cos(tilt)) / eyes
    from_x = across.copy()
    for _ in range(STEPS):
        from_x = (from_x + (across - _depth(from_x, down) * np.sin(yaw)) / np.cos(yaw)) / 2
    inside = np.clip(3 * (1 - (across / (WIDTH * 1.15)) ** 2 - ((down - LOWER) / (HEIGHT * 1.05)) ** 2), 0, 1)
    from_x = inside * from_x + (1 - inside) * across
    map_x = middle[0] + (from_x * np.cos(tilt) - down * np.sin(tilt)) * eyes
    map_y = middle[1] + (from_x * np.sin(tilt) + down * np.cos(tilt)) * eyes
    found = cv2.remap(
        image, map_x.astype(np.float32), map_y.astype(np.float32), cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    return np.asarray(found, np.uint8)


def _depth(across: FloatArray, down: FloatArray) -> FloatArray:
    """Return how far before the eyes the head's surface lies, in distances of the eyes."""
    bulge = DEEP * np.sqrt(np.clip(1 - (across / WIDTH) ** 2 - ((down - LOWER) / HEIGHT) ** 2, 0, None))
    at_eyes = DEEP * np.sqrt(1 - (0.5 / WIDTH) ** 2 - (LOWER / HEIGHT) ** 2)
    at_base = DEEP * np.sqrt(1 - ((DROP - LOWER) / HEIGHT) ** 2)
    ridge = np.exp(-((across / 0.22) ** 2)) * np.clip(1 - np.abs(down - DROP) / 0.75, 0, 1) ** 0.8
    surface: FloatArray = bulge - at_eyes + (DEPTH - (at_base - at_eyes)) * ridge
    return surface


def _pose(faces: DlibFaces, image: UInt8Array) -> Pose | None:
    face = _find(faces, image)
    return None if face is None else pose_of(face.landmarks)


def _find(faces: DlibFaces, image: UInt8Array) -> FoundFace | None:
    face = faces.find(image, np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), np.uint8))
    return None if isinstance(face, str) else face


def _place(file: Path) -> tuple[str, int]:
    """Return the film and the frame's number in it."""
    film, _, number = file.stem.rpartition("_")
    return film, int(number) if number.isdigit() else 0
