"""Message queue: ordered, acknowledged sending."""

from onex.mixins.message_queue.mixin_message_queue import MixinMessageQueue
from onex.mixins.message_queue.model_message_queue_subcontract import EnumQueueOrder, ModelMessageQueueSubcontract
from onex.mixins.message_queue.protocol_message_queue import ProtocolMessageQueue

__all__ = ["EnumQueueOrder", "MixinMessageQueue", "ModelMessageQueueSubcontract", "ProtocolMessageQueue"]
