"""``/healthz``, ``/readyz`` and ``/metrics`` of an agent, on daemon threads.

Whoever reaches the port is a stranger. Connections, their time and the length of a request are bounded, and when all
connections are taken the oldest one makes room: slow clients cannot keep probes and scrapes out.
"""

import io
import json
import socket
from collections.abc import Callable, Iterable
from socketserver import ThreadingMixIn
from threading import Lock, Thread
from time import monotonic
from typing import BinaryIO, cast
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from prometheus_client import CollectorRegistry, make_wsgi_app

from onex.agent.telemetry.health import Health
from onex.errors import ConfigurationError

_MOST_CONNECTIONS = 32
_LONGEST = 10.0
"""Seconds of one connection, from its start to its end."""
_READ_TIMEOUT = 5.0
_MOST_REQUEST_BYTES = 16_384


class _Server(ThreadingMixIn, WSGIServer):
    """A thread per connection, for a bounded number of connections and a bounded time."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, address: tuple[str, int], handler: Callable[..., WSGIRequestHandler]) -> None:
        super().__init__(address, handler)
        self.clock: Callable[[], float] = monotonic
        self._open: dict[socket.socket, float] = {}
        """By connection, when it began; the oldest one first."""
        self._lock = Lock()

    def process_request(self, request: "socket.socket | tuple[bytes, socket.socket]", client_address: object) -> None:
        """Serve a connection, in the place of the oldest one when there are too many."""
        connection = cast(socket.socket, request)
        with self._lock:
            if len(self._open) >= _MOST_CONNECTIONS:
                self._end(next(iter(self._open)))
            self._open[connection] = self.clock()
        super().process_request(request, client_address)

    def shutdown_request(self, request: "socket.socket | tuple[bytes, socket.socket]") -> None:
        """A connection has ended."""
        with self._lock:
            self._open.pop(cast(socket.socket, request), None)
        super().shutdown_request(request)

    def service_actions(self) -> None:
        """Twice a second: end the connections that take too long."""
        with self._lock:
            for connection in [c for c, began in self._open.items() if self.clock() - began > _LONGEST]:
                self._end(connection)

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that goes away, or is sent away, is no news."""

    def _end(self, connection: socket.socket) -> None:
        """Its thread meets an error and closes it."""
        del self._open[connection]
        try:
            connection.shutdown(socket.SHUT_RDWR)
        except OSError:
            return  # the client was faster


class _ServerV6(_Server):
    """On an address of IPv6."""

    address_family = socket.AF_INET6


class _Bounded(io.RawIOBase):
    """The first bytes of a request; what goes beyond is not read."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._left = _MOST_REQUEST_BYTES

    def readline(self, size: int | None = -1) -> bytes:
        """The next line, or what is left of it."""
        line = self._stream.readline(self._left if size is None or size < 0 else min(size, self._left))
        self._left -= len(line)
        return line

    def close(self) -> None:
        """Close the stream."""
        self._stream.close()
        super().close()


class _Quiet(WSGIRequestHandler):
    timeout = _READ_TIMEOUT

    def setup(self) -> None:
        super().setup()
        self.rfile = cast(io.BufferedIOBase, _Bounded(cast(BinaryIO, self.rfile)))

    def log_message(self, format: str, *args: object) -> None:
        """Probes come every few seconds; they are no news."""


class HealthServer:
    """Serves until the process ends. ``port`` 0 takes a free one; ``port`` then tells which."""

    def __init__(self, host: str, port: int, health: Health, registry: CollectorRegistry) -> None:
        self._health = health
        self._metrics = make_wsgi_app(registry)
        self._server = _listening(host, port, self._answer)
        self.port: int = self._server.server_port
        Thread(target=self._server.serve_forever, name="health", daemon=True).start()

    def _answer(self, environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        match environ["PATH_INFO"]:
            case "/metrics":
                answer: Iterable[bytes] = self._metrics(environ, start)
                return answer
            case "/healthz":
                return _json(start, True, {"status": "alive"})
            case "/readyz":
                reasons = self._health.snapshot()
                return _json(start, not reasons, {"status": "unready" if reasons else "ready", "reasons": reasons})
            case _:
                start("404 Not Found", [("Content-Type", "text/plain")])
                return [b"/healthz /readyz /metrics\n"]

    def close(self) -> None:
        """Stop serving."""
        self._server.shutdown()
        self._server.server_close()


def _listening(host: str, port: int, answer: WSGIApplication) -> _Server:
    try:
        return make_server(host, port, answer, _Server if ":" not in host else _ServerV6, _Quiet)
    except OSError as error:  # socket.gaierror is one
        raise ConfigurationError(
            f"cannot listen on {host} port {port} for /readyz and /metrics: {error.strerror}; "
            "set ONEX_HEALTH_HOST to an address of this machine and ONEX_HEALTH_PORT to a free port, or to 0"
        ) from None


def _json(start: StartResponse, ok: bool, body: object) -> Iterable[bytes]:
    start("200 OK" if ok else "503 Service Unavailable", [("Content-Type", "application/json")])
    return [json.dumps(body).encode() + b"\n"]
