"""The country of an address, and databases that refuse at start."""

from pathlib import Path

import pytest

from authsvc.risk.history.behaviour.sighting import Place
from authsvc.risk.history.geo import NoGeo, open_geo
from authsvc.risk.history.networks import NO_NETWORKS, open_networks
from authsvc.settings import SettingsProblem
from tests.support.mmdb import write_countries, write_places, write_providers


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


def test_a_city_database_knows_places_too_and_a_country_database_does_not(tmp_path: Path, database_file: Path) -> None:
    geo = open_geo(write_places(tmp_path / "cities.mmdb", {"203.0.113.0/24": ("NL", 52.37, 4.9, 20)}))
    assert (geo.country("203.0.113.9"), geo.place("203.0.113.9")) == ("NL", Place(52.37, 4.9, 20))
    assert [geo.place(address) for address in ("192.0.2.7", "2001:db8::1", "testclient")] == [None, None, None]
    assert open_geo(database_file).place("203.0.113.9") is None
    assert NoGeo().place("203.0.113.9") is None


def test_the_provider_of_an_address(tmp_path: Path) -> None:
    networks = open_networks(write_providers(tmp_path / "providers.mmdb", {"203.0.113.0/24": 64500}))
    assert [networks.provider(address) for address in ("203.0.113.9", "192.0.2.7", "")] == ["64500", None, None]
    assert open_networks(None) is NO_NETWORKS


def test_a_database_of_countries_is_none_of_providers(database_file: Path, tmp_path: Path) -> None:
    for wrong in (database_file, tmp_path / "missing.mmdb"):
        with pytest.raises(SettingsProblem, match="AUTHSVC_RISK__ASN_DATABASE"):
            open_networks(wrong)
