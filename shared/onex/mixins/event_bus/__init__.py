"""Event bus: events in addition to the results of handlers."""

from onex.mixins.event_bus.mixin_event_bus import MixinEventBus
from onex.mixins.event_bus.model_event_bus_subcontract import EnumBusType, EnumRouting, ModelEventBusSubcontract
from onex.mixins.event_bus.protocol_event_bus import ProtocolEventPublisher

__all__ = ["EnumBusType", "EnumRouting", "MixinEventBus", "ModelEventBusSubcontract", "ProtocolEventPublisher"]
