"""The country of an address, and databases that refuse at start."""

from pathlib import Path

import pytest

from authsvc.risk.history.geo import NoGeo, open_geo
from authsvc.settings import SettingsProblem
from tests.support.mmdb import write_countries


@pytest.fixture
def database_file(tmp_path: Path) -> Path:
    return write_countries(tmp_path / "countries.mmdb", {"203.0.113.0/24": "NL", "198.51.100.0/24": "DE"})


def test_the_country_of_an_address(database_file: Path) -> None:
    geo = open_geo(database_file)
    assert [geo.country(address) for address in ("203.0.113.9", "198.51.100.1")] == ["NL", "DE"]


@pytest.mark.parametrize("address", ["192.0.2.7", "10.0.0.1", "2001:db8::1", "testclient", ""])
def test_what_is_not_in_it_is_unknown(database_file: Path, address: str) -> None:
    assert open_geo(database_file).country(address) is None


def test_without_a_database_every_country_is_unknown() -> None:
    assert open_geo(None) == NoGeo()
    assert NoGeo().country("203.0.113.9") is None


@pytest.mark.parametrize("defect", ["missing", "a folder", "empty", "not a database", "cut off", "of another kind"])
def test_a_database_that_cannot_be_used_refuses_at_start(tmp_path: Path, database_file: Path, defect: str) -> None:
    path = tmp_path / "other.mmdb"
    if defect == "a folder":
        path.mkdir()
    elif defect == "of another kind":
        write_countries(path, {"203.0.113.0/24": "NL"}, kind="GeoLite2-ASN")
    elif defect != "missing":
        whole = database_file.read_bytes()
        path.write_bytes({"empty": b"", "not a database": b"hello", "cut off": whole[: len(whole) // 2]}[defect])
    with pytest.raises(SettingsProblem) as caught:
        open_geo(path)
    assert "AUTHSVC_RISK__GEOIP_DATABASE" in str(caught.value) and str(path) in str(caught.value)
