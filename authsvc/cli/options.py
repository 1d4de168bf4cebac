"""What commands that read data from files share: an option is told what is wrong with what it names."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import typer


@contextmanager
def blaming(option: str | None, problem: type[Exception] = ValueError) -> Iterator[None]:
    """Say a problem of the data in typer's words, about the option that named it; None: about the whole command."""
    try:
        yield
    except problem as found:
        raise typer.BadParameter(str(found), param_hint=option) from None


def folders_of(named: Sequence[str]) -> dict[str, Path]:
    """Read NAME=DIR of the options --attack."""
    folders = {}
    for each in named:
        name, separator, folder = each.partition("=")
        if not (name and separator and Path(folder).is_dir()):
            raise typer.BadParameter(f"{each}: not NAME=DIR", param_hint="--attack")
        folders[name] = Path(folder)
    return folders
