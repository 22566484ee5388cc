"""Translates settings of librdkafka into those of aiokafka: one set of settings serves both clients."""

from collections.abc import Mapping
from ssl import get_default_verify_paths
from typing import TypedDict

from aiokafka.helpers import create_ssl_context

from onex.bus.config import KafkaConfig
from onex.errors import ConfigurationError

_NAMES = {
    "security.protocol": "security_protocol",
    "sasl.mechanism": "sasl_mechanism",
    "sasl.mechanisms": "sasl_mechanism",
    "sasl.username": "sasl_plain_username",
    "sasl.password": "sasl_plain_password",
    "client.id": "client_id",
}
_TLS = {
    "ssl.ca.location": "cafile",
    "ssl.certificate.location": "certfile",
    "ssl.key.location": "keyfile",
    "ssl.key.password": "password",
}
_IGNORED = {"socket.timeout.ms", "statistics.interval.ms", "debug", "log_level"}
"""Settings without a counterpart, which do not change what an application observes."""


class Connection(TypedDict, total=False):
    """Arguments that the producer and the consumer of aiokafka share."""

    bootstrap_servers: str
    retry_backoff_ms: int
    metadata_max_age_ms: int


def connection_of(config: KafkaConfig) -> Connection:
    """Return the arguments for a cluster. Raise ConfigurationError for a setting without a counterpart."""
    arguments: dict[str, object] = {
        "bootstrap_servers": config.bootstrap_servers,
        "retry_backoff_ms": 100,
        "metadata_max_age_ms": 30_000,
    }
    unknown = sorted(set(config.extra) - set(_NAMES) - set(_TLS) - _IGNORED)
    if unknown:
        raise ConfigurationError(
            f"kafka_config: the asyncio client has no counterpart of {', '.join(unknown)}; "
            f"it knows {', '.join(sorted([*_NAMES, *_TLS]))}"
        )
    arguments |= {_NAMES[name]: value for name, value in config.extra.items() if name in _NAMES}
    if tls := _tls(config.extra):
        arguments["ssl_context"] = create_ssl_context(**tls)
    return arguments  # type: ignore[return-value]  # the others are aiokafka's own names, see _NAMES


def _tls(extra: Mapping[str, str]) -> dict[str, str]:
    files = {argument: extra[name] for name, argument in _TLS.items() if name in extra}
    if not files and extra.get("security.protocol", "").upper() in ("SSL", "SASL_SSL"):
        return {"cafile": _system_authorities()}
    return files


def _system_authorities() -> str:
    authorities = get_default_verify_paths().cafile
    if not authorities:
        raise ConfigurationError("kafka_config: no system certificate authorities found; set ssl.ca.location")
    return authorities
