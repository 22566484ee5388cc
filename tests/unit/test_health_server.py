"""The health endpoints answer whatever other clients do with their connections."""

import socket
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from onex.agent.process.health_server import HealthServer
from onex.agent.telemetry.health import Health
from onex.agent.telemetry.metrics import AgentMetrics
from onex.settings import Settings
from tests.conftest import eventually


@pytest.fixture(scope="module")
def server() -> Iterator[HealthServer]:
    made = HealthServer(Settings().health_host, 0, Health({"bus": "no broker"}), AgentMetrics("n").registry)
    yield made
    made.close()


def _get(server: HealthServer, path: str) -> tuple[int, bytes]:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{server.port}{path}", timeout=10) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


def _connect(server: HealthServer) -> socket.socket:
    return socket.create_connection(("127.0.0.1", server.port), timeout=10)


def _threads() -> int:
    return sum("process_request" in thread.name for thread in threading.enumerate())


def _ended(client: socket.socket) -> bool:
    """Whether the server has closed a connection, without an answer."""
    client.settimeout(10)
    try:
        return client.recv(1) == b""
    except ConnectionResetError:
        return True


def test_it_is_reached_from_this_machine_only_unless_a_setting_says_otherwise(server: HealthServer) -> None:
    assert server._server.server_address[0] == "127.0.0.1"


def test_scrapes_at_the_same_time_are_all_answered(server: HealthServer) -> None:
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda _: _get(server, "/metrics"), range(64)))
    assert all(status == 200 and b"onex_ready" in body for status, body in answers)
    assert _get(server, "/readyz") == (503, b'{"status": "unready", "reasons": {"bus": "no broker"}}\n')


@pytest.mark.parametrize("begin", [b"", b"GET /readyz HTTP/1.1\r\nX: "], ids=["silent", "slow"])
def test_connections_that_never_end_their_request_keep_nobody_out(server: HealthServer, begin: bytes) -> None:
    slow: list[socket.socket] = []
    try:
        for _ in range(50):
            slow.append(_connect(server))
            slow[-1].sendall(begin)
        assert _get(server, "/healthz")[0] == 200
        assert _ended(slow[0]), "the oldest one made room"
        eventually(lambda: _threads() <= 33, 10, "threads of closed connections end")
    finally:
        for client in slow:
            client.close()


def test_a_connection_ends_after_its_time(server: HealthServer, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = server._server.clock
    with _connect(server) as client:
        client.sendall(b"GET /readyz HT")
        eventually(lambda: _threads() == 1, 10, "the connection is taken")
        monkeypatch.setattr(server._server, "clock", lambda: clock() + 11)
        assert _ended(client)


def test_a_request_without_end_is_not_read(server: HealthServer) -> None:
    with _connect(server) as client:
        client.sendall(b"GET /healthz HTTP/1.0\r\n" + b"X-Long: " + b"x" * 15_000 + b"\r\n" + b"Y: " + b"y" * 60_000)
        assert client.recv(12) == b"HTTP/1.0 200"
    assert _get(server, "/healthz")[0] == 200
