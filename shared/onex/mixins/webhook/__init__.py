"""Webhooks: events to and from other systems."""

from onex.mixins.webhook.mixin_webhook import MixinWebhook
from onex.mixins.webhook.model_webhook_subcontract import ModelWebhookEndpoint, ModelWebhookSubcontract
from onex.mixins.webhook.protocol_webhook import ProtocolWebhook

__all__ = ["MixinWebhook", "ModelWebhookEndpoint", "ModelWebhookSubcontract", "ProtocolWebhook"]
