"""Interface of notifications."""

from typing import Protocol

from onex.mixins.notification.model_notification_subcontract import EnumSeverity


class ProtocolNotification(Protocol):
    """Sends notifications to people."""

    async def notify(
        self, title: str, text: str, *, severity: EnumSeverity = EnumSeverity.INFO, key: str = ""
    ) -> int:
        """Send to every channel that accepts the severity. Return the number of channels that it was sent to.

        Notifications with the same ``key`` are the same; the default is the title. Raise TransientError with the
        channels that failed. A later call with the same key skips the other channels.
        """
        ...
