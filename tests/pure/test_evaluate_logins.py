"""The simulator and the evaluation: deterministic, in the public layout, with and without the attackers' kinds."""

import csv
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from authsvc.cli.main import app
from authsvc.evaluate.logins import evaluate_logins, ours, threshold
from authsvc.evaluate.logins_file import LoginsFile
from authsvc.evaluate.logins_fit import fit
from authsvc.evaluate.logins_pass import PARTS, score_all
from authsvc.evaluate.simulated_logins.layout import ATTACKER, COLUMNS, lines, simulate
from authsvc.risk.history.behaviour.freeman import Freeman
from authsvc.risk.history.behaviour.user_agent import read_agent
from authsvc.risk.history.behaviour.weighing import score


@pytest.fixture(scope="module")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("simulated") / "logins.csv"
    said = CliRunner().invoke(app, ["simulate", "logins", "--users", "250", "--days", "150", "--out", str(path)])
    assert said.exit_code == 0, said.output
    return path


@pytest.fixture(scope="module")
def rows(simulated: Path) -> list[dict[str, str]]:
    with simulated.open() as file:
        return list(csv.DictReader(file))


def test_the_same_seed_gives_the_same_file_and_another_one_does_not(simulated: Path) -> None:
    again = "".join(f"{line}\n" for line in lines(simulate(250, 150, 1)))
    assert again == simulated.read_text()
    assert again != "".join(f"{line}\n" for line in lines(simulate(250, 150, 2)))


def test_the_layout_is_the_public_one_and_a_last_column(rows: list[dict[str, str]]) -> None:
    assert tuple(rows[0]) == (*COLUMNS, ATTACKER)
    assert [row["Login Timestamp"] for row in rows] == sorted(row["Login Timestamp"] for row in rows)
    for row in rows[:500]:
        assert row["Country"].isupper() and len(row["Country"]) == 2
        assert row["Login Successful"] in ("True", "False")
        agent = read_agent(row["User Agent String"])
        assert agent.device == row["Device Type"]


def test_attackers_are_as_they_are_described(rows: list[dict[str, str]]) -> None:
    owners: dict[str, list[dict[str, str]]] = {}
    for row in rows:
        if not row[ATTACKER]:
            owners.setdefault(row["User ID"], []).append(row)
    for kind, same in {"naive": (), "vpn": ("Country",), "targeted": ("Country", "ASN", "User Agent String")}.items():
        attacks = [row for row in rows if row[ATTACKER] == kind]
        assert len(attacks) >= 40
        for column in same:
            known = sum(row[column] in {own[column] for own in owners[row["User ID"]]} for row in attacks)
            assert known / len(attacks) > 0.75, (kind, column)
        assert {row["Is Account Takeover"] for row in attacks} == {"True"}
    assert all(row["Login Successful"] == "False" for row in rows if row[ATTACKER] == "stuffing")


@pytest.mark.parametrize("wrong", [(1, 100, 1), (100, 1, 1), (100, 100, -1), (10**9, 9, 1)])
def test_what_cannot_be_simulated_is_refused(wrong: tuple[int, int, int]) -> None:
    with pytest.raises(ValueError, match="users"):
        simulate(*wrong)


def test_the_report_has_both_models_for_each_attacker(simulated: Path) -> None:
    report = evaluate_logins(simulated)
    assert report["figures"] == "simulated"
    attackers = report["attackers"]
    assert isinstance(attackers, dict) and set(attackers) == {"naive", "vpn", "targeted"}
    at = attackers["targeted"]["reauthentication_at_true_positive_rate"]["0.99"]
    for model in ("freeman", "ours"):
        assert set(at[model]) == {"all", "1", "2-4", "5-9", "10-19", "20+"}
        assert at[model]["all"]["low"] <= at[model]["all"]["rate"] <= at[model]["all"]["high"]
    assert at["ours"]["all"]["rate"] < 0.75 * at["freeman"]["all"]["rate"]  # a small population: the goal is measured


def test_without_the_column_all_takeovers_are_one_kind(simulated: Path, tmp_path: Path) -> None:
    public = tmp_path / "public.csv"
    with simulated.open() as file, public.open("w", newline="") as out:
        writer = csv.DictWriter(out, COLUMNS, extrasaction="ignore")
        writer.writeheader()
        writer.writerows(csv.DictReader(file))
    report = evaluate_logins(public)
    assert (report["figures"], list(report["attackers"])) == ("of this file", ["all"])
    assert "goal" not in report


def test_odd_rows_are_counted_and_the_rest_is_evaluated(simulated: Path, tmp_path: Path) -> None:
    odd = tmp_path / "odd.csv"
    odd.write_text(
        simulated.read_text() + "never,,,,,,,,,,,,,,,\n" + "2030-01-01 00:00:00,7,x,300.1.1.1,-,,,nan,,,,,True,,,\n"
    )
    file = LoginsFile(odd)
    last = list(file.rows())[-1]
    assert file.unreadable == 1
    assert set(last.sighting.values) == {"hour"}


def test_a_file_without_the_columns_is_refused(tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.csv"
    wrong.write_text("User ID,Country\n1,NL\n")
    said = CliRunner().invoke(app, ["evaluate", "logins", "--csv", str(wrong)])
    assert said.exit_code == 2
    assert "are missing" in said.output


def test_a_line_that_is_no_csv_and_a_folder_that_is_not_there_are_named(tmp_path: Path) -> None:
    long, nowhere = tmp_path / "long.csv", tmp_path / "nowhere" / "logins.csv"
    long.write_text(",".join(COLUMNS) + "\n" + "x" * 200_000 + "\n")
    for command, why in (
        (["evaluate", "logins", "--csv", str(long)], "field larger than field limit"),
        (["simulate", "logins", "--users", "20", "--days", "20", "--out", str(nowhere)], "No such file or directory"),
    ):
        said = CliRunner().invoke(app, command)
        assert said.exit_code == 2
        assert why in " ".join(said.output.replace("│", " ").split())  # however wide the box is


def test_the_evaluation_scores_as_the_service_does(simulated: Path) -> None:
    scored = score_all(LoginsFile(simulated).rows(2500))
    whole = ours(scored)
    for place in range(0, len(whole), 50):
        parts = {str(name): value for name, value in zip(PARTS, scored.parts[place], strict=True) if value}
        assert whole[place] == pytest.approx(score(parts))


def test_a_fit_finds_no_weight_below_nought_and_needs_both_sides(simulated: Path) -> None:
    scored = score_all(LoginsFile(simulated).rows())
    assert min(fit(scored).values()) >= 0
    with pytest.raises(ValueError, match="owners and of attackers"):
        fit(scored.at(scored.attacker == ""))


@pytest.mark.parametrize(("rate", "expected"), [(0.95, 5.0), (0.99, 1.0), (1.0, 0.0)])
def test_a_threshold_stops_at_least_its_share(rate: float, expected: float) -> None:
    attacks = np.arange(100.0)
    assert threshold(attacks, rate) == expected
    assert (attacks >= threshold(attacks, rate)).mean() >= rate


def test_freeman_asks_less_of_what_is_usual_for_the_user() -> None:
    model = Freeman()
    home = {"network": ("10.0.0.0/24", "64500", "NL"), "agent": ("a", "b", "c", "desktop")}
    away = {"network": ("10.9.9.0/24", "64999", "BR"), "agent": ("x", "y", "z", "mobile")}
    for _ in range(5):
        model.add("ada", home)
        model.add("eve", away)
    assert model.score("ada", home) < 0 < model.score("ada", away)
    never = {"network": ("10.7.7.0/24", "1", "FR"), "agent": ("q", "r", "s", "tablet")}
    assert model.score("ada", never) > model.score("ada", home)
