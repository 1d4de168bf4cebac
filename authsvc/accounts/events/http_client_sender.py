"""Send one request by the standard library's http.client, and nothing more than that.

1. The host is resolved once; every address must be public (destination.py), or nothing is sent.
2. The connection goes to one of the addresses that were judged: the name is not asked again, so an answer that changes
   in between (DNS rebinding) changes nothing. TLS still checks the certificate against the name.
3. Redirects are not followed, proxies of the environment not used, cookies not kept. The answer's body is not read.
4. Each wait has a bound, and so has the whole: a server that sends a byte at a time is cut off.
5. So has the look-up: the system's resolver knows no time-out of ours, and a shop's name server may answer never. It is
   asked in a thread that is left behind when it is late; while LOOK_UPS of these hang, names are not looked up at all.
"""

import contextlib
import http.client
import socket
import ssl
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field

from authsvc.accounts.events.destination import Destination, is_public

RESOLVE_S = 5
LOOK_UPS = 8
CONNECT_S = 5
WAIT_S = 10
WHOLE_S = 20  # well below the outbox's lease, so that no second worker begins the same attempt
MAX_ADDRESSES = 3


class ForbiddenAddress(OSError):
    """The host resolves to an address that a webhook may not reach."""


def resolve(host: str, port: int) -> list[str]:
    """Ask the system's resolver. Raises OSError."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


class LookUpTooSlow(OSError):
    """The host's name was not resolved in time."""


@dataclass(frozen=True)
class HttpClientSender:
    """Sends webhooks."""

    allow_private: bool
    resolve: Callable[[str, int], Sequence[str]] = resolve
    tls: ssl.SSLContext = field(default_factory=ssl.create_default_context, repr=False)
    resolve_s: float = RESOLVE_S
    _room: threading.BoundedSemaphore = field(default_factory=lambda: threading.BoundedSemaphore(LOOK_UPS), repr=False)

    def post(self, destination: Destination, headers: Mapping[str, str], body: bytes) -> int:
        """Send it and return the answer's status.

        Raises:
            ForbiddenAddress: rule 1.
            LookUpTooSlow: rule 5.
            OSError, http.client.HTTPException: no answer came, or none that is HTTP.
        """
        addresses = self._addresses(destination)
        connection = http.client.HTTPConnection(destination.host, destination.port)
        watchdog = threading.Timer(WHOLE_S, _cut, (connection,))  # 4
        watchdog.daemon = True
        watchdog.start()
        try:
            self._open(connection, addresses, destination)
            connection.putrequest("POST", destination.target, skip_host=True, skip_accept_encoding=True)
            connection.putheader("Host", destination.authority)
            connection.putheader("Content-Type", "application/json")
            connection.putheader("Content-Length", str(len(body)))
            connection.putheader("User-Agent", "authsvc-webhooks/1")
            connection.putheader("Connection", "close")
            for name, value in headers.items():
                connection.putheader(name, value)
            connection.endheaders(body)
            return connection.getresponse().status  # 3
        finally:
            watchdog.cancel()
            connection.close()

    def _addresses(self, destination: Destination) -> Sequence[str]:
        addresses = self._look_up(destination)
        if not self.allow_private and not (addresses and all(is_public(each) for each in addresses)):  # 1
            raise ForbiddenAddress("the host is not on the public internet")
        return addresses[:MAX_ADDRESSES]

    def _look_up(self, destination: Destination) -> Sequence[str]:  # 5
        if not self._room.acquire(blocking=False):
            raise LookUpTooSlow("too many look-ups hang")
        answer: Future[Sequence[str]] = Future()

        def ask() -> None:
            try:
                answer.set_result(self.resolve(destination.host, destination.port))
            except Exception as problem:
                answer.set_exception(problem)
            finally:
                self._room.release()

        try:
            threading.Thread(target=ask, name="webhook-look-up", daemon=True).start()
        except RuntimeError as full:  # the machine has no thread left; the room must not be lost with it
            self._room.release()
            raise LookUpTooSlow("no thread is left to look up in") from full
        try:
            return answer.result(timeout=self.resolve_s)
        except TimeoutError as late:
            raise LookUpTooSlow(f"no answer within {self.resolve_s} s") from late

    def _open(self, connection: http.client.HTTPConnection, addresses: Sequence[str], destination: Destination) -> None:
        plain = _first_that_answers(addresses, destination.port)
        plain.settimeout(WAIT_S)
        connection.sock = plain
        if destination.scheme == "https":
            secure = self.tls.wrap_socket(plain, server_hostname=destination.host, do_handshake_on_connect=False)
            connection.sock = secure  # before the handshake, so that the watchdog sees it
            secure.do_handshake()


def _first_that_answers(addresses: Sequence[str], port: int) -> socket.socket:
    problem = OSError("the host has no address")
    for address in addresses:
        try:
            return socket.create_connection((address, port), timeout=CONNECT_S)  # 2
        except OSError as failed:
            problem = failed
    raise problem


def _cut(connection: http.client.HTTPConnection) -> None:
    with contextlib.suppress(OSError):
        if connection.sock is not None:
            connection.sock.shutdown(socket.SHUT_RDWR)
