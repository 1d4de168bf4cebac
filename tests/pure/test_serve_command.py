"""`authsvc serve`: what it asks of uvicorn, and when it refuses to begin."""

import os
import sys
from typing import Any

import pytest
import uvicorn

from authsvc.cli import huge_pages, serve
from tests.support.demo_settings import make_settings


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What uvicorn was asked for."""
    options: dict[str, Any] = {}
    monkeypatch.setattr(uvicorn, "run", lambda *_app, **given: options.update(given))
    monkeypatch.setattr(serve, "configure_logging", lambda _level: None)
    return options


def serve_with(monkeypatch: pytest.MonkeyPatch, url: str, *, workers: int = 1, behind: bool = False) -> None:
    monkeypatch.setattr(serve, "load_settings", lambda: make_settings(url))
    monkeypatch.setattr(serve, "is_behind", lambda _url: behind)
    serve.run("127.0.0.1", 8000, workers)


def test_whoever_is_still_sending_it_stops_in_good_time(monkeypatch: pytest.MonkeyPatch, asked: dict[str, Any]) -> None:
    """Without a bound uvicorn waits for the last byte of every request (tried: 40 s after SIGTERM, and counting)."""
    serve_with(monkeypatch, "sqlite://")
    assert 0 < asked["timeout_graceful_shutdown"] <= 30
    assert (asked["proxy_headers"], asked["access_log"]) == (False, False)


@pytest.mark.parametrize(
    ("url", "wanted"), [("sqlite://", "AUTHSVC_DATABASE__URL"), ("postgresql+psycopg://db/x", "AUTHSVC_REDIS__URL")]
)
def test_two_processes_need_what_they_share(
    monkeypatch: pytest.MonkeyPatch,
    asked: dict[str, Any],
    capsys: pytest.CaptureFixture[str],
    url: str,
    wanted: str,
) -> None:
    with pytest.raises(SystemExit):
        serve_with(monkeypatch, url, workers=2)
    assert wanted in capsys.readouterr().err
    assert not asked


def test_a_database_without_its_tables_is_said_in_a_line(
    monkeypatch: pytest.MonkeyPatch, asked: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        serve_with(monkeypatch, "sqlite://", behind=True)
    assert "authsvc migrate" in capsys.readouterr().err
    assert not asked


def test_it_begins_once_more_with_huge_pages_and_only_once(monkeypatch: pytest.MonkeyPatch) -> None:
    began: list[tuple[str, list[str]]] = []
    monkeypatch.delenv(huge_pages.NAME, raising=False)
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(sys, "orig_argv", ["python3", "-u", "-m", "authsvc", "serve", "--port", "1"])
    monkeypatch.setattr(os, "execv", lambda path, arguments: began.append((path, arguments)))
    huge_pages.begin_with_huge_pages()
    assert began == [(sys.executable, [sys.executable, "-u", "-m", "authsvc", "serve", "--port", "1"])]
    assert os.environ[huge_pages.NAME] == huge_pages.HUGE_PAGES
    huge_pages.begin_with_huge_pages()  # as the process that replaced it would
    assert len(began) == 1


def test_the_operators_own_tunables_stand(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(huge_pages.NAME, "glibc.malloc.arena_max=2")
    monkeypatch.setattr(os, "execv", lambda *_: pytest.fail("it began again"))
    huge_pages.begin_with_huge_pages()
    assert os.environ[huge_pages.NAME] == "glibc.malloc.arena_max=2"
