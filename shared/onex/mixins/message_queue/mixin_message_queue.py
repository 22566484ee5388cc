"""Gives a node its queue."""

from onex.capability import Mixin, ProtocolEventSink, ProtocolHost, ProtocolInHand, capability, configured, define
from onex.mixins.message_queue.engine import MessageQueueEngine
from onex.mixins.message_queue.model_message_queue_subcontract import ModelMessageQueueSubcontract
from onex.mixins.message_queue.protocol_message_queue import ProtocolMessageQueue


class MixinMessageQueue(Mixin):
    """``await self.queue.send(ShipOrder(order_id="o-1"))``"""

    definition = define(__file__, ModelMessageQueueSubcontract)

    @capability
    def queue(self: ProtocolHost) -> ProtocolMessageQueue:
        """Ordered, acknowledged sending."""
        sink, in_hand = self.container.get(ProtocolEventSink), self.container.get(ProtocolInHand)
        return MessageQueueEngine(configured(self, ModelMessageQueueSubcontract), sink, in_hand)
