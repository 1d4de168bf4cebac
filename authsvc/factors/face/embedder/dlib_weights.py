"""Read the weights of dlib's face network from the file in which dlib keeps them.

dlib_face_recognition_resnet_model_v1.dat is dlib's own serialisation (dlib/serialize.h, dlib/dnn/layers.h). What of it
is needed here:

1. An integer is one byte, whose low four bits say how many bytes follow and whose high bit is the sign, then those
   bytes, little-endian. A real number is two integers, mantissa and exponent of two. A text is its length, its bytes.
2. Layers stand from the input outwards. A layer that has weights begins with its name: `con_4`, `affine_`, `fc_2`.
   Between them stand layers without weights and the settings of training, at most GAP bytes; they are passed over.
3. A tensor is the integer 2 (its version), four integers, and raw little-endian float32.
4. `con_4`: a tensor of K x C x R x S filters and then K biases; then K, R, S, two strides, two paddings.
   `affine_`: a tensor of K scales and then K shifts; one follows every convolution, and is folded into it here.
   `fc_2`: outputs, inputs, then a tensor of inputs x outputs; no bias.
5. `input_rgb_image_sized`: the mean red, green and blue as real numbers, then rows and columns.

Every size is compared with what the network must have (LAYOUT) before anything of that size is read. Pure.
"""

import math
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from authsvc.factors.face.embedder.embedder import CannotEmbed

Float32Array: TypeAlias = npt.NDArray[np.float32]

INPUT_PX = 150
OUTPUTS = 128
PIXEL_SCALE = 256.0  # dlib/dnn/input.h: (pixel - mean) / 256
GAP = 400  # the longest that was seen is 150
MAX_INTEGER_BYTES = 8


@dataclass(frozen=True)
class Shape:
    """What a convolution must look like."""

    filters: int
    channels: int
    size: int
    stride: int

    @property
    def padding(self) -> int:
        """Return dlib's default: half of the filter where it doesn't stride, else nothing."""
        return self.size // 2 if self.stride == 1 else 0


@dataclass(frozen=True)
class Block:
    """Two 3x3 convolutions and what is added to them: the input, or where it goes *down* its 2x2 average."""

    filters: int
    channels: int
    down: bool

    @property
    def shapes(self) -> tuple[Shape, Shape]:
        return Shape(self.filters, self.channels, 3, 2 if self.down else 1), Shape(self.filters, self.filters, 3, 1)


STEM = Shape(32, 3, 7, 2)
BLOCKS: tuple[Block, ...] = (
    *(Block(32, 32, down=False),) * 3,
    Block(64, 32, down=True),
    *(Block(64, 64, down=False),) * 3,
    Block(128, 64, down=True),
    *(Block(128, 128, down=False),) * 2,
    Block(256, 128, down=True),
    *(Block(256, 256, down=False),) * 2,
    Block(256, 256, down=True),
)
LAYOUT: tuple[Shape, ...] = (STEM, *(shape for block in BLOCKS for shape in block.shapes))


class BadWeights(CannotEmbed):
    """The file is not dlib's face network, or is damaged; the message says where."""


@dataclass(frozen=True)
class Convolution:
    """One convolution with its affine layer folded in: filters (K, C, R, S) and K biases."""

    shape: Shape
    filters: Float32Array = field(repr=False)
    biases: Float32Array = field(repr=False)


@dataclass(frozen=True)
class Weights:
    """All of the network: mean colour, the convolutions of LAYOUT in order, and the last product (inputs, outputs)."""

    mean_rgb: tuple[float, float, float]
    convolutions: tuple[Convolution, ...] = field(repr=False)
    product: Float32Array = field(repr=False)


def read_weights(data: bytes) -> Weights:
    """Return the network's weights.

    Raises:
        BadWeights: see the class.
    """
    reader = _Reader(data)
    reader.pass_to("input_rgb_image_sized", within=len(data))
    mean = (reader.real(), reader.real(), reader.real())
    reader.expect(INPUT_PX, "rows of the input")
    reader.expect(INPUT_PX, "columns of the input")
    convolutions = tuple(_convolution(reader, shape) for shape in LAYOUT)
    reader.pass_to("fc_2")
    reader.expect(OUTPUTS, "outputs")
    reader.expect(LAYOUT[-1].filters, "inputs of the product")
    product = reader.tensor(LAYOUT[-1].filters, OUTPUTS)
    return Weights(mean, convolutions, product.reshape(LAYOUT[-1].filters, OUTPUTS))


def _convolution(reader: "_Reader", shape: Shape) -> Convolution:
    wanted = shape.filters * shape.channels * shape.size**2
    reader.pass_to("con_4")
    values = reader.tensor(wanted + shape.filters)
    for number, what in (
        (shape.filters, "filters"),
        *((each, name) for name in ("size", "stride", "padding") for each in (getattr(shape, name),) * 2),
    ):
        reader.expect(number, f"{what} of a convolution")
    reader.pass_to("affine_")
    scale, shift = reader.tensor(2 * shape.filters).astype(np.float64).reshape(2, shape.filters)
    filters = values[:wanted].astype(np.float64).reshape(shape.filters, shape.channels, shape.size, shape.size)
    biases = values[wanted:].astype(np.float64) * scale + shift
    return Convolution(shape, (filters * scale[:, None, None, None]).astype(np.float32), biases.astype(np.float32))


class _Reader:
    """A place in the file, moving on."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def pass_to(self, name: str, *, within: int = GAP) -> None:
        """Move behind the next layer's name."""
        mark = bytes([1, len(name)]) + name.encode()
        found = self._data.find(mark, self._at, self._at + within + len(mark))
        if found < 0:
            raise self._bad(f"no layer {name}")
        self._at = found + len(mark)

    def integer(self) -> int:
        head = self._take(1)[0]
        length = head & 0x0F
        if not 0 < length <= MAX_INTEGER_BYTES or head & 0x70:
            raise self._bad("no integer")
        value = int.from_bytes(self._take(length), "little")
        return -value if head & 0x80 else value

    def real(self) -> float:
        mantissa, exponent = self.integer(), self.integer()
        if abs(exponent) > 200:  # also dlib's own marks for infinity and not-a-number, which no mean colour is
            raise self._bad("no real number")
        return math.ldexp(mantissa, exponent)

    def expect(self, wanted: int, what: str) -> None:
        found = self.integer()
        if found != wanted:
            raise self._bad(f"{found} {what}, not {wanted}")

    def tensor(self, samples: int, channels: int = 1) -> Float32Array:
        """Return the values of a tensor of this size, float32."""
        self.expect(2, "as version of a tensor")
        for wanted in (samples, channels, 1, 1):
            self.expect(wanted, "as size of a tensor")
        values = np.frombuffer(self._take(4 * samples * channels), "<f4")
        if not np.isfinite(values).all():
            raise self._bad("a weight is not a number")
        return values

    def _take(self, length: int) -> bytes:
        taken = self._data[self._at : self._at + length]
        if len(taken) < length:
            raise self._bad("the file ends too early")
        self._at += length
        return taken

    def _bad(self, what: str) -> BadWeights:
        return BadWeights(f"this is not dlib's face network, or it is damaged: {what} (byte {self._at})")
