"""The mixin that adds an HTTP client to a node."""

from functools import partial

from onex.capability import (
    HealthCheck,
    HealthChecks,
    Mixin,
    ProtocolCurrentMessage,
    ProtocolHost,
    SharedResources,
    capability,
    configured,
    define,
)
from onex.mixins.http_client.engine import HttpClientEngine, check_of
from onex.mixins.http_client.model_http_client_subcontract import ModelHttpClientSubcontract
from onex.mixins.http_client.protocol_http_client import ProtocolHttpClient
from onex.util.clock import ProtocolClock


class MixinHttpClient(Mixin):
    """``await self.http_client.post("bank", "/charges", json=command)``"""

    definition = define(__file__, ModelHttpClientSubcontract)

    @capability
    def http_client(self: ProtocolHost) -> ProtocolHttpClient:
        """The HTTP services."""
        container, settings = self.container, configured(self, ModelHttpClientSubcontract)
        engine = HttpClientEngine(
            settings,
            container.get(ProtocolCurrentMessage),
            container.get(ProtocolClock),
            shared=container.get(SharedResources),
        )
        for service in settings.services:
            if service.check_path:
                probe = partial(engine.probe, service.name)
                container.get(HealthChecks).add(
                    HealthCheck(check_of(service.name), probe, critical=service.check_critical)
                )
        return engine
