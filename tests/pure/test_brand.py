"""Brands: colours that can be read, logos that are pixels, texts that stay texts."""

import io
import re
import struct
import zlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, PngImagePlugin

from authsvc.core.errors import BadInput
from authsvc.oidc.branding.brand import read_footer, read_name, read_support
from authsvc.oidc.branding.colours import (
    BLACK,
    DARK,
    LIGHT,
    NEEDED,
    WHITE,
    Rgb,
    Scheme,
    contrast,
    least_contrast,
    parse_colour,
    readable_shade,
    require_readable,
    shades,
    stylesheet,
    written,
)
from authsvc.oidc.branding.pillow_logo import BOX, MAX_BYTES, read_logo

APP_CSS = (Path(__file__).parents[2] / "authsvc/web/static/app.css").read_text()
CHANNEL = st.integers(0, 255)
COLOUR = st.tuples(CHANNEL, CHANNEL, CHANNEL)


# -- colours


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [  # from WebAIM's contrast checker
        ("#000000", "#ffffff", 21.0),
        ("#777777", "#ffffff", 4.48),
        ("#767676", "#ffffff", 4.54),
        ("#0000ff", "#ffffff", 8.59),
        ("#ff0000", "#ffffff", 4.0),
        ("#ffff00", "#ffffff", 1.07),
    ],
)
def test_contrast_as_others_compute_it(one: str, other: str, expected: float) -> None:
    assert contrast(parse_colour(one), parse_colour(other)) == pytest.approx(expected, abs=0.006)
    assert contrast(parse_colour(other), parse_colour(one)) == contrast(parse_colour(one), parse_colour(other))


@given(COLOUR, st.sampled_from([LIGHT, DARK]))
def test_every_colour_has_a_shade_that_can_be_read(colour: Rgb, scheme: Scheme) -> None:
    shade = readable_shade(colour, scheme)
    assert least_contrast(shade, scheme) >= NEEDED
    made = shades(shade, scheme)
    for ground in (scheme.paper, scheme.surface, made.soft):
        assert contrast(made.accent, ground) >= NEEDED
        assert contrast(made.hover, ground) >= NEEDED
    assert contrast(made.on_accent, made.accent) >= NEEDED
    assert contrast(made.on_accent, made.hover) >= NEEDED


@given(COLOUR)
def test_what_can_be_read_is_left_as_it_is(colour: Rgb) -> None:
    if least_contrast(colour, LIGHT) >= NEEDED:
        assert readable_shade(colour, LIGHT) == colour


def test_a_colour_that_can_not_be_read_is_refused_with_one_that_can() -> None:
    with pytest.raises(BadInput) as problem:
        require_readable(parse_colour("#ffcc00"), LIGHT)
    assert problem.value.code == "brand.contrast"
    offered = re.findall(r"#[0-9a-f]{6}", problem.value.detail)[-1]
    require_readable(parse_colour(offered), LIGHT)


@pytest.mark.parametrize("text", ["", "red", "#fff", "#12345g", "#0a5746 ", "#0a5746;}", "0a5746", "#٠٠٠٠٠٠"])
def test_what_is_no_colour(text: str) -> None:
    with pytest.raises(BadInput) as problem:
        parse_colour(text)
    assert problem.value.code == "brand.colour"


def test_the_grounds_are_those_of_the_style_sheet() -> None:
    light, dark = APP_CSS.split("@media (prefers-color-scheme: dark)", 1)
    for scheme, text in ((LIGHT, light), (DARK, dark)):
        for name in ("paper", "surface", "ink"):
            found = re.search(rf"--{name}: (#[0-9a-f]{{6}});", text)
            assert found is not None
            assert parse_colour(found[1]) == getattr(scheme, name), f"{scheme.name} {name}"


def test_the_services_own_accents_would_pass() -> None:
    found = re.findall(r"--accent: (#[0-9a-f]{6});", APP_CSS)
    require_readable(parse_colour(found[0]), LIGHT)
    require_readable(parse_colour(found[1]), DARK)


def test_a_style_sheet_sets_what_the_pages_use_and_nothing_else() -> None:
    text = stylesheet(parse_colour("#2c6349"), parse_colour("#8fd0ae"))
    names = re.findall(r"--([a-z-]+): #[0-9a-f]{6};", text)
    assert names == ["accent", "accent-hover", "on-accent", "accent-soft"] * 2
    assert all(f"var(--{name})" in APP_CSS for name in names)
    assert re.fullmatch(r"[-:;{}()#@a-z0-9\s]+", text)
    assert written(WHITE) == "#ffffff"
    assert written(BLACK) == "#000000"


# -- logos


def picture(kind: str = "PNG", size: tuple[int, int] = (96, 96), **options: object) -> bytes:
    out = io.BytesIO()
    Image.new("RGBA", size, (44, 99, 73, 128)).save(out, kind, **options)
    return out.getvalue()


@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
def test_a_logo_is_written_anew(kind: str) -> None:
    logo = read_logo(picture(kind))
    assert (logo.width, logo.height) == (96, 96)
    with Image.open(io.BytesIO(logo.png)) as image:
        assert (image.format, image.mode) == ("PNG", "RGBA")


def test_what_was_hidden_in_a_picture_is_gone() -> None:
    info = PngImagePlugin.PngInfo()
    info.add_text("Comment", "<script>alert(1)</script>")
    data = picture(pnginfo=info) + b"<?php evil ?>"
    logo = read_logo(data)
    assert b"script" in data
    assert b"script" not in logo.png
    assert b"php" not in logo.png


def test_a_large_one_is_made_to_fit() -> None:
    logo = read_logo(picture(size=(2000, 1000)))
    assert logo.width <= BOX[0]
    assert logo.height <= BOX[1]
    assert logo.width / logo.height == pytest.approx(2, rel=0.02)


def bomb(side: int) -> bytes:
    """A small PNG that says how large it is."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"\0" * 1000)) + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "brand.logo_format"),
        (b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>', "brand.logo_format"),
        (b"<?xml version='1.0'?><svg/>", "brand.logo_format"),
        (b"GIF89a" + b"\0" * 100, "brand.logo_format"),
        (b"\xff\xd8\xff\xe0" + b"\0" * 100, "brand.logo_format"),
        (b"\x89PNG\r\n\x1a\n", "brand.logo_format"),
        (picture()[:60], "brand.logo_format"),
        (b"RIFF\x00\x00\x00\x00WEBPVP8 ", "brand.logo_format"),
        (b"<html>" + picture(), "brand.logo_format"),
        (picture(size=(31, 96)), "brand.logo_size"),
        (picture(size=(40, 100)), "brand.logo_size"),
        (picture(size=(900, 100)), "brand.logo_size"),
        (bomb(3_000), "brand.logo_size"),
        (bomb(30_000), "brand.logo_size"),
        (picture() + b"\0" * MAX_BYTES, "brand.logo_too_large"),
    ],
)
def test_what_is_no_logo(data: bytes, code: str) -> None:
    with pytest.raises(BadInput) as problem:
        read_logo(data)
    assert problem.value.code == code


# -- texts


def test_texts_are_tidied() -> None:
    assert read_name("  Low  Tide\tTea ") == "Low Tide Tea"
    assert read_support("") == ""
    assert read_support("https://shop.example/help?a=1") == "https://shop.example/help?a=1"
    assert read_support("Help@Shop.example") == "help@shop.example"
    assert read_footer("Low Tide Tea  \r\n1 Quay Road\n") == "Low Tide Tea\n1 Quay Road"


@pytest.mark.parametrize("text", ["", " ", "x" * 61, "Tea\u202e"])
def test_what_is_no_name(text: str) -> None:
    with pytest.raises(BadInput) as problem:
        read_name(text)
    assert problem.value.code == "brand.name"


@pytest.mark.parametrize(
    "text",
    ["http://shop.example", "javascript:alert(1)", "javascript://x", "data:text/html,x", "//shop.example", "help",
     "https://", "https://u@shop.example", "https://shop.example/a b", "https://[::1", "https://x/" + "y" * 200],
)  # fmt: skip
def test_what_is_no_support(text: str) -> None:
    with pytest.raises(BadInput) as problem:
        read_support(text)
    assert problem.value.code == "brand.support"


@pytest.mark.parametrize("text", ["x" * 501, "x\n" * 9, "a\x00b", "a\x1b[31m", "a\u202eb"])
def test_what_is_no_footer(text: str) -> None:
    with pytest.raises(BadInput) as problem:
        read_footer(text)
    assert problem.value.code == "brand.mail_footer"
