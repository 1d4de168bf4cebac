"""A part of the command line, run as an operator runs it."""

from dataclasses import dataclass
from typing import Any

from click.testing import Result
from typer import Typer
from typer.testing import CliRunner

from authsvc.core.errors import AuthsvcError


@dataclass(frozen=True)
class Command:
    app: Typer

    def run(self, *arguments: object, **options: Any) -> Result:
        return CliRunner().invoke(self.app, [str(each) for each in arguments], **options)

    def done(self, *arguments: object) -> str:
        """Return what it prints when it does what it is told."""
        result = self.run(*arguments)
        assert result.exit_code == 0, result.output
        return result.output

    def refused(self, *arguments: object) -> str:
        """Return the code of its refusal; without one, what it says."""
        result = self.run(*arguments)
        assert result.exit_code != 0, result.output
        problem = result.exception
        return problem.code if isinstance(problem, AuthsvcError) else f"{problem} {result.output}"
