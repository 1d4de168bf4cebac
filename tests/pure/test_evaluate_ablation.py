"""The ablation: every variant of every attacker, on a small simulated population."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from authsvc.cli.main import app
from authsvc.evaluate.simulated_logins.layout import lines, simulate


@pytest.fixture(scope="module")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("simulated") / "logins.csv"
    path.write_text("".join(f"{line}\n" for line in lines(simulate(150, 100, 3))))
    return path


def run(*arguments: Any) -> str:
    said = CliRunner().invoke(app, ["evaluate", "ablation", *[str(each) for each in arguments]])
    assert said.exit_code == 0, said.output
    return said.output


def test_each_group_is_left_out_and_stands_alone(simulated: Path) -> None:
    report = json.loads(run("--csv", simulated))
    groups = list(report["parts"])
    assert groups == ["device", "place", "hour", "line"]
    expected = ["all", *[f"without {name}" for name in groups], *[f"only {name}" for name in groups]]
    assert list(report["asked"]) == [*expected, "unbounded", "independent"]
    assert report["figures"] == "simulated"
    for rates in report["asked"].values():
        assert set(rates) == {"naive", "vpn", "targeted"} and all(0 <= rate <= 1 for rate in rates.values())
    assert report["asked"]["all"]["naive"] < report["asked"]["without place"]["naive"]
    assert report["asked"]["all"]["naive"] < report["asked"]["only hour"]["naive"]
    related = report["correlation_of_owners"]
    assert related["within"] > related["across"], "what is one group goes together"


def test_the_table_has_a_line_for_each_variant(simulated: Path) -> None:
    table = run("--csv", simulated, "--table").splitlines()
    assert table[0] == "| | naive | targeted | vpn |"
    assert [line.split(" | ")[0] for line in table[2:4]] == ["| all", "| without device"]


def test_a_file_without_attacks_is_refused(tmp_path: Path, simulated: Path) -> None:
    rows = simulated.read_text().splitlines()
    quiet = tmp_path / "quiet.csv"
    quiet.write_text("\n".join(rows[:1] + [row for row in rows[1:200] if row.endswith(",")]) + "\n")
    said = CliRunner().invoke(app, ["evaluate", "ablation", "--csv", str(quiet)])
    assert said.exit_code == 2 and "attacks with a right password" in " ".join(said.output.replace("│", " ").split())
