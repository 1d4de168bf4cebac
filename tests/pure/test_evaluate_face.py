"""`authsvc evaluate face`: the pairs that it reads, the sides that it makes of them, the figures that it won't give."""

import json
from pathlib import Path

import numpy as np
import pytest

from authsvc.cli.drawn_face import PERSONS, draw_frame
from authsvc.cli.evaluate import app
from authsvc.evaluate.face import (
    BadPairs,
    Pair,
    Protocol,
    Scored,
    _sides,
    by_group,
    prototypes_of,
    read_pairs,
    report_of,
)
from authsvc.evaluate.face_captures import FRAME, Capture, told_apart
from tests.support.commands import Command
from tests.support.pictures import no_face

ASKED = {
    "pairs",
    "genuine",
    "impostor",
    "failure_to_acquire",
    "eer",
    "fnmr_at_fmr_1e-2",
    "fnmr_at_fmr_1e-3",
    "fnmr_at_fmr_1e-4",
    "thresholds",
    "ms_per_image",
    "embedder",
}


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Drawn people, three pictures each, in LFW's layout; and one picture without a face."""
    folder = tmp_path_factory.mktemp("lfw")
    for name, person in list(PERSONS.items())[:3]:
        (folder / name).mkdir()
        for number in (1, 2, 3):
            (folder / name / f"{name}_{number:04}.jpg").write_bytes(draw_frame(person, number))
    (folder / "nobody").mkdir()
    (folder / "nobody" / "nobody_0001.jpg").write_bytes(no_face())
    return folder


def pairs_file(folder: Path, *lines: str) -> Path:
    file = folder / "pairs.txt"
    file.write_text("\n".join(["0\t0", *lines, ""]))
    return file


run = Command(app).run


def test_the_command_prints_one_object_with_what_is_asked(pictures: Path, tmp_path: Path) -> None:
    one, other, third = list(PERSONS)[:3]
    file = pairs_file(
        tmp_path,
        f"{one}\t1\t2",
        f"{other}\t1\t3",
        f"{one}\t1\t{other}\t1",
        f"{one}\t2\t{third}\t1",
        f"{one}\t1\tnobody\t1",
    )
    plot = tmp_path / "det.png"
    result = run("face", "--images", pictures, "--pairs", file, "--plot", plot)
    assert result.exit_code == 0, result.output
    report = json.loads(result.output)
    assert set(report) >= ASKED
    assert (report["pairs"], report["genuine"], report["impostor"]) == (4, 2, 2)
    assert report["eer"] == 0.0
    assert report["failure_to_acquire"] == pytest.approx(1 / 6, abs=1e-4)
    assert report["failures"] == {"face.no_face": 1}
    assert report["fnmr_at_fmr_1e-2"] is None
    assert report["thresholds"] == {"1e-2": None, "1e-3": None, "1e-4": None}
    assert "it takes 100" in report["reasons"]["fnmr_at_fmr_1e-2"]
    assert report["ms_per_image"] > 0
    assert plot.read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("line", "said"), [("anna\t1", "no pair"), ("anna\tone\t2", "no pair"), ("anna\t1\tzoe\t1", "no picture 1 of zoe")]
)
def test_a_pair_that_is_none_is_said(pictures: Path, tmp_path: Path, line: str, said: str) -> None:
    result = run("face", "--images", pictures, "--pairs", pairs_file(tmp_path, line))
    assert result.exit_code == 2
    assert said in " ".join(result.output.replace("│", " ").split())


def test_pairs_are_read_as_lfw_writes_them(tmp_path: Path) -> None:
    found = read_pairs(pairs_file(tmp_path, "Ada_Byron\t1\t4", "Ada_Byron\t2\tAlan_Turing\t1", ""))
    assert found == [
        Pair(("Ada_Byron", 1), ("Ada_Byron", 4)),
        Pair(("Ada_Byron", 2), ("Alan_Turing", 1)),
    ]
    assert [each.genuine for each in found] == [True, False]
    with pytest.raises(BadPairs, match="line 2"):
        read_pairs(pairs_file(tmp_path, "Ada_Byron"))


def one_hot(count: int) -> dict[int, np.ndarray]:
    return {number: np.eye(10)[number] for number in range(1, count + 1)}


def test_means_have_the_pairs_own_pictures_and_share_none() -> None:
    vectors = {"ada": one_hot(6), "bob": one_hot(3), "eve": one_hot(2)}
    pairs = [
        Pair(("ada", 2), ("ada", 5)),
        Pair(("ada", 1), ("bob", 2)),
        Pair(("bob", 1), ("bob", 2)),  # three pictures are not enough for both sides
        Pair(("ada", 1), ("eve", 1)),  # nor are two for one
    ]
    found = list(_sides(pairs, vectors, Protocol(3, 3)))
    used = [[set(np.flatnonzero(vector)) for _, vector in sides] for sides in found]
    assert used == [[{2, 1, 3}, {5, 4, 6}], [{1, 2, 3}, {2, 1, 3}]]
    assert all(vector.sum() == pytest.approx(1) for sides in found for _, vector in sides)


def test_every_impostor_is_every_two_people_once() -> None:
    vectors = {"ada": one_hot(6), "bob": one_hot(3), "eve": one_hot(3), "sam": one_hot(2)}
    pairs = [Pair(("ada", 2), ("ada", 5)), Pair(("ada", 2), ("bob", 1))]
    found = [(one, other) for (one, _), (other, _) in _sides(pairs, vectors, Protocol(3, 3, every_impostor=True))]
    assert found == [("ada", "ada"), ("ada", "bob"), ("ada", "eve"), ("bob", "eve")]


def scored(genuine: list[float], impostor: list[float]) -> list[Scored]:
    own = [Scored((f"p{number % 7}",) * 2, each) for number, each in enumerate(genuine)]
    return own + [Scored((f"p{number % 7}", "q"), each) for number, each in enumerate(impostor)]


def test_a_rate_is_given_where_one_pair_in_so_many_is_there() -> None:
    draw = np.random.default_rng(1)
    report, _ = report_of(scored(list(draw.normal(0.4, 0.1, 300)), list(draw.normal(0.9, 0.1, 1000))))
    assert report["fnmr_at_fmr_1e-2"] <= report["fnmr_at_fmr_1e-3"]
    assert report["thresholds"]["1e-2"] >= report["thresholds"]["1e-3"]
    assert report["fnmr_at_fmr_1e-4"] is report["thresholds"]["1e-4"] is None
    assert list(report["reasons"]) == ["fnmr_at_fmr_1e-4"]
    interval = report["intervals"]["fnmr_at_fmr_1e-3"]
    assert interval["low"] <= report["fnmr_at_fmr_1e-3"] <= interval["high"]
    with pytest.raises(BadPairs):
        report_of(scored([0.4], []))


def test_the_worst_group_is_named() -> None:
    pairs = [
        Scored(("ada", "ada"), 0.3),
        Scored(("bob", "bob"), 0.7),
        Scored(("ada", "eve"), 0.8),
        Scored(("bob", "sam"), 0.4),
        Scored(("ada", "bob"), 0.1),  # of two groups: counts in neither
    ]
    groups = {"ada": "one", "eve": "one", "bob": "two", "sam": "two"}
    found = by_group(pairs, groups, {"1e-2": 0.6, "1e-3": 0.5, "1e-4": None})
    assert found["at"] == "1e-3"
    assert found["each"]["one"] == {"genuine": 1, "impostor": 1, "fnmr": 0.0, "fmr": 0.0}
    assert found["each"]["two"] == {"genuine": 1, "impostor": 1, "fnmr": 1.0, "fmr": 1.0}
    assert found["worst"] == {"fnmr": "two", "fmr": "two"}
    assert by_group(pairs, groups, {"1e-2": None}) == {}


def test_prototypes_take_each_person_once() -> None:
    means = {f"p{number}": np.eye(30)[number] for number in range(23)}
    found = prototypes_of(means, 5)
    assert found.rows.shape == (4, 30)
    assert len(found.own) == 20
    assert all(found.rows[row][int(name[1:])] == pytest.approx(0.2) for name, row in found.own.items())
    with pytest.raises(BadPairs, match="20 people"):
        prototypes_of(dict(list(means.items())[:19]), 5)


@pytest.mark.parametrize(
    ("name", "session", "number"),
    [("0001_00_00_01_12.jpg", "0001_00_00_01", "12"), ("frame7.JPEG", "frame", "7"), ("12.jpg", "", "12")],
)
def test_a_frame_belongs_to_its_session(name: str, session: str, number: str) -> None:
    match = FRAME.match(name)
    assert match is not None
    assert (match["session"], match["number"]) == (session, number)


def test_a_prototype_of_people_far_apart_is_nearer_to_its_members() -> None:
    captures = [Capture(f"p{n}", "s", (np.eye(8)[n] + small,) * 3) for n in range(8) for small in (0.0, 0.01, -0.01)]
    found = told_apart(captures, 5, 0.95)
    assert found["members"]["median"] < found["others"]["median"]
    assert found["members"]["within"] == 1.0
    assert found["others"]["within"] == 0.0
