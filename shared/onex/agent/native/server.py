"""``/healthz``, ``/readyz`` and ``/metrics`` of an agent, on a daemon thread."""

import json
from collections.abc import Iterable
from socketserver import ThreadingMixIn
from threading import Thread
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server
from wsgiref.types import StartResponse, WSGIEnvironment

from prometheus_client import CollectorRegistry, make_wsgi_app

from onex.agent.health import Health


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True


class _Quiet(WSGIRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        """Probes come every few seconds; they are no news."""


class HealthServer:
    """Serves until the process ends. ``port`` 0 takes a free one; ``port`` then tells which."""

    def __init__(self, host: str, port: int, health: Health, registry: CollectorRegistry) -> None:
        self._health = health
        self._metrics = make_wsgi_app(registry)
        self._server = make_server(host, port, self._answer, _Server, _Quiet)
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


def _json(start: StartResponse, ok: bool, body: object) -> Iterable[bytes]:
    start("200 OK" if ok else "503 Service Unavailable", [("Content-Type", "application/json")])
    return [json.dumps(body).encode() + b"\n"]
