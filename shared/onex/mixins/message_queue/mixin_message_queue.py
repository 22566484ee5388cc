"""The mixin that adds a message queue to a node."""

from onex.capability import (
    Mixin,
    ProtocolCurrentMessage,
    ProtocolEventSink,
    ProtocolHost,
    capability,
    configured,
    define,
)
from onex.mixins.message_queue.engine import MessageQueueEngine
from onex.mixins.message_queue.model_message_queue_subcontract import ModelMessageQueueSubcontract
from onex.mixins.message_queue.protocol_message_queue import ProtocolMessageQueue


class MixinMessageQueue(Mixin):
    """``await self.queue.send(ShipOrder(order_id="o-1"))``"""

    definition = define(__file__, ModelMessageQueueSubcontract)

    @capability
    def queue(self: ProtocolHost) -> ProtocolMessageQueue:
        """Ordered, acknowledged sending."""
        sink, current_message = self.container.get(ProtocolEventSink), self.container.get(ProtocolCurrentMessage)
        return MessageQueueEngine(configured(self, ModelMessageQueueSubcontract), sink, current_message)
