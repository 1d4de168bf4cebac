"""Settings: frozen, without a default secret, and clear about what is missing and how to make it."""

import base64

import pytest
from pydantic import ValidationError

from authsvc.settings import LaneSettings, LimitSettings, SettingsProblem, load_settings
from tests.support.demo_settings import new_key

COMPLETE = {
    "AUTHSVC_ISSUER": "https://id.shop.example",
    "AUTHSVC_DATABASE__URL": "sqlite:///authsvc.sqlite3",
    "AUTHSVC_SECRETS__MASTER_KEYS": f"k1:{new_key()}",
    "AUTHSVC_SECRETS__AUDIT_KEY": new_key(),
    "AUTHSVC_MAIL__HOST": "smtp.shop.example",
}


@pytest.fixture
def environment(monkeypatch):
    for name, value in COMPLETE.items():
        monkeypatch.setenv(name, value)
    return monkeypatch


def test_a_complete_environment_is_enough(environment):
    settings = load_settings()
    assert settings.rp_id == "id.shop.example"
    assert settings.secrets.keyring.current == "k1"
    assert len(settings.secrets.audit) == 32


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("AUTHSVC_ISSUER", "https://id.shop.example"),
        ("AUTHSVC_DATABASE__URL", "sqlite:///authsvc.sqlite3"),
        ("AUTHSVC_SECRETS__MASTER_KEYS", "authsvc key new --master"),
        ("AUTHSVC_SECRETS__AUDIT_KEY", "authsvc key new --audit"),
    ],
)
def test_a_missing_variable_is_named_with_how_to_make_it(environment, name, hint):
    environment.delenv(name)
    with pytest.raises(SettingsProblem) as problem:
        load_settings()
    (line,) = [line for line in str(problem.value).splitlines() if "missing" in line]
    assert name in line
    assert hint in line


def test_an_empty_environment_names_all_that_is_missing(environment):
    for name in COMPLETE:
        environment.delenv(name)
    with pytest.raises(SettingsProblem) as problem:
        load_settings()
    for name in COMPLETE.keys() - {"AUTHSVC_MAIL__HOST"}:
        assert name in str(problem.value)


def test_an_empty_variable_counts_as_missing(environment):
    environment.setenv("AUTHSVC_SECRETS__AUDIT_KEY", "")
    with pytest.raises(SettingsProblem, match="AUTHSVC_SECRETS__AUDIT_KEY is missing"):
        load_settings()


A_KEY, ANOTHER = (base64.b64encode(letter * 32).decode() for letter in (b"a", b"b"))


@pytest.mark.parametrize(
    "value",
    [
        "k1:c2hvcnQ=",
        "k1:not base64",
        "k1:",
        ",",
        "c2hvcnQ=",
        f"k1:{A_KEY},k1:{ANOTHER}",
        f":{A_KEY}",
        f"{'k' * 65}:{A_KEY}",
        f"schlüssel:{A_KEY}",
    ],
)
def test_a_bad_key_is_refused_without_being_shown(environment, value):
    environment.setenv("AUTHSVC_SECRETS__MASTER_KEYS", value)
    with pytest.raises(SettingsProblem) as problem:
        load_settings()
    assert "AUTHSVC_SECRETS__MASTER_KEYS: " in str(problem.value)
    assert "authsvc key new --master" in str(problem.value)
    assert not any(secret in str(problem.value) for secret in ("c2hvcnQ", A_KEY, ANOTHER))


@pytest.mark.parametrize(
    "issuer",
    [
        "http://id.shop.example",
        "http://127.0.0.1:8000",
        "https://id.shop.example/",
        "https://id.shop.example/x",
        "id.shop.example",
    ],
)
def test_the_issuer_is_an_https_origin(environment, issuer):
    environment.setenv("AUTHSVC_ISSUER", issuer)
    with pytest.raises(SettingsProblem, match="AUTHSVC_ISSUER: it must be an"):
        load_settings()


def test_the_demo_runs_on_localhost_only(environment):
    environment.setenv("AUTHSVC_DEMO", "true")
    with pytest.raises(SettingsProblem, match=r"AUTHSVC_DEMO: .* only runs on localhost"):
        load_settings()


def test_production_needs_a_mail_server(environment):
    environment.delenv("AUTHSVC_MAIL__HOST")
    with pytest.raises(SettingsProblem, match="AUTHSVC_MAIL__HOST: "):
        load_settings()


def test_lanes_may_hold_half_of_the_threads_at_most(environment):
    environment.setenv("AUTHSVC_LANES__PASSWORD_QUEUE", "39")
    with pytest.raises(SettingsProblem, match="at most half of the 40 threads"):
        load_settings()


@pytest.mark.parametrize("cores", [1, 2, 4, 8, 16, 64, None])
def test_the_default_lanes_fit_every_machine(monkeypatch, cores):
    monkeypatch.setattr("os.cpu_count", lambda: cores)
    lanes = LaneSettings()
    assert lanes.password_workers == min(cores or 1, 12)
    assert 3 <= lanes.password_queue <= 12


def test_faces_satisfy_nothing_yet(environment):
    environment.setenv("AUTHSVC_FACE__SATISFIES", "mfa")
    with pytest.raises(SettingsProblem, match="AUTHSVC_FACE__SATISFIES"):
        load_settings()


def test_proxies_are_networks_separated_by_commas(environment):
    environment.setenv("AUTHSVC_TRUSTED_PROXIES", "10.0.0.0/8, 192.0.2.1/32")
    assert load_settings().trusted_proxies == ("10.0.0.0/8", "192.0.2.1/32")
    environment.setenv("AUTHSVC_TRUSTED_PROXIES", "everybody")
    with pytest.raises(SettingsProblem, match="AUTHSVC_TRUSTED_PROXIES: 'everybody'"):
        load_settings()


def test_settings_are_frozen_at_every_level(make_settings):
    settings = make_settings()
    with pytest.raises(ValidationError):
        settings.issuer = "https://other.example"
    with pytest.raises(ValidationError):
        settings.password.time_cost = 1


def test_secrets_do_not_show_in_a_repr(make_settings):
    settings = make_settings(mail={"password": "hunter2-hunter2"})
    key = settings.secrets.master_keys.get_secret_value().removeprefix("k1:")
    audit_key = settings.secrets.audit_key.get_secret_value()
    assert settings.secrets.keyring
    shown = repr(settings) + str(settings) + repr(settings.secrets.keyring)
    assert all(secret not in shown for secret in (key, audit_key, "hunter2"))


def test_every_rate_limit_can_be_read():
    from limits import parse

    for name, rule in LimitSettings().rules().items():
        assert parse(rule).amount > 0, name


def test_at_most_half_of_the_request_threads_may_wait_on_lanes():
    sizes = {"password_workers": 4, "password_queue": 11, "face_workers": 1, "face_queue": 4}
    LaneSettings(**sizes)
    with pytest.raises(ValidationError, match="may hold 21 requests"):
        LaneSettings(**(sizes | {"face_queue": 5}))
