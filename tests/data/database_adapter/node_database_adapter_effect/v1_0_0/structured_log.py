"""Log lines as JSON."""

import json
import logging
from collections.abc import Mapping

_SENSITIVE = ("password", "secret", "token")


class StructuredLog:
    """Writes one JSON object a line, without the values of sensitive fields."""

    def __init__(self, name: str) -> None:
        self._logger = logging.getLogger(name)

    def info(self, event: str, **fields: object) -> None:
        """Write a line."""
        self._write(logging.INFO, event, fields)

    def warning(self, event: str, **fields: object) -> None:
        """Write a line that an operator should read."""
        self._write(logging.WARNING, event, fields)

    def _write(self, level: int, event: str, fields: Mapping[str, object]) -> None:
        if not self._logger.isEnabledFor(level):
            return
        clean = {name: "***" if self._is_sensitive(name) else value for name, value in fields.items()}
        self._logger.log(level, json.dumps({"event": event, **clean}, default=str))

    def _is_sensitive(self, name: str) -> bool:
        return any(word in name.lower() for word in _SENSITIVE)
