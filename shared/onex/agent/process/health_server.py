"""``/healthz``, ``/readyz`` and ``/metrics`` of an agent, on daemon threads.

Clients are not trusted. The number of connections, their time and the length of a request are bounded. When all
connections are in use, a new one replaces the oldest: slow clients cannot lock out probes and scrapes. A client
outside of the accepted networks gets no response and no thread.
"""

import io
import json
import socket
import sys
from collections.abc import Callable, Iterable, Sequence
from socketserver import ThreadingMixIn
from threading import Lock, Thread
from time import monotonic
from typing import BinaryIO, cast
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

import structlog
from prometheus_client import CollectorRegistry, make_wsgi_app

from onex.agent.process.health_access import HEADERS, Access
from onex.agent.telemetry.health import Health
from onex.errors import ConfigurationError
from onex.util.error_text import text_of

log = structlog.get_logger(__name__)
_MOST_CONNECTIONS = 32
_LONGEST = 10.0
"""Seconds of one connection, from its start to its end."""
_READ_TIMEOUT = 5.0
_MOST_REQUEST_BYTES = 16_384


class _Server(ThreadingMixIn, WSGIServer):
    """One thread per connection, for a bounded number of connections and a bounded time."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, address: tuple[str, int], handler: Callable[..., WSGIRequestHandler]) -> None:
        super().__init__(address, handler)
        self.clock: Callable[[], float] = monotonic
        self.access = Access((), monotonic)
        self._open: dict[socket.socket, float] = {}
        """By connection, the time when it began; the oldest first."""
        self._lock = Lock()

    def verify_request(self, request: "socket.socket | tuple[bytes, socket.socket]", client_address: object) -> bool:
        """Return whether the client may connect. The server closes the connection of one that may not."""
        match client_address:
            case (str() as address, *_):
                return self.access.accepts(address)
            case _:
                raise AssertionError("a TCP connection has an address")

    def process_request(self, request: "socket.socket | tuple[bytes, socket.socket]", client_address: object) -> None:
        """Serve a connection. When there are too many, end the oldest."""
        connection = cast(socket.socket, request)
        with self._lock:
            if len(self._open) >= _MOST_CONNECTIONS:
                self._end(next(iter(self._open)))
            self._open[connection] = self.clock()
        super().process_request(request, client_address)

    def shutdown_request(self, request: "socket.socket | tuple[bytes, socket.socket]") -> None:
        """Forget a connection that has ended."""
        with self._lock:
            self._open.pop(cast(socket.socket, request), None)
        super().shutdown_request(request)

    def service_actions(self) -> None:
        """End the connections that take too long. The server calls it twice a second."""
        with self._lock:
            for connection in [c for c, began in self._open.items() if self.clock() - began > _LONGEST]:
                self._end(connection)

    def handle_error(self, request: object, client_address: object) -> None:
        """Log nothing: a connection that a client, or this server, has ended is no error."""

    def _end(self, connection: socket.socket) -> None:
        """Shut a connection down. Its thread gets an error and closes it."""
        del self._open[connection]
        try:
            connection.shutdown(socket.SHUT_RDWR)
        except OSError:
            return  # the client has closed it


class _ServerV6(_Server):
    """The same on an IPv6 address."""

    address_family = socket.AF_INET6


class _Bounded(io.RawIOBase):
    """Reads the first bytes of a request, and ignores the others."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._left = _MOST_REQUEST_BYTES

    def readline(self, size: int | None = -1) -> bytes:
        """Return the next line, or the part of it within the limit."""
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

    def end_headers(self) -> None:
        """Add the headers to an error of the handler itself, such as that of a request that cannot be read."""
        for name, value in HEADERS.items():
            self.send_header(name, value)
        super().end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Log nothing: probes come every few seconds."""


class HealthServer:
    """Serves until it is closed. ``port`` 0 takes a free port; the attribute ``port`` has its number.

    ``allow`` has the networks of its clients, as text; without any, every client is served.
    """

    def __init__(
        self, host: str, port: int, health: Health, registry: CollectorRegistry, allow: Sequence[str] = ()
    ) -> None:
        self._health = health
        self._metrics = make_wsgi_app(registry)
        self._server = _listening(host, port, self._respond)
        self._server.access = Access(allow, monotonic)
        self.port: int = self._server.server_port
        Thread(target=self._server.serve_forever, name="health", daemon=True).start()

    def _respond(self, environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        def with_headers(status: str, headers: list[tuple[str, str]], _: object = None) -> Callable[[bytes], object]:
            return start(status, [*headers, *HEADERS.items()])

        try:
            return self._page(environ, with_headers)
        except Exception as error:  # noqa: BLE001 - a capability's figures are code of others
            log.error("a page of the health port fails", page=environ["PATH_INFO"][:100], error=text_of(error))
            lines = [("Content-Type", "text/plain"), *HEADERS.items()]
            start("500 Internal Server Error", lines, sys.exc_info())
            return [b"the page cannot be made; the log of the agent has the reason\n"]

    def _page(self, environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        match environ["PATH_INFO"]:
            case "/metrics":
                body: Iterable[bytes] = self._metrics(environ, start)
                return body
            case "/healthz":
                return _json(start, True, {"status": "alive"})
            case "/readyz":
                reasons, degraded = self._health.snapshot(), self._health.degradations()
                status = "unready" if reasons else "degraded" if degraded else "ready"
                return _json(start, not reasons, {"status": status, "reasons": {**degraded, **reasons}})
            case _:
                start("404 Not Found", [("Content-Type", "text/plain")])
                return [b"/healthz /readyz /metrics\n"]

    def close(self) -> None:
        """Stop serving."""
        self._server.shutdown()
        self._server.server_close()


def _listening(host: str, port: int, application: WSGIApplication) -> _Server:
    try:
        return make_server(host, port, application, _Server if ":" not in host else _ServerV6, _Quiet)
    except OSError as error:  # socket.gaierror is one
        raise ConfigurationError(
            f"cannot listen on {host} port {port} for /readyz and /metrics: {error.strerror}; "
            "set ONEX_HEALTH_HOST to an address of this machine and ONEX_HEALTH_PORT to a free port, or to 0"
        ) from None


def _json(start: StartResponse, ok: bool, body: object) -> Iterable[bytes]:
    start("200 OK" if ok else "503 Service Unavailable", [("Content-Type", "application/json")])
    return [json.dumps(body).encode() + b"\n"]
