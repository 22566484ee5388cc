"""Interface of authorization."""

from typing import Protocol


class ProtocolAuthorization(Protocol):
    """Rules by role and attribute, applied to the sender of the current message."""

    def allows(self, action: str, /, **facts: object) -> bool:
        """Return whether the sender may do the action."""
        ...

    def require(self, action: str, /, **facts: object) -> None:
        """Raise AccessDeniedError when the sender may not do the action."""
        ...
