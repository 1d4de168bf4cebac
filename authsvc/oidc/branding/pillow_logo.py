"""A client's logo, decoded and written anew by Pillow, so that what we serve is pixels and nothing else.

1. at most MAX_BYTES, and PNG or WebP by its first bytes, whatever its name says;
2. its size is read before its pixels: no more than MAX_PIXELS are ever decoded;
3. the first frame alone is kept, made to fit BOX, and written as PNG without metadata.

SVG is refused: it is a document that can hold script, links and other documents, and who sanitises it has to be right
for ever. A PNG of twice the shown size looks the same.
"""

import io
from dataclasses import dataclass

from PIL import Image, UnidentifiedImageError

from authsvc.core.errors import BadInput

MAX_BYTES = 512 * 1024
MAX_PIXELS = 4_000_000
MIN_SIDE = 32
BOX = (640, 192)  # shown at most 200 x 48 CSS pixels, on screens of up to three times that


@dataclass(frozen=True)
class Logo:
    """A PNG and its size."""

    png: bytes
    width: int
    height: int


def read_logo(data: bytes) -> Logo:
    """Return the logo as it will be served.

    Raises:
        BadInput: `brand.logo_too_large`, `brand.logo_format`, `brand.logo_size`.
    """
    if len(data) > MAX_BYTES:
        raise BadInput("brand.logo_too_large", f"A logo has at most {MAX_BYTES // 1024} KiB.")
    if not _is_raster(data):
        raise BadInput(
            "brand.logo_format",
            "A logo is a PNG or WebP. SVG is not taken, as it can hold script: export it as PNG.",
        )
    try:
        with Image.open(io.BytesIO(data), formats=("PNG", "WEBP")) as image:
            _require_size(image.width, image.height)
            pixels = image.convert("RGBA")
    except Image.DecompressionBombError as problem:
        raise _wrong_size() from problem
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError) as problem:
        raise BadInput("brand.logo_format", "This file can't be read as PNG or WebP.") from problem
    pixels.thumbnail(BOX, Image.Resampling.LANCZOS)
    written = io.BytesIO()
    pixels.save(written, "PNG", optimize=True)
    return Logo(written.getvalue(), pixels.width, pixels.height)


def _is_raster(data: bytes) -> bool:
    return data.startswith(b"\x89PNG\r\n\x1a\n") or (data[:4] == b"RIFF" and data[8:12] == b"WEBP")


def _require_size(width: int, height: int) -> None:
    if min(width, height) < MIN_SIDE or width * height > MAX_PIXELS or not 1 / 2 <= width / height <= 8:
        raise _wrong_size()


def _wrong_size() -> BadInput:
    return BadInput(
        "brand.logo_size",
        f"A logo is at least {MIN_SIDE} pixels on each side, has at most {MAX_PIXELS} pixels, and is at most twice as "
        "high as wide, and eight times as wide as high.",
    )
