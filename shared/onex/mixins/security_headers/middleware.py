"""The headers as middleware of ASGI applications (https://asgi.readthedocs.io)."""

from collections.abc import Awaitable, Callable, MutableMapping

from onex.mixins.security_headers.engine import OWN_FIRST, SecurityHeadersEngine
from onex.mixins.security_headers.model_security_headers_subcontract import ModelSecurityHeadersSubcontract

Scope = MutableMapping[str, object]
Event = MutableMapping[str, object]
Receive = Callable[[], Awaitable[Event]]
Send = Callable[[Event], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]
_Pairs = list[tuple[bytes, bytes]]


class SecurityHeadersMiddleware:
    """``app.add_middleware(SecurityHeadersMiddleware, settings=...)`` with Starlette or FastAPI."""

    def __init__(self, app: Application, settings: ModelSecurityHeadersSubcontract | None = None) -> None:
        self._app = app
        made = SecurityHeadersEngine(settings or ModelSecurityHeadersSubcontract()).headers()
        self._headers = {name.encode(): value.encode() for name, value in made.items()}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on. Its response has the headers, errors of the application included."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def with_headers(event: Event) -> None:
            if event["type"] == "http.response.start":
                event = {**event, "headers": self._merged(event.get("headers"))}
            await send(event)

        await self._app(scope, receive, with_headers)

    def _merged(self, own: object) -> _Pairs:
        """Return all headers of a response; see ProtocolSecurityHeaders."""
        pairs: _Pairs = [(bytes(name).lower(), bytes(value)) for name, value in own] if isinstance(own, list) else []
        first = OWN_FIRST.encode()
        keeps_own = any(name == first for name, _ in pairs)
        added = {name: value for name, value in self._headers.items() if not (keeps_own and name == first)}
        return [*((name, value) for name, value in pairs if name not in added), *added.items()]
