"""The networks: dlib's in onnxruntime equals dlib's, its file is built once and never believed blindly, and any ONNX
model of the operator's is run as its settings say."""

import multiprocessing
import threading
from pathlib import Path

import numpy as np
import onnx
import pytest

from authsvc.cli.drawn_face import PERSONS, draw
from authsvc.evaluate import face_embedders
from authsvc.factors.face.embedder.choice import DLIB_ID, EmbedderChoice, choice_of, open_embedder
from authsvc.factors.face.embedder.dlib_embedder import network_file
from authsvc.factors.face.embedder.embedder import CannotEmbed, FaceEmbedder, arcface_chip, dlib_chip
from authsvc.factors.face.embedder.graph_cache import CachedGraph, cached_graph
from authsvc.factors.face.embedder.onnx_embedder import OwnModel
from authsvc.factors.face.measured import UInt8Array

WITHIN = 1e-3


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    assert cached_graph(network_file(), folder).built
    return folder


@pytest.fixture(scope="module")
def default(folder: Path) -> FaceEmbedder:
    return open_embedder(EmbedderChoice(folder=folder))


def chips() -> UInt8Array:
    """Squares of the middle of drawn faces, and one of noise: what both networks are given alike."""
    noise = np.random.default_rng(2).integers(0, 256, (1, 150, 150, 3), dtype=np.uint8)
    drawn = [draw(person, 0)[100:400:2, 170:470:2] for person in list(PERSONS.values())[:3]]
    return np.concatenate([np.ascontiguousarray(np.stack(drawn)), noise])


# -- the default against the reference


def test_the_default_answers_what_dlib_answers(default: FaceEmbedder) -> None:
    reference = open_embedder(EmbedderChoice("dlib"))
    assert reference.id == default.id == DLIB_ID
    apart = np.linalg.norm(default.embed(chips()) - reference.embed(chips()), axis=1)
    assert apart.max() < WITHIN


def test_the_default_answers_what_dlib_answers_on_photographs(research_data: Path) -> None:
    """A few of the 500 that docs/models/face.md has: authsvc evaluate face-embedders."""
    files = sorted((research_data / "faces" / "lfw").rglob("*.jpg"))[::160]
    report = face_embedders.evaluate(files)
    assert report["images"] >= 9
    assert report["largest_distance"] < WITHIN


def test_one_chip_answers_the_same_alone_and_in_company(default: FaceEmbedder) -> None:
    together = default.embed(chips())
    alone = np.concatenate([default.embed(chip[None]) for chip in chips()])
    assert np.abs(together - alone).max() < 1e-5
    assert together.shape == (len(chips()), default.dimensions)
    assert together.dtype == np.float64


def test_threads_of_their_own_run_at_once(default: FaceEmbedder) -> None:
    wanted, found = default.embed(chips()), []
    threads = [threading.Thread(target=lambda: found.append(default.embed(chips()))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 4
    assert all(np.array_equal(each, wanted) for each in found)


def test_the_points_of_a_chip_are_where_dlib_puts_them() -> None:
    assert dlib_chip().reference[0] == pytest.approx(((0.25 + 0.8595674595992) * 100, (0.25 + 0.2134981538014) * 100))
    eyes = arcface_chip().reference[[2, 3]].mean(axis=0), arcface_chip().reference[[0, 1]].mean(axis=0)
    assert np.array(eyes) == pytest.approx(np.array([(38.2946, 51.6963), (73.5318, 51.5014)]), abs=0.2)


# -- its file


def graph_file(folder: Path) -> Path:
    (file,) = folder.glob("*.onnx")
    return file


def test_the_graph_is_built_once(folder: Path) -> None:
    again = cached_graph(network_file(), folder)
    assert not again.built
    assert again.file == graph_file(folder)
    assert again.source_sha256[:32] in again.file.name
    assert [each.name for each in folder.iterdir()] == [again.file.name]  # nothing half-written is left


@pytest.mark.parametrize("spoil", ["truncated", "empty", "foreign", "flipped"])
def test_a_spoiled_file_is_built_again(folder: Path, tmp_path: Path, spoil: str) -> None:
    whole = graph_file(folder).read_bytes()
    content = {
        "truncated": whole[:-1000],
        "empty": b"",
        "foreign": onnx.helper.make_model(onnx.helper.make_graph([], "other", [], [])).SerializeToString(),
        "flipped": whole[:5_000_000] + bytes([whole[5_000_000] ^ 1]) + whole[5_000_001:],
    }[spoil]
    file = tmp_path / graph_file(folder).name
    file.write_bytes(content)
    found = cached_graph(network_file(), tmp_path)
    assert found.built
    assert found.graph == whole == file.read_bytes()


def test_a_folder_under_its_name_does_not_stop_it(folder: Path, tmp_path: Path) -> None:
    (tmp_path / graph_file(folder).name).mkdir()
    found = cached_graph(network_file(), tmp_path)
    assert found.built
    assert found.file is None  # it could not be put there, and is used all the same
    assert found.graph == graph_file(folder).read_bytes()


def test_a_folder_that_cannot_be_made_does_not_stop_it(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    found = cached_graph(network_file(), tmp_path / "file" / "models")
    assert found.file is None
    assert found.graph == graph_file(folder).read_bytes()


def _built(folder: Path) -> CachedGraph:
    return cached_graph(network_file(), folder)


def test_two_processes_at_once_leave_one_whole_file(folder: Path, tmp_path: Path) -> None:
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        first, second = pool.map(_built, [tmp_path / "new", tmp_path / "new"])
    assert first.graph == second.graph == graph_file(folder).read_bytes()
    assert graph_file(tmp_path / "new").read_bytes() == first.graph
    assert (tmp_path / "new").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(("content", "said"), [(b"no network", "damaged"), (None, "can't be read")])
def test_a_source_that_is_no_network_is_said(tmp_path: Path, content: bytes | None, said: str) -> None:
    source = tmp_path / "weights.dat"
    if content is not None:
        source.write_bytes(content)
    with pytest.raises(CannotEmbed, match=said):
        cached_graph(source, tmp_path / "models")
    assert not (tmp_path / "models").exists()


# -- an operator's own


def own_model(tmp_path: Path, *, layout: str = "nchw", outputs: int = 1, size: int = 32) -> Path:
    """A network of one product: its answer is the mean of each colour, so it shows how its input was made."""
    make, kinds = onnx.helper, onnx.TensorProto
    shape, axes = ([1, 3, size, size], [2, 3]) if layout == "nchw" else ([1, size, size, 3], [1, 2])
    names = [f"vector{number}" for number in range(outputs)]
    graph = make.make_graph(
        [make.make_node("ReduceMean", ["input"], [name], axes=axes, keepdims=0) for name in names],
        "own",
        [make.make_tensor_value_info("input", kinds.FLOAT, shape)],
        [make.make_tensor_value_info(name, kinds.FLOAT, [1, 3]) for name in names],
    )
    file = tmp_path / f"{layout}{outputs}{size}.onnx"
    model = make.make_model(graph, opset_imports=[make.make_opsetid("", 17)], ir_version=8)
    file.write_bytes(model.SerializeToString())
    return file


def coloured(size: int = 32) -> UInt8Array:
    return np.broadcast_to(np.array([30, 60, 90], np.uint8), (2, size, size, 3))


@pytest.mark.parametrize("layout", ["nchw", "nhwc"])
@pytest.mark.parametrize(("colours", "wanted"), [("rgb", (30, 60, 90)), ("bgr", (90, 60, 30))])
def test_an_own_model_gets_the_input_that_it_asks_for(
    tmp_path: Path, layout: str, colours: str, wanted: tuple[int, ...]
) -> None:
    own = OwnModel(own_model(tmp_path, layout=layout), 32, layout, colours, unit=False)
    embedder = open_embedder(EmbedderChoice("onnx", own=own))
    assert embedder.chip.size_px == 32
    assert embedder.embed(coloured()) == pytest.approx(np.array([wanted, wanted]), abs=1e-3)


def test_an_own_model_is_normalised_and_brought_to_length_one(tmp_path: Path) -> None:
    own = OwnModel(own_model(tmp_path), 32, mean=(20, 50, 80), scale=(0.1, 0.2, 0.2))
    embedder = open_embedder(EmbedderChoice("onnx", own=own))
    assert embedder.dimensions == 3
    assert embedder.embed(coloured())[0] == pytest.approx(np.array([1, 2, 2]) / 3, abs=1e-5)


def test_another_file_or_normalisation_is_another_embedder(tmp_path: Path) -> None:
    first = OwnModel(own_model(tmp_path), 32)
    ids = {
        open_embedder(EmbedderChoice("onnx", own=own)).id
        for own in (
            first,
            OwnModel(first.path, 32, mean=(1.0, 1.0, 1.0)),
            OwnModel(first.path, 32, colours="bgr"),
            OwnModel(first.path, 32, chip="dlib"),
            OwnModel(own_model(tmp_path, size=48), 48),
        )
    }
    assert len(ids) == 5
    assert all(each.startswith("onnx/") and len(each) <= 64 for each in ids)
    moved = tmp_path / "moved.onnx"
    moved.write_bytes(first.path.read_bytes())
    assert open_embedder(EmbedderChoice("onnx", own=OwnModel(moved, 32))).id in ids


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"path": Path("/nowhere.onnx")}, "can't be read"),
        ({"input_px": 48}, "does not take an image of this size"),
        ({"layout": "nhwc"}, "does not take an image of this size"),
    ],
)
def test_an_own_model_that_does_not_fit_is_said(tmp_path: Path, change: dict[str, object], said: str) -> None:
    given = {"path": own_model(tmp_path), "input_px": 32} | change
    with pytest.raises(CannotEmbed, match=said):
        open_embedder(EmbedderChoice("onnx", own=OwnModel(**given)))


def test_an_own_model_with_two_answers_or_no_model_at_all_is_said(tmp_path: Path) -> None:
    with pytest.raises(CannotEmbed, match="one vector"):
        open_embedder(EmbedderChoice("onnx", own=OwnModel(own_model(tmp_path, outputs=2), 32)))
    text = tmp_path / "text.onnx"
    text.write_text("no model")
    with pytest.raises(CannotEmbed, match="no ONNX file"):
        open_embedder(EmbedderChoice("onnx", own=OwnModel(text, 32)))
    with pytest.raises(CannotEmbed, match="needs its file"):
        open_embedder(EmbedderChoice("onnx"))


# -- what the settings choose


def test_the_settings_choose(make_settings, tmp_path: Path) -> None:
    chosen = choice_of(make_settings(face={"model_folder": None}))
    assert (chosen.kind, chosen.folder, chosen.threads) == ("dlib_onnx", tmp_path / "authsvc-models", 1)
    own = {"path": tmp_path / "own.onnx", "mean": "127.5", "scale": "0.0078125", "threshold": 1.1}
    chosen = choice_of(make_settings(face={"embedder": "onnx", "model": own, "model_folder": tmp_path / "there"}))
    assert chosen.own == OwnModel(tmp_path / "own.onnx", mean=(127.5,) * 3, scale=(0.0078125,) * 3)
    assert chosen.folder == tmp_path / "there"


@pytest.mark.parametrize("missing", ["path", "threshold"])
def test_an_own_model_needs_its_file_and_its_threshold(make_settings, missing: str) -> None:
    own = {"path": Path("own.onnx"), "threshold": 1.1}
    del own[missing]
    with pytest.raises(ValueError, match=r"needs model\.path and model\.threshold"):
        make_settings(face={"embedder": "onnx", "model": own})
