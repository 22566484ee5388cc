"""The collector: one request at a time, by OTLP over HTTP."""

from dataclasses import dataclass
from enum import StrEnum
from ipaddress import IPv4Network, IPv6Network

from pydantic import BaseModel, Field, ValidationError

from onex.capability import SharedResources
from onex.capability.current_message import NoCurrentMessage
from onex.errors import NotNowError
from onex.mixins.http_client import ModelHttpClientSubcontract
from onex.mixins.http_client.engine import HttpClientEngine
from onex.mixins.http_client.model_http_client_subcontract import ModelHttpService
from onex.mixins.http_client.response import HttpResponse
from onex.mixins.log_aggregation.model_log_aggregation_subcontract import ModelLogAggregationSubcontract
from onex.util.clock import ProtocolClock
from onex.util.error_text import text_of
from onex.util.printable import printable

_SERVICE = "collector"
_ABOUT_CONTENT = (400, 413, 422)
"""Bad Request, Content Too Large, Unprocessable Content: another attempt with the same lines fails as well."""
_REDIRECTS = (301, 302, 303, 307, 308)
_ANY_ADDRESS = (IPv4Network("0.0.0.0/0"), IPv6Network("::/0"))
"""The contract names the address, no message does, and collectors are in private networks."""
_LONGEST_REASON = 200
"""Characters of a text of the collector."""


class EnumOutcome(StrEnum):
    """What became of a request."""

    ACCEPTED = "accepted"
    REFUSED = "refused"
    """The collector refuses the content of the request."""
    FAILED = "failed"
    """A later attempt may succeed."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a request, and why."""

    kind: EnumOutcome
    problem: str = ""
    refused: int = 0
    """Lines that the collector refused although it accepted the request."""
    wait: float = 0.0
    """Seconds for which the collector asked to be left alone."""


class _Partial(BaseModel):
    refused: int = Field(default=0, ge=0, alias="rejectedLogRecords")
    reason: str = Field(default="", alias="errorMessage")


class _Reply(BaseModel):
    partial: _Partial | None = Field(default=None, alias="partialSuccess")


class Collector:
    """Posts bodies with the HTTP client that the process shares. Belongs to one event loop."""

    def __init__(
        self, settings: ModelLogAggregationSubcontract, clock: ProtocolClock, shared: SharedResources
    ) -> None:
        service = ModelHttpService(name=_SERVICE, base_url=settings.endpoint, headers=settings.sent_headers())
        client = ModelHttpClientSubcontract(
            services=(service,),
            private_networks=_ANY_ADDRESS,
            timeout_seconds=settings.timeout_seconds,
            connect_timeout_seconds=settings.timeout_seconds,
            max_request_bytes=settings.max_request_bytes,
            max_retry_after_seconds=settings.max_retry_after_seconds,
            ca_file=settings.ca_file,
            idempotency_header="",
            trace_headers=False,
        )
        self._http = HttpClientEngine(client, NoCurrentMessage(), clock, shared=shared)

    async def open(self) -> None:
        """Read certificates of authorities. Raise OSError for ``ca_file``."""
        await self._http.open()

    async def close(self) -> None:
        """Close the connection, unless another engine shares it."""
        await self._http.close()

    async def post(self, body: bytes, lines: int) -> Outcome:
        """Send one body with this number of lines. Raise nothing but CancelledError."""
        try:
            response = await self._http.request(
                "POST",
                _SERVICE,
                "/v1/logs",
                content=body,
                headers={"content-type": "application/json"},
                accept=(*_ABOUT_CONTENT, *_REDIRECTS),
            )
        except NotNowError as error:
            return Outcome(EnumOutcome.FAILED, text_of(error), wait=error.retry_after if error.for_all else 0.0)
        except Exception as error:  # noqa: BLE001 - whatever it is, the lines wait for the next attempt
            return Outcome(EnumOutcome.FAILED, text_of(error) or type(error).__name__)
        if response.status in _ABOUT_CONTENT:
            return Outcome(EnumOutcome.REFUSED, f"{_SERVICE} returned status {response.status}")
        if response.status in _REDIRECTS:
            words = f"{_SERVICE} returned status {response.status}; correct log_aggregation.endpoint"
            return Outcome(EnumOutcome.FAILED, words)
        return _accepted(response, lines)


def _accepted(response: HttpResponse, lines: int) -> Outcome:
    """Read ``partialSuccess``. Those lines must not be sent again (OTLP, "Partial Success")."""
    try:
        partial = _Reply.model_validate_json(response.content or b"{}").partial
    except ValidationError:  # some collectors return a text
        partial = None
    if partial is None or not partial.refused:
        return Outcome(EnumOutcome.ACCEPTED)
    refused = min(lines, partial.refused)
    reason = printable(partial.reason[:_LONGEST_REASON])
    problem = f"{_SERVICE} refused {refused} of {lines} lines" + (f": {reason}" if reason else "")
    return Outcome(EnumOutcome.ACCEPTED, problem, refused)
