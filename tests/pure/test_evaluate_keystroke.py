"""`authsvc evaluate keystroke` on made-up typists: any length, and the ways in which a file can be broken."""

import csv
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from authsvc.cli.main import app
from authsvc.evaluate.typings_file import read_typings
from authsvc.risk.keystroke.detector import shipped
from authsvc.risk.keystroke.features import features_s
from tests.support.typists import Typist, as_sample

KEYS = 6
Rows = list[list[str]]


def rows_of(people: int, repetitions: int, *, keys: int = KEYS) -> Rows:
    holds = [f"H.k{n}" for n in range(keys)]
    gaps = [f"{kind}.k{n}.k{n + 1}" for kind in ("DD", "UD") for n in range(keys - 1)]
    rows = [["subject", "sessionIndex", "rep", *holds, *gaps]]
    for person in range(people):
        typist = Typist(person, keys=keys)
        for repetition in range(repetitions):
            times = features_s(as_sample(typist.events()))
            rows.append([f"p{person}", "1", str(repetition + 1), *(f"{each:.4f}" for each in times)])
    return rows


def written(path: Path, rows: Rows) -> Path:
    with path.open("w", newline="") as file:
        csv.writer(file).writerows(rows)
    return path


def evaluate(path: Path, *options: str) -> dict[str, object]:
    answer = CliRunner().invoke(app, ["evaluate", "keystroke", "--csv", str(path), *options])
    assert answer.exit_code == 0, answer.output
    report: dict[str, object] = json.loads(answer.stdout)
    return report


@pytest.mark.parametrize(("protocol", "repetitions"), [("recent", 215), ("classic", 215), ("shop", 40)])
def test_one_json_object_says_how_right_it_is(tmp_path: Path, protocol: str, repetitions: int) -> None:
    report = evaluate(written(tmp_path / "typings.csv", rows_of(4, repetitions)), "--protocol", protocol)
    assert (report["protocol"], report["subjects"], report["keys"]) == (protocol, 4, KEYS)
    assert {"eer_mean", "eer_sd", "fnmr_at_fmr_1e-2", "enrol", "eer_forged", "calibration"} <= report.keys()
    assert report["model"] == shipped().version
    assert report["subjects_in_training"] == 0
    assert isinstance(report["eer_mean"], float) and report["eer_mean"] < 0.1  # typists far apart


def test_columns_may_come_as_in_the_cmu_set(tmp_path: Path) -> None:
    rows = rows_of(2, 3)
    by_key = [(3 + key, 3 + KEYS + key, 2 + 2 * KEYS + key) for key in range(KEYS - 1)]
    order = [0, 1, 2, *(n for three in by_key for n in three), 2 + KEYS]
    assert sorted(order) == list(range(len(rows[0])))
    mixed = [[row[n] for n in order] for row in rows]
    straight, other = (read_typings(written(tmp_path / name, each)) for name, each in (("a", rows), ("b", mixed)))
    assert straight.digests() == other.digests()


Broken = Callable[[Rows], object]
BROKEN: dict[str, tuple[Broken, str]] = {
    "no header": (lambda rows: rows.pop(0), "line 1: the first columns"),
    "another column": (
        lambda rows: rows.__setitem__(slice(None), [[*row, "1"] for row in rows]),
        "line 1: a column is none of",
    ),
    "a gap too few": (lambda rows: [row.pop() for row in rows], "are not n, n - 1 and n - 1"),
    "a cell too few": (lambda rows: rows[5].pop(), "line 6: 18 columns instead of 19"),
    "no subject": (lambda rows: rows[5].__setitem__(0, " "), "line 6: no subject"),
    "not a number": (lambda rows: rows[5].__setitem__(4, "fast"), "line 6: H.k1 is not a number"),
    "NaN": (lambda rows: rows[5].__setitem__(4, "nan"), "line 6: H.k1 is not a time"),
    "infinite": (lambda rows: rows[5].__setitem__(4, "inf"), "line 6: H.k1 is not a time"),
    "too long": (lambda rows: rows[5].__setitem__(4, "121"), "line 6: H.k1 is not a time"),
    "negative hold": (lambda rows: rows[5].__setitem__(4, "-0.1"), "line 6: H.k1 is negative"),
    "a repetition twice": (lambda rows: rows.append(rows[-1]), "comes twice"),
    "no repetition": (lambda rows: rows[5].__setitem__(2, "x"), "line 6: sessionIndex or rep"),
    "nothing": (lambda rows: rows.__delitem__(slice(1, None)), "line 2: there are no typings"),
    "one subject": (lambda rows: rows.__delitem__(slice(21, None)), "at least 2 are needed"),
    "too few repetitions": (lambda rows: rows.__delitem__(slice(6, 21)), "shop takes 11"),
}


@pytest.mark.parametrize(("broken", "reason"), BROKEN.values(), ids=BROKEN.keys())
def test_a_broken_file_is_refused_with_line_and_reason(tmp_path: Path, broken: Broken, reason: str) -> None:
    rows = rows_of(2, 20)
    broken(rows)
    path = written(tmp_path / "typings.csv", rows)
    answer = CliRunner().invoke(app, ["evaluate", "keystroke", "--csv", str(path), "--protocol", "shop"])
    assert answer.exit_code == 2
    said = " ".join(answer.output.replace("│", " ").split())
    assert reason in said


def test_an_unknown_protocol_and_a_file_that_is_no_text_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "typings.csv"
    path.write_bytes(b"\xff\xfe\x00" * 40)
    for options in (["--protocol", "shop"], ["--protocol", "fast"]):
        answer = CliRunner().invoke(app, ["evaluate", "keystroke", "--csv", str(path), *options])
        assert answer.exit_code == 2
