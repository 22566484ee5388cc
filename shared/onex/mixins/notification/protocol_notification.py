"""What a node may do with notifications."""

from typing import Protocol

from onex.mixins.notification.model_notification_subcontract import EnumSeverity


class ProtocolNotification(Protocol):
    """Tells people."""

    async def notify(
        self, title: str, text: str, *, severity: EnumSeverity = EnumSeverity.INFO, key: str = ""
    ) -> int:
        """Tell every channel that wants to know; gives how many were told just now.

        ``key`` says what counts as the same notification: by default the title. Raises TransientError that names the
        channels that could not be told; the others are not told again when it is tried again.
        """
        ...
