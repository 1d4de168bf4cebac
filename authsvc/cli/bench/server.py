"""A throw-away authsvc for measuring: its own process, SQLite and keys in a temporary folder, defaults everywhere else.

Each simulated customer has a network of their own (through a trusted proxy header), so that the rate limits are really
counted and nobody runs into one.
"""

import base64
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from authsvc.app import build_services
from authsvc.cli.bench.not_measured import NotMeasured
from authsvc.core.ids import new_bytes
from authsvc.core.migrations import upgrade
from authsvc.settings import load_settings
from authsvc.wiring.services import Services

READY_WITHIN_S = 60
REDIRECT_URI = "https://shop.example/callback"


@dataclass(frozen=True)
class BenchServer:
    """A running server, and a second view on its database to prepare accounts and count rows."""

    port: int
    services: Services
    client_id: str
    client_secret: str


@contextmanager
def prepared(**settings: str) -> Iterator[BenchServer]:
    """Make all of a server but its process. Args: settings as environment variables without their prefix."""
    with tempfile.TemporaryDirectory(prefix="authsvc-bench-") as folder, _environment(Path(folder), settings) as port:
        loaded = load_settings()
        upgrade(loaded.database.url)
        services = build_services(loaded)
        client, secret = services.clients.register_client(
            name="Bench shop", redirect_uris=[REDIRECT_URI], post_logout_redirect_uris=[]
        )
        try:
            yield BenchServer(port, services, client.id, secret or "")
        finally:
            services.close()


@contextmanager
def running(**settings: str) -> Iterator[BenchServer]:
    """Start a server and stop it afterwards. Args: as `prepared`."""
    with prepared(**settings) as server, tempfile.TemporaryFile() as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "authsvc", "serve", "--port", str(server.port)], stdout=log, stderr=log
        )
        try:
            _wait(f"http://localhost:{server.port}/health/ready", process)
            yield server
        except NotMeasured as problem:
            raise NotMeasured(f"{problem}; {_complaint(log)}") from None
        finally:
            process.terminate()
            process.wait(timeout=30)


@contextmanager
def _environment(folder: Path, settings: dict[str, str]) -> Iterator[int]:
    port = _free_port()
    made = {
        "ISSUER": f"http://localhost:{port}",
        "DEMO": "true",
        "DATABASE__URL": f"sqlite:///{folder / 'bench.sqlite3'}",
        "SECRETS__MASTER_KEYS": f"bench:{base64.b64encode(new_bytes(32)).decode()}",
        "SECRETS__AUDIT_KEY": base64.b64encode(new_bytes(32)).decode(),
        "TRUSTED_PROXIES": "127.0.0.1/32",
        **settings,
    }
    before = dict(os.environ)
    for name in [name for name in os.environ if name.startswith("AUTHSVC_")]:
        del os.environ[name]
    os.environ.update({f"AUTHSVC_{name}": value for name, value in made.items()})
    try:
        yield port
    finally:
        os.environ.clear()
        os.environ.update(before)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _wait(address: str, process: "subprocess.Popen[bytes]") -> None:
    ends = time.monotonic() + READY_WITHIN_S
    while time.monotonic() < ends and process.poll() is None:
        try:
            with urllib.request.urlopen(address, timeout=2):  # noqa: S310  # our own loopback address
                return
        except OSError:
            time.sleep(0.05)
    raise NotMeasured("the server to measure did not start")


def _complaint(log: IO[bytes]) -> str:
    """Return the last line that the server wrote beside its log of JSON objects: what a traceback ends with."""
    log.seek(0)
    lines = [line.strip() for line in log.read().decode(errors="replace").splitlines()]
    said = [line for line in lines if line and not line.startswith("{")]
    return f"the server's last words: {said[-1]}" if said else "the server complained of nothing"
