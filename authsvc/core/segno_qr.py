"""QR codes by segno, as pictures that a strict Content-Security-Policy shows.

The picture is a data URI for an `img`: it has an alternative text, and nothing in it can reach the page around it.
Black on white with the quiet zone of ISO/IEC 18004, whatever the page's colours are: cameras need that.
"""

import segno

QUIET_ZONE = 4  # modules, ISO/IEC 18004, 9.1
SCALE = 5  # CSS pixels a module: 245 px for what an authenticator app reads, so it fits a phone too


def qr_picture(text: str) -> str:
    """Return a data URI of an SVG with the QR code of a text."""
    code = segno.make_qr(text, error="m")
    return str(code.svg_data_uri(scale=SCALE, border=QUIET_ZONE, dark="#000", light="#fff"))
