"""What a node may do with its rules."""

from typing import Protocol


class ProtocolAuthorization(Protocol):
    """Rules by role and attribute, on who sent the message in hand."""

    def allows(self, action: str, /, **facts: object) -> bool:
        """Whether it may be done."""
        ...

    def require(self, action: str, /, **facts: object) -> None:
        """Raises AccessDeniedError where it may not."""
        ...
