"""Interface of the log."""

from typing import Protocol


class ProtocolLogging(Protocol):
    """Writes lines with facts. Any thread."""

    def debug(self, event: str, /, **facts: object) -> None:
        """Write a line that helps to find a fault."""
        ...

    def info(self, event: str, /, **facts: object) -> None:
        """Write a line about normal operation."""
        ...

    def warning(self, event: str, /, **facts: object) -> None:
        """Write a line about a problem in spite of which the node continues."""
        ...

    def error(self, event: str, /, **facts: object) -> None:
        """Write a line about work that failed."""
        ...

    def critical(self, event: str, /, **facts: object) -> None:
        """Write a line about a problem after which the node cannot continue."""
        ...

    def bind(self, **facts: object) -> "ProtocolLogging":
        """Return a log that adds these facts to every line."""
        ...
