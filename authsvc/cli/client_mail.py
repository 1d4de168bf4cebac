"""`authsvc client mail`: a shop's own words for the mails of its sign-ins: write out, check, preview, keep, remove.

--write FOLDER                  what is mailed now, to begin from
--texts FOLDER --preview        check a folder and show its mails; nothing is kept
--texts FOLDER                  check it and keep it
--preview                       every mail as it is now
--remove                        our words again
"""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from authsvc.core.errors import BadInput

if TYPE_CHECKING:
    from authsvc.core.letters.letter import Letter
    from authsvc.core.mail import Letterhead
    from authsvc.oidc.branding.service import Branding

RULE = "-" * 72


def change_mails(
    branding: "Branding", client_id: str, *, texts: Path | None, write: Path | None, preview: bool, remove: bool
) -> None:
    """Do what the options say, and tell what there is."""
    head = branding.letterhead(client_id)
    if write is not None:
        _write(write, head.letters)
        return
    if texts is not None or remove:
        head = replace(head, letters={} if texts is None else _read(texts))
        if not preview:
            branding.set_letters(client_id, head.letters)
    for line in _previewed(head) if preview else _listed(head.letters):
        typer.echo(line)


def _previewed(head: "Letterhead") -> list[str]:
    from authsvc.core.letters.kinds import EXAMPLES, KINDS

    values = {name: value for name, value in EXAMPLES.items() if name != "name"}
    lines: list[str] = []
    for kind in KINDS:
        mail = head.write(kind, "customer@example.com", **values)
        whose = "own words" if kind in head.letters else "our words"
        lines += [RULE, f"{kind} ({whose})", f"Subject: {mail.subject}", "", mail.text]
    return lines


def _listed(letters: Mapping[str, "Letter"]) -> list[str]:
    from authsvc.core.letters.kinds import KINDS

    lines = []
    for kind in KINDS.values():
        required, optional = (" ".join(f"${name}" for name in names) for names in (kind.required, kind.optional))
        whose = "own" if kind.name in letters else "ours"
        lines.append(f"{kind.name:<28} {whose:<5} {required or '-'}{f'  ({optional})' if optional else ''}")
    return lines


def _write(folder: Path, letters: Mapping[str, "Letter"]) -> None:
    from authsvc.core.letters.folder import write_folder
    from authsvc.core.letters.kinds import KINDS
    from authsvc.core.letters.shipped import shipped_letter

    try:
        if folder.exists() and any(folder.iterdir()):
            raise typer.BadParameter("--write wants an empty folder")
        write_folder(folder, {kind: letters.get(kind) or shipped_letter(kind) for kind in KINDS})
    except OSError as problem:
        raise typer.BadParameter(f"--write: {problem.strerror}") from problem
    typer.echo(f"{len(KINDS)} texts are in {folder}. Delete those that are to stay in our words.")


def _read(folder: Path) -> dict[str, "Letter"]:
    from authsvc.core.letters.folder import read_folder

    try:
        return read_folder(folder)
    except BadInput as problem:
        typer.echo(problem.detail, err=True)  # one line for each complaint; the error itself is one line
        raise BadInput(problem.code, "The texts above can't be used; nothing was changed.") from None
