"""The mixin that adds notifications to a node."""

from functools import partial

from onex.capability import (
    HealthCheck,
    HealthChecks,
    Mixin,
    NodeIdentity,
    ProtocolHost,
    capability,
    configured,
    define,
)
from onex.mixins.notification.engine import NotificationEngine
from onex.mixins.notification.model_notification_subcontract import ModelNotificationSubcontract
from onex.mixins.notification.protocol_notification import ProtocolNotification
from onex.util.clock import ProtocolClock


class MixinNotification(Mixin):
    """``await self.notifications.notify("Disk full", "node a has 1% left", severity=EnumSeverity.CRITICAL)``"""

    definition = define(__file__, ModelNotificationSubcontract)

    @capability
    def notifications(self: ProtocolHost) -> ProtocolNotification:
        """The notifications."""
        settings, container = configured(self, ModelNotificationSubcontract), self.container
        engine = NotificationEngine(settings, container.get(NodeIdentity).name, container.get(ProtocolClock))
        for name in dict.fromkeys(channel.name for channel in settings.channels):
            container.get(HealthChecks).add(
                HealthCheck(f"notification.{name}", partial(engine.probe, name), critical=False)
            )
        return engine
