"""The mixin that adds webhooks to a node."""

from onex.capability import Mixin, ProtocolCurrentMessage, ProtocolHost, capability, configured, define
from onex.mixins.webhook.engine import WebhookEngine
from onex.mixins.webhook.model_webhook_subcontract import ModelWebhookSubcontract
from onex.mixins.webhook.protocol_webhook import ProtocolWebhook
from onex.util.clock import ProtocolClock


class MixinWebhook(Mixin):
    """``await self.webhooks.deliver("shop", "order.paid", {"order": "o-1"})``"""

    definition = define(__file__, ModelWebhookSubcontract)

    @capability
    def webhooks(self: ProtocolHost) -> ProtocolWebhook:
        """The webhooks."""
        settings = configured(self, ModelWebhookSubcontract)
        current_message = self.container.get(ProtocolCurrentMessage)
        return WebhookEngine(settings, current_message, self.container.get(ProtocolClock))
