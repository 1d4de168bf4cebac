"""Read presentations, of people and of pictures of them, from folders: one a person, frames in order of time by name.

A name such as 0001_00_08_03_396.jpg says with all but its last number in which session a frame was taken (NUAA's names:
person, glasses, kind of photograph, session, frame); names without such numbers make one session of the folder. A
capture is CAPTURE consecutive frames of one session; it never crosses into another, and what is left over is no
capture. A frame in which no single face is found is not acquired and is no part of one.
"""

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import cv2
import numpy as np

from authsvc.factors.face.measured import FoundFace, UInt8Array
from authsvc.factors.face.pipeline.decode import decode
from authsvc.factors.face.pipeline.dlib_faces import DlibFaces
from authsvc.factors.face.pipeline.jpeg_header import NotAnImage

CAPTURE = 5
T = TypeVar("T")


@dataclass(frozen=True)
class Presentation:
    """One frame: whose face it shows, when, and by what (`attack`: the name of its kind; None for the person)."""

    path: Path
    person: str
    session: str
    attack: str | None


@dataclass(frozen=True)
class SeenPresentation:
    """A frame in which one face was found. `image`: BGR."""

    of: Presentation
    face: FoundFace
    image: UInt8Array = field(repr=False)


def list_presentations(folder: Path, attack: str | None) -> list[Presentation]:
    """Return all .jpg files of all people under `folder`, by person and time.

    Raises:
        ValueError: there are none.
    """
    files = sorted(folder.glob("*/*.jpg"), key=_in_time)
    if not files:
        raise ValueError(f"{folder} holds no PERSON/FRAME.jpg")
    kind = attack or "live"
    return [
        Presentation(file, file.parent.name, f"{kind}/{file.parent.name}/{_session(file)}", attack) for file in files
    ]


def see(presentations: Sequence[Presentation]) -> Iterator[tuple[Presentation, SeenPresentation | None]]:
    """Yield each presentation with what is seen in it, or None where it could not be acquired."""
    cv2.setNumThreads(1)
    faces = DlibFaces()
    for each in presentations:
        try:
            image = decode(each.path.read_bytes())
        except NotAnImage:
            yield each, None
            continue
        found = faces.find(image, np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), np.uint8))
        seen = None if isinstance(found, str) else SeenPresentation(each, found, np.ascontiguousarray(image[..., ::-1]))
        yield each, seen


def captures(frames: Sequence[T], sessions: Sequence[str], size: int = CAPTURE) -> list[tuple[T, ...]]:
    """Return the captures among frames in order of time, no frame in two."""
    by_session: dict[str, list[T]] = defaultdict(list)
    for frame, session in zip(frames, sessions, strict=True):
        by_session[session].append(frame)
    return [
        tuple(own[start : start + size]) for own in by_session.values() for start in range(0, len(own) - size + 1, size)
    ]


def _session(file: Path) -> str:
    session, _, number = file.stem.rpartition("_")
    return session if number.isdigit() else ""


def _in_time(file: Path) -> tuple[str, list[tuple[int, str]]]:
    parts = re.findall(r"\d+|\D+", file.stem)
    return file.parent.name, [(int(part), "") if part.isdigit() else (-1, part) for part in parts]
