"""Configuration of capabilities whose defaults refuse each message, or that need a secret or another node."""

import base64
from collections.abc import Mapping
from typing import Final

from pydantic import JsonValue

CONFIGURATIONS: Final[Mapping[str, dict[str, JsonValue]]] = {
    "MixinAuthentication": {"authenticate_messages": False},
    "MixinAuthorization": {"authorize_messages": False},
    "MixinCheckpointManagement": {"node": "node_tally_reducer"},
    "MixinEncryption": {"keys": [{"id": "k", "value": base64.b64encode(b"k" * 32).decode()}]},
    "MixinHMACValidation": {
        "keys": [{"id": "k", "value": base64.b64encode(b"k" * 32).decode()}],
        "validate_messages": False,
    },
    "MixinHealthCheck": {"components": [{"name": "press", "critical": False}]},
    "MixinCircuitBreaker": {"services": [{"name": "bank-api", "failure_threshold": 2}]},
}
"""By class name of the mixin."""
