"""Connections to known origins, at checked addresses."""

import asyncio
import ssl
from collections.abc import Awaitable, Callable, Collection, Sequence

import httpx
from typing_extensions import override

from onex.errors import RejectedError
from onex.mixins.http_client.addresses import NETWORKS_FIELD, Address, Network, permitted
from onex.mixins.http_client.targets import Origin
from onex.util.tls import trusted

Resolve = Callable[[str, int], Awaitable[Sequence[Address]]]
"""Returns the addresses of a host and port."""


class GuardedTransport(httpx.AsyncBaseTransport):
    """Sends requests to known origins only. Each origin has its own pool.

    One pool for all would reuse a connection by its address: a request for one host could then arrive on a connection
    whose certificate is that of another host with the same address.
    """

    def __init__(
        self,
        origins: Collection[Origin],
        private: Sequence[Network],
        limits: httpx.Limits,
        ca_file: str,
        resolve: Resolve,
        *,
        context: ssl.SSLContext | None = None,
        networks_field: str = NETWORKS_FIELD,
    ) -> None:
        """``context`` replaces the authorities that ``ca_file`` extends. ``networks_field`` is named in errors."""
        self._origins = frozenset(origins)
        self._private = private
        self._limits = limits
        self._ca_file = ca_file
        self._resolve = resolve
        self._context = context
        self._networks_field = networks_field
        self._pools: dict[Origin, httpx.AsyncHTTPTransport] = {}

    async def prepare(self) -> None:
        """Read the certificates of authorities when an origin has https. Raise OSError for ``ca_file``."""
        if self._context is None and any(origin.scheme == "https" for origin in self._origins):
            self._context = await asyncio.to_thread(_verifying, self._ca_file)

    @override
    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        origin = Origin.of(request.url)
        if origin not in self._origins:
            raise RejectedError(f"{origin} is no origin of this node; http_client.allowed_origins allows origins")
        found = await self._resolve(origin.host, origin.port)
        addresses = permitted(origin.host, found, self._private, self._networks_field)
        pool = await self._pool(origin)
        for address in addresses[:-1]:
            try:
                return await pool.handle_async_request(_at(request, origin.host, address))
            except (httpx.ConnectError, httpx.ConnectTimeout):
                continue  # nothing was sent; the next address may respond
        return await pool.handle_async_request(_at(request, origin.host, addresses[-1]))

    async def _pool(self, origin: Origin) -> httpx.AsyncHTTPTransport:
        if origin not in self._pools:
            await self.prepare()
            # Without https no authority is needed, and a context without any trusts no certificate.
            context = self._context or ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            self._pools.setdefault(origin, httpx.AsyncHTTPTransport(context, trust_env=False, limits=self._limits))
        return self._pools[origin]

    @override
    async def aclose(self) -> None:
        pools = list(self._pools.values())
        self._pools.clear()
        for pool in pools:
            await pool.aclose()


def _at(request: httpx.Request, host: str, address: Address) -> httpx.Request:
    """Return the request for an address. ``Host``, and the name in the certificate, are still the host's."""
    return httpx.Request(
        request.method,
        request.url.copy_with(host=str(address)),
        headers=request.headers,
        stream=request.stream,
        extensions={**request.extensions, "sni_hostname": host},
    )


def _verifying(ca_file: str) -> ssl.SSLContext:
    if not ca_file:
        return trusted()
    context = httpx.create_ssl_context()
    context.load_verify_locations(cafile=ca_file)
    return context
