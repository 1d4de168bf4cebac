"""Keep the network that was written from dlib's weights in a folder, so that a process starts with one read.

    dlib-resnet-v1-SOURCE-bBUILDER-GRAPH.onnx

SOURCE and GRAPH begin the SHA-256 of dlib's file and of the graph. So nothing has to be trusted about a file but its
name: another source or builder looks for another name, and a file that was cut off, or put there by somebody else under
our name, has another sum and is written again. Two processes at once write the same bytes to the same name, each
through a file of its own that is renamed when it is whole. Where the folder can't be written the graph is built at each
start, in under a second; `authsvc face build` says so.

Whoever can write to the folder can replace the network, name and all: it belongs to the user who runs authsvc, alone
(mode 0700). This file reads and writes files; it has no other state.
"""

import hashlib
import os
import tempfile
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from authsvc.factors.face.embedder.dlib_weights import read_weights
from authsvc.factors.face.embedder.embedder import CannotEmbed
from authsvc.factors.face.embedder.onnx_graph import BUILDER, build_graph

NAME = "dlib-resnet-v1"
SUM_DIGITS = 32
MAX_SOURCE_BYTES = 100_000_000  # dlib's file has 22 million


@dataclass(frozen=True)
class CachedGraph:
    """The network; `file` is None where it could not be written, or should not be."""

    source_sha256: str
    graph: bytes = field(repr=False)
    file: Path | None
    built: bool


def cached_graph(source: Path, folder: Path | None) -> CachedGraph:
    """Return the network of dlib's file `source`, from the folder or built and put there.

    Raises:
        CannotEmbed: the source can't be read, or is not dlib's network.
    """
    try:
        if source.stat().st_size > MAX_SOURCE_BYTES:
            raise CannotEmbed(f"{source} is too large for dlib's face network")
        weights = source.read_bytes()
    except OSError as problem:
        raise CannotEmbed(f"dlib's face network can't be read: {problem}") from problem
    source_sha256 = hashlib.sha256(weights).hexdigest()
    stem = f"{NAME}-{source_sha256[:SUM_DIGITS]}-b{BUILDER}"
    if folder is not None and (found := _find(folder, stem)):
        return CachedGraph(source_sha256, found[1], found[0], built=False)
    graph = build_graph(read_weights(weights))
    file = folder / f"{stem}-{_sum(graph)}.onnx" if folder else None
    return CachedGraph(source_sha256, graph, file if file and _write(file, graph) else None, built=True)


def _find(folder: Path, stem: str) -> tuple[Path, bytes] | None:
    for file in sorted(folder.glob(f"{stem}-*.onnx")):
        with suppress(OSError):  # a folder of this name, or not ours to read
            graph = file.read_bytes()
            if file.stem == f"{stem}-{_sum(graph)}":
                return file, graph
    return None


def _write(file: Path, graph: bytes) -> bool:
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=file.parent, prefix=f".{NAME}-")
    except OSError:
        return False
    try:
        with os.fdopen(handle, "wb") as target:
            target.write(graph)
            target.flush()
            os.fsync(target.fileno())
        Path(name).replace(file)
    except OSError:
        with suppress(OSError):
            Path(name).unlink()
        return False
    return True


def _sum(graph: bytes) -> str:
    return hashlib.sha256(graph).hexdigest()[:SUM_DIGITS]
