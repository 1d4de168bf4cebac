"""What a passkey sign-in costs the server in processor time, for an account with one passkey and one with twenty.

The whole app runs in a process with huge pages, as `authsvc serve` does, but without a socket: time.process_time()
around each request counts every thread of it, and nothing else of the machine. The two accounts take turns, so that
whatever disturbs one disturbs the other. The browser's and the authenticator's own work lies between the requests and
is not counted.
"""

import asyncio
import json
import os
import statistics
import sys
import time
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from authsvc.app import build_app
from authsvc.cli.bench.server import prepared
from authsvc.cli.bench.sign_ins import make_customer
from authsvc.cli.huge_pages import run_module
from authsvc.web.logging import configure_logging

WARM_UP = 20
SIGN_INS = 200
PASSKEYS = (1, 20)
VERIFY = "/login/passkey/verify"


@dataclass
class InProcess:
    """Stands in for a customer's HTTP connection; adds up what each request costs."""

    app: Any
    loop: asyncio.AbstractEventLoop
    host: str
    spent_s: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))

    def request(self, method: str, url: str, body: bytes | None, headers: Mapping[str, str]) -> None:
        path, _, query = url.partition("?")
        sent = {"Host": self.host, "Content-Length": str(len(body or b"")), **headers}
        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": method,
            "scheme": "http",
            "path": path,
            "raw_path": path.encode(),
            "query_string": query.encode(),
            "root_path": "",
            "headers": [(name.lower().encode(), value.encode("latin-1")) for name, value in sent.items()],
            "client": ("127.0.0.1", 40000),
            "server": ("localhost", 80),
        }
        self._answer: list[dict[str, Any]] = []

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": body or b"", "more_body": False}

        async def send(message: dict[str, Any]) -> None:
            self._answer.append(message)

        begun = time.process_time()
        self.loop.run_until_complete(self.app(scope, receive, send))
        self.spent_s[path] += time.process_time() - begun

    def getresponse(self) -> "InProcess":
        return self

    @property
    def status(self) -> int:
        return int(self._answer[0]["status"])

    def getheaders(self) -> list[tuple[str, str]]:
        return [(name.decode(), value.decode("latin-1")) for name, value in self._answer[0]["headers"]]

    def read(self) -> bytes:
        return b"".join(message.get("body", b"") for message in self._answer)

    def close(self) -> None:
        """A connection of its own for each sign-in costs nothing here."""


def measure_with_huge_pages() -> dict[str, object]:
    """Measure in a process of its own that begins with huge pages."""
    measured: dict[str, object] = json.loads(run_module(__name__))
    return measured


def measure_passkey_cpu() -> dict[str, object]:
    """Return the median cost of the request that verifies, and of all requests of a sign-in, in milliseconds."""
    verify: dict[int, list[float]] = {count: [] for count in PASSKEYS}
    whole: dict[int, list[float]] = {count: [] for count in PASSKEYS}
    loop = asyncio.new_event_loop()
    with open(os.devnull, "w") as nowhere, prepared() as server:  # noqa: PTH123  # lines are written, as in production
        configure_logging("info", stream=nowhere)
        app = build_app(server.services.settings, server.services)
        server.services.signing_keys.current()
        connections = {count: InProcess(app, loop, f"localhost:{server.port}") for count in PASSKEYS}
        customers = {
            count: make_customer(server, count, passkeys=count, connection=connections[count]) for count in PASSKEYS
        }
        for number in range(WARM_UP + SIGN_INS):
            for count, customer in customers.items():
                connection = connections[count]
                customer.sign_out()
                connection.spent_s.clear()
                customer.sign_in_with_passkey()
                if number >= WARM_UP:
                    verify[count].append(connection.spent_s[VERIFY] * 1000)
                    whole[count].append(sum(connection.spent_s.values()) * 1000)
        loop.run_until_complete(loop.shutdown_default_executor())
    loop.close()
    fewest, most = PASSKEYS
    return {
        **{f"passkey_cpu_ms_{count}": round(statistics.median(verify[count]), 2) for count in PASSKEYS},
        "passkey_cpu_ratio": round(statistics.median(verify[most]) / statistics.median(verify[fewest]), 3),
        **{f"passkey_sign_in_cpu_ms_{count}": round(statistics.median(whole[count]), 2) for count in PASSKEYS},
        # Neighbours on the machine slow a processor down too; the least is what they left alone.
        **{f"passkey_cpu_ms_{count}_least": round(min(verify[count]), 2) for count in PASSKEYS},
        "passkey_cpu_sign_ins": SIGN_INS,
    }


if __name__ == "__main__":
    sys.stdout.write(json.dumps(measure_passkey_cpu()))
