"""The mixin that adds webhooks to a node."""

from functools import partial
from pathlib import Path

from onex.capability import (
    AgentEnvironment,
    HealthCheck,
    HealthChecks,
    Mixin,
    NodeIdentity,
    ProtocolCurrentMessage,
    ProtocolHost,
    Reports,
    capability,
    configured,
    define,
)
from onex.capability.current_record import ProtocolCurrentRecord
from onex.mixins.encryption.engine import EncryptionEngine
from onex.mixins.encryption.model_encryption_subcontract import ModelEncryptionSubcontract
from onex.mixins.http_client.addresses import resolve
from onex.mixins.replay_window import ReplayWindow
from onex.mixins.webhook.delivery import Sender
from onex.mixins.webhook.engine import WebhookEngine
from onex.mixins.webhook.model_webhook_subcontract import ModelWebhookSubcontract
from onex.mixins.webhook.protocol_webhook import ProtocolWebhook
from onex.mixins.webhook.store import SubscriptionStore
from onex.mixins.webhook.subscribers import Subscribers
from onex.util.clock import ProtocolClock


class MixinWebhook(Mixin):
    """``await self.webhooks.deliver("shop", "order.paid", {"order": "o-1"})``"""

    definition = define(__file__, ModelWebhookSubcontract)

    @capability
    def webhooks(self: ProtocolHost) -> ProtocolWebhook:
        """The webhooks."""
        container, settings = self.container, configured(self, ModelWebhookSubcontract)
        clock, name = container.get(ProtocolClock), container.get(NodeIdentity).name
        home, rules = container.get(AgentEnvironment).home, settings.subscriptions
        encryption = EncryptionEngine(ModelEncryptionSubcontract(keys=rules.keys), clock)
        folder = Path(rules.folder) if rules.folder else home / "webhooks"
        subscribers = Subscribers(
            rules,
            SubscriptionStore(folder / f"{name}.sqlite3", rules.most, encryption),
            Sender(settings, clock),
            partial(container.get(Reports).report, "webhook"),
            resolve,
        )
        engine = WebhookEngine(
            settings,
            container.get(ProtocolCurrentMessage),
            container.get(ProtocolCurrentRecord),
            ReplayWindow(home / "replay" / f"{name}.webhook.sqlite3", settings.remembered_ids, clock),
            subscribers,
            clock,
        )
        checks = container.get(HealthChecks)
        for endpoint in dict.fromkeys(each.name for each in settings.endpoints if each.url):
            checks.add(HealthCheck(f"webhook.{endpoint}", partial(engine.probe, endpoint), critical=False))
        if rules.allowed_hosts:
            checks.add(HealthCheck("webhook_subscriptions", subscribers.probe, critical=False))
        return engine
