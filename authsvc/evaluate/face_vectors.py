"""From folders of pictures to vectors, by the pipeline and the network that captures are measured with.

    DIR/PERSON/PERSON_0001.jpg        as Labeled Faces in the Wild lays them out; numbers need not be without gaps

A picture in which the pipeline does not find exactly one face is not acquired, and counted. Captures are held to more
than these pictures are: pose, light and sharpness are not asked for here. This file reads files and the clock.
"""

import re
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np

from authsvc.factors.face.embedder.choice import EmbedderChoice, open_embedder
from authsvc.factors.face.measured import FloatArray, UInt8Array
from authsvc.factors.face.pipeline.decode import decode
from authsvc.factors.face.pipeline.dlib_faces import DlibFaces
from authsvc.factors.face.pipeline.jpeg_header import NotAnImage

NUMBER = re.compile(r"(\d+)\.jpe?g$", re.IGNORECASE)


@dataclass
class Reader:
    """Measures pictures one by one, and remembers how long it took and what failed."""

    choice: EmbedderChoice
    seconds: list[float] = field(default_factory=list)
    failures: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        cv2.setNumThreads(1)
        self._faces = DlibFaces()
        self._embedder = open_embedder(self.choice)
        self.embedder = self._embedder.id

    def vector(self, file: Path) -> FloatArray | None:
        """Return the face's vector, or None when the picture shows no single face."""
        data = file.read_bytes()
        begun = time.perf_counter()
        chip = self._chip(data)
        if isinstance(chip, str):
            self.failures[chip] += 1
            return None
        found: FloatArray = self._embedder.embed(chip[None])[0]
        self.seconds.append(time.perf_counter() - begun)
        return found

    def chip(self, file: Path) -> UInt8Array | None:
        """Return the face as the network gets it, or None."""
        found = self._chip(file.read_bytes())
        return None if isinstance(found, str) else found

    @property
    def failure_to_acquire(self) -> float:
        """Return the share of pictures that gave no vector."""
        failed = sum(self.failures.values())
        return failed / max(1, failed + len(self.seconds))

    @property
    def ms_per_image(self) -> float | None:
        """Return the median of decoding, finding and embedding one picture."""
        return 1000 * float(np.median(self.seconds)) if self.seconds else None

    def _chip(self, data: bytes) -> UInt8Array | str:
        try:
            image = decode(data)
        except NotAnImage:
            return "face.not_an_image"
        luma = np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), np.uint8)
        face = self._faces.find(image, luma)
        return face if isinstance(face, str) else self._faces.cut(image, face, self._embedder.chip)


def images_of(person: Path) -> dict[int, Path]:
    """Return a person's pictures by their number."""
    found = ((NUMBER.search(file.name), file) for file in sorted(person.iterdir()))
    return {int(match[1]): file for match, file in found if match}


def means_by_person(reader: Reader, folder: Path) -> dict[str, FloatArray]:
    """Return the mean vector of each person of a folder; who was never acquired is left out."""
    means = {}
    for person in sorted(each for each in folder.iterdir() if each.is_dir()):
        vectors = [found for file in images_of(person).values() if (found := reader.vector(file)) is not None]
        if vectors:
            means[person.name] = np.mean(vectors, axis=0)
    return means
