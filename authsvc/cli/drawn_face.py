"""Draw faces that nobody has, for the bench and the tests: no real person's image is in this project.

A drawn person is a handful of numbers; a frame of them adds a little movement, light and sensor noise. A shaded head
with hair, brows, eyes, nose and mouth on a plain wall is enough for dlib's HOG detector to find a face, and for its
network to tell the persons of PERSONS apart: distances of 0.06 to 0.19 within a person, 0.54 and more between two
(tests/pure/test_drawn_face.py keeps it so).

Limits: a drawing says nothing about accuracy on people; docs/measurements.md has the figures for those. Same person and
same number give the same bytes.
"""

import io
import math
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image

from authsvc.factors.face.pipeline.pose import DEPTH

WIDTH, HEIGHT = 640, 480
JPEG_QUALITY = 90
OVERSAMPLING = 2  # drawn twice as large, then reduced: soft edges
NOSE_BEFORE_EYES = 2.5  # how much farther than the eyes the tip of a nose moves when a drawn head turns

Rgb = tuple[int, int, int]
Point = tuple[float, float]
FloatImage = npt.NDArray[np.float32]
RgbImage = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class DrawnPerson:
    """What makes a drawn person who they are. Lengths are fractions of the face's height."""

    skin: Rgb
    hair: Rgb
    iris: Rgb
    lips: Rgb
    width: float
    jaw: float
    eye_spacing: float
    eye_size: float
    eye_height: float
    brow_weight: float
    brow_tilt: float
    nose_length: float
    nose_width: float
    mouth_width: float
    lip_weight: float
    fringe: float
    long_hair: bool = False
    beard: float = 0.0
    glasses: bool = False


PERSONS = {
    "anna": DrawnPerson(
        skin=(232, 190, 165),
        hair=(205, 165, 95),
        iris=(70, 110, 150),
        lips=(190, 80, 85),
        width=0.66,
        jaw=0.80,
        eye_spacing=0.31,
        eye_size=0.155,
        eye_height=0.44,
        brow_weight=0.018,
        brow_tilt=0.02,
        nose_length=0.21,
        nose_width=0.13,
        mouth_width=0.26,
        lip_weight=0.050,
        fringe=0.10,
        long_hair=True,
    ),
    "bruno": DrawnPerson(
        skin=(150, 105, 75),
        hair=(25, 20, 18),
        iris=(45, 30, 20),
        lips=(120, 70, 62),
        width=0.78,
        jaw=0.96,
        eye_spacing=0.36,
        eye_size=0.135,
        eye_height=0.42,
        brow_weight=0.042,
        brow_tilt=-0.02,
        nose_length=0.27,
        nose_width=0.23,
        mouth_width=0.34,
        lip_weight=0.070,
        fringe=0.02,
        beard=0.9,
    ),
    "chiyo": DrawnPerson(
        skin=(240, 208, 175),
        hair=(15, 12, 14),
        iris=(40, 25, 18),
        lips=(205, 105, 105),
        width=0.74,
        jaw=0.86,
        eye_spacing=0.37,
        eye_size=0.13,
        eye_height=0.47,
        brow_weight=0.020,
        brow_tilt=0.0,
        nose_length=0.18,
        nose_width=0.15,
        mouth_width=0.22,
        lip_weight=0.045,
        fringe=0.24,
        long_hair=True,
        glasses=True,
    ),
}


def draw_frame(person: DrawnPerson, number: int, *, size: float = 0.52, turn_deg: float = 0.0) -> bytes:
    """Return frame `number` of a capture of this person: a JPEG of 640 x 480 pixels. Args: as draw."""
    return encode_jpeg(draw(person, number, size=size, turn_deg=turn_deg))


def encode_jpeg(image: RgbImage) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "JPEG", quality=JPEG_QUALITY)
    return buffer.getvalue()


def draw(
    person: DrawnPerson, number: int, *, centre_x: float = 0.5, size: float = 0.52, turn_deg: float = 0.0
) -> RgbImage:
    """Return the frame's pixels, RGB uint8.

    Args:
        centre_x: where the face is, as a fraction of the image's width.
        size: the face's height as a fraction of the image's height.
        turn_deg: how far the person turns to their own left; the nose moves before the eyes by as much as
            pipeline/pose.py reads from it. Believable to 20 degrees.
    """
    noise = np.random.default_rng([number, person.hair[0], person.skin[0]])  # reproducible on purpose
    turn = DEPTH * person.eye_spacing * math.tan(math.radians(turn_deg)) / (NOSE_BEFORE_EYES - 1)
    canvas = _Canvas(noise, centre_x, size, turn)
    canvas.hair_behind(person)
    canvas.neck_and_head(person)
    for side in (-1, 1):
        canvas.eye(person, side)
        canvas.brow(person, side)
    canvas.nose(person)
    canvas.mouth(person)
    canvas.fringe(person)
    if person.glasses:
        canvas.glasses(person)
    return canvas.developed(noise)


class _Canvas:
    """Coordinates: the face's height is 1, its middle (0, 0.5), its top (0, 0)."""

    def __init__(self, noise: np.random.Generator, centre_x: float, size: float, turn: float) -> None:
        self._unit = size * HEIGHT * OVERSAMPLING * (1 + noise.normal(0, 0.012))
        self._origin = (
            (centre_x * WIDTH + noise.normal(0, 3)) * OVERSAMPLING,
            ((1 - size) / 2 * HEIGHT + noise.normal(0, 3)) * OVERSAMPLING,
        )
        self._lean = noise.normal(0, 0.02)
        self._turn = noise.normal(0, 0.006) + turn
        shape = (HEIGHT * OVERSAMPLING, WIDTH * OVERSAMPLING)
        rows, columns = np.mgrid[0 : shape[0], 0 : shape[1]].astype(np.float32)
        wall = 165 + 40 * rows / shape[0] - 25 * columns / shape[1]
        self._pixels: FloatImage = np.repeat(wall[:, :, None], 3, axis=2) * np.array([0.94, 0.98, 1.0], np.float32)

    # -- what is drawn

    def hair_behind(self, person: DrawnPerson) -> None:
        self._ellipse((0, 0.36), (person.width / 2 + 0.09, 0.47), person.hair, soft=0.01)
        if person.long_hair:
            self._polygon(
                [
                    (-person.width / 2 - 0.09, 0.36),
                    (person.width / 2 + 0.09, 0.36),
                    (person.width / 2 + 0.12, 1.15),
                    (-person.width / 2 - 0.12, 1.15),
                ],
                person.hair,
                soft=0.02,
            )

    def neck_and_head(self, person: DrawnPerson) -> None:
        shade = _times(person.skin, 0.72)
        self._polygon([(-0.19, 0.8), (0.19, 0.8), (0.21, 1.3), (-0.21, 1.3)], shade, soft=0.02)
        self._polygon(
            [(-0.75, 1.5), (-0.6, 1.22), (-0.2, 1.13), (0.2, 1.13), (0.6, 1.22), (0.75, 1.5)], (70, 80, 110), soft=0.01
        )
        for side in (-1, 1):
            self._ellipse((side * person.width / 2, 0.52), (0.05, 0.10), _times(person.skin, 0.85), soft=0.006)
        self._polygon(_head(person), person.skin, soft=0.012)
        self._shade_head(person)
        if person.beard:
            self._beard(person)

    def eye(self, person: DrawnPerson, side: int) -> None:
        x, y = side * person.eye_spacing / 2 + self._turn, person.eye_height
        half, tall = person.eye_size / 2, person.eye_size * 0.24
        self._ellipse((x, y), (half * 1.5, tall * 2.6), _times(person.skin, 0.78), soft=0.035, weight=0.6)
        self._ellipse((x, y), (half, tall), (238, 234, 230), soft=0.006)
        self._ellipse((x, y), (tall * 1.0, tall * 1.0), person.iris, soft=0.004)
        self._ellipse((x, y), (tall * 0.5, tall * 0.5), (12, 10, 10), soft=0.003)
        self._ellipse((x + 0.008, y - 0.008), (0.006, 0.006), (255, 255, 255), soft=0.002)
        self._stroke(_arc((x, y), half * 1.05, tall * 1.05, 180, 360), 0.014, (40, 28, 25), soft=0.004)
        self._stroke(_arc((x, y), half * 1.0, tall * 1.0, 20, 160), 0.005, _times(person.skin, 0.55), soft=0.004)
        self._stroke(
            _arc((x, y - tall * 0.7), half * 1.1, tall * 1.1, 200, 340), 0.006, _times(person.skin, 0.6), soft=0.005
        )

    def brow(self, person: DrawnPerson, side: int) -> None:
        x, y = side * person.eye_spacing / 2 + self._turn, person.eye_height - 0.085
        half = person.eye_size * 0.62
        inner, outer = (x - side * half, y + person.brow_tilt), (x + side * half * 1.1, y + 0.012)
        middle = (x + side * half * 0.25, y - 0.022)
        self._stroke([inner, middle, outer], person.brow_weight, _times(person.hair, 0.6), soft=0.008)

    def nose(self, person: DrawnPerson) -> None:
        tip = (self._turn * NOSE_BEFORE_EYES, person.eye_height + person.nose_length)
        dark, bright = _times(person.skin, 0.6), _times(person.skin, 1.14)
        for side in (-1, 1):
            self._stroke(
                [
                    (side * 0.035, person.eye_height - 0.01),
                    (side * 0.03 + tip[0], tip[1] - 0.07),
                    (side * person.nose_width / 2 + tip[0], tip[1] - 0.01),
                ],
                0.018,
                dark,
                soft=0.022,
                weight=0.5,
            )
            self._ellipse(
                (side * person.nose_width * 0.27 + tip[0], tip[1] + 0.012),
                (person.nose_width * 0.13, 0.012),
                _times(person.skin, 0.3),
                soft=0.007,
            )
            self._stroke(
                _arc(
                    (side * person.nose_width * 0.42 + tip[0], tip[1] - 0.01),
                    0.028,
                    0.036,
                    *((-60, 80) if side > 0 else (100, 240)),
                ),
                0.008,
                dark,
                soft=0.008,
            )
        self._stroke([(0, person.eye_height), (tip[0], tip[1] - 0.03)], 0.028, bright, soft=0.02, weight=0.55)
        self._ellipse((tip[0], tip[1] - 0.02), (person.nose_width * 0.24, 0.03), bright, soft=0.02, weight=0.6)
        self._ellipse((tip[0], tip[1] + 0.035), (person.nose_width * 0.5, 0.014), dark, soft=0.018, weight=0.5)

    def mouth(self, person: DrawnPerson) -> None:
        x, y = self._turn * 1.5, (person.eye_height + person.nose_length + 1.0) / 2 - 0.015
        half, lip = person.mouth_width / 2, person.lip_weight
        upper = [
            (x - half, y),
            (x - half * 0.3, y - lip * 0.8),
            (x, y - lip * 0.6),
            (x + half * 0.3, y - lip * 0.8),
            (x + half, y),
        ]
        self._polygon([*upper, (x, y + lip * 0.15)], _times(person.lips, 0.85), soft=0.006)
        self._polygon([(x - half, y), *_arc((x, y), half * 0.85, lip, 170, 10)], person.lips, soft=0.006)
        self._stroke([(x - half, y), (x, y + lip * 0.1), (x + half, y)], 0.010, _times(person.lips, 0.35), soft=0.005)
        self._ellipse((x, y + lip + 0.035), (half * 0.6, 0.018), _times(person.skin, 0.68), soft=0.02, weight=0.6)

    def fringe(self, person: DrawnPerson) -> None:
        half = person.width / 2
        self._polygon(
            [
                (-half - 0.07, 0.36),
                *_arc((0, 0.36), half + 0.09, 0.47, 180, 360),
                (half + 0.07, 0.36),
                (half - 0.01, 0.30),
                (half * 0.72, 0.12 + person.fringe * 0.5),
                (half * 0.2, 0.09 + person.fringe),
                (-half * 0.45, 0.10 + person.fringe * 0.8),
                (-half * 0.8, 0.16 + person.fringe * 0.4),
                (-half + 0.01, 0.30),
            ],
            person.hair,
            soft=0.012,
        )

    def glasses(self, person: DrawnPerson) -> None:
        for side in (-1, 1):
            x = side * person.eye_spacing / 2 + self._turn
            self._stroke(_arc((x, person.eye_height + 0.015), 0.125, 0.095, 0, 360), 0.016, (30, 30, 35), soft=0.003)
        bridge = person.eye_spacing / 2 - 0.125
        self._stroke([(-bridge, person.eye_height), (bridge, person.eye_height)], 0.016, (30, 30, 35), soft=0.003)

    def developed(self, noise: np.random.Generator) -> RgbImage:
        """Reduce to the frame's size; add light and sensor noise."""
        small = cv2.resize(self._pixels, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA)
        small = cv2.GaussianBlur(small, (0, 0), 0.8)
        grain = cv2.GaussianBlur(noise.normal(0, 6, (HEIGHT, WIDTH, 3)).astype(np.float32), (0, 0), 0.7)
        light = 1 + noise.normal(0, 0.02)
        frame: RgbImage = np.clip(small * light + grain, 0, 255).astype(np.uint8)
        return frame

    # -- how

    def _shade_head(self, person: DrawnPerson) -> None:
        """Light from above left: the head is treated as an ellipsoid (Lambert's cosine law)."""
        region, mask = self._mask(_head(person), soft=0.012)
        centre_x, centre_y = self._at((0, 0.5))
        rows, columns = np.mgrid[region].astype(np.float32)
        across = (columns - centre_x) / (person.width / 2 * self._unit)
        down = (rows - centre_y) / (0.55 * self._unit)
        towards = np.sqrt(np.clip(1 - across**2 - down**2, 0.0, 1))
        light = np.clip(0.52 + 0.50 * (-0.22 * across - 0.30 * down + 0.92 * towards), 0.35, 1.15)
        self._pixels[region] *= 1 - (mask * (1 - light))[:, :, None]
        for side in (-1, 1):
            self._ellipse(
                (side * person.width * 0.30, 0.66), (0.10, 0.07), _times(person.skin, 1.06), soft=0.05, weight=0.5
            )
            self._stroke(
                [(side * 0.10, 0.68), (side * 0.17, 0.78)], 0.012, _times(person.skin, 0.7), soft=0.02, weight=0.5
            )

    def _beard(self, person: DrawnPerson) -> None:
        half = person.width / 2
        outline = [
            (half * 0.97, 0.60),
            (half * 0.86 * person.jaw, 0.80),
            (half * 0.55 * person.jaw, 0.96),
            (0, 1.03),
            (-half * 0.55 * person.jaw, 0.96),
            (-half * 0.86 * person.jaw, 0.80),
            (-half * 0.97, 0.60),
            (-half * 0.8, 0.72),
            (-0.18, 0.755),
            (0.18, 0.755),
            (half * 0.8, 0.72),
        ]
        self._polygon(outline, _times(person.hair, 1.4), soft=0.02, weight=person.beard)

    def _at(self, point: Point) -> Point:
        x, y = point[0], point[1] - 0.5
        x, y = x - self._lean * y, y + self._lean * x
        return self._origin[0] + x * self._unit, self._origin[1] + (y + 0.5) * self._unit

    def _polygon(self, points: list[Point], colour: Rgb, *, soft: float, weight: float = 1.0) -> None:
        self._lay(points, colour, soft=soft, weight=weight)

    def _ellipse(self, centre: Point, half: Point, colour: Rgb, *, soft: float, weight: float = 1.0) -> None:
        self._lay(_arc(centre, half[0], half[1], 0, 360), colour, soft=soft, weight=weight)

    def _stroke(self, points: list[Point], thickness: float, colour: Rgb, *, soft: float, weight: float = 1.0) -> None:
        self._lay(points, colour, soft=soft, weight=weight, thickness=max(int(thickness * self._unit), 1))

    def _lay(
        self, points: list[Point], colour: Rgb, *, soft: float, weight: float, thickness: int | None = None
    ) -> None:
        region, mask = self._mask(points, soft=soft, thickness=thickness)
        pixels = self._pixels[region]
        pixels += (mask * np.float32(weight))[:, :, None] * (np.array(colour, np.float32) - pixels)

    def _mask(
        self, points: list[Point], *, soft: float, thickness: int | None = None
    ) -> tuple[tuple[slice, slice], FloatImage]:
        """Return the part of the canvas that the shape touches, and how much of each pixel it covers there."""
        blur = max(soft * self._unit / 2, 0.5)
        outline = np.array([self._at(point) for point in points]).round().astype(np.int32)
        margin = int(3 * blur) + (thickness or 0) + 2
        left, top = np.maximum(outline.min(axis=0) - margin, 0)
        right, bottom = np.minimum(outline.max(axis=0) + margin, self._pixels.shape[1::-1])
        mask = np.zeros((bottom - top, right - left), np.float32)
        if thickness is None:
            cv2.fillPoly(mask, [outline - (left, top)], 1.0, cv2.LINE_AA)
        else:
            cv2.polylines(mask, [outline - (left, top)], False, 1.0, thickness, cv2.LINE_AA)
        return (slice(top, bottom), slice(left, right)), cv2.GaussianBlur(mask, (0, 0), blur).astype(np.float32)


def _head(person: DrawnPerson) -> list[Point]:
    half, jaw = person.width / 2, person.jaw
    right = [(half * 0.97, 0.62), (half * 0.86 * jaw, 0.78), (half * 0.55 * jaw, 0.93), (0.10 * jaw, 1.0)]
    return [*_arc((0, 0.45), half, 0.45, 180, 360), *right, *((-x, y) for x, y in reversed(right))]


def _arc(centre: Point, half_width: float, half_height: float, start: float, stop: float) -> list[Point]:
    angles = np.deg2rad(np.linspace(start, stop, 40))
    return [(centre[0] + half_width * float(np.cos(a)), centre[1] + half_height * float(np.sin(a))) for a in angles]


def _times(colour: Rgb, factor: float) -> Rgb:
    return (min(int(colour[0] * factor), 255), min(int(colour[1] * factor), 255), min(int(colour[2] * factor), 255))
