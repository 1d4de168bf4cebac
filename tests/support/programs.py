"""What some tests need beside Python: server programs, a browser, research data; what is missing, and how to get it.

AUTHSVC_TESTS_REQUIRE names, separated by commas, what must not be missing: a test that needs it then fails instead of
being skipped. `all` is every program; the research data can't be installed and is only required by its own name.
"""

import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import pytest

REQUIRE = "AUTHSVC_TESTS_REQUIRE"
DATA = "AUTHSVC_DATA"
ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Need:
    """One thing that some tests need."""

    name: str
    title: str
    how: str
    is_program: bool = True

    @property
    def reason(self) -> str:
        return f"needs {self.title}"


POSTGRESQL = Need("postgresql", "PostgreSQL's server programs", "apt-get install postgresql")
REDIS = Need("redis", "redis-server", "apt-get install redis-server")
CHROMIUM = Need("chromium", "Chromium", "apt-get install chromium")
RESEARCH_DATA = Need(
    "data", "the research data", f"set {DATA} to its folder; docs/measurements.md says what it holds", is_program=False
)
NEEDS = (POSTGRESQL, REDIS, CHROMIUM, RESEARCH_DATA)


def pg_ctl() -> Path:
    """Return PostgreSQL's pg_ctl, which Debian keeps off the PATH; the newest one of several."""
    if on_path := shutil.which("pg_ctl"):
        return Path(on_path)
    installed = Path("/usr/lib/postgresql").glob("*/bin/pg_ctl")
    newest = max(installed, key=lambda path: _version(path.parts[-3]), default=None)
    return newest or _missing(POSTGRESQL)


def redis_server() -> Path:
    found = shutil.which("redis-server")
    return Path(found) if found else _missing(REDIS)


def chromium() -> Path:
    names = ("chromium", "chromium-browser", "google-chrome")
    found = next((path for name in names if (path := shutil.which(name))), None)
    return Path(found) if found else _missing(CHROMIUM)


def research_data() -> Path:
    folder = Path(os.environ.get(DATA) or ROOT.parent / "shared" / "data")
    return folder if folder.is_dir() else _missing(RESEARCH_DATA)


def summary(reasons: list[str]) -> list[str]:
    """Return, for the reasons of all skips, one line per missing thing: how many tests, and how to get it."""
    lines = []
    for need in NEEDS:
        count = sum(need.reason in reason for reason in reasons)
        if count:
            lines.append(f"{count} skipped without {need.title}: {need.how}")
    others = sum(not any(need.reason in reason for need in NEEDS) for reason in reasons)
    if others:
        lines.append(f"{others} skipped for another reason, listed below")
    return lines


def _missing(need: Need) -> NoReturn:
    required = {name.strip() for name in os.environ.get(REQUIRE, "").split(",")}
    if need.name in required or ("all" in required and need.is_program):
        pytest.fail(f"{need.reason}, and {REQUIRE} requires it: {need.how}", pytrace=False)
    pytest.skip(need.reason)


def _version(name: str) -> tuple[int, ...]:
    return tuple(int(part) for part in name.split(".") if part.isdigit())
