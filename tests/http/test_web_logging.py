"""What reaches the log: JSON lines, with an id, without secrets."""

import io
import json
import logging
import warnings
from collections.abc import Iterator
from typing import Any

import pytest
import structlog
from pydantic import BaseModel
from sqlalchemy import create_engine, text
from sqlalchemy.exc import SQLAlchemyError

from authsvc.web.logging import configure_logging, looks_secret

SECRET = "hunter2"


class Log:
    def __init__(self) -> None:
        self.stream = io.StringIO()

    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.stream.getvalue().splitlines()]


@pytest.fixture
def log() -> Iterator[Log]:
    root, configuration = logging.getLogger(), structlog.get_config()
    handlers, level, ours = root.handlers[:], root.level, logging.getLogger("authsvc").level
    log = Log()
    configure_logging("info", stream=log.stream)
    yield log
    structlog.configure(**configuration)
    logging.captureWarnings(False)
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.getLogger("authsvc").setLevel(ours)


def test_a_line_is_one_json_object_with_the_requests_id(log: Log) -> None:
    with structlog.contextvars.bound_contextvars(request_id="req_1"):
        structlog.get_logger("authsvc.somewhere").info("something.happened", count=3, text="two\nlines")
    (line,) = log.lines()
    assert line.pop("time").endswith("Z")
    assert line == {
        "event": "something.happened",
        "level": "info",
        "logger": "authsvc.somewhere",
        "request_id": "req_1",
        "count": 3,
        "text": "two\nlines",
    }


def test_the_servers_and_pythons_own_words_are_json_too(log: Log) -> None:
    logging.getLogger("uvicorn.error").info("Started server process [%d]", 7)
    logging.getLogger("uvicorn.access").info('GET /login?flow=%s HTTP/1.1" 200', SECRET)
    logging.getLogger("httpx").info("GET https://x/?code=%s", SECRET)
    logging.getLogger("some.library").warning("careful")
    warnings.warn("old", UserWarning, stacklevel=1)
    assert [(line["logger"], line["level"]) for line in log.lines()] == [
        ("uvicorn.error", "info"),
        ("some.library", "warning"),
        ("py.warnings", "warning"),
    ]
    assert SECRET not in log.stream.getvalue()


def test_below_the_level_nothing_is_written(log: Log) -> None:
    structlog.get_logger("authsvc.somewhere").debug("detail")
    assert log.lines() == []


@pytest.mark.parametrize(
    "name",
    [
        "password",
        "new_password",
        "newPassword",
        "PASSWORD",
        "code",
        "emailCode",
        "code_verifier",
        "csrf_token",
        "access-token",
        "clientSecret",
        "Set-Cookie",
        "cookies",
        "Authorization",
        "password2",
        "code1",
        "accesstoken",
        "clientsecret",
        "passphrase",
        "pin",
        "credentials",
        "id_JWT",
    ],
)
def test_a_name_that_looks_secret_loses_its_value(log: Log, name: str) -> None:
    structlog.get_logger("authsvc.x").info("event", **{name: SECRET}, nested={"a": [{name: SECRET}]})
    (line,) = log.lines()
    assert line[name] == "[redacted]"
    assert SECRET not in log.stream.getvalue()


@pytest.mark.parametrize(
    "name", ["status", "status_code", "decode_ms", "encoder", "problem", "secretary", "route", "pinned"]
)
def test_an_ordinary_name_keeps_it(name: str) -> None:
    assert not looks_secret(name)


def test_what_a_customer_sends_stays_on_one_line(log: Log) -> None:
    forged = '\n{"event":"forged"}\r\x1b[2J\x9b2J\u2028\ud800'
    structlog.get_logger("authsvc.x").info("event", value=forged, **{f"name{forged}": 1})
    (line,) = log.lines()
    assert line["value"] == forged
    assert log.stream.getvalue().isascii()
    assert log.stream.getvalue().rstrip("\n").isprintable()


class FullDisk(io.StringIO):
    def write(self, _: str) -> int:
        raise OSError(28, "No space left on device")


@pytest.mark.parametrize("closed", [False, True])
def test_a_line_that_can_not_be_written_fails_nobody(
    log: Log, capsys: pytest.CaptureFixture[str], closed: bool
) -> None:
    stream = FullDisk()
    configure_logging("info", stream=stream)
    if closed:
        stream.close()
    logger = structlog.get_logger("authsvc.x")
    for write in (logger.info, logger.warning, logger.error, logger.exception):
        write("event")
    assert capsys.readouterr().err.count("a log line was lost") == 4


def test_bytes_are_counted_and_not_shown(log: Log) -> None:
    structlog.get_logger("authsvc.x").info("event", digest=b"\x00" * 32)
    assert log.lines()[0]["digest"] == "[32 bytes]"


def test_an_exception_is_told_with_its_frames_and_causes(log: Log) -> None:
    try:
        try:
            raise KeyError("inner")
        except KeyError as problem:
            raise RuntimeError("outer") from problem
    except RuntimeError:
        structlog.get_logger("authsvc.x").exception("failed")
    outer, inner = log.lines()[0]["exception"]
    assert (outer["type"], outer["message"]) == ("builtins.RuntimeError", "outer")
    assert (inner["type"], inner["message"]) == ("builtins.KeyError", "'inner'")
    assert "test_web_logging.py" in outer["frames"][-1]


def test_what_a_database_or_a_validator_quotes_is_left_out(log: Log) -> None:
    class Person(BaseModel):
        age: int

    logger = structlog.get_logger("authsvc.x")
    try:
        with create_engine("sqlite://").connect() as connection:
            connection.execute(text(f"SELECT '{SECRET}' FROM nowhere WHERE a = :a"), {"a": SECRET})
    except SQLAlchemyError:
        logger.exception("database.failed")
    try:
        Person.model_validate({"age": SECRET})
    except ValueError:
        logging.getLogger("authsvc.y").exception("validation failed")
    first, second = log.lines()
    assert [each["type"] for each in first["exception"]] == [
        "sqlalchemy.exc.OperationalError",
        "sqlite3.OperationalError",
    ]
    assert second["exception"][0]["type"].endswith("ValidationError")
    assert SECRET not in log.stream.getvalue()
