"""The health endpoints answer whatever other clients do with their connections."""

import socket
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest
import structlog
from prometheus_client import CollectorRegistry, Metric
from prometheus_client.registry import Collector

from onex.agent.process.health_access import HEADERS, Access, port_of
from onex.agent.process.health_server import HealthServer
from onex.agent.telemetry.health import Health
from onex.agent.telemetry.metrics import AgentMetrics
from onex.contract import resolve_node
from onex.errors import ConfigurationError
from onex.settings import Settings
from tests.conftest import NODES, eventually
from tests.mixins.helpers import contract_file


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


def _headers(server: HealthServer, request: bytes) -> tuple[bytes, dict[str, str]]:
    """Return the status line and the headers of the response to a request, whatever the request is."""
    with _connect(server) as client:
        client.sendall(request)
        text = b"".join(iter(lambda: client.recv(65_536), b"")).partition(b"\r\n\r\n")[0].decode()
    status, *lines = text.split("\r\n")
    return status.encode(), {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}


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


@pytest.mark.parametrize(
    ("request_line", "status"),
    [
        (b"GET /metrics HTTP/1.0", b"HTTP/1.0 200"),
        (b"GET /healthz HTTP/1.0", b"HTTP/1.0 200"),
        (b"GET /readyz HTTP/1.0", b"HTTP/1.0 503"),
        (b"GET /nothing HTTP/1.0", b"HTTP/1.0 404"),
        (b"GET /readyz HTTP/1.0" + b"\r\nA: b" * 101, b"HTTP/1.0 431"),
    ],
)
def test_every_response_has_security_headers(server: HealthServer, request_line: bytes, status: bytes) -> None:
    line, headers = _headers(server, request_line + b"\r\n\r\n")
    assert line.startswith(status)
    assert HEADERS.items() <= headers.items()
    assert headers["content-security-policy"].startswith("default-src 'none'")
    assert "strict-transport-security" not in headers, "the port has no TLS"


def test_a_page_that_fails_has_security_headers_and_no_details() -> None:
    class Broken(Collector):
        def collect(self) -> Iterator[Metric]:
            raise ValueError("no figures")

    registry = CollectorRegistry()
    registry.register(Broken())
    server = HealthServer("127.0.0.1", 0, Health({}), registry)
    try:
        with structlog.testing.capture_logs() as logs:
            line, headers = _headers(server, b"GET /metrics HTTP/1.0\r\n\r\n")
            body = _get(server, "/metrics")[1]
        assert line.startswith(b"HTTP/1.0 500")
        assert HEADERS.items() <= headers.items()
        assert b"no figures" not in body
        assert [(entry["page"], entry["error"]) for entry in logs] == [("/metrics", "no figures")] * 2
        assert _get(server, "/readyz")[0] == 200
    finally:
        server.close()


def _from(server: HealthServer, address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let connections come from an address."""
    accept = server._server.get_request
    monkeypatch.setattr(server._server, "get_request", lambda: (accept()[0], (address, 4711)))


def test_only_accepted_networks_and_this_machine_are_served(monkeypatch: pytest.MonkeyPatch) -> None:
    registry = AgentMetrics("n").registry
    server = HealthServer("127.0.0.1", 0, Health({}), registry, ["203.0.113.0/24", "2001:db8::/32"])
    try:
        assert _get(server, "/readyz")[0] == 200
        for address in ("203.0.113.9", "::ffff:203.0.113.9", "2001:db8::1", "::1"):
            with monkeypatch.context() as patch:
                _from(server, address, patch)
                assert _get(server, "/metrics")[0] == 200, address
        _from(server, "198.51.100.7", monkeypatch)
        with structlog.testing.capture_logs() as logs:
            for _ in range(40):
                with _connect(server) as client:
                    with suppress(ConnectionError):
                        client.sendall(b"GET /readyz HTTP/1.0\r\n\r\n")
                    assert _ended(client), "it gets no response"
        (line,) = logs
        assert (line["client"], line["refused"], line["log_level"]) == ("198.51.100.7", 1, "warning")
        assert "ONEX_HEALTH_ALLOW" in line["event"]
    finally:
        server.close()


def test_refused_clients_are_logged_once_a_minute() -> None:
    now = 0.0
    access = Access(["203.0.113.0/24"], lambda: now)
    with structlog.testing.capture_logs() as logs:
        for at in (0.0, 59.0, 60.0):
            now = at
            assert not access.accepts("198.51.100.7")
    assert [line["refused"] for line in logs] == [1, 3]
    assert Access([], lambda: now).accepts("198.51.100.7"), "without networks everyone is served"


def test_networks_of_the_health_port_are_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ONEX_HEALTH_ALLOW", '["10.0.0.0/8", "2001:db8::/32"]')
    assert Settings.load().health_allow == ["10.0.0.0/8", "2001:db8::/32"]
    for wrong, words in {
        '["10.0.0.1/8"]': r"health_allow\.0: .*host bits",
        '["fe80::1%eth0"]': "has a zone",
        '["::ffff:10.0.0.0/104"]': "write the IPv4 network",
        "10.0.0.0/8": r'ONEX_HEALTH_ALLOW is no JSON; write it like \["10\.0\.0\.0/8"\]',
    }.items():
        monkeypatch.setenv("ONEX_HEALTH_ALLOW", wrong)
        with pytest.raises(ConfigurationError, match=words):
            Settings.load()


@pytest.mark.parametrize(
    ("subcontract", "environment", "port"),
    [
        ("{metrics_port: 9464}", None, 9464),
        ("{metrics_port: 9464}", "9100", 9100),
        ("{metrics_port: 9464}", "0", 0),
        ("{metrics_backend: statsd, metrics_port: 8125}", None, 0),
        ("{}", None, 0),
        (None, None, 0),
        (None, "9100", 9100),
    ],
)
def test_the_port_is_that_of_the_setting_or_of_the_contract(
    subcontract: str | None, environment: str | None, port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ONEX_HEALTH_PORT", raising=False)
    if environment is not None:
        monkeypatch.setenv("ONEX_HEALTH_PORT", environment)
    folder = NODES / "node_gate_compute" / "v1_0_0"
    text = (folder / "contract.yaml").read_text()
    if subcontract is not None:
        assert text.endswith("max_validation_errors: 2}\n")
        text += f"  metrics: {subcontract}\n"
    with contract_file(folder, text) as file:
        assert port_of(resolve_node(file, environment={}), Settings.load()) == port


def test_scrapes_at_the_same_time_are_all_answered(server: HealthServer) -> None:
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda _: _get(server, "/metrics"), range(64)))
    assert all(status == 200 and b"onex_ready" in body for status, body in answers)
    assert _get(server, "/readyz") == (503, b'{"status": "unready", "reasons": {"bus": "no broker"}}\n')


def test_an_agent_that_is_degraded_is_ready_and_has_the_reason(server: HealthServer) -> None:
    health = server._health
    health.degrade("dependency database", "away")
    expected = b'{"status": "unready", "reasons": {"dependency database": "away", "bus": "no broker"}}\n'
    assert _get(server, "/readyz") == (503, expected)
    assert health.clear("bus")
    expected = b'{"status": "degraded", "reasons": {"dependency database": "away"}}\n'
    assert _get(server, "/readyz") == (200, expected)
    health.complain("dependency database", "away")
    assert _get(server, "/readyz")[0] == 503
    health.degrade("dependency database", "away")
    health.forget(("dependency ",))
    assert _get(server, "/readyz") == (200, b'{"status": "ready", "reasons": {}}\n')


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
