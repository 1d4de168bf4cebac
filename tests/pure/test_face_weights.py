"""dlib's weights: read whole from the installed file; whatever is wrong with them is refused by name and place."""

import struct
import warnings
from collections.abc import Callable

import numpy as np
import pytest

from authsvc.factors.face.embedder.dlib_embedder import network_file
from authsvc.factors.face.embedder.dlib_weights import LAYOUT, OUTPUTS, BadWeights, Weights, read_weights
from authsvc.factors.face.embedder.onnx_graph import build_graph

FIRST_FILTERS = 32 * 3 * 7 * 7 + 32


@pytest.fixture(scope="module")
def installed() -> bytes:
    return network_file().read_bytes()


@pytest.fixture(scope="module")
def weights(installed: bytes) -> Weights:
    return read_weights(installed)


def test_every_layer_is_read(weights: Weights) -> None:
    assert weights.mean_rgb == pytest.approx((122.782, 117.001, 104.298), abs=1e-4)
    assert tuple(each.shape for each in weights.convolutions) == LAYOUT
    assert len(LAYOUT) == 29
    assert weights.product.shape == (256, OUTPUTS)


def test_the_same_weights_give_the_same_graph(weights: Weights) -> None:
    assert build_graph(weights) == build_graph(weights)


def at(data: bytes, mark: bytes, number: int = 0) -> int:
    """Return where the mark stands behind which the defect is put."""
    place = -1
    for _ in range(number + 1):
        place = data.index(mark, place + 1)
    return place + len(mark)


def with_bytes(data: bytes, place: int, new: bytes) -> bytes:
    return data[:place] + new + data[place + len(new) :]


def nan_weight(data: bytes) -> bytes:
    place = at(data, b"\x01\x05con_4") + len(b"\x01\x02\x02\x80\x12\x01\x01\x01\x01\x01\x01")
    return with_bytes(data, place, struct.pack("<f", np.nan))


DEFECTS: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "empty": (lambda data: b"", "no layer input_rgb_image_sized"),
    "another file": (lambda data: b"\x89PNG\r\n\x1a\n" * 1000, "no layer input_rgb_image_sized"),
    "a network of another kind": (
        lambda data: data.replace(b"input_rgb_image_sized", b"input_rgb_image_other"),
        "input",
    ),
    "cut in the first weights": (lambda data: data[:5_000], "the file ends too early"),
    "cut between layers": (lambda data: data[: at(data, b"\x01\x07affine_") - 30], "no layer affine_"),
    "cut in the last product": (lambda data: data[: len(data) - 1_000], "the file ends too early"),
    "a layer of another name": (lambda data: data.replace(b"affine_", b"bn_con2", 1), "no layer affine_"),
    "no product": (lambda data: data.replace(b"\x01\x04fc_2", b"\x01\x04fc_x"), "no layer fc_2"),
    "another version of tensors": (
        lambda data: with_bytes(data, at(data, b"\x01\x05con_4"), b"\x01\x03"),
        "3 as version of a tensor, not 2",
    ),
    "a tensor of four gigabytes": (
        lambda data: with_bytes(data, at(data, b"\x01\x05con_4") + 2, b"\x04\xff\xff\xff\x7f"),
        f"2147483647 as size of a tensor, not {FIRST_FILTERS}",
    ),
    "a tensor of a negative size": (
        lambda data: with_bytes(data, at(data, b"\x01\x05con_4") + 2, b"\x82\x80\x12"),
        f"-4736 as size of a tensor, not {FIRST_FILTERS}",
    ),
    "an integer of no bytes": (lambda data: with_bytes(data, at(data, b"\x01\x05con_4"), b"\x00"), "no integer"),
    "an integer of fifteen bytes": (lambda data: with_bytes(data, at(data, b"\x01\x05con_4"), b"\x0f"), "no integer"),
    "a mean colour of infinity": (
        lambda data: with_bytes(data, at(data, b"input_rgb_image_sized") + 4, b"\x02\x00\x7d"),
        "no real number",
    ),
    "a weight that is no number": (nan_weight, "a weight is not a number"),
}


@pytest.mark.parametrize("name", DEFECTS)
def test_a_damaged_file_is_refused_with_its_reason(installed: bytes, name: str) -> None:
    damage, said = DEFECTS[name]
    with pytest.raises(BadWeights, match=said) as refused:
        read_weights(damage(installed))
    assert "byte" in str(refused.value)


def test_noise_is_refused_and_never_anything_else(installed: bytes) -> None:
    """Whatever single bytes of the first layers' heads say, the answer is weights or BadWeights."""
    noise = np.random.default_rng(3)
    head = bytearray(installed[:400])
    for _ in range(300):
        spoiled = bytearray(head)
        spoiled[noise.integers(280, 400)] = noise.integers(0, 256)
        with pytest.raises(BadWeights):
            read_weights(bytes(spoiled))


def test_the_file_is_found_without_a_warning() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert network_file().name == "dlib_face_recognition_resnet_model_v1.dat"
