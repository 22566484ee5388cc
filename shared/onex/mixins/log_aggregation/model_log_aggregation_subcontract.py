"""Configuration of log aggregation."""

from collections.abc import Mapping
from enum import StrEnum
from typing import ClassVar, Self

from pydantic import Field, SecretStr, field_validator, model_validator

from onex.capability import Subcontract
from onex.capability.config_rules import SensitiveNames, require_ordered
from onex.mixins.http_client.header_rules import header_problem
from onex.mixins.http_client.model_http_client_subcontract import checked_url
from onex.mixins.logging.model_logging_subcontract import EnumLogLevel
from onex.model.contract.version import ModelSemVer

_AUTHORIZATION = "authorization"
_CONTENT_TYPE = "content-type"


class EnumLogDropPolicy(StrEnum):
    """Which line is dropped when there is no room."""

    OLDEST = "oldest"
    NEWEST = "newest"


class ModelLogAggregationSubcontract(Subcontract):
    """Where lines are sent, what they may contain, and how many may wait."""

    INTERFACE_VERSION: ClassVar[ModelSemVer] = ModelSemVer(major=1, minor=0, patch=0)

    endpoint: str = Field(default="http://127.0.0.1:4318", pattern=r"^https?://[^\s@]+$", max_length=2_000)
    """Address of the collector, without ``/v1/logs``. OTLP over HTTP, as JSON."""
    token: SecretStr = SecretStr("")
    """Bearer token. ``${VAR}`` reads it from the environment. Empty sends none."""
    headers: Mapping[str, SecretStr] = Field(default_factory=dict, max_length=32)
    """Further headers of each request, for a tenant or an API key. Values are never logged."""
    ca_file: str = ""
    """PEM file with certificates of further authorities. Certificates are always verified."""
    least_level: EnumLogLevel = EnumLogLevel.INFO
    """Lowest level that is sent. Lines that MixinLogging or the agent do not write are not sent either."""
    agent_lines: bool = True
    """Send the lines of the agent, too."""
    sensitive_field_patterns: SensitiveNames = ("password", "secret", "token", "key")
    """Values under these names, or words of them, are hidden at any depth, whatever is written to stderr."""
    max_line_bytes: int = Field(default=16_384, ge=1_024, le=1_048_576)
    """Longest line, as JSON. Values that are too long are cut, and values without room are left out."""
    max_waiting_lines: int = Field(default=2_048, ge=10, le=1_000_000)
    """Lines that wait."""
    max_waiting_bytes: int = Field(default=4_194_304, ge=16_384, le=1_073_741_824)
    """Bytes of all lines that wait. The batch that is being sent is not counted."""
    drop_policy: EnumLogDropPolicy = EnumLogDropPolicy.OLDEST
    """Which line is dropped, and counted, when one more would exceed a limit."""
    max_batch_lines: int = Field(default=512, ge=1, le=10_000)
    """Most lines of one request. This number of waiting lines is sent without waiting for the interval."""
    max_request_bytes: int = Field(default=1_048_576, ge=16_384, le=67_108_864)
    """Most bytes of one request."""
    flush_interval_seconds: float = Field(default=1.0, ge=0.01, le=300)
    """Interval at which waiting lines are sent."""
    timeout_seconds: float = Field(default=10.0, gt=0, le=300)
    """Time limit of one request."""
    base_delay_seconds: float = Field(default=1.0, gt=0, le=60)
    """Delay after a failed request. It doubles with each further one; a random fifth is added or subtracted."""
    max_delay_seconds: float = Field(default=60.0, gt=0, le=3_600)
    """Longest delay."""
    max_retry_after_seconds: float = Field(default=300.0, gt=0, le=3_600)
    """Longest pause that a ``Retry-After`` header of the collector can cause."""
    flush_at_stop_seconds: float = Field(default=3.0, ge=0, le=4)
    """Time in which waiting lines are still sent when the node stops. The rest is dropped and counted."""

    _is_url = field_validator("endpoint")(checked_url)

    @field_validator("token")
    @classmethod
    def _is_token(cls, token: SecretStr) -> SecretStr:
        if header_problem(_AUTHORIZATION, f"Bearer {token.get_secret_value()}"):
            raise ValueError("it is not printable ASCII of at most 8185 characters; copy the token again")
        return token

    @field_validator("headers")
    @classmethod
    def _are_headers(cls, headers: Mapping[str, SecretStr]) -> Mapping[str, SecretStr]:
        for name, value in headers.items():
            if problem := header_problem(name, value.get_secret_value()):
                raise ValueError(problem)
            if name.lower() == _CONTENT_TYPE:
                raise ValueError("content-type is always application/json; remove it")
        return headers

    @model_validator(mode="after")
    def _fit_together(self) -> Self:
        if self.token.get_secret_value() and any(name.lower() == _AUTHORIZATION for name in self.headers):
            raise ValueError("token and headers.authorization are two credentials; keep one")
        require_ordered("twice max_line_bytes", 2 * self.max_line_bytes, "max_request_bytes", self.max_request_bytes)
        require_ordered("max_line_bytes", self.max_line_bytes, "max_waiting_bytes", self.max_waiting_bytes)
        require_ordered("base_delay_seconds", self.base_delay_seconds, "max_delay_seconds", self.max_delay_seconds)
        return self

    def sent_headers(self) -> Mapping[str, SecretStr]:
        """Return the headers of each request."""
        token = self.token.get_secret_value()
        return {**self.headers, _AUTHORIZATION: SecretStr(f"Bearer {token}")} if token else self.headers
