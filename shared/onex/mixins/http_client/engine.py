"""Sends requests, and turns failures into errors that the agent understands."""

import asyncio
import hashlib
from collections.abc import Collection, Hashable, Mapping
from http.cookiejar import CookieJar, DefaultCookiePolicy

import httpx
from pydantic import BaseModel, JsonValue
from typing_extensions import override

from onex.capability import ProtocolCurrentMessage, SharedResources
from onex.errors import CallTimeoutError, OutageError, RejectedError, TransientError
from onex.mixins.http_client.addresses import resolve
from onex.mixins.http_client.bodies import json_bytes, read_body
from onex.mixins.http_client.header_rules import header_problem
from onex.mixins.http_client.model_http_client_subcontract import ModelHttpClientSubcontract, ModelHttpService
from onex.mixins.http_client.protocol_http_client import ProtocolHttpClient, Value
from onex.mixins.http_client.response import HttpResponse
from onex.mixins.http_client.targets import Origin, is_absolute, parsed, url_of
from onex.mixins.http_client.transport import GuardedTransport, Resolve
from onex.mixins.http_post import drain
from onex.mixins.http_status import CREDENTIALS, OUTAGES, may_pass, retry_after
from onex.util.clock import ProtocolClock

_WITH_KEY = frozenset({"POST", "PUT", "PATCH"})
_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "DELETE"}) | _WITH_KEY
_NOT_MODIFIED = 304
_NO_SERVICE = "http"
"""Name in errors of a request to an allowed origin that is no service."""
_FOR_ANY_ORIGIN = frozenset(
    {"accept", "accept-encoding", "connection", "content-length", "content-type", "host", "traceparent", "tracestate"}
)
"""Headers that a redirect takes to another origin. All others may be secret."""


def check_of(service: str) -> str:
    """Return the name of the health check of a service."""
    return f"http.{service}"


class HttpClientEngine(ProtocolHttpClient):
    """An httpx client, without cookies and without proxies of the environment. Belongs to one event loop.

    Open engines of a process with equal settings of the client share it, with its connections.
    """

    def __init__(
        self,
        settings: ModelHttpClientSubcontract,
        current_message: ProtocolCurrentMessage,
        clock: ProtocolClock,
        resolve: Resolve = resolve,
        shared: SharedResources | None = None,
    ) -> None:
        self._settings = settings
        self._shared = shared or SharedResources()
        self._current_message = current_message
        self._clock = clock
        self._resolve = resolve
        self._services = {service.name: service for service in settings.services}
        urls = [*(service.base_url for service in settings.services), *settings.allowed_origins]
        self._origins = frozenset(Origin.of(httpx.URL(url)) for url in urls)
        self._not_before: dict[str, float] = {}
        """Monotonic time before which a service receives no request, because it returned ``Retry-After``."""
        self._requests = self._failed = self._waits = 0
        self._client = self._made()[1]
        self._is_shared = False

    def _made(self) -> tuple[GuardedTransport, httpx.AsyncClient]:
        settings = self._settings
        limits = httpx.Limits(
            max_connections=settings.max_connections,
            max_keepalive_connections=settings.max_connections,
            keepalive_expiry=settings.keep_alive_seconds,
        )
        transport = GuardedTransport(
            self._origins, settings.private_networks, limits, settings.ca_file, self._resolve
        )
        no_cookies = CookieJar(DefaultCookiePolicy(allowed_domains=[]))
        headers = {"accept-encoding": "gzip", "user-agent": "onex-mesh"}
        return transport, httpx.AsyncClient(transport=transport, cookies=no_cookies, headers=headers, trust_env=False)

    async def open(self) -> None:
        """Read certificates of authorities. The first request connects."""
        self._client = await self._shared.get(self._key, self._prepared, httpx.AsyncClient.aclose)
        self._is_shared = True

    @property
    def _key(self) -> Hashable:
        """All that the client depends on. Headers and time limits belong to each request."""
        settings = self._settings
        return (
            "httpx",
            self._origins,
            tuple(settings.private_networks),
            settings.max_connections,
            settings.keep_alive_seconds,
            settings.ca_file,
            self._resolve,
        )

    async def _prepared(self) -> httpx.AsyncClient:
        transport, client = self._made()
        await transport.prepare()
        return client

    async def close(self) -> None:
        """Close the connections, unless another open engine shares them."""
        client, is_shared = self._client, self._is_shared
        self._client, self._is_shared = self._made()[1], False
        if is_shared:
            await self._shared.release(self._key)
        else:
            await client.aclose()

    @override
    async def request(
        self,
        method: str,
        service: str = "",
        path: str = "",
        *,
        values: Mapping[str, Value] | None = None,
        query: Mapping[str, Value] | None = None,
        json: BaseModel | JsonValue = None,
        content: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: float | None = None,
        idempotency_key: str = "",
        accept: Collection[int] = (),
    ) -> HttpResponse:
        if method not in _METHODS:
            raise ValueError(f"no method {method!r}; there are {', '.join(sorted(_METHODS))}")
        to = self._services[service] if service else self._service_of(path)
        service = to.name
        if (wait := self._not_before.get(service, 0.0) - self._clock.monotonic()) > 0:
            self._waits += 1
            words = f"{service} asked for a pause of another {wait:.3g} s"
            raise OutageError(words, wait, for_all=True, dependency=check_of(service))
        body = content if json is None else json_bytes(service, json)
        if body is not None and len(body) > self._settings.max_request_bytes:
            raise RejectedError(
                f"{service}: a body of {len(body)} bytes, {self._settings.max_request_bytes} are allowed; "
                "http_client.max_request_bytes in the contract allows more"
            )
        url = url_of(service, to.base_url, path, values or {})
        url = url.copy_merge_params(query) if query else url
        sent = httpx.Headers({} if json is None else {"content-type": "application/json"})
        if Origin.of(url) == Origin.of(httpx.URL(to.base_url)):
            sent.update({name: value.get_secret_value() for name, value in to.headers.items()})
        sent.update(self._own_headers(method, service, url, body, idempotency_key))
        sent.update(_checked(service, headers or {}))
        request = self._client.build_request(method, url, headers=sent, content=body)
        limit = timeout or to.timeout_seconds or self._settings.timeout_seconds
        return await self._counted(service, request, limit, accept)

    def _service_of(self, path: str) -> ModelHttpService:
        """Return the service of an absolute URL, or the only one. Another allowed origin has no headers."""
        services = self._settings.services
        if is_absolute(path):
            origin = Origin.of(parsed(_NO_SERVICE, path))
            same = [each for each in services if Origin.of(httpx.URL(each.base_url)) == origin]
            return same[0] if same else ModelHttpService(name=_NO_SERVICE, base_url=str(origin))
        if len(services) != 1:
            raise ValueError(f"{len(services)} services are configured; name one of them, or pass an absolute URL")
        return services[0]

    def _own_headers(
        self, method: str, service: str, url: httpx.URL, body: bytes | None, key: str
    ) -> Mapping[str, str]:
        headers: dict[str, str] = {}
        current, name = self._current_message, self._settings.idempotency_header
        if name and method in _WITH_KEY and (key or current.idempotency_key):
            parts = "\n".join((current.idempotency_key, service, method, str(url))).encode()
            headers[name] = key or hashlib.sha256(parts + b"\n" + (body or b"")).hexdigest()[:40]
        if self._settings.trace_headers and current.trace_parent:
            headers["traceparent"] = current.trace_parent
            if state := current.header("tracestate"):
                headers["tracestate"] = state
        return _checked(service, headers)

    async def _counted(
        self, service: str, request: httpx.Request, limit: float, accept: Collection[int]
    ) -> HttpResponse:
        self._requests += 1
        try:
            return await self._limited(service, request, limit, accept)
        except BaseException:
            self._failed += 1
            raise

    async def _limited(
        self, service: str, request: httpx.Request, limit: float, accept: Collection[int]
    ) -> HttpResponse:
        connect = min(limit, self._settings.connect_timeout_seconds)
        request.extensions["timeout"] = httpx.Timeout(limit, connect=connect, pool=connect).as_dict()
        try:
            async with asyncio.timeout(limit):
                return await self._exchange(service, request, accept)
        except TimeoutError:
            raise CallTimeoutError(f"{service}: no whole response within {limit:g} s") from None
        except httpx.ConnectError as error:
            raise OutageError(f"{service}: no connection: {error}", dependency=check_of(service)) from error
        except httpx.ConnectTimeout:
            words = f"{service}: no connection within {connect:g} s"
            raise OutageError(words, dependency=check_of(service)) from None
        except httpx.PoolTimeout:
            words = f"{service}: no free connection within {connect:g} s"
            raise OutageError(words, dependency=check_of(service)) from None
        except httpx.LocalProtocolError:
            raise RejectedError(f"{service}: the request is not valid HTTP") from None
        except httpx.TransportError as error:
            raise TransientError(f"{service}: {str(error) or type(error).__name__}") from error

    async def _exchange(self, service: str, request: httpx.Request, accept: Collection[int]) -> HttpResponse:
        for _ in range(self._settings.max_redirects + 1):
            response = await self._client.send(request, stream=True)
            try:
                if response.next_request is None or response.status_code in accept:
                    return await self._received(service, response, accept)
                await drain(response)
            finally:
                await response.aclose()
            request = self._redirected(service, request, response.next_request)
        raise RejectedError(
            f"{service}: more than {self._settings.max_redirects} redirects; "
            "http_client.max_redirects in the contract allows more"
        )

    def _redirected(self, service: str, before: httpx.Request, following: httpx.Request) -> httpx.Request:
        """Return the next request. Another origin receives no header that may be secret."""
        old, new = Origin.of(before.url), Origin.of(following.url)
        if old.scheme == "https" and new.scheme != "https":
            raise RejectedError(f"{service}: a redirect from https to {new.scheme}")
        if old != new:
            for name in set(following.headers) - _FOR_ANY_ORIGIN - {self._settings.idempotency_header.lower()}:
                del following.headers[name]
        return following

    async def _received(self, service: str, response: httpx.Response, accept: Collection[int]) -> HttpResponse:
        status = response.status_code
        if response.is_success or status == _NOT_MODIFIED or status in accept:
            content = await read_body(service, response, self._settings.max_response_bytes)
            return HttpResponse(service, status, dict(response.headers.items()), content)
        await drain(response)
        words = f"{service} returned status {status}"
        if status in CREDENTIALS:
            raise OutageError(f"{words}: it refuses the credentials", dependency=check_of(service))
        if not may_pass(status):
            raise RejectedError(words)
        after = retry_after(response.headers.get("retry-after", ""), self._clock.now_ms())
        if after is None and status in OUTAGES:
            raise OutageError(words, dependency=check_of(service))
        if after is None:
            raise TransientError(words)
        after = min(after, self._settings.max_retry_after_seconds)
        self._not_before[service] = self._clock.monotonic() + after
        words = f"{words} and asked for a pause of {after:.3g} s"
        raise OutageError(words, after, for_all=True, dependency=check_of(service))

    async def probe(self, service: str) -> None:
        """Request the ``check_path`` of a service. Raise the reason when the status is not 2xx."""
        to = self._services[service]
        url = url_of(service, to.base_url, to.check_path, {})
        headers = {name: value.get_secret_value() for name, value in to.headers.items()}
        limit = to.timeout_seconds or self._settings.timeout_seconds
        await self._limited(service, self._client.build_request("GET", url, headers=headers), limit, ())

    @override
    async def get(
        self,
        service: str,
        path: str = "",
        *,
        values: Mapping[str, Value] | None = None,
        query: Mapping[str, Value] | None = None,
        headers: Mapping[str, str] | None = None,
        accept: Collection[int] = (),
    ) -> HttpResponse:
        return await self.request("GET", service, path, values=values, query=query, headers=headers, accept=accept)

    @override
    async def post(
        self,
        service: str,
        path: str = "",
        *,
        values: Mapping[str, Value] | None = None,
        json: BaseModel | JsonValue = None,
        headers: Mapping[str, str] | None = None,
        idempotency_key: str = "",
        accept: Collection[int] = (),
    ) -> HttpResponse:
        return await self.request(
            "POST",
            service,
            path,
            values=values,
            json=json,
            headers=headers,
            idempotency_key=idempotency_key,
            accept=accept,
        )

    def reported_metrics(self) -> Mapping[str, float]:
        """Sent requests, failed ones among them, and calls during a pause that a service asked for."""
        return {"requests": float(self._requests), "failed": float(self._failed), "waits": float(self._waits)}


def _checked(service: str, headers: Mapping[str, str]) -> Mapping[str, str]:
    for name, value in headers.items():
        if problem := header_problem(name, value):
            raise RejectedError(f"{service}: {problem}")
    return headers
