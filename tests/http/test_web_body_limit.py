"""Bodies that are too large, over real sockets: the answer comes before the rest is read, and the connection ends."""

import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from authsvc.settings import Settings
from authsvc.web.middleware import DEFAULT_BODY_BYTES
from tests.support import demo_settings
from tests.support.edge import Edge, build_edge, running

KIB = 1024


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    settings = demo_settings.make_settings("sqlite://", face={"max_frames": 3, "max_frame_bytes": 100 * KIB})
    with running(build_edge(settings, tmp_path_factory.mktemp("templates")).app) as port:
        yield port


class Sender:
    """One connection on which a test writes what no client library would."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=10)

    def __enter__(self) -> "Sender":
        return self

    def __exit__(self, *_exc: object) -> None:
        self._socket.close()

    def head(self, path: str, *headers: str) -> None:
        lines = [f"POST {path} HTTP/1.1", "Host: localhost:8000", "Content-Type: application/json", *headers, "", ""]
        self._socket.sendall("\r\n".join(lines).encode())

    def chunk(self, data: bytes) -> None:
        self._socket.sendall(f"{len(data):x}\r\n".encode() + data + b"\r\n")

    def body(self, data: bytes) -> None:
        self._socket.sendall(data)

    def end(self) -> None:
        self._socket.sendall(b"0\r\n\r\n")

    def answer(self) -> str:
        """Return everything until the server closes the connection."""
        received = b""
        while piece := self._socket.recv(65_536):
            received += piece
        return received.decode()

    def status(self) -> str:
        """Return the answer's first line; the connection may stay open."""
        return self._socket.recv(65_536).decode().split("\r\n")[0]


def is_refused(answer: str) -> bool:
    return (
        answer.startswith("HTTP/1.1 413 ")
        and '"code":"request.too_large"' in answer
        and "connection: close" in answer.lower()
        and "x-content-type-options: nosniff" in answer
        and answer.count("HTTP/1.1") == 1
    )


@pytest.mark.parametrize("path", ["/v1/swallow", "/v1/orders", "/v1/stubborn", "/nothing", "/login/json"])
def test_a_declared_length_above_the_bound_is_refused_before_a_byte_is_read(port: int, path: str) -> None:
    with Sender(port) as sender:
        sender.head(path, f"Content-Length: {DEFAULT_BODY_BYTES + 1}")
        assert is_refused(sender.answer())


@pytest.mark.parametrize("path", ["/v1/swallow", "/v1/orders", "/v1/stubborn"])
def test_an_undeclared_body_is_cut_off_where_it_passes_the_bound(port: int, path: str) -> None:
    with Sender(port) as sender:
        sender.head(path, "Transfer-Encoding: chunked")
        sender.chunk(b"x" * DEFAULT_BODY_BYTES)
        sender.chunk(b"x")
        # The body never ends, and the answer is there.
        assert is_refused(sender.answer())


def test_a_form_is_cut_off_too(port: int) -> None:
    with Sender(port) as sender:
        sender._socket.sendall(
            b"POST /login/raw HTTP/1.1\r\nHost: localhost:8000\r\nOrigin: http://localhost:8000\r\n"
            b"Content-Type: application/x-www-form-urlencoded\r\nAccept: application/json\r\n"
            b"Transfer-Encoding: chunked\r\n\r\n"
        )
        for _ in range(9):
            sender.chunk(b"a=" + b"x" * 8_190)
        assert is_refused(sender.answer())


def test_a_body_of_exactly_the_bound_is_taken(port: int) -> None:
    with Sender(port) as sender:
        sender.head("/v1/swallow", f"Content-Length: {DEFAULT_BODY_BYTES}", "Connection: close")
        sender.body(b"x" * DEFAULT_BODY_BYTES)
        answer = sender.answer()
    assert answer.startswith("HTTP/1.1 200 ")
    assert f'{{"received":{DEFAULT_BODY_BYTES}}}' in answer


def test_many_small_chunks_add_up(port: int) -> None:
    with Sender(port) as sender:
        sender.head("/v1/swallow", "Transfer-Encoding: chunked")
        for _ in range(65):
            sender.chunk(b"x" * KIB)
        assert is_refused(sender.answer())


def test_a_capture_may_be_as_large_as_its_frames(port: int) -> None:
    with Sender(port) as sender:
        sender.head("/v1/face/captures/frames", "Transfer-Encoding: chunked", "Connection: close")
        sender.chunk(b"x" * 300 * KIB)
        sender.end()
        assert f'{{"received":{300 * KIB}}}' in sender.answer()
    with Sender(port) as sender:
        sender.head("/v1/face/captures/frames", "Transfer-Encoding: chunked")
        sender.chunk(b"x" * (364 * KIB + 1))
        assert is_refused(sender.answer())


def test_a_neighbouring_path_has_no_part_in_it(port: int) -> None:
    with Sender(port) as sender:
        sender.head("/v1/face/captures/framesx", f"Content-Length: {100 * KIB}")
        assert is_refused(sender.answer())


@pytest.mark.parametrize("length", ["-1", "+5", "5_0", "0x10", "5, 6", "9" * 5_000])
def test_a_length_that_is_no_number_is_refused(port: int, length: str) -> None:
    with Sender(port) as sender:
        sender.head("/v1/swallow", f"Content-Length: {length}")
        assert sender.status().split()[1] in ("400", "413")


def test_a_length_that_lies_low_does_not_smuggle_the_rest_in(port: int) -> None:
    with Sender(port) as sender:
        sender.head("/v1/swallow", "Content-Length: 5", "Connection: close")
        sender.body(b"x" * 100 * KIB)
        answer = sender.answer()
    assert '{"received":5}' in answer
    assert answer.count("HTTP/1.1 200") == 1


def test_a_client_that_leaves_half_way_leaves_a_server_that_answers(port: int) -> None:
    for path in ("/v1/swallow", "/v1/orders", "/login/raw"):
        with Sender(port) as sender:
            sender.head(path, "Content-Length: 1000")
            sender.body(b"x")
    with Sender(port) as sender:
        sender.head("/v1/orders", "Content-Length: 2")
        sender.body(b"{}")
        assert "400" in sender.status()


def test_the_bytes_are_counted_whatever_the_server_in_front_let_pass(
    make_settings: Callable[..., Settings], tmp_path: Path
) -> None:
    # The test client enforces no Content-Length, as a careless server would not.
    edge: Edge = build_edge(make_settings(), tmp_path / "templates")
    answer = edge.client(content_length="5").post("/v1/swallow", content=b"x" * (DEFAULT_BODY_BYTES + 1))
    assert (answer.status_code, answer.json()["code"]) == (413, "request.too_large")
