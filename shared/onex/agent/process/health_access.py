"""Who may reach the health port, on which port it is, and the headers of its responses."""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

import structlog

from onex.capability.current_message import NoCurrentMessage
from onex.contract import ResolvedNode
from onex.mixins.ip_whitelist import ModelIPWhitelistSubcontract
from onex.mixins.ip_whitelist.engine import IPWhitelistEngine
from onex.mixins.metrics import EnumMetricsBackend, ModelMetricsSubcontract
from onex.mixins.security_headers import ModelSecurityHeadersSubcontract
from onex.mixins.security_headers.engine import SecurityHeadersEngine
from onex.settings import Settings

log = structlog.get_logger(__name__)
_THIS_MACHINE = ("127.0.0.0/8", "::1/128")
"""Always accepted: ``onex ps`` and others read the state of agents on this machine."""
_LOG_INTERVAL = 60.0
"""Seconds between two log lines about refused clients."""

HEADERS: Final[Mapping[str, str]] = SecurityHeadersEngine(ModelSecurityHeadersSubcontract(hsts_seconds=0)).headers()
"""Headers of every response. The port has no TLS, and RFC 6797 (7.2) has no Strict-Transport-Security then."""


class Access:
    """The accepted networks. Without any, every client is accepted."""

    def __init__(self, allow: Sequence[str], clock: Callable[[], float]) -> None:
        self._clock = clock
        self._refused = 0
        self._next_line = float("-inf")
        self._networks: IPWhitelistEngine | None = None
        if allow:
            settings = ModelIPWhitelistSubcontract(allow=(*allow, *_THIS_MACHINE))
            self._networks = IPWhitelistEngine(settings, NoCurrentMessage())

    def accepts(self, address: str) -> bool:
        """Return whether a client may connect. Log refused ones, one line a minute."""
        if self._networks is None or self._networks.is_allowed(address):
            return True
        self._refused += 1
        if (now := self._clock()) >= self._next_line:
            self._next_line = now + _LOG_INTERVAL
            log.warning(
                "a client of the health port is refused; ONEX_HEALTH_ALLOW has the accepted networks",
                client=address,
                refused=self._refused,
            )
        return False


def port_of(resolved: ResolvedNode, settings: Settings) -> int:
    """Return the port of ``/metrics``: that of the setting, else ``metrics_port`` of the contract, else 0."""
    if "health_port" in settings.model_fields_set:
        return settings.health_port
    match resolved.subcontracts.get(ModelMetricsSubcontract):
        case ModelMetricsSubcontract(metrics_backend=EnumMetricsBackend.PROMETHEUS) as metrics:
            return metrics.metrics_port if "metrics_port" in metrics.model_fields_set else settings.health_port
        case _:
            return settings.health_port
