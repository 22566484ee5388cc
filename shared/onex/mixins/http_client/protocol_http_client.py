"""Interface of the HTTP client."""

from collections.abc import Collection, Mapping
from typing import Protocol

from pydantic import BaseModel, JsonValue

from onex.mixins.http_client.response import HttpResponse

Value = str | int | float
"""A value in a path or a query."""


class ProtocolHttpClient(Protocol):
    """HTTP services by name.

    ``path`` is added to the base URL of the service. ``{name}`` in it is replaced by the value of ``values``, encoded
    as one segment. An absolute URL is accepted for the origin of the service and for ``allowed_origins``. An empty
    ``service`` is that of the absolute URL, or the only one.
    """

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
        """Send a request and return the response with status 2xx, 304, or one of ``accept``.

        ``json`` or ``content`` is the body; ``json=None`` sends none. ``timeout`` is in seconds. Without
        ``idempotency_key``, POST, PUT and PATCH have one that depends on the current message and the request.

        Raise OutageError when no connection is possible, and for 429 and 5xx with ``Retry-After``; until then the
        service receives no request. Raise TransientError for 408, 425, 429, 5xx and broken connections,
        CallTimeoutError after the time limit, RejectedError for any other status and for requests and responses
        beyond the limits, KeyError for an undeclared service.
        """
        ...

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
        """Send a GET request. See ``request``."""
        ...

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
        """Send a POST request with a JSON body. See ``request``."""
        ...
