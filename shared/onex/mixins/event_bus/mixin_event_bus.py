"""The mixin that adds an event bus to a node."""

from onex.capability import (
    AddedOutputs,
    Mixin,
    ProtocolCurrentMessage,
    ProtocolEventSink,
    ProtocolHost,
    Reports,
    capability,
    configured,
    define,
    is_pure,
)
from onex.mixins.event_bus.engine import EventBusEngine
from onex.mixins.event_bus.model_event_bus_subcontract import ModelEventBusSubcontract
from onex.mixins.event_bus.protocol_event_bus import ProtocolEventPublisher
from onex.mixins.event_bus.pure import PureEventBusEngine
from onex.util.clock import ProtocolClock


class MixinEventBus(Mixin):
    """``await self.event_bus.publish(RenderingBegan(name="x"))``"""

    definition = define(__file__, ModelEventBusSubcontract)

    @capability
    def event_bus(self: ProtocolHost) -> ProtocolEventPublisher:
        """The event bus."""
        container = self.container
        settings = configured(self, ModelEventBusSubcontract)
        if is_pure(self):
            return PureEventBusEngine(settings, container.get(AddedOutputs))
        reports = container.get(Reports)

        def report(subject: str, event: str, detail: str) -> None:
            reports.report("event_bus", subject, event, detail)

        return EventBusEngine(
            settings,
            container.get(ProtocolEventSink),
            container.get(ProtocolCurrentMessage),
            container.get(ProtocolClock),
            report,
        )
