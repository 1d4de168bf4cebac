"""Looks: saving a picture again keeps them, another moment changes them."""

import cv2
import numpy as np
import pytest

from authsvc.cli.drawn_face import PERSONS, draw
from authsvc.factors.face.measured import UInt8Array
from authsvc.factors.face.pipeline.look_alike import BITS, WAVES, look_of

SAVED_AGAIN = 4  # bits of 64


def drawn(name: str, number: int) -> UInt8Array:
    return np.asarray(cv2.cvtColor(draw(PERSONS[name], number), cv2.COLOR_RGB2GRAY), np.uint8)


def saved_again(luma: UInt8Array, quality: int) -> UInt8Array:
    return np.asarray(
        cv2.imdecode(cv2.imencode(".jpg", luma, [cv2.IMWRITE_JPEG_QUALITY, quality])[1], cv2.IMREAD_GRAYSCALE)
    )


def differing_bits(one: int, other: int) -> int:
    return (one ^ other).bit_count()


def test_a_look_has_64_bits_of_64_waves() -> None:
    assert len(set(WAVES)) == BITS
    assert 0 <= look_of(drawn("anna", 0)) < 2**BITS


@pytest.mark.parametrize("name", PERSONS)
@pytest.mark.parametrize("quality", (95, 75, 50))
def test_saving_again_hardly_changes_it(name: str, quality: int) -> None:
    luma = drawn(name, 0)
    assert differing_bits(look_of(luma), look_of(saved_again(luma, quality))) <= SAVED_AGAIN


@pytest.mark.parametrize("name", PERSONS)
def test_another_size_or_brightness_hardly_changes_it(name: str) -> None:
    luma = drawn(name, 0)
    smaller = np.asarray(cv2.resize(luma, (480, 360), interpolation=cv2.INTER_AREA))
    assert differing_bits(look_of(luma), look_of(smaller)) <= SAVED_AGAIN
    darker = (luma * 0.9).astype(np.uint8)
    assert differing_bits(look_of(luma), look_of(darker)) <= SAVED_AGAIN


@pytest.mark.parametrize("name", PERSONS)
def test_another_frame_of_the_same_capture_has_another_look(name: str) -> None:
    assert differing_bits(look_of(drawn(name, 0)), look_of(drawn(name, 1))) > 10


def test_every_size_has_a_look() -> None:
    for shape in ((1, 1), (1, 4000), (96, 96), (2000, 2000)):
        assert 0 <= look_of(np.full(shape, 77, np.uint8)) < 2**BITS
