"""A folder of mail texts, as an operator hands it in: KIND.txt for each kind that is to be in the client's own words.

The folder is the whole: a kind that has no file is written in our words. A file with another name is refused, or a
misspelt one would be waited for in vain; so is a link, which could lead to any file of the machine.
"""

from collections.abc import Mapping
from pathlib import Path

from authsvc.core.errors import BadInput
from authsvc.core.letters.kinds import KINDS
from authsvc.core.letters.letter import MAX_BYTES, Letter, read_letter


def read_folder(folder: Path) -> dict[str, Letter]:
    """Return the texts of a folder, by kind.

    Raises:
        BadInput: `brand.mail`: all complaints about all files, one in a line.
    """
    letters: dict[str, Letter] = {}
    problems: list[str] = []
    try:
        entries = sorted(each for each in folder.iterdir() if not each.name.startswith("."))
    except OSError as problem:
        raise BadInput("brand.mail", f"{folder}: {problem.strerror}") from None
    for path in entries:
        if path.stem not in KINDS or path.suffix != ".txt" or path.is_symlink() or not path.is_file():
            problems.append(f"{path.name}: no kind of mail is called so; a file is KIND.txt")
            continue
        try:
            with path.open("rb") as file:
                letters[path.stem] = read_letter(path.stem, file.read(MAX_BYTES + 1), source=path.name)
        except BadInput as problem:
            problems.append(problem.detail)
        except OSError as problem:
            problems.append(f"{path.name}: {problem.strerror}")
    if problems:
        raise BadInput("brand.mail", "\n".join(problems))
    return letters


def write_folder(folder: Path, letters: Mapping[str, Letter]) -> None:
    """Write texts as read_folder reads them. Raises OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    for kind, letter in letters.items():
        (folder / f"{kind}.txt").write_text(letter.written(), encoding="utf-8")
