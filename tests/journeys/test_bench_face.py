"""What can't be measured is said in a line, at once."""

from pathlib import Path

from typer.testing import CliRunner

from authsvc.cli.main import app


def test_too_few_frames_are_said_before_anything_is_measured(tmp_path: Path) -> None:
    (tmp_path / "one.jpg").write_bytes(b"")
    ran = CliRunner().invoke(app, ["bench", "--only", "face", "--faces", str(tmp_path)])
    assert ran.exit_code == 1
    assert f"face can't be measured: {tmp_path} has fewer than 3 .jpg files" in ran.output
