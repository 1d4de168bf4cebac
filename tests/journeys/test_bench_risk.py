"""What can't be measured is said in a line, at once."""

import pytest
from typer.testing import CliRunner

from authsvc.cli.main import app


def test_without_a_postgresql_the_risk_step_is_not_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("authsvc.cli.bench.risk.find_programs", lambda: None)
    ran = CliRunner().invoke(app, ["bench", "--only", "risk"])
    assert ran.exit_code == 1
    assert "risk can't be measured: PostgreSQL's programs are not on this machine" in ran.output
