"""Write dlib's face network as an ONNX graph: the same arithmetic for a runtime that shares no lock with Python.

    image (n, 150, 150, 3) uint8 RGB -> float, channels first -> (x - mean) / 256
    -> 7x7 convolution, stride 2 -> ReLU -> 3x3 max pool, stride 2        35 x 35 x 32
    -> 14 residual blocks (dlib_weights.BLOCKS)                           2 x 2 x 256
    -> average of what is left -> product 256 x 128                       embedding (n, 128)

A residual block is ReLU(convolution(ReLU(convolution(x))) + x). One that goes down strides by two in its first
convolution and adds the 2x2 average pool of x; where the two sides then differ in shape, both are filled up with zeros
at the end of channels, rows and columns (dlib's add_prev does so).

The same weights give the same bytes: that is how two processes may write the same file at once. Pure.
"""

from collections.abc import Sequence
from importlib import import_module
from typing import Any

import numpy as np

from authsvc.factors.face.embedder.dlib_weights import (
    BLOCKS,
    INPUT_PX,
    OUTPUTS,
    PIXEL_SCALE,
    Block,
    Convolution,
    Weights,
)

BUILDER = 1  # part of the file's name: count it up when the graph changes
OPSET = 17
IR_VERSION = 8  # of the same time; runtimes refuse what is newer than they are
INPUT, OUTPUT = "image", "embedding"

_Size = tuple[int, int]  # channels; rows, which are as many as columns


def build_graph(weights: Weights) -> bytes:
    """Return the network as an ONNX file."""
    graph = _Graph()
    mean = np.array(weights.mean_rgb, np.float32).reshape(1, 3, 1, 1)
    x = graph.node("Transpose", graph.node("Cast", INPUT, to=1), perm=[0, 3, 1, 2])
    x = graph.node(
        "Mul", graph.node("Sub", x, graph.constant(mean)), graph.constant(np.array([1 / PIXEL_SCALE], np.float32))
    )
    stem, *rest = weights.convolutions
    x = graph.node("Relu", graph.convolve(x, stem))
    x = graph.node("MaxPool", x, kernel_shape=[3, 3], strides=[2, 2])
    size = (stem.shape.filters, _strided(_strided(INPUT_PX, stem.shape.size), 3))
    for number, block in enumerate(BLOCKS):
        x, size = graph.block(x, size, block, rest[2 * number : 2 * number + 2])
    x = graph.node("ReduceMean", x, axes=[2, 3], keepdims=0)
    graph.node("MatMul", x, graph.constant(weights.product), output=OUTPUT)
    return graph.to_bytes()


def _strided(size: int, kernel: int) -> int:
    """Return how many places a kernel of stride 2 without padding has."""
    return (size - kernel) // 2 + 1


class _Graph:
    """Nodes in the order of their work."""

    def __init__(self) -> None:
        self._onnx: Any = import_module("onnx")  # only who builds a graph pays for it; it is not typed
        self._nodes: list[Any] = []
        self._constants: list[Any] = []

    def constant(self, values: Any) -> str:
        name = f"c{len(self._constants)}"
        self._constants.append(self._onnx.numpy_helper.from_array(np.ascontiguousarray(values), name))
        return name

    def node(self, kind: str, *inputs: str, output: str = "", **attributes: Any) -> str:
        name = output or f"n{len(self._nodes)}"
        self._nodes.append(self._onnx.helper.make_node(kind, list(inputs), [name], **attributes))
        return name

    def convolve(self, x: str, layer: Convolution) -> str:
        shape = layer.shape
        return self.node(
            "Conv",
            x,
            self.constant(layer.filters),
            self.constant(layer.biases),
            kernel_shape=[shape.size] * 2,
            strides=[shape.stride] * 2,
            pads=[shape.padding] * 4,
        )

    def block(self, x: str, size: _Size, block: Block, layers: Sequence[Convolution]) -> tuple[str, _Size]:
        first, second = layers
        within = self.convolve(self.node("Relu", self.convolve(x, first)), second)
        within_size = (block.filters, _strided(size[1], first.shape.size) if block.down else size[1])
        beside, beside_size = x, size
        if block.down:
            beside = self.node("AveragePool", x, kernel_shape=[2, 2], strides=[2, 2])
            beside_size = (size[0], _strided(size[1], 2))
        full = (max(within_size[0], beside_size[0]), max(within_size[1], beside_size[1]))
        both = [self._filled(within, within_size, full), self._filled(beside, beside_size, full)]
        return self.node("Relu", self.node("Add", *both)), full

    def to_bytes(self) -> bytes:
        make, kinds = self._onnx.helper, self._onnx.TensorProto
        graph = make.make_graph(
            self._nodes,
            "dlib face recognition resnet v1",
            [make.make_tensor_value_info(INPUT, kinds.UINT8, ["n", INPUT_PX, INPUT_PX, 3])],
            [make.make_tensor_value_info(OUTPUT, kinds.FLOAT, ["n", OUTPUTS])],
            self._constants,
        )
        model = make.make_model(
            graph,
            opset_imports=[make.make_opsetid("", OPSET)],
            ir_version=IR_VERSION,
            producer_name="authsvc",
            producer_version=str(BUILDER),
        )
        self._onnx.checker.check_model(model)
        return bytes(model.SerializeToString(deterministic=True))

    def _filled(self, x: str, size: _Size, full: _Size) -> str:
        if size == full:
            return x
        more = full[1] - size[1]
        return self.node("Pad", x, self.constant(np.array([0, 0, 0, 0, 0, full[0] - size[0], more, more], np.int64)))
