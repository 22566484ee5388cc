"""Webhooks: events to and from other systems."""

from onex.mixins.webhook.mixin_webhook import MixinWebhook
from onex.mixins.webhook.model_webhook_subcontract import (
    ModelWebhookEndpoint,
    ModelWebhookSubcontract,
    ModelWebhookSubscriptions,
)
from onex.mixins.webhook.protocol_webhook import ProtocolWebhook
from onex.mixins.webhook.subscription import WebhookSubscription

__all__ = [
    "MixinWebhook",
    "ModelWebhookEndpoint",
    "ModelWebhookSubcontract",
    "ModelWebhookSubscriptions",
    "ProtocolWebhook",
    "WebhookSubscription",
]
