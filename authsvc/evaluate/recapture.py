"""Show a frame as a camera would see it on a screen: a simulation, for want of data. A supplement, no headline. Pure.

1. The screen's gamut: colours towards grey, white towards blue; its tone curve once more.
2. Its pixels: stripes of red, green and blue, and dark lines between rows. The camera's own pixels sample them at
   nearly the same pitch, slightly turned: moire.
3. Its backlight, scanned by the camera row by row: bands.
4. A lamp mirrored in its glass, and the camera's softness, noise and JPEG.

Strengths are drawn for each frame. No simulation has a real panel's spectrum, its polish, and an attacker who tries
until it passes. Low figures here prove nothing; high ones show a weakness.
"""

import cv2
import numpy as np
import numpy.typing as npt

from authsvc.factors.face.measured import UInt8Array

FloatImage = npt.NDArray[np.float64]


def on_a_screen(frame: UInt8Array, seed: int) -> UInt8Array:
    """Return the frame, BGR, as seen on a screen. The same seed gives the same picture."""
    draw = np.random.default_rng(seed)  # reproducible on purpose
    shown = _gamut(frame / 255, draw)
    shown = shown * _pixels(frame.shape[:2], draw) * _bands(len(frame), draw)
    lit = np.clip(shown + _glare(frame.shape[:2], draw), 0, 1)
    soft = cv2.GaussianBlur(lit, (0, 0), draw.uniform(0.5, 1.0))
    noisy = soft + draw.normal(0, 0.008, lit.shape)
    return _saved((np.clip(noisy, 0, 1) * 255).astype(np.uint8), int(draw.integers(80, 96)))


def _gamut(image: FloatImage, draw: np.random.Generator) -> FloatImage:
    grey = image.mean(axis=2, keepdims=True)
    narrow = grey + draw.uniform(0.75, 0.95) * (image - grey)
    white = np.array([draw.uniform(1.0, 1.12), 1.0, draw.uniform(0.88, 1.0)])
    lit = np.clip(narrow * white * draw.uniform(0.85, 1.1), 0, 1)
    toned: FloatImage = np.power(lit, draw.uniform(0.85, 1.25))
    return toned


def _pixels(shape: tuple[int, ...], draw: np.random.Generator) -> FloatImage:
    """Return what each colour's stripes let through; their pitch is near the camera's, so that they beat with it."""
    pitch, turn, depth = draw.uniform(1.7, 2.6), draw.normal(0, 0.05), draw.uniform(0.04, 0.14)
    rows, columns = np.mgrid[0 : shape[0], 0 : shape[1]]
    along = (columns * np.cos(turn) + rows * np.sin(turn)) / pitch
    down = (rows * np.cos(turn) - columns * np.sin(turn)) / pitch
    stripes = [1 + depth * np.cos(2 * np.pi * (along + third / 3)) for third in range(3)]
    let_through: FloatImage = np.stack(stripes, axis=2) * (1 + depth * np.cos(2 * np.pi * down))[:, :, None]
    return let_through


def _bands(rows: int, draw: np.random.Generator) -> FloatImage:
    waves = draw.uniform(1.0, 5.0) * np.arange(rows) / rows + draw.random()
    lit: FloatImage = (1 + draw.uniform(0.0, 0.08) * np.cos(2 * np.pi * waves))[:, None, None]
    return lit


def _glare(shape: tuple[int, ...], draw: np.random.Generator) -> FloatImage:
    rows, columns = np.mgrid[0 : shape[0], 0 : shape[1]]
    x, y, width = draw.uniform(0, shape[1]), draw.uniform(0, shape[0]), draw.uniform(0.05, 0.2) * shape[1]
    spot: FloatImage = np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / (2 * width**2))
    return draw.uniform(0.0, 0.25) * np.expand_dims(spot, 2)


def _saved(image: UInt8Array, quality: int) -> UInt8Array:
    _, written = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return np.asarray(cv2.imdecode(written, cv2.IMREAD_COLOR), np.uint8)
