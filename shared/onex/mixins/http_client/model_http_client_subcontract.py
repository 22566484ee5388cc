"""Configuration of the HTTP client."""

import re
from collections.abc import Mapping
from typing import ClassVar, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, IPvAnyNetwork, SecretStr, field_validator, model_validator

from onex.capability import Subcontract
from onex.mixins.http_client.header_rules import header_problem
from onex.model.contract.version import ModelSemVer

_ORIGIN = re.compile(r"^https?://[^\s/?#@\\]+$")


def checked_url(url: str) -> str:
    """Return a URL without a slash at its end. Raise ValueError for one with a user, a query or a fragment."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or not parts.netloc.isascii():
        raise ValueError("it is not a URL; write it like https://bank.example.org/v1")
    if "@" in parts.netloc or parts.query or parts.fragment:
        raise ValueError("it has a user, a query or a fragment; put credentials into headers")
    try:
        _ = parts.port
    except ValueError:
        raise ValueError("its port is not a number up to 65535") from None
    return url.rstrip("/")


class ModelHttpService(BaseModel):
    """An HTTP service that the node calls."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(pattern=r"^[a-z][a-z0-9_-]{0,62}$")
    """Name that the node passes to ``get`` and ``post``, and that errors and metrics show."""
    base_url: str
    """URL that all paths are added to, like ``https://bank.example.org/v1``."""
    headers: Mapping[str, SecretStr] = Field(default_factory=dict)
    """Headers of each request. ``${VAR}`` reads a value from the environment. Values are never logged, and no other
    origin receives them."""
    timeout_seconds: float | None = Field(default=None, gt=0, le=3_600)
    """Time limit of a request to this service. Without it ``timeout_seconds`` of the client applies."""
    check_path: str = ""
    """Path that a health check requests. Empty adds no check."""
    check_critical: bool = True
    """Whether the node is unhealthy while the check fails. With False it is degraded."""

    _is_url = field_validator("base_url")(checked_url)

    @field_validator("headers")
    @classmethod
    def _are_headers(cls, headers: Mapping[str, SecretStr]) -> Mapping[str, SecretStr]:
        for name, value in headers.items():
            if problem := header_problem(name, value.get_secret_value()):
                raise ValueError(problem)
        return headers


class ModelHttpClientSubcontract(Subcontract):
    """Services, and limits on what is sent, received and connected to."""

    INTERFACE_VERSION: ClassVar[ModelSemVer] = ModelSemVer(major=1, minor=0, patch=0)

    services: tuple[ModelHttpService, ...] = ()
    """The services. A node calls no other."""
    allowed_origins: tuple[str, ...] = ()
    """Further origins, like ``https://cdn.example.org``, for absolute URLs and redirects. They receive no configured
    header."""
    private_networks: tuple[IPvAnyNetwork, ...] = ()
    """Networks that are not public and may be connected to, like ``10.1.0.0/16``. Others are refused, whatever name
    leads there."""
    timeout_seconds: float = Field(default=10.0, gt=0, le=3_600)
    """Time limit of a request, from the connection to the last byte, with its redirects."""
    connect_timeout_seconds: float = Field(default=5.0, gt=0, le=300)
    """Time limit for a connection, or for a free place in the pool."""
    max_connections: int = Field(default=20, ge=1, le=10_000)
    """Most connections to one origin. Further requests wait."""
    keep_alive_seconds: float = Field(default=30.0, ge=0, le=3_600)
    """Seconds that an idle connection stays open."""
    max_request_bytes: int = Field(default=1024 * 1024, ge=1, le=1024**3)
    """Larger bodies are refused before they are sent."""
    max_response_bytes: int = Field(default=1024 * 1024, ge=1, le=1024**3)
    """Larger bodies, after decompression, are refused; no more is read."""
    max_redirects: int = Field(default=0, ge=0, le=20)
    """Redirects that are followed, to known origins and never from https to http. 0 follows none."""
    max_retry_after_seconds: float = Field(default=300.0, gt=0, le=86_400)
    """Longest wait that a ``Retry-After`` header can cause."""
    idempotency_header: str = "Idempotency-Key"
    """Header of POST, PUT and PATCH that is the same in all attempts of a message. Empty sends none."""
    trace_headers: bool = True
    """Send ``traceparent`` and ``tracestate`` of the current message (W3C Trace Context)."""
    ca_file: str = ""
    """PEM file with certificates of further authorities. Certificates are always verified."""

    @field_validator("allowed_origins")
    @classmethod
    def _are_origins(cls, origins: tuple[str, ...]) -> tuple[str, ...]:
        for origin in origins:
            if not _ORIGIN.fullmatch(checked_url(origin)):
                raise ValueError(f"{origin} has a path; write the scheme, the host and the port only")
        return origins

    @field_validator("idempotency_header")
    @classmethod
    def _is_header(cls, name: str) -> str:
        if name and (problem := header_problem(name, "")):
            raise ValueError(problem)
        return name

    @model_validator(mode="after")
    def _have_different_names(self) -> Self:
        names = [service.name for service in self.services]
        if len(set(names)) != len(names):
            raise ValueError("two services have the same name")
        return self
