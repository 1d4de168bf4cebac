"""Calibration against labels: figures by hand, what is refused, and what is said where there are no labels."""

from pathlib import Path

import numpy as np
import pytest

from authsvc.evaluate.calibration import bins_of, brier, calibration, expected_calibration_error
from authsvc.evaluate.decisions import evaluate, of_file, of_labels, of_simulated
from authsvc.evaluate.poisoning import honest_labels
from authsvc.evaluate.reliability_plot import draw_reliability
from authsvc.evaluate.simulated_logins.layout import lines, simulate
from authsvc.risk.policy_file import default_policy

FIGURES = ("brier", "ece", "bins")


def test_figures_by_hand() -> None:
    said, true = np.array([0.1, 0.1, 0.9, 0.9]), np.array([0.0, 0.0, 1.0, 0.0])
    assert brier(said, true) == pytest.approx((0.01 + 0.01 + 0.01 + 0.81) / 4)
    assert expected_calibration_error(said, true) == pytest.approx(abs(0.5 - 0.25)), "too few for more than one bin"


def test_who_says_what_comes_true_is_calibrated_and_who_exaggerates_is_not() -> None:
    draw = np.random.default_rng(3)
    said = draw.beta(0.5, 3, 4000)
    true = (draw.random(4000) < said).astype(float)
    people = [str(number // 2) for number in range(4000)]
    right, wrong = calibration(said, true, people), calibration(np.minimum(1.0, said * 2), true, people)
    assert right.ece.rate < 0.02 < 0.1 < wrong.ece.low
    assert right.brier.low < right.brier.rate < right.brier.high < wrong.brier.rate
    within = [each.came_true.low <= each.said <= each.came_true.high for each in right.bins]
    assert len(within) == 10 and sum(within) >= 8


def test_equal_probabilities_share_a_bin() -> None:
    said = np.array([0.001] * 500 + [0.5] * 20)
    assert [len(each) for each in bins_of(said)] == [500, 20]


@pytest.mark.parametrize("said", [[], [1.5], [float("nan")]])
def test_what_is_no_probability_is_refused(said: list[float]) -> None:
    with pytest.raises(ValueError, match="probabilities"):
        calibration(np.array(said), np.zeros(len(said)), ["a"] * len(said))


def test_before_there_are_labels_figures_are_null_and_weights_are_called_what_they_are() -> None:
    report, found = evaluate(of_labels([], default_policy().weights.source, {"erased": 2}))
    assert found is None and [report[name] for name in FIGURES] == [None, None, None]
    assert report["labels"] == {"attack": 0, "owner": 0} and report["left_out"] == {"erased": 2}
    assert report["weights"] == "from the simulator and published figures"
    assert "against labels only" in str(report["missing"])


def test_customers_words_are_counted_and_nothing_is_judged_by_them() -> None:
    report, found = evaluate(of_labels(honest_labels(), "x", {}))
    assert found is not None
    assert report["labels"] == {"attack": 120, "owner": 240}
    assert report["by_label"] == {"compromised": 120, "not_me": 60, "safe": 240}
    assert report["labelled_by_analysts"] == 3


def written(tmp_path: Path, *rows: str, header: str = "probability,label") -> Path:
    path = tmp_path / "labels.csv"
    path.write_text("\n".join([header, *rows]) + "\n")
    return path


def test_a_file_is_judged_and_drawn(tmp_path: Path) -> None:
    rows = [f"{0.02 if n % 4 else 0.9},{'safe' if n % 4 else '1'},acc_{n % 50}" for n in range(200)]
    report, found = evaluate(of_file(written(tmp_path, *rows, header="probability,label,account")))
    assert report["source"] == "file" and report["labels"] == {"attack": 50, "owner": 150}
    assert found is not None and found.ece.rate == pytest.approx(0.25 * 0.1 + 0.75 * 0.02)
    draw_reliability(found, tmp_path / "plot.png", title="A file")
    assert (tmp_path / "plot.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("row", ["1.1,1", "nan,1", "x,1", ",1", "0.5,perhaps", "0.5,", "0.5"])
def test_a_row_that_makes_no_sense_is_refused_by_its_line(tmp_path: Path, row: str) -> None:
    with pytest.raises(ValueError, match="line 3"):
        of_file(written(tmp_path, "0.1,0", row))


def test_a_missing_column_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="the columns label are missing"):
        of_file(written(tmp_path, "0.1", header="probability"))


def test_simulated_sign_ins_are_called_simulated_and_others_are_not_taken(tmp_path: Path) -> None:
    path = tmp_path / "logins.csv"
    path.write_text("".join(f"{line}\n" for line in lines(simulate(60, 60, 3))))
    report, _ = evaluate(of_simulated(path, default_policy()))
    assert report["source"] == "simulated" and "device cookie" in str(report["not_simulated"])
    plain = tmp_path / "plain.csv"
    plain.write_text(path.read_text().replace("Attacker", "Other"))
    with pytest.raises(ValueError, match="Attacker"):
        of_simulated(plain, default_policy())
