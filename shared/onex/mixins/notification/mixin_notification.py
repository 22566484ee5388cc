"""The mixin that adds notifications to a node."""

from onex.capability import Mixin, NodeIdentity, ProtocolHost, capability, configured, define
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
        settings, identity = configured(self, ModelNotificationSubcontract), self.container.get(NodeIdentity)
        return NotificationEngine(settings, identity.name, self.container.get(ProtocolClock))
