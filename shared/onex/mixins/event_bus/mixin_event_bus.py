"""The mixin that adds an event bus to a node."""

from onex.capability import (
    Mixin,
    ProtocolCurrentMessage,
    ProtocolEventSink,
    ProtocolHost,
    Reports,
    capability,
    configured,
    define,
)
from onex.mixins.event_bus.engine import EventBusEngine
from onex.mixins.event_bus.model_event_bus_subcontract import ModelEventBusSubcontract
from onex.mixins.event_bus.protocol_event_bus import ProtocolEventPublisher
from onex.util.clock import ProtocolClock


class MixinEventBus(Mixin):
    """``await self.event_bus.publish(RenderingBegan(name="x"))``"""

    definition = define(__file__, ModelEventBusSubcontract)

    @capability
    def event_bus(self: ProtocolHost) -> ProtocolEventPublisher:
        """The event bus."""
        container = self.container
        reports = container.get(Reports)

        def report(subject: str, event: str, detail: str) -> None:
            reports.report("event_bus", subject, event, detail)

        settings = configured(self, ModelEventBusSubcontract)
        return EventBusEngine(
            settings,
            container.get(ProtocolEventSink),
            container.get(ProtocolCurrentMessage),
            container.get(ProtocolClock),
            report,
        )
