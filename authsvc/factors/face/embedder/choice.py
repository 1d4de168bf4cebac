"""Which embedder a deployment uses, small enough to be sent to each worker process, and how to open it.

dlib_onnx   dlib's network in onnxruntime: the default
dlib        the same run by dlib: the reference. Its vectors are the same, so both have one id.
onnx        the operator's own model
"""

import hashlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

from sqlalchemy.engine import make_url

from authsvc.factors.face.embedder.dlib_embedder import DlibEmbedder, network_file
from authsvc.factors.face.embedder.embedder import CannotEmbed, FaceEmbedder
from authsvc.factors.face.embedder.graph_cache import cached_graph
from authsvc.factors.face.embedder.onnx_embedder import DlibOnnxEmbedder, OwnEmbedder, OwnModel, own_id
from authsvc.settings import Settings

Kind = Literal["dlib_onnx", "dlib", "onnx"]

FOLDER = "authsvc-models"
DLIB_ID = "dlib-resnet-v1/5-point"
# The file of face_recognition_models 0.3.0, which the shipped operating point was measured with.
DLIB_SHA256 = "55533b28a95800a551ba546ba62fe69625c7e95a7061c338adffead08719da30"


@dataclass(frozen=True)
class EmbedderChoice:
    """Args of open_embedder. `folder` is where the written network is kept, None: nowhere; `own` belongs to `onnx`."""

    kind: Kind = "dlib_onnx"
    folder: Path | None = None
    threads: int = 1
    own: OwnModel | None = None


def choice_of(settings: Settings) -> EmbedderChoice:
    """Return what these settings choose."""
    face, own = settings.face, settings.face.model
    given = own.model_dump(exclude={"threshold"}) if face.embedder == "onnx" else None
    return EmbedderChoice(
        face.embedder,
        face.model_folder or _beside_the_database(settings.database.url),
        face.embedder_threads,
        OwnModel(**given) if given else None,
    )


def open_embedder(choice: EmbedderChoice) -> FaceEmbedder:
    """Return the embedder, its network loaded; the first time the default's is built.

    Raises:
        CannotEmbed: a file is missing, damaged, or not what it should be.
    """
    if choice.kind == "onnx":
        if choice.own is None:
            raise CannotEmbed("an ONNX face model needs its file")
        return OwnEmbedder(choice.own, threads=choice.threads)
    source = network_file()
    if choice.kind == "dlib":
        return DlibEmbedder(source, dlib_id(hashlib.sha256(source.read_bytes()).hexdigest()))
    found = cached_graph(source, choice.folder)
    return DlibOnnxEmbedder(found.graph, dlib_id(found.source_sha256), threads=choice.threads)


@cache
def embedder_id(choice: EmbedderChoice) -> str | None:
    """Return the id of what these processes will measure with, without loading it; None where its file can't be read.

    So that a template of another one is known to prove nothing before anybody captures.
    """
    try:
        if choice.kind == "onnx":
            return own_id(choice.own, choice.own.path.read_bytes()) if choice.own else None
        return dlib_id(hashlib.sha256(network_file().read_bytes()).hexdigest())
    except (CannotEmbed, OSError):
        return None


def _beside_the_database(url: str) -> Path:
    found = make_url(url)
    file = found.database if found.get_backend_name() == "sqlite" else None
    return (Path(file).parent if file else Path()) / FOLDER


def dlib_id(source_sha256: str) -> str:
    """Return the id of dlib's network with the weights of this file."""
    return DLIB_ID if source_sha256 == DLIB_SHA256 else f"dlib-resnet/{source_sha256[:24]}/5-point"
