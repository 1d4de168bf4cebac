"""Turn a face into numbers that tell skin before a lens from ink on paper before a lens. Pure.

Three groups, of the ellipse of crop.py only:

    texture   uniform, rotation-invariant local binary patterns (Ojala et al., PAMI 2002) at two radii, in Y, Cr, Cb, H,
              S, V: a print's gamut and blur show in the chroma channels (Boulkenafet et al., TIFS 2016)  2 x 6 x 10
    detail    octaves of a Laplacian pyramid, per channel of YCrCb: spread relative to the middle octaves of light,
              tails, and how far the channels go together                                                5 x 10
    colour    how chroma varies and goes with light, relative to the face's own mean and contrast         13

Histograms enter as square roots (Hellinger). Nothing says how bright the face is, and nothing tells left from right:
ordinary patterns and local phase do, so they learn from which side a laboratory's windows shine. With half of the
people left out they did well until the tested faces were mirrored and shifted by a pixel; then their equal-error rates
rose from 5 and 6 % to 17 and 21 %. Detail and colour stayed at 2 %. How light is spread over the face, and how much of
it is blown out, was left out too: that is the lamp's, and where nobody had trained under it, it misled.

Limits: the finest octaves say how sharp and how noisy a camera is, so a new kind of camera needs new training data.
"""

from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from authsvc.factors.face.liveness.crop import INSIDE, inside_by
from authsvc.factors.face.measured import UInt8Array

FloatVector = npt.NDArray[np.float64]
FloatImage = npt.NDArray[np.float32]
Places = npt.NDArray[np.intp]

RADII = (4, 6)
PATTERNS = 10  # uniform ones by their number of brighter neighbours, 0 to 8; all others
OCTAVES = 5  # 160 pixels down to 10
COUNT = len(RADII) * 6 * PATTERNS + OCTAVES * 10 + 13
_FLOOR = 0.05  # grey levels: what stands for the spread of what has none


def features_of(chip: UInt8Array) -> FloatVector:
    """Return COUNT features of one face; finite for every chip, a flat one too. Args: chip: from crop.face_chip."""
    ycc = cv2.split(cv2.cvtColor(chip, cv2.COLOR_BGR2YCrCb))
    hsv = cv2.split(cv2.cvtColor(chip, cv2.COLOR_BGR2HSV_FULL))
    planes = np.stack([*ycc, *hsv]).astype(np.uint8, copy=False)
    groups = [_texture(planes, radius) for radius in RADII]
    return np.concatenate([*groups, _detail(planes[:3]), _colour(chip)])


# -- texture


def _by_pattern() -> UInt8Array:
    numbers = np.full(256, PATTERNS - 1, np.uint8)
    for code in range(256):
        if (code ^ ((code >> 1) | ((code & 1) << 7))).bit_count() <= 2:
            numbers[code] = code.bit_count()
    return numbers


_IS_PATTERN = np.eye(PATTERNS)[_by_pattern()]  # codes to patterns
_CIRCLE = ((-1, -1), (-1, 0), (-1, 1), (0, 1), (1, 1), (1, 0), (1, -1), (0, -1))


def _counted(radius: int) -> tuple[slice, slice, Places]:
    """Return the rows and columns that hold pixels with all of their circle in the ellipse, and which of them do."""
    whole = inside_by(radius)
    rows, columns = (np.flatnonzero(whole.any(axis=axis)) for axis in (1, 0))
    box = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
    return *box, np.flatnonzero(whole[box])


_COUNTED = {radius: _counted(radius) for radius in RADII}


def _texture(planes: UInt8Array, radius: int) -> FloatVector:
    rows, columns, counted = _COUNTED[radius]
    middle = planes[:, rows, columns]
    codes = np.zeros(middle.shape, np.uint8)
    for bit, (down, right) in enumerate(_CIRCLE):
        top, left = rows.start + radius * down, columns.start + radius * right
        around = planes[:, top : top + middle.shape[1], left : left + middle.shape[2]]
        codes |= (around >= middle).view(np.uint8) << np.uint8(bit)
    seen = [np.bincount(plane.ravel()[counted], minlength=256) for plane in codes]
    return np.sqrt(np.stack(seen) @ _IS_PATTERN / counted.size).ravel()


# -- detail


def _blurred(image: FloatImage) -> FloatImage:
    return cv2.GaussianBlur(image, (5, 5), 1.0).astype(np.float32, copy=False)


def _halved(image: FloatImage) -> FloatImage:
    size = (image.shape[1] // 2, image.shape[0] // 2)
    return cv2.resize(image, size, interpolation=cv2.INTER_AREA).astype(np.float32, copy=False)


def _one_over(share: FloatImage) -> FloatImage:
    return (1 / np.maximum(share, 1e-3)).astype(np.float32)


def _octaves() -> tuple[tuple[FloatImage, FloatImage, Places], ...]:
    """Return per octave: one over the share of a pixel that is face, of a blurred pixel too; which pixels count."""
    octaves: list[tuple[FloatImage, FloatImage, Places]] = []
    face: FloatImage = INSIDE.astype(np.float32)
    for _ in range(OCTAVES):
        octaves.append((_one_over(face), _one_over(_blurred(face)), np.flatnonzero(face > 0.5)))
        face = _halved(face)
    return tuple(octaves)


_OCTAVES = _octaves()
_MIDDLE = (2, 3)  # octaves whose light all spreads are relative to


def _detail(planes: UInt8Array) -> FloatVector:
    """Blur with the ellipse as weight, so that nothing flows in from beside the face."""
    held = [(plane * INSIDE).astype(np.float32) for plane in planes]
    found = []
    for share, blurred_share, counted in _OCTAVES:
        band = np.stack([(own * share - _blurred(own) * blurred_share).ravel()[counted] for own in held])
        found.append(_band(band))
        held = [_halved(own) for own in held]
    bands = np.stack(found)
    bands[:, :3] -= bands[_MIDDLE, 0].mean()
    return bands.ravel()


def _band(band: FloatImage) -> FloatVector:
    unit, spread, together = _standardised(band)
    squares = unit * unit
    place = [unit.shape[1] // 2, unit.shape[1] * 19 // 20]
    middle, outer = np.partition(np.abs(unit[0]), place)[place].astype(np.float64)
    tails = np.array([own @ own for own in squares], np.float64) / unit.shape[1]
    heavy = np.log((outer + _FLOOR) / (middle + _FLOOR))
    return np.concatenate([np.log(spread), np.log(tails + _FLOOR), together, [heavy]])


def _standardised(values: FloatImage) -> tuple[FloatImage, FloatVector, FloatVector]:
    """Return three rows with mean 0 and spread 1, their spreads, and the correlations of each two."""
    centred = values - values.mean(axis=1, keepdims=True)
    products = (centred @ centred.T).astype(np.float64) / values.shape[1]
    spread = np.sqrt(products.diagonal()) + _FLOOR
    together = (products / np.outer(spread, spread))[(0, 0, 1), (1, 2, 2)]
    return centred / spread[:, None].astype(np.float32), spread, together


# -- colour

_FACE = np.flatnonzero(INSIDE)


def _colour(chip: UInt8Array) -> FloatVector:
    face = chip.reshape(-1, 1, 3)[_FACE]
    pixels, lab = _rows(face), _rows(cv2.cvtColor(face.astype(np.float32) / np.float32(255), cv2.COLOR_BGR2LAB))
    chroma = pixels / (pixels.sum(axis=0) + 3)
    light = (lab[0] - lab[0].mean()) / (lab[0].std() + 1)
    with_light = lab[1:] @ light / (light @ light + 1e-3 * light.size)
    return np.concatenate(
        [
            chroma.std(axis=1),
            lab[1:].std(axis=1),
            _standardised(pixels)[2],
            _standardised(lab)[2],
            with_light,
        ]
    ).astype(np.float64)


def _rows(pixels: npt.NDArray[Any]) -> FloatImage:
    """Return one row for each channel, so that sums run along memory. Args: pixels: (n, 1, 3)."""
    return np.ascontiguousarray(pixels[:, 0].T, np.float32)
