"""The operator's list of authenticator names, and which of its icons a page may show."""

import base64
import json
from pathlib import Path

import pytest

from authsvc.factors.passkey.authenticator_names import NOBODY, Provider, load_names, parse_names
from authsvc.settings import SettingsProblem

MODEL = "7ac9e7e0-c0de-4a7b-9d0b-d20a6d1c2e3f"
PNG = "data:image/png;base64," + base64.b64encode(b"\x89PNG").decode()
SVG = "data:image/svg+xml;base64," + base64.b64encode(b"<svg/>").decode()


def test_a_model_on_the_list_has_its_name_and_icons() -> None:
    names = parse_names({MODEL.upper(): {"name": " Vault\n Nine ", "icon_light": SVG, "icon_dark": PNG}})
    assert names.of(MODEL) == Provider("Vault Nine", SVG, PNG)


def test_every_other_one_is_called_passkey() -> None:
    assert parse_names({}).of(MODEL) == NOBODY == Provider("Passkey")
    assert load_names(None).of(MODEL) == NOBODY


@pytest.mark.parametrize(
    "icon",
    [
        "https://evil.example/pixel.png",
        "javascript:alert(1)",
        "data:text/html;base64,PGI+",
        "data:image/svg+xml,<svg onload='x'/>",
        'data:image/png;base64,AAAA" onerror="x',
        SVG + "\n",
        "data:image/png;base64," + "A" * 70_000,
        "",
        None,
        7,
    ],
)
def test_an_icon_that_is_no_small_picture_is_left_out(icon: object) -> None:
    assert parse_names({MODEL: {"name": "Vault", "icon_light": icon, "icon_dark": SVG}}).of(MODEL) == Provider(
        "Vault", None, SVG
    )


def test_a_long_name_is_cut() -> None:
    assert len(parse_names({MODEL: {"name": "x" * 500}}).of(MODEL).name) == 60


@pytest.mark.parametrize(
    "listed",
    [
        [],
        "x",
        {"no aaguid": {"name": "x"}},
        {MODEL: "x"},
        {MODEL: {}},
        {MODEL: {"name": " "}},
        {MODEL: {"name": "\x00"}},
    ],
)
def test_what_is_no_list_is_refused_as_a_whole(listed: object) -> None:
    with pytest.raises(ValueError, match=r".+"):
        parse_names(listed)


@pytest.mark.parametrize("content", [b"", b"\xff", b"[]", b"[" * 100_000])
def test_a_file_that_can_not_be_used_refuses_at_start(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "names.json"
    path.write_bytes(content)
    with pytest.raises(SettingsProblem, match="AUTHSVC_PASSKEYS__AUTHENTICATOR_NAMES"):
        load_names(path)
    with pytest.raises(SettingsProblem):
        load_names(tmp_path / "nowhere.json")


def test_a_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "names.json"
    path.write_text(json.dumps({MODEL: {"name": "Vault"}}))
    assert load_names(path).of(MODEL).name == "Vault"
