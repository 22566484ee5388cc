"""The check of client addresses as middleware of ASGI applications (https://asgi.readthedocs.io)."""

from collections.abc import Awaitable, Callable, Iterator, MutableMapping

from onex.capability.current_message import NoCurrentMessage
from onex.errors import AccessDeniedError
from onex.mixins.ip_whitelist.engine import IPWhitelistEngine
from onex.mixins.ip_whitelist.model_ip_whitelist_subcontract import ModelIPWhitelistSubcontract

Scope = MutableMapping[str, object]
Event = MutableMapping[str, object]
Receive = Callable[[], Awaitable[Event]]
Send = Callable[[Event], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]
_POLICY_VIOLATION = 1008
"""Code of RFC 6455, 7.4.1. Servers refuse a connection that is closed before it is accepted with status 403."""


class IPWhitelistMiddleware:
    """``app.add_middleware(IPWhitelistMiddleware, settings=...)`` with Starlette or FastAPI."""

    def __init__(self, app: Application, settings: ModelIPWhitelistSubcontract) -> None:
        self._app = app
        self._engine = IPWhitelistEngine(settings, NoCurrentMessage())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request or WebSocket of an accepted client on, and refuse any other with status 403."""
        kind = scope["type"]
        if kind in ("http", "websocket"):
            try:
                self._engine.require(_peer(scope.get("client")), _headers(scope.get("headers")))
            except AccessDeniedError as error:
                await _refuse(kind == "websocket", str(error), send)
                return
        await self._app(scope, receive, send)


def _peer(client: object) -> str:
    """Return the address of a connection, or an empty text, which is refused, for one without: a Unix socket."""
    match client:
        case (str() as address, _) | [str() as address, _]:
            return address
        case _:
            return ""


def _headers(pairs: object) -> Iterator[tuple[str, str]]:
    match pairs:
        case list() | tuple():
            for name, value in pairs:
                yield bytes(name).decode("latin-1"), bytes(value).decode("latin-1")
        case _:
            return


async def _refuse(is_websocket: bool, reason: str, send: Send) -> None:
    if is_websocket:
        await send({"type": "websocket.close", "code": _POLICY_VIOLATION, "reason": reason})
        return
    headers = [(b"content-type", b"text/plain; charset=utf-8")]
    await send({"type": "http.response.start", "status": 403, "headers": headers})
    await send({"type": "http.response.body", "body": f"{reason}\n".encode()})
