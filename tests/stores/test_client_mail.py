"""`authsvc client mail`, as an operator runs it: written out, checked, previewed, kept, and removed."""

from pathlib import Path

import pytest

from tests.stores.test_client_command import command, settings, shop

__all__ = ["settings", "shop"]  # fixtures

OWN = "Subject: Dein Code: $code\n\nHallo von $name!\n\n    $code\n\n    $link\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "mails"
    made.mkdir()
    (made / "code_sign_up.txt").write_text(OWN)
    return made


def test_a_folder_is_previewed_before_it_is_kept(shop: str, folder: Path) -> None:
    shown = command.done("mail", shop, "--texts", folder, "--preview")
    assert "code_sign_up (own words)\nSubject: Dein Code: 01234567\n\nHallo von Tea Shop!\n\n    01234567\n" in shown
    assert "alert_new_device (our words)\nSubject: Was this you?\n" in shown
    assert " own " not in command.done("mail", shop)

    kept = command.done("mail", shop, "--texts", folder)
    assert [line.split()[0] for line in kept.splitlines() if " own " in line] == ["code_sign_up"]
    assert "Hallo von Tea Shop!" in command.done("mail", shop, "--preview")


def test_the_folder_is_the_whole(shop: str, folder: Path, tmp_path: Path) -> None:
    command.done("mail", shop, "--texts", folder)
    (folder / "code_sign_up.txt").rename(folder / "code_step_up.txt")
    kept = command.done("mail", shop, "--texts", folder)
    assert [line.split()[0] for line in kept.splitlines() if " own " in line] == ["code_step_up"]
    command.done("mail", shop, "--write", tmp_path / "out")
    assert (tmp_path / "out/code_step_up.txt").read_text() == OWN
    assert "could not" in (tmp_path / "out/alert_step_up_failed.txt").read_text()
    assert " own " not in command.done("mail", shop, "--remove")


def test_one_bad_text_refuses_them_all(shop: str, folder: Path) -> None:
    command.done("mail", shop, "--texts", folder)
    (folder / "invitation.txt").write_text("Subject: Come\n\nWithout a link.\n")
    result = command.run("mail", shop, "--texts", folder)
    assert "invitation.txt, line 3: $link is missing" in result.output
    assert command.refused("mail", shop, "--texts", folder) == "brand.mail"
    assert [line.split()[0] for line in command.done("mail", shop).splitlines() if " own " in line] == ["code_sign_up"]


def test_a_brand_that_goes_takes_its_words_along(shop: str, folder: Path) -> None:
    command.done("mail", shop, "--texts", folder)
    command.done("brand", shop, "--remove")
    assert " own " not in command.done("mail", shop)


def test_what_makes_no_sense_is_refused(shop: str, folder: Path) -> None:
    assert "one of --texts" in command.refused("mail", shop, "--texts", folder, "--remove")
    assert "an empty folder" in command.refused("mail", shop, "--write", folder)
    assert command.refused("mail", "cli_unknown") == "client.unknown"
