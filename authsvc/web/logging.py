"""One JSON object per line on stdout: ours, uvicorn's, any library's, and Python's warnings.

Every line has time, level, logger, event and, inside a request, request_id. Values under names that look secret are
replaced. An exception is written as a list (the one that was raised, then what caused it) of type, message and
frames. Messages of database and validation errors are left out: they quote the values they complain about.

Run uvicorn with `log_config=None, access_log=False`: its access lines carry query strings, and web/middleware.py
writes a better one.
"""

import logging
import re
import sys
import traceback
from collections.abc import Mapping
from contextlib import suppress
from functools import lru_cache, partial
from typing import Any, TextIO

import structlog
from pydantic import ValidationError
from sqlalchemy.exc import SQLAlchemyError
from structlog.types import EventDict, Processor, WrappedLogger

REDACTED = "[redacted]"
MAX_FRAMES = 12  # the deepest; those above are the framework's
MAX_CAUSES = 5

# One word of the name is enough: new_password, csrf_token, set-cookie, code2; or how one ends: accesstoken.
_SECRET_WORDS = frozenset(
    {"password", "passwords", "passwd", "passphrase", "pwd", "pin", "code", "codes", "token", "tokens", "secret"}
    | {"secrets", "cookie", "cookies", "credential", "credentials", "authorization", "bearer", "jwt", "otp"}
    | {"assertion", "verifier", "nonce"}
)
_SECRET_ENDS = ("password", "secret", "token", "cookie")
_HARMLESS = frozenset({"status_code", "exit_code"})
_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+")


def configure_logging(level: str, *, stream: TextIO | None = None) -> None:
    """Send every log line of this process to `stream` (stdout) as JSON: ours from `level` up, others' from warning.

    Ours are written at once: on the way through Python's own logging, a request's line costs three times as much.
    """
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="time"),
    ]
    rendered: list[Processor] = [describe_exception, redact, structlog.processors.JSONRenderer(default=_as_text)]
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *rendered],
    )
    stream = stream or sys.stdout
    handler = logging.StreamHandler(stream)
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    # At info, HTTP clients log whole addresses, query strings included.
    root.setLevel(logging.WARNING)
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access", "uvicorn.asgi"):
        server = logging.getLogger(name)
        server.handlers.clear()
        server.propagate = name != "uvicorn.access"
        server.setLevel(logging.INFO)
    logging.captureWarnings(True)
    structlog.configure(
        processors=[*shared, *rendered],
        logger_factory=partial(_NamedLogger, stream),
        wrapper_class=structlog.make_filtering_bound_logger(level),
        cache_logger_on_first_use=False,  # who configures it again wants the new stream
    )


class _NamedLogger(structlog.WriteLogger):
    """Writes lines, and knows its name as Python's loggers do.

    A line that can't be written is lost, as with Python's loggers, and said so on stderr: a full disk or a closed pipe
    behind stdout must not fail the requests and transactions in which something is told.
    """

    def __init__(self, stream: TextIO, name: str = "authsvc") -> None:
        super().__init__(stream)
        self.name = name

    def msg(self, message: str) -> None:
        try:
            super().msg(message)
        except (OSError, ValueError) as problem:  # ValueError: the stream is closed
            with suppress(OSError, ValueError):
                sys.stderr.write(f"authsvc: a log line was lost: {problem}\n")

    log = debug = info = warn = warning = msg
    fatal = failure = err = error = critical = exception = msg


def redact(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Processor: replace the values of names that look secret, at any depth."""
    return {name: REDACTED if looks_secret(name) else _redacted(value) for name, value in event.items()}


@lru_cache(maxsize=4096)
def looks_secret(name: str) -> bool:
    """Return whether one of the words of a name says that its value is a secret."""
    words = [word.lower() for word in _WORD.findall(name)]
    return name not in _HARMLESS and any(word in _SECRET_WORDS or word.endswith(_SECRET_ENDS) for word in words)


def describe_exception(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Processor: turn `exc_info` into `exception`, without the values that some messages quote."""
    info = event.pop("exc_info", None)
    error = sys.exc_info()[1] if info is True else info[1] if isinstance(info, tuple) else info
    if isinstance(error, BaseException):
        event["exception"] = _describe(error)
    return event


def _describe(error: BaseException) -> list[dict[str, Any]]:
    described: list[dict[str, Any]] = []
    current: BaseException | None = error
    while current is not None and len(described) < MAX_CAUSES:
        quiet = isinstance(current, SQLAlchemyError | ValidationError) or _is_from_driver(current)
        frames = traceback.extract_tb(current.__traceback__)[-MAX_FRAMES:]
        described.append(
            {
                "type": f"{type(current).__module__}.{type(current).__qualname__}",
                "message": "" if quiet else str(current)[:500],
                "frames": [f"{frame.filename}:{frame.lineno} in {frame.name}" for frame in frames],
            }
        )
        current = current.__cause__ or (None if current.__suppress_context__ else current.__context__)
    return described


def _is_from_driver(error: BaseException) -> bool:
    return type(error).__module__.partition(".")[0] in {"psycopg", "sqlite3"}


def _redacted(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: REDACTED if looks_secret(str(name)) else _redacted(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_redacted(inner) for inner in value]
    return value


def _as_text(value: Any) -> str:
    # Bytes may be key material; everything else is somebody's repr, shortened.
    return f"[{len(value)} bytes]" if isinstance(value, bytes | bytearray) else repr(value)[:200]
