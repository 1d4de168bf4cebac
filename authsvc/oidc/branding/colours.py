"""A client's accent colour, made into the shades that our pages use, or refused because nobody could read it. Pure.

WCAG 2.2, 1.4.3, contrast of two colours with relative luminances L1 >= L2 (sRGB, channels c in [0, 1]):

    contrast = (L1 + 0.05) / (L2 + 0.05)        L = 0.2126 r + 0.7152 g + 0.0722 b
    r, g, b  = c / 12.92 where c <= 0.04045, else ((c + 0.055) / 1.055) ** 2.4

Text needs 4.5. The accent is the text of links on the page's three grounds, and the ground of the first button; both
are checked, for each scheme. LIGHT and DARK are the grounds of web/static/app.css; a test keeps them alike.

One colour is enough: for the dark scheme it is made lighter until it can be read. What was given and can't be read is
refused, with the nearest shade that can.
"""

import re
from dataclasses import dataclass

from authsvc.core.errors import BadInput

NEEDED = 4.5
STEPS = 50

Rgb = tuple[int, int, int]

BLACK: Rgb = (0, 0, 0)
WHITE: Rgb = (255, 255, 255)

_HEX = re.compile(r"#[0-9a-fA-F]{6}", re.ASCII)


@dataclass(frozen=True)
class Scheme:
    """The grounds of one scheme, and which way a colour goes to stand out from them."""

    name: str
    paper: Rgb
    surface: Rgb
    ink: Rgb
    away: Rgb
    soft_share: float  # of the accent, in the ground behind notices and under a pointer
    ink_on_accent: float  # of the accent, in the text of a button


@dataclass(frozen=True)
class Shades:
    """What a scheme's custom properties are set to."""

    accent: Rgb
    hover: Rgb
    on_accent: Rgb
    soft: Rgb


LIGHT = Scheme("light", (0xF5, 0xF4, 0xEF), WHITE, (0x18, 0x21, 0x1E), BLACK, 0.1, 0.0)
DARK = Scheme("dark", (0x0F, 0x14, 0x12), (0x17, 0x1E, 0x1B), (0xE8, 0xED, 0xEA), WHITE, 0.16, 0.12)


def parse_colour(text: str) -> Rgb:
    """Raises BadInput: `brand.colour`: it is no `#rrggbb`."""
    if not _HEX.fullmatch(text):
        raise BadInput("brand.colour", "A colour is written as #rrggbb, such as #0a5746.")
    return int(text[1:3], 16), int(text[3:5], 16), int(text[5:7], 16)


def written(colour: Rgb) -> str:
    return "#{:02x}{:02x}{:02x}".format(*colour)


def contrast(one: Rgb, other: Rgb) -> float:
    """Return the contrast of two colours, 1.0 to 21.0."""
    lighter, darker = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def shades(accent: Rgb, scheme: Scheme) -> Shades:
    """Return what belongs to an accent in a scheme, readable or not."""
    return Shades(
        accent=accent,
        hover=_mix(accent, scheme.away, 0.22),
        on_accent=_mix(BLACK if scheme.away == WHITE else WHITE, accent, scheme.ink_on_accent),
        soft=_mix(scheme.surface, accent, scheme.soft_share),
    )


def least_contrast(accent: Rgb, scheme: Scheme) -> float:
    """Return the worst contrast of a text that would have to be read."""
    made = shades(accent, scheme)
    links = [contrast(made.accent, ground) for ground in (scheme.paper, scheme.surface, made.soft)]
    buttons = [contrast(made.on_accent, ground) for ground in (made.accent, made.hover)]
    return min(*links, *buttons, contrast(scheme.ink, made.soft))


def readable_shade(accent: Rgb, scheme: Scheme) -> Rgb:
    """Return the accent, or the nearest shade of it that can be read in this scheme."""
    for step in range(STEPS + 1):
        shade = _mix(accent, scheme.away, step / STEPS)
        if least_contrast(shade, scheme) >= NEEDED:
            return shade
    raise AssertionError("black on white and white on black can be read")


def require_readable(accent: Rgb, scheme: Scheme) -> None:
    """Raises BadInput: `brand.contrast`: text of this colour could not be read; the detail has a shade that could."""
    found = least_contrast(accent, scheme)
    if found < NEEDED:
        instead = written(readable_shade(accent, scheme))
        raise BadInput(
            "brand.contrast",
            f"{written(accent)} has a contrast of {found:.2f} on the {scheme.name} pages, and text needs {NEEDED}. "
            f"The nearest shade that can be read is {instead}.",
        )


def stylesheet(light: Rgb, dark: Rgb) -> str:
    """Return the style sheet that follows app.css on a client's pages."""
    in_dark = f"@media (prefers-color-scheme: dark) {{\n  :root {{{_properties(dark, DARK)}}}\n}}\n"
    return f":root {{{_properties(light, LIGHT)}}}\n{in_dark}"


def _properties(accent: Rgb, scheme: Scheme) -> str:
    made = shades(accent, scheme)
    pairs = {
        "accent": made.accent,
        "accent-hover": made.hover,
        "on-accent": made.on_accent,
        "accent-soft": made.soft,
    }
    return "".join(f" --{name}: {written(colour)};" for name, colour in pairs.items()) + " "


def _mix(one: Rgb, other: Rgb, share: float) -> Rgb:
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(one, other, strict=True))
    return red, green, blue


def _luminance(colour: Rgb) -> float:
    red, green, blue = (_linear(channel / 255) for channel in colour)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _linear(channel: float) -> float:
    return channel / 12.92 if channel <= 0.04045 else float(((channel + 0.055) / 1.055) ** 2.4)
