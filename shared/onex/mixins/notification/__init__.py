"""Notification: mail and chat for people."""

from onex.mixins.notification.mixin_notification import MixinNotification
from onex.mixins.notification.model_notification_subcontract import (
    EnumChannelKind,
    EnumSeverity,
    ModelNotificationChannel,
    ModelNotificationSubcontract,
)
from onex.mixins.notification.protocol_notification import ProtocolNotification

__all__ = [
    "EnumChannelKind",
    "EnumSeverity",
    "MixinNotification",
    "ModelNotificationChannel",
    "ModelNotificationSubcontract",
    "ProtocolNotification",
]
